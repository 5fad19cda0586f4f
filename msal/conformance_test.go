package msal_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// The relying-party modules of the OpenID conformance suite, each under its own name. The suite is a provider that does
// one thing wrong and watches what the client does next; here the platform does that one thing, and its log is what was
// watched. docs/conformance.md is the same table for people.

// module is one module: what the suite does, what the client does then, and the two of them played.
type module struct {
	name, suite, client string
	play                func(s *suite)
	sockets             bool // it needs a browser and a listener, and so the time of day
}

// suite is a provider that misbehaves, and a relying party of it.
type suite struct {
	*testing.T
	p     *msaltest.Platform
	c     *msal.Client
	store cache.Store
	back  func(url.Values) url.Values // what becomes of the redirect on its way; nil: nothing
}

// What the client may ask for, and in which order. The suite's modules differ in where that ends.
const (
	beforePerson  = "discovery keys"
	beforeToken   = beforePerson + " authorize"
	beforeRefusal = beforeToken + " token"
	toTheEnd      = beforeRefusal + " userinfo"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, m := range slices.Concat(oidccModules, refreshModules, fapiModules) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			play := func(t *testing.T) {
				s := &suite{T: t, p: msaltest.New(t), store: cache.Memory()}
				s.c = newClient(t, s.p, func(cfg *msal.Config) { cfg.Cache = s.store })
				m.play(s)
			}
			if m.sockets {
				play(t)
				return
			}
			synctest.Test(t, play)
		})
	}
}

// signIn is the first half of a relying party.
func (s *suite) signIn() (msal.Token, error) {
	s.Helper()
	z, err := s.c.Authorize(s.Context(), testRedirect, "read")
	if err != nil {
		return msal.Token{}, err
	}
	callback := visit(s, s.p, z.URL())
	if s.back != nil {
		callback = s.back(callback)
	}
	token, err := z.Redeem(s.Context(), callback)
	if err != nil { // once more, as somebody does who does not believe it
		before := s.asked()
		_, again := z.Redeem(s.Context(), callback)
		require.Error(s, again)
		require.Equal(s, before, s.asked(), "a code is sent once, and a redirect that was refused is refused")
	}
	return token, err
}

// userinfo is the second half: an access token goes to the endpoint that says whom it is about. The client has no call for
// that; to a program it is an API like any other.
func (s *suite) userinfo() error {
	s.Helper()
	resp, err := s.c.HTTPClient(s.p.URL, "read").Get(s.p.URL + "/userinfo")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	require.Equal(s, http.StatusOK, resp.StatusCode)
	var claims struct{ Sub string }
	require.NoError(s, json.NewDecoder(resp.Body).Decode(&claims))
	require.Equal(s, "avery", claims.Sub)
	return nil
}

// asked is what the client has asked for since the log was reset, endpoint by endpoint.
func (s *suite) asked() string {
	var names []string
	for _, r := range s.p.Requests() {
		names = append(names, r.Endpoint)
	}
	return strings.Join(names, " ")
}

// passes plays a sign-in that has to work, with these requests and no others.
func (s *suite) passes(requests string) msal.Token {
	s.Helper()
	token, err := s.signIn()
	require.NoError(s, err)
	require.Equal(s, "avery", token.Account.Subject)
	require.NoError(s, s.userinfo())
	require.Equal(s, requests, s.asked())
	return token
}

// refused plays a sign-in that has to fail, after these requests and no others. The program goes on as if nothing had
// happened, at once and an hour later: there is no further request, because nothing was kept that one could be made with.
func (s *suite) refused(says, requests string) {
	s.Helper()
	_, err := s.signIn()
	require.ErrorContains(s, err, says)
	s.nothingElse(requests)
	time.Sleep(time.Hour)
	s.nothingElse(requests)
}

func (s *suite) nothingElse(requests string) {
	s.Helper()
	require.ErrorIs(s, s.userinfo(), msal.ErrSignInRequired)
	_, err := s.c.Token(s.Context(), "read")
	require.ErrorIs(s, err, msal.ErrSignInRequired)
	require.Equal(s, requests, s.asked())
	requireNobody(s, s.c)
	for key, err := range s.store.List(s.Context(), "") {
		require.NoError(s, err)
		require.True(s, strings.HasPrefix(key, "m-"), "%s is stored, and nothing but metadata may be", key)
	}
}

// claim is a module whose ID token has another value of a claim; nil is none.
func claim(name string, value any) func(*suite) {
	return func(s *suite) {
		forgery{claims: set(name, value)}.apply(s.p)
		s.refused("refused: id token: "+name, beforeRefusal)
	}
}

// redirect is a module whose redirect is changed on its way.
func redirect(says, name string, values ...string) func(*suite) {
	return func(s *suite) {
		s.back = func(v url.Values) url.Values { return change(v, name, values...) }
		s.refused(says, beforeToken)
	}
}

// unsignedToken is a module whose ID token has no signature, as the provider has announced.
func unsignedToken(s *suite) {
	s.p.EditMetadata = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"RS256", "none"} }
	forgery{token: reheaded(`{"alg":"none"}`, unsigned)}.apply(s.p)
	s.refused("refused: id token: alg", beforeRefusal)
}

// spoiled is a module whose ID token has a signature that nobody made.
func spoiled(s *suite) {
	forgery{token: func(token string) string {
		dot := strings.LastIndexByte(token, '.') + 1
		signature, err := base64.RawURLEncoding.DecodeString(token[dot:])
		require.NoError(s, err)
		for i := range signature {
			signature[i] ^= 0x5A
		}
		return token[:dot] + base64.RawURLEncoding.EncodeToString(signature)
	}}.apply(s.p)
	s.refused("refused: id token: signature", beforeRefusal)
}

