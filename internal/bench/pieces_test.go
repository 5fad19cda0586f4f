package bench

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/internal/idtoken"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// coldStart is what a command line tool costs that has its token.
func (b *book) coldStart(tb testing.TB) {
	c, stripped := newCold(tb), buildPrograms(tb, "-s -w")
	names := []string{coldBare, coldOurs, coldMSALQuiet, coldMSAL, coldExtension}
	var turns []turn
	for _, name := range names {
		turns = append(turns, c.turn(tb, name))
	}
	got := interleave(turns, 5*b.rounds, 0)
	g := grid{head: []string{"", "from start to end", "to the first line", "requests", "peak memory", "binary", "stripped", "modules linked"}}
	for _, name := range append(names, coldKeychain) {
		program := c.args[name][0]
		row := []string{name, "", "", "", ""}
		if name != coldKeychain { // which this machine may not have
			row = []string{
				name, duration(got.median(name)), times(got.ratio(name, coldBare)), fmt.Sprint(c.requests(tb, name)), c.peak(tb, name),
			}
		}
		g.add(append(row, megabytes(fileSize(tb, c.bin+"/"+program)), megabytes(fileSize(tb, stripped+"/"+program)), fmt.Sprint(modules(tb, c.bin+"/"+program)))...)
	}
	b.chapter("A fresh process that prints a cached token", coldAbout, g)
}

func megabytes(bytes float64) string { return fmt.Sprintf("%.1f MB", bytes/1e6) }

// heap is what an account takes in memory.
func (b *book) heap(tb testing.TB) {
	n := min(10_000, b.peers)
	p, ours := ownHeap(tb, n)
	blob := p.crowdMSAL(tb, n, 1)

	before := liveHeap()
	kept := &loaded{data: blob}
	theirs := p.newMSAL(tb, kept)
	_, err := theirs.Accounts(tb.Context())
	require.NoError(tb, err)
	peer := float64(liveHeap()-before) / float64(n)
	runtime.KeepAlive(theirs)

	g := grid{head: []string{"", "live heap for each account"}}
	g.add("**staysigned**, over a sealed directory", size(ours))
	g.add(msalMemory, size(peer))
	b.chapter(fmt.Sprintf("Memory, %s accounts", thousands(n)), heapAbout, g)
}

// idTokens verifies one again and again.
func (b *book) idTokens(tb testing.TB) {
	g := grid{head: []string{"", "RS256", "ES256"}}
	rows := map[string][]string{}
	names := []string{verifyOurs, verifyOIDC}
	for _, algorithm := range []string{"RS256", "ES256"} {
		raw, keys, static := issue(tb, algorithm)
		verifier := oidc.NewVerifier(msaltest.DefaultURL, static, &oidc.Config{ClientID: clientID, SupportedSigningAlgs: []string{algorithm}})
		check := idtoken.Check{Issuer: msaltest.DefaultURL, ClientID: clientID, Algorithms: []string{algorithm}, NonceOptional: true}
		got := interleave([]turn{
			{verifyOurs, func(n int) {
				for range n {
					check.Now = time.Now()
					_, err := keys.Verify(context.Background(), raw, check)
					require.NoError(tb, err)
				}
			}},
			{verifyOIDC, func(n int) {
				for range n {
					_, err := verifier.Verify(context.Background(), raw)
					require.NoError(tb, err)
				}
			}},
		}, b.rounds, b.slice)
		for _, name := range names {
			rows[name] = append(rows[name], duration(got.median(name)))
		}
	}
	for _, name := range names {
		g.add(slices.Insert(rows[name], 0, name)...)
	}
	g.add("MSAL Go, azidentity, x/oauth2, cloud.google.com/go/auth", "do not", "do not")
	b.chapter("Verifying an ID token", idTokenAbout, g)
}

const (
	verifyOurs = "**staysigned**, which asks go-oidc for a second opinion"
	verifyOIDC = "go-oidc, keys at hand"
)

