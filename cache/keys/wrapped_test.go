package keys

import (
	"bytes"
	"errors"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// FuzzWrapped: nothing panics; what opens is what was wrapped, to the byte; all
// else says whether the passphrase or the file is to blame.
func FuzzWrapped(f *testing.F) {
	w := wrapped{path: "key.age", work: 1}
	key := bytes.Repeat([]byte{7}, keyLen)
	good, err := w.wrap(key, "correct horse")
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("age-encryption.org/v1\n-> X25519 abc\n"))
	work := regexp.MustCompile(`scrypt \S+ [1-9][0-9]`) // more than there is time for
	f.Fuzz(func(t *testing.T, data []byte) {
		if work.Match(data) {
			return
		}
		got, err := w.unwrap(data, "correct horse")
		if err == nil {
			require.Equal(t, good, data, "a forgery")
			require.Equal(t, key, got)
			return
		}
		require.True(t, errors.Is(err, ErrWrongPassphrase) != errors.Is(err, cache.ErrUnavailable), "%v", err)
		require.Nil(t, got)
	})
}