// otherIssuer is a module whose metadata is another issuer's.
func otherIssuer(s *suite) {
	s.p.EditMetadata = func(m map[string]any) { m["issuer"] = s.p.URL + "invalid" }
	s.refused("issuer", "discovery")
}

// rs256 signs as the holder of key does.
func rs256(key crypto.Signer) func(message string) string {
	return func(message string) string {
		digest := sha256.Sum256([]byte(message))
		signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(signature)
	}
}

// TestConformanceModules: every module that the reference lists for a client is played here or has a reason why it is not.
func TestConformanceModules(t *testing.T) {
	t.Parallel()
	played := map[string]bool{}
	for _, m := range slices.Concat(oidccModules, refreshModules, fapiModules) {
		require.False(t, played[m.name], "%s stands twice", m.name)
		played[m.name] = true
	}
	left := map[string]bool{}
	for _, a := range absentModules {
		for _, name := range a.names {
			require.False(t, played[name] || left[name], "%s stands twice", name)
			left[name] = true
		}
	}
	folder := os.Getenv("STAYSIGNED_TESTDATA")
	if folder == "" {
		t.Skip("STAYSIGNED_TESTDATA is not set: no list of modules to compare with")
	}
	text, err := os.ReadFile(filepath.Join(folder, "reference", "security.md"))
	require.NoError(t, err)
	listed := modulesIn(t, string(text))
	for name := range listed {
		require.True(t, played[name] || left[name], "%s is neither played nor explained", name)
	}
	for name := range left {
		require.True(t, listed[name], "%s is explained, and no module", name)
	}
	require.Len(t, listed, 57+22+1+2, "all of OpenID Connect, of FAPI 2 with its refresh, and of FAPI 1")
}

// TestConformanceDocs: docs/conformance.md says what is played, and what is not.
func TestConformanceDocs(t *testing.T) {
	t.Parallel()
	text := conformancePage
	for _, part := range []struct {
		title   string
		modules []module
	}{{"OpenID Connect", oidccModules}, {"Refresh", refreshModules}, {"FAPI", fapiModules}} {
		text += "\n## " + part.title + "\n\n| module | the provider has | the client |\n|---|---|---|\n"
		for _, m := range part.modules {
			text += "| `" + m.name + "` | " + m.suite + " | " + m.client + " |\n"
		}
	}
	text += "\n## Not played\n"
	for _, a := range absentModules {
		text += "\n" + a.why + "\n\n"
		for _, name := range a.names {
			text += "- `" + name + "`\n"
		}
	}
	const path = "../docs/conformance.md"
	if *updateWire {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(have), "if it is meant to change: go test ./msal -run ConformanceDocs -update")
}

const conformancePage = `# Conformance

The OpenID Foundation has a [suite](https://gitlab.com/openid/conformance-suite) that tests relying parties: a provider that
does one thing wrong and watches what the client does next. Its modules for clients are played again here, each under its
own name, against the platform of msal/msaltest: ` + "`go test ./msal -run TestConformance`" + ` runs them.

**This is no certification.** Nobody but the Foundation certifies, the suite itself has not been run for this page, and
nothing here is "OpenID Certified". What the modules do was read in the source of the suite.

Each module is a whole program: it signs in, and then calls an API with the access token. After a refusal the program goes
on as if nothing had happened, at once and an hour later, and redeems the same redirect again. So a module passes only if
the requests are the expected ones to the last, in order; nothing but the provider's metadata is stored; and nobody is
signed in. What the suite merely allows, such as a wrong signature in the code flow, has to be refused here.

The plan of FAPI wants confidential clients, pushed requests and bound access tokens, so no public client can pass it. What
its modules ask of any client is played without those.

This page is written by ` + "`go test ./msal -run ConformanceDocs -update`" + ` from the table of the tests.
`

// modulesIn are the modules that section 4.1 names, written out: it has prefixes, suffixes and braces.
func modulesIn(t *testing.T, text string) map[string]bool {
	t.Helper()
	_, section, ok := strings.Cut(text, "\n### 4.1 ")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n### ")
	quoted := regexp.MustCompile("`([^`]+)`|FAPI1:")
	listed := map[string]bool{}
	for line := range strings.Lines(section) {
		cells := strings.Split(line, " | ")
		switch {
		case strings.HasPrefix(line, "| not for us"):
			cells = cells[1:]
			fallthrough
		case strings.HasPrefix(line, "| `"):
			for _, m := range quoted.FindAllStringSubmatch(cells[0], -1) {
				stem, rest, _ := strings.Cut(strings.TrimSuffix(m[1], "}"), "{")
				for suffix := range strings.SplitSeq(rest, ",") {
					listed["oidcc-client-test"+strings.TrimPrefix(stem, "oidcc-client-test")+suffix] = true
				}
			}
		case strings.HasPrefix(line, "**FAPI 2 client modules"):
			prefix := "fapi2-security-profile-final-client-test-"
			for _, m := range quoted.FindAllStringSubmatch(line, -1) {
				switch name := m[1]; {
				case name == "":
					prefix = "fapi1-advanced-final-client-test-"
				case strings.HasPrefix(name, "fapi2-") && !strings.HasSuffix(name, "-"):
					listed[name] = true
				case !strings.HasPrefix(name, "fapi2-"):
					listed[prefix+strings.Replace(name, "...", "ensure-authorization-response", 1)] = true
				}
			}
		}
	}
	return listed
}
