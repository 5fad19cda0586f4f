package keys

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// testdata/passphrase-v1.age holds this key under the passphrase "correct
// horse". People have such files: it may not change.
var frozenKey = bytes.Repeat([]byte{7}, keyLen)

func frozen(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/passphrase-v1.age")
	require.NoError(t, err)
	return data
}

func TestWrappedVector(t *testing.T) {
	t.Parallel()
	key, err := wrapped{path: "key.age"}.unwrap(frozen(t), "correct horse")
	require.NoError(t, err)
	require.Equal(t, frozenKey, key)
}

// FuzzWrapped: nothing panics; what opens is what was wrapped, to the byte; all
// else says whether the passphrase or the file is to blame.
func FuzzWrapped(f *testing.F) {
	good := frozen(f)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("age-encryption.org/v1\n-> X25519 abc\n"))
	work := regexp.MustCompile(`scrypt \S+ [1-9][0-9]`) // more than there is time for
	f.Fuzz(func(t *testing.T, data []byte) {
		if work.Match(data) {
			return
		}
		got, err := wrapped{path: "key.age"}.unwrap(data, "correct horse")
		if err == nil {
			require.Equal(t, good, data, "a forgery")
			require.Equal(t, frozenKey, got)
			return
		}
		require.True(t, errors.Is(err, ErrWrongPassphrase) != errors.Is(err, cache.ErrUnavailable), "%v", err)
		require.Nil(t, got)
	})
}
