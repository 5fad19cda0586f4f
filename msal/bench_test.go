package msal_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestHitAllocatesNothing(t *testing.T) {
	p := msaltest.New(t)
	c := newClient(t, p)
	account := signIn(t, p, c, "read").Account
	scopes := []string{"read"}
	bound := c.For(account)
	for name, get := range map[string]func() (msal.Token, error){
		"the only account": func() (msal.Token, error) { return c.Token(t.Context(), scopes...) },
		"bound":            func() (msal.Token, error) { return bound.Token(t.Context(), scopes...) },
		"For each time":    func() (msal.Token, error) { return c.For(account).Token(t.Context(), scopes...) },
	} {
		t.Run(name, func(t *testing.T) {
			allocs := testing.AllocsPerRun(1000, func() {
				if _, err := get(); err != nil {
					t.Fatal(err)
				}
			})
			require.Zero(t, allocs)
		})
	}
}

func BenchmarkHit(b *testing.B) {
	p := msaltest.New(b)
	c := newClient(b, p)
	account := signIn(b, p, c, "read").Account
	bound := c.For(account)
	ctx := b.Context()
	b.Run("bound", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := bound.Token(ctx, "read"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("account and scopes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.For(account).Token(ctx, "read"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := bound.Token(ctx, "read"); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("x-oauth2 ReuseTokenSource", func(b *testing.B) {
		source := oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "x", Expiry: time.Now().Add(time.Hour)}, nil)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := source.Token(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAccounts asks for tokens of many accounts, at random, beside a bare
// map of the same size.
func BenchmarkAccounts(b *testing.B) {
	for _, n := range []int{1, 1000} {
		p := msaltest.New(b)
		c := newClient(b, p)
		accounts := make([]msal.Account, n)
		bare := map[string]*msal.Account{}
		for i := range accounts {
			p.SignInAs(msaltest.User{Subject: fmt.Sprintf("subject-%06d", i)})
			accounts[i] = signIn(b, p, c, "read").Account
			bare[accounts[i].ID] = &accounts[i]
		}
		rand.Shuffle(n, func(i, j int) { accounts[i], accounts[j] = accounts[j], accounts[i] })
		b.Run(fmt.Sprintf("%d/ours", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				if _, err := c.For(accounts[i%n]).Token(b.Context(), "read"); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
		b.Run(fmt.Sprintf("%d/bare map", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				if bare[accounts[i%n].ID] == nil {
					b.Fatal("missing")
				}
				i++
			}
		})
	}
}
