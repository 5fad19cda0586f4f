package bench

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the report says beside its figures. No figure that is measured stands here.

const benchmarksHead = `# Benchmarks

What a token costs through staysigned, and through what else a Go program could take. Everything on this page, and in its
pictures, was written by the command that measured it, on %s, on one machine:

    %s

With these versions: %s. To do it again (ten minutes, 2 GB of memory, Linux):

    go test -C internal/bench -count=1 -timeout 60m -run '^TestBenchmarks$' -args -benchmarks ../..

- All rivals are measured **in one process run, in turns**, round after round; what is short is done twice in each turn, and the second
  time counts. A time is the median of the rounds, and a ratio the median of the ratios within a round. Whatever else the machine does falls on neighbours alike. Ratios carry to other
  machines; times do not.
- All talk to the same **imitation of Microsoft's platform**, ` + "`msal/msaltest`" + `, in the same process or on a socket of the
  same machine. Nothing is as far away as a real provider: each request that is not made is worth a round trip more than here.
- Every account has %s of tokens, as long as Microsoft's: access token %d, refresh token %d, ID token about %d.
- Each rival is used as its documentation says, warm, and with what makes it faster: MSAL Go without instance discovery, unless a row
  says otherwise. What a rival does **not** do is said beside its figures, because it costs nothing.
- Of many accounts one has signed in; the others are copies of its entry under other names. "not run" is what would take hours.
- What is compared with one JSON file instead of with MSAL Go, up to 100,000 accounts in a sealed directory, is in
  [docs/scale.md](docs/scale.md). Which of these ratios fail a build, in ` + "`internal/bench/gates_test.go`" + `.

![Time of a cached token by number of accounts](docs/bench-accounts.svg)

![Token requests in a stampede, and callers that fail](docs/bench-stampede.svg)
`

const hitsAbout = `
A hit: the token is there, and valid. Accounts are asked for at random. **For(account) kept** is a Client for each account
that was made once; **each time** is ` + "`client.For(account).Token(ctx, scope)`" + `, which has to find the account. MSAL Go is
` + "`AcquireTokenSilent(ctx, scopes, WithSilentAccount(account))`" + ` over a cache that was loaded once. azidentity's credential,
x/oauth2's and Google's source keep one token: they know neither accounts nor scopes, and whoever needs more than one token keeps a map
of them. That map, of the same tokens, has two rows of its own: with a look at the clock, without which no token may be returned, and
without, where the processor looks up several at once. Nobody verifies anything here; staysigned has verified the ID token when it came,
the others do not.`

const setsAbout = `
As before, with an access token for each of that many scope sets, which are asked for at random. The two million tokens of 100,000
accounts are not run.`

const diskAbout = `
A program that shares its cache with others. **staysigned** keeps each account in a sealed file, and asks once a second for each account
whether its file has changed; ` + oursDir + ` is a hit within that second. MSAL Go reads and decodes all accounts at every call: **one file** is
the accessor of its sample, **official extension** is microsoft-authentication-extensions-for-go over a file; neither encrypts, as
measured here. Above the largest number of accounts that takes seconds, MSAL Go is measured once. azidentity's persistent cache is built on
this extension; x/oauth2 and Google's library have none.`

const parallelAbout = `
As the first table, with 100 accounts. A time is the wall's for one hit: with two processors it can be half of what one goroutine needs, and
where callers wait for a lock it is more.`

const stormAbout = `
Hits of one goroutine, each timed by itself, while another one refreshes again and again. It is reported and fails no build: the longest ones
are the scheduler's and the collector's.`

const refreshAbout = `
A token is there and not wanted: staysigned's ` + "`ForceRefresh`" + `, for MSAL Go a claims challenge, which is its only way, for x/oauth2 a
source that has a refresh token and nothing else. The provider's own time is subtracted. staysigned verifies the ID token, with its
signature and twice, compares it with the one before, and on disk replaces one sealed file, with fsync and under a lock that
other processes respect. MSAL Go and x/oauth2 verify nothing; MSAL Go writes all accounts, without fsync; x/oauth2 stores nothing.`

const stampedeAbout = `
The token has expired, the provider needs %v, and all want a token at the same moment; %d runs. One request would do. Most
providers outside Microsoft take a refresh token once, and end the session of whoever sends it twice. staysigned and MSAL Go know accounts;
azidentity, x/oauth2 and Google's source have one token, and hold a lock while they ask the provider: whoever waits there waits, whatever its
context says.`

const processesAbout = `
As before, with processes that share a store and have all started; the provider needs %v, %d runs. MSAL Go's sample and its extension
lock nothing from reading to writing. The token file of x/oauth2 is read at the start and replaced by a rename: x/oauth2 itself has nothing
that processes share.`

const manyAbout = `
The same, but each process is another person's. Afterwards each account is asked for once more, from the store: an account that
can not refresh has lost its refresh token to a neighbour that wrote the file at the same time, and nobody was told. A session
that a second use has ended counts as lost, too.`

const coldAbout = `
A command line tool that prints its cached token and ends, built without cgo. The first line is the floor: what such a tool links
and reads in any case, without decrypting anything. Peak memory is the kernel's VmHWM. Requests are those that the program makes although
it has its token: each is a round trip, and a wait where there is no network. The keychain's program is not run, because the
machine may have no keychain; that it starts no bus is a test.`

const heapAbout = `
After every account was asked for once. Of the tokens, staysigned keeps access token and ID token in memory, MSAL Go all three; both
keep on disk what they need.`

const idTokenAbout = `
The same token again and again, with keys at hand. staysigned does it once for each sign-in and refresh, never for a hit. go-oidc checks
neither nonce nor at_hash by itself, and takes a token with a claim twice; MSAL Go and azidentity decode the ID token at each hit and never look at
its signature.`

const scopesAbout = `
Every scope is held against the grammar of RFC 6749, repeated ones are dropped and defaults that were passed are found. By hand nothing
is checked.`

const discoveryAbout = `
From a new client to the address that a person is sent to. The provider's own time is subtracted.`

const requestsAbout = `
Of a process that has signed somebody in before, in another run. Each is a round trip, and three on a new connection. staysigned keeps
the provider's metadata and keys with the session, of any age for a refresh and an hour old at most for a sign-in. MSAL Go asks for metadata in
each process, and for its instance discovery unless it is told not to, as it is for the sign-in here.`

// versions are those of the rivals.
func versions(tb testing.TB) string {
	var list []string
	for _, path := range []string{
		"github.com/AzureAD/microsoft-authentication-library-for-go", "github.com/AzureAD/microsoft-authentication-extensions-for-go/cache",
		"github.com/Azure/azure-sdk-for-go/sdk/azidentity", "golang.org/x/oauth2", "cloud.google.com/go/auth", "github.com/coreos/go-oidc/v3",
	} {
		out, err := exec.CommandContext(tb.Context(), "go", "list", "-m", "-f", "`{{.Path}}` {{.Version}}", path).Output()
		require.NoError(tb, err)
		list = append(list, strings.TrimSpace(string(out)))
	}
	return strings.Join(list, ", ")
}
