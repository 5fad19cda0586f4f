package cache

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckKey(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 128)
	legal := []string{"a", "z", "a0", "a-b", "a_b", "a.b", "a.", "a..", "a--", "con", long, "abcdefghijklmnopqrstuvwxyz0123456789._-"}
	illegal := []string{
		"", " ", "0", "9a", ".", "..", ".a", "-", "-a", "_", "_a", "A", "aA", "a/b", "/a", "../a", "a/../b", `a\b`, "a:b", "c:", "a b", "a\t", "a\n", "\na",
		"a\x00", "a\x7f", "a%2e", "a*", "a?", "a~", "a+b", "a@b", "{a}", "`a", "é", "aé", "ａ", "a\u202e", "a\xff", "\xff", long + "k", strings.Repeat("k", 1<<20),
	}
	for _, key := range legal {
		require.NoError(t, checkKey(key), "%q", key)
	}
	for _, key := range illegal {
		err := checkKey(key)
		require.Error(t, err, "%.200q", key)
		require.Contains(t, err.Error(), "[a-z][a-z0-9._-]{0,127}", "an error says what is wanted")
		require.Less(t, len(err.Error()), 1000, "a long key is not repeated whole")
		require.NotContains(t, err.Error(), "\n")
	}
}

// FuzzCheckKey: a key is legal if and only if it is what the error says.
func FuzzCheckKey(f *testing.F) {
	form := regexp.MustCompile(`\A[a-z][a-z0-9._-]{0,127}\z`)
	for _, seed := range []string{"", "a", "a-b.c_0", "A", "a/b", "a\n", "a\xff", strings.Repeat("k", 128), strings.Repeat("k", 129)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		require.Equal(t, form.MatchString(key), checkKey(key) == nil, "%q", key)
	})
}