// issue returns an ID token, and the keys that verify it, for us and for go-oidc.
func issue(tb testing.TB, algorithm string) (string, *idtoken.Keys, oidc.KeySet) {
	p := newProvider(tb)
	p.Algorithm = algorithm
	config := oauth2.Config{ClientID: clientID, RedirectURL: redirect, Scopes: []string{"openid", "profile", "email"}, Endpoint: oauth2.Endpoint{
		AuthURL: p.URL + "/authorize", TokenURL: p.URL + "/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
	verifier := oauth2.GenerateVerifier()
	back := p.visit(tb, 0, config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	token, err := config.Exchange(context.WithValue(tb.Context(), oauth2.HTTPClient, p.client()), back.Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(tb, err)
	answer, err := p.Client().Get(p.URL + "/keys")
	require.NoError(tb, err)
	defer answer.Body.Close()
	set, err := io.ReadAll(answer.Body)
	require.NoError(tb, err)
	keys, err := idtoken.ParseKeys(set)
	require.NoError(tb, err)
	_, signer := p.SigningKey()
	raw, _ := token.Extra("id_token").(string)
	return raw, keys, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{signer.Public()}}
}

// scopeLists reads a long scope parameter and builds one from many scopes.
func (b *book) scopeLists(tb testing.TB) {
	short := make([]string, 1000)
	for i := range short {
		short[i] = fmt.Sprintf("Scope.%04d", i)
	}
	read := "https://graph.microsoft.com/" + strings.Join(short[:130], " https://graph.microsoft.com/")
	parse, build := fmt.Sprintf("reading a list of 130, %s", size(float64(len(read)))), "making one of 1,000 and the defaults"
	got := map[string]sample{
		parse: interleave([]turn{
			{scopesOurs, func(n int) {
				for range n {
					_, err := scopes.Parse(read)
					require.NoError(tb, err)
				}
			}},
			{scopesByHand, func(n int) {
				for range n {
					require.Len(tb, byHand(strings.Fields(read), nil), 130)
				}
			}},
		}, b.rounds, b.slice),
		build: interleave([]turn{
			{scopesOurs, func(n int) {
				for range n {
					all, err := scopes.Build(short, scopes.Defaults())
					require.NoError(tb, err)
					require.NotEmpty(tb, all.String())
				}
			}},
			{scopesByHand, func(n int) {
				for range n {
					require.NotEmpty(tb, strings.Join(byHand(short, scopes.Defaults().Slice()), " "))
				}
			}},
		}, b.rounds, b.slice),
	}
	g := grid{head: []string{"", scopesOurs, scopesByHand, "ratio"}}
	for _, name := range []string{parse, build} {
		g.add(name, duration(got[name].median(scopesOurs)), duration(got[name].median(scopesByHand)), times(got[name].ratio(scopesOurs, scopesByHand)))
	}
	b.chapter("Scopes", scopesAbout, g)
}

const (
	scopesOurs   = "**staysigned**"
	scopesByHand = "strings.Fields and a map"
)

// byHand drops repeated scopes, as most programs do that care.
func byHand(list, defaults []string) (all []string) {
	known := make(map[string]bool, len(list))
	for _, scope := range slices.Concat(list, defaults) {
		if !known[scope] {
			known[scope] = true
			all = append(all, scope)
		}
	}
	return all
}

// discovery is what a program pays that meets the provider for the first time, until it has the address that a person
// is sent to.
func (b *book) discovery(tb testing.TB) {
	p := newEntra(tb)
	all := []refresher{
		{discoveryOurs, func() error {
			_, err := p.ours(tb, nil).Authorize(tb.Context(), redirect, scopeOf(0))
			return err
		}},
		{discoveryMSAL, func() error {
			c, err := public.New(clientID, public.WithAuthority(authority), public.WithHTTPClient(p.client()))
			if err == nil {
				_, err = c.AuthCodeURL(tb.Context(), clientID, redirect, []string{scopeOf(0)})
			}
			return err
		}},
		{discoveryOIDC, func() error {
			_, err := oidc.NewProvider(oidc.ClientContext(tb.Context(), p.client()), authority+"/v2.0")
			return err
		}},
	}
	requests := map[string]int{}
	for _, one := range all {
		p.ResetLog()
		require.NoError(tb, one.refresh(), one.name)
		requests[one.name] = p.Count()
	}
	got := p.beyond(tb, all, b.rounds)
	g := grid{head: []string{"", "requests", "time beyond the network"}}
	for _, one := range all {
		g.add(one.name, fmt.Sprint(requests[one.name]), duration(got.median(one.name)))
	}
	b.chapter("A provider that is met for the first time", discoveryAbout, g)
}

const (
	discoveryOurs = "**staysigned**, `Authorize`: metadata and keys"
	discoveryMSAL = "MSAL Go, `AuthCodeURL`"
	discoveryOIDC = "go-oidc, `NewProvider`: metadata; keys come with the first token"
)

// requests counts what a new process sends first, with what each client has stored in the one before.
func (b *book) requests(tb testing.TB) {
	p, dir := newEntra(tb), tb.TempDir()
	ours, theirs := shares[0], shares[1]
	ours.join(tb, p, dir, 0)
	theirs.join(tb, p, dir, 0)
	count := func(do func()) string {
		p.ResetLog()
		do()
		sent := slices.DeleteFunc(p.Requests(), func(r msaltest.Request) bool { return r.Endpoint == "authorize" }) // a person's browser
		return fmt.Sprint(len(sent))
	}
	silent := func(s shared, force bool) func() {
		return func() {
			token, err := s.open(dir, p.client(), 0)
			require.NoError(tb, err)
			require.NoError(tb, token(force))
		}
	}
	again := func(s shared) func() { return func() { s.join(tb, p, dir, 0) } }
	g := grid{head: []string{"the first thing that a process does", ours.name, theirs.name}}
	g.add("a cached token", count(silent(ours, false)), count(silent(theirs, false)))
	g.add("a refresh", count(silent(ours, true)), count(silent(theirs, true)))
	g.add("a sign-in through a browser, without the browser's", count(again(ours)), count(again(theirs)))
	b.chapter("Requests", requestsAbout, g)
}
