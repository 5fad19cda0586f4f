// Package faults is the table of what may befall a stored session, of what holds all the same, and of the test that
// shows it. The tests take from it how often they repeat; docs/faults.md is the same table for people. What befalls
// processes is tested here, with real ones; the rest is tested where it happens.
package faults

import (
	"fmt"
	"os"
	"strconv"
)

// Row is one fault.
type Row struct {
	Number   int
	Fault    string
	Expected string
	Tests    []string // a package of this module, a space, a test; the first one counts
	Unit     string   // of Counts; empty: there is nothing to repeat
	Counts   Counts
	Instead  string // what stands in where the fault needs a system that the tests do not run on
}

// Counts are how often the fault is injected by go test, by .ci/run and by .ci/long.
type Counts struct{ Test, Run, Long int }

// Rounds returns how often to inject the fault of that row. STAYSIGNED_LONG is unset for go test, less than 100 for
// .ci/run, and 100 for .ci/long.
func Rounds(number int) int {
	for _, r := range Rows {
		if r.Number == number && r.Unit != "" {
			return r.Counts.now(os.Getenv("STAYSIGNED_LONG"))
		}
	}
	panic(fmt.Sprintf("faults: row %d has nothing to count", number))
}

func (c Counts) now(long string) int {
	percent, err := strconv.Atoi(long)
	switch {
	case err != nil:
		return c.Test
	case percent < 100:
		return c.Run
	}
	return c.Long
}

