package scopes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/staysigned/staysigned/scopes"
)

// An answer with a hundred and thirty scopes is what a large tenant's
// administrator gets for .default; a thousand is beyond any.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{2, 130, 1000} {
		wire := strings.Join(numbered(1e6, n), " ")
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := scopes.Parse(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	explicit, defaults := []string{"https://graph.microsoft.com/User.Read", "Mail.Read"}, scopes.Defaults()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scopes.Build(explicit, defaults); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCovers(b *testing.B) {
	for _, n := range []int{2, 130} {
		granted, want := set(b, numbered(0, n)...), set(b, numbered(0, n)...)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !granted.Covers(want) {
					b.Fatal("not covered")
				}
			}
		})
	}
}
