package msal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// accounts makes a Client with n accounts whose tokens are in memory.
func accounts(tb testing.TB, n int) (*Client, []Account) {
	tb.Helper()
	// A Store that cannot tell changes is never asked for any.
	silent := struct{ cache.Store }{cache.Memory()}
	c, err := New(Config{ClientID: "a-test-client", Authority: "https://idp.example", Cache: silent, InsecurePlaintextCache: true})
	if err != nil {
		tb.Fatal(err)
	}
	list := make([]Account, n)
	for i := range list {
		list[i] = Account{ID: fmt.Sprintf("https://idp.example#%08d", i)}
		c.core.session(list[i].ID).expose(&record{account: list[i], access: []access{{
			token: strings.Repeat("a", 1600), tokenType: "Bearer", asked: "read", granted: "read openid",
			obtained: time.Now(), expiry: time.Now().Add(time.Hour), refreshAfter: time.Now().Add(55 * time.Minute),
		}}}, "1", nil, nil)
	}
	rand.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return c, list
}

// BenchmarkFlat asks for tokens of accounts at random, of the same one, and a
// bare map of that size for the first.
func BenchmarkFlat(b *testing.B) {
	for _, n := range []int{1, 1_000, 100_000} {
		c, list := accounts(b, n)
		for _, a := range list { // the first look-up makes the next one a hit
			if _, err := c.For(a).Token(b.Context(), "read"); err != nil {
				b.Fatal(err)
			}
		}
		bare := map[string]*session{}
		for _, a := range list {
			bare[a.ID] = c.core.sessions.find(a.ID)
		}
		b.Run(fmt.Sprintf("%d/random", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := c.For(list[i%n]).Token(b.Context(), "read"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/same", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := c.For(list[0]).Token(b.Context(), "read"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/bare map", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if bare[list[i%n].ID].bound.account == "" {
					b.Fatal("missing")
				}
			}
		})
	}
}