// Rows are in the order of their numbers. A strict server is one that ends a session when a spent refresh token comes
// again; one with a grace period accepts it for some seconds more.
var Rows = []Row{
	{
		Number:   1,
		Fault:    "20, and then 50, processes find the same access token expired, at once",
		Expected: "exactly one request each time; nobody fails; all have the same token; a strict server's session lives",
		Tests:    []string{"internal/faults TestStampede_RF02"},
		Unit:     "rounds of each",
		Counts:   Counts{2, 10, 100},
	},
	{
		Number:   2,
		Fault:    "a daemon that has the session in memory, and command-line tools that come and go",
		Expected: "one request; the daemon goes on with the refresh token that a tool has brought",
		Tests:    []string{"internal/faults TestDaemonAndTools"},
		Unit:     "rounds",
		Counts:   Counts{2, 10, 100},
	},
	{
		Number: 3,
		Fault:  "SIGKILL at any moment of a refresh",
		Expected: "every record can be read, and at most one other file is left; what was received and stored is never lost. A server " +
			"with a grace period: no session is lost. A strict one: those whose answer was on its way, and the next run says " +
			"ErrSignInRequired",
		Tests:  []string{"internal/faults TestKilled"},
		Unit:   "kills for each latency (5, 20, 100 ms) and kind of server",
		Counts: Counts{8, 100, 1000},
	},
	{
		Number:   4,
		Fault:    "Ctrl-C or SIGTERM at any moment of a refresh, in a program with signal.NotifyContext and a deferred Shutdown",
		Expected: "no session is lost, with a strict server",
		Tests:    []string{"internal/faults TestInterrupted"},
		Unit:     "signals",
		Counts:   Counts{20, 60, 300},
	},
	{
		Number:   5,
		Fault:    "the caller's context is cancelled when the request has just been sent",
		Expected: "the caller has the error of its context; the next call has the new token, without a request",
		Tests:    []string{"internal/faults TestCancelled"},
		Unit:     "calls",
		Counts:   Counts{30, 60, 300},
	},
	{
		Number: 6,
		Fault:  "the answer is cut: before its first byte, after its headers, in its body; once or for good",
		Expected: "a server with a grace period: the call succeeds at its second request, or says ErrOutcomeUnknown and the next one " +
			"succeeds. A strict one: ErrSignInRequired",
		Tests:  []string{"internal/faults TestCutAnswer"},
		Unit:   "cuts of each kind",
		Counts: Counts{4, 20, 100},
	},
	{
		Number:   7,
		Fault:    "the disk is full before a refresh",
		Expected: "no request; an error that names the directory; with room the session goes on",
		Tests:    []string{"internal/faults TestFullBefore", "cache TestNoRoom_CA15"},
	},
	{
		Number: 8,
		Fault:  "the disk fills up, and the room set aside is taken, while the answer is on its way",
		Expected: "the token, with a Warning; the next refresh uses the refresh token in memory; it is stored when there is room, also " +
			"without another refresh",
		Tests: []string{"internal/faults TestFullAfter", "msal TestStoreFails_CA15", "msal TestStoreRecovers"},
	},
	{
		Number:   9,
		Fault:    "a flipped bit in a record, or in store.json",
		Expected: "ErrSignInRequired and ErrUnreadable, or the right token; no panic, no request; other accounts do not notice",
		Tests:    []string{"internal/faults TestFlippedBits", "cache TestRecordDamage"},
		Unit:     "bits of every byte",
		Counts:   Counts{1, 8, 8},
	},
	{
		Number: 10,
		Fault: "a record is cut at any length, is empty, 10 MB of garbage, a sparse GB, a symbolic link, a directory, a FIFO, " +
			"a socket, a device",
		Expected: "ErrSignInRequired and ErrUnreadable in bounded time and memory; a sign-in replaces it",
		Tests:    []string{"internal/faults TestTruncated", "internal/faults TestGarbage", "cache TestNotARecord"},
	},
	{
		Number:   11,
		Fault:    "the files of two accounts are swapped; a record is renamed, or copied into another store of the same key",
		Expected: "ErrSignInRequired and ErrUnreadable; back in its place it opens; a store that moves as a whole opens",
		Tests:    []string{"internal/faults TestSwapped", "cache TestCopiedRecord_CA04"},
	},
	{
		Number: 12,
		Fault:  "a record of mode 000, a directory of mode 0500, of another user, of mode 0777",
		Expected: "ErrUnavailable that names the path, or the mode is corrected; no request that could not be stored; nothing is written " +
			"elsewhere",
		Tests: []string{"internal/faults TestModesAndOwners", "cache TestModes_CA01", "cache TestOwner_CA12_CA24"},
	},
	{
		Number: 13,
		Fault: "ten of a keychain: locked without a display, a prompt that hangs, one that is dismissed, no service, no bus, a stale " +
			"address, a success that stores nothing, an item that shadows ours, a deleted item, slowness",
		Expected: "a typed error in three seconds; no prompt without a sign-in; no new key while a record needs the old one; no bus is " +
			"started",
		Tests:  []string{"cache/keychain TestTenFaults"},
		Unit:   "faults",
		Counts: Counts{10, 10, 10},
	},
	{
		Number:   14,
		Fault:    "20 processes at their first start",
		Expected: "one key, and everybody reads what the others wrote",
		Tests:    []string{"cache TestFirstStart_CA17", "cache TestKeyIsMadeOnce_KC07"},
		Unit:     "rounds",
		Counts:   Counts{1, 4, 20},
	},
	{
		Number:   15,
		Fault:    "SIGKILL when a key has been stored and store.json does not name it yet",
		Expected: "an unused key and nothing else: the next start makes another, and everything opens",
		Tests:    []string{"cache TestKilledWhileMakingKey"},
		Unit:     "kills",
		Counts:   Counts{3, 20, 100},
	},
	{
		Number: 16,
		Fault:  "the clock goes a year forward, a year back, ten minutes back during a refresh; summer time begins",
		Expected: "forward: at most one refresh. Back: a token obtained more than five minutes in the future is refreshed. Summer time: " +
			"nothing. No session is lost",
		Tests: []string{"internal/faults TestClock"},
	},
	{
		Number: 17,
		Fault:  "two versions of the program take turns",
		Expected: "members that the older does not know survive its writing; a record of a newer schema is a typed error and stays as " +
			"it is, and other accounts do not notice",
		Tests:  []string{"internal/faults TestTwoVersions", "msal TestNewerSchema_CA06"},
		Unit:   "turns",
		Counts: Counts{10, 30, 100},
	},
	{
		Number: 18,
		Fault:  "the process that holds the lock is stopped (SIGSTOP) while its answer is on its way",
		Expected: "who has a valid token gets it; others wait as long as their context, and 75 seconds without (ErrBusy); when it goes " +
			"on it stores its answer",
		Tests:  []string{"internal/faults TestStopped", "msal TestHeldLock_CA18", "cache TestStoppedProcess_CA18"},
		Unit:   "stops",
		Counts: Counts{2, 10, 50},
	},
	{
		Number: 19,
		Fault:  "the lock does not hold, as on NFS with nolock: several processes refresh at once",
		Expected: "all access tokens are stored, and a refresh token that nobody has used; a strict server ends the session, which is said, " +
			"and its last refresh token is not overwritten by an older",
		Tests:  []string{"internal/faults TestLockThatDoesNotHold", "msal TestLostLock", "msal TestInvalidGrantReadsAgain_RF03"},
		Unit:   "races with each kind of server",
		Counts: Counts{4, 20, 100},
	},
	{
		Number: 20,
		Fault:  "under a daemon, the lock files are removed, or the whole directory",
		Expected: "without lock files it goes on. A removed directory is a sign-out: the daemon says ErrSignInRequired within a second or " +
			"so, brings nothing back, and the next sign-in makes the directory anew",
		Tests:  []string{"internal/faults TestRemovedUnderDaemon", "cache TestDirectoryRemoved"},
		Unit:   "rounds",
		Counts: Counts{1, 5, 20},
	},
	{
		Number:   21,
		Fault:    "a sign-out in one process races a refresh in another",
		Expected: "after the sign-out no record comes back",
		Tests:    []string{"internal/faults TestSignOutRace", "msal TestSignOutDuringRefresh_RF20"},
		Unit:     "races",
		Counts:   Counts{20, 60, 500},
	},
	{
		Number:   22,
		Fault:    "500 readers at once, while another process holds every lock",
		Expected: "all have the token, without a request and without a lock",
		Tests:    []string{"internal/faults TestReaders"},
		Unit:     "processes that the 500 are spread over",
		Counts:   Counts{5, 50, 500},
	},
	{
		Number:   23,
		Fault:    "Redis: the lease of a lock ends during a refresh, the server is started anew, the connection is cut",
		Expected: "the refresh goes on and compare-and-swap decides; typed errors; one request from many processes",
		Tests: []string{"cache/rediscache TestProcesses", "cache/rediscache TestLeaseExpiresDuringRefresh",
			"cache/rediscache TestRestart", "cache/rediscache TestConnectionCut"},
	},
	{
		Number:   24,
		Fault:    "somebody looks for secrets: in files, command lines, environments, output, errors, also after kills and full disks",
		Expected: "no refresh, access or ID token, and not the key",
		Tests:    []string{"internal/faults TestSecretsStayInside_KC12"},
	},
	{
		Number:   25,
		Fault:    "Windows: a reader, or a virus scanner, holds the file while it is replaced; a session over SSH without credentials",
		Expected: "a write is repeated or refused, and the old record stays; ErrUnavailable with a remedy",
		Instead: "runs under wine, not on Windows (.ci/wine): cache TestReadersDuringWrites, 5,000 writes under readers, and the suite that " +
			"judges stores; what the Credential Manager says over SSH is decided in a table (cache/keychain, system_windows_test.go)",
	},
	{
		Number:   26,
		Fault:    "macOS: the login keychain is locked, is missing, or takes 4 KB at most",
		Expected: "ErrLocked or ErrUnavailable, never ErrNotFound; items of 90 bytes",
		Instead: "needs macOS. What its security tool answers is decided in a table (cache/keychain, system_darwin_test.go), which " +
			"runs there; TestItem_KC06 holds the size here",
	},
	{
		Number:   27,
		Fault:    "a store whose key only the memory of the machine has moves to a passphrase that this memory spares; the machine starts again",
		Expected: "the passphrase is asked for before the store moves, and opens every session; without an answer the store stays where it was",
		Tests:    []string{"cache/keys TestRememberTakesTheKeyAlong", "cache/keys TestRememberRefused"},
	},
}
