package cache

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	testKey   = bytes.Repeat([]byte{7}, keyLen)
	testStore = id("00112233445566778899aabbccddeeff")
)

type vector struct {
	key           []byte
	store         id
	name          string
	sealed, plain []byte
}

// vectors reads testdata/record-v1.txt, which is never rewritten: a new
// version of the format gets a new file.
func vectors(t testing.TB) (all []vector) {
	text, err := os.ReadFile("testdata/record-v1.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		require.Len(t, f, 5)
		v := vector{store: id(f[1]), name: f[2]}
		for i, to := range map[int]*[]byte{0: &v.key, 3: &v.sealed, 4: &v.plain} {
			*to, err = hex.DecodeString(strings.TrimPrefix(f[i], "plain:"))
			require.NoError(t, err)
		}
		all = append(all, v)
	}
	return all
}

// What was sealed once opens for ever.
func TestRecordVectors(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	require.Len(t, all, 3)
	for _, v := range all {
		plain, err := openRecord(v.key, v.store, v.name, v.sealed)
		require.NoError(t, err)
		require.Equal(t, string(v.plain), string(plain))
		i, err := recordKeyID(v.sealed)
		require.NoError(t, err)
		require.Equal(t, keyID(v.key), i)
	}
}

func TestRecordDamage(t *testing.T) {
	t.Parallel()
	plain := []byte("a session")
	sealed, err := sealRecord(testKey, testStore, "a-1", plain)
	require.NoError(t, err)

	t.Run("CA-02 truncated anywhere", func(t *testing.T) {
		t.Parallel()
		for n := range sealed {
			_, err := openRecord(testKey, testStore, "a-1", sealed[:n])
			require.Equal(t, errDamaged, err, "%d bytes", n)
		}
		_, err := openRecord(testKey, testStore, "a-1", append(bytes.Clone(sealed), 0))
		require.Equal(t, errDamaged, err)
	})
	t.Run("CA-03 any bit flipped", func(t *testing.T) {
		t.Parallel()
		for i := range len(sealed) * 8 {
			bad := bytes.Clone(sealed)
			bad[i/8] ^= 1 << (i % 8)
			got, err := openRecord(testKey, testStore, "a-1", bad)
			require.Equal(t, errDamaged, err, "bit %d", i)
			require.Empty(t, got)
		}
	})
	t.Run("CA-04 somebody else's", func(t *testing.T) {
		t.Parallel()
		_, err := openRecord(testKey, testStore, "a-2", sealed)
		require.Equal(t, errDamaged, err, "another account")
		_, err = openRecord(testKey, id(strings.Repeat("0", 32)), "a-1", sealed)
		require.Equal(t, errDamaged, err, "another store")
		_, err = openRecord(bytes.Repeat([]byte{8}, keyLen), testStore, "a-1", sealed)
		require.Equal(t, errDamaged, err, "another key")
	})
	t.Run("CA-06 a newer version", func(t *testing.T) {
		t.Parallel()
		newer := bytes.Clone(sealed)
		newer[6], newer[7] = 2, ^byte(2)
		_, err := recordKeyID(newer)
		require.Equal(t, errNewer, err)
		_, err = openRecord(testKey, testStore, "a-1", newer)
		require.Equal(t, errNewer, err)
	})
	t.Run("CA-20 no salt twice", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for range 10_000 {
			b, err := sealRecord(testKey, testStore, "a-1", nil)
			require.NoError(t, err)
			require.Len(t, b, overhead)
			seen[string(b[saltAt:keyIDAt])] = true
			seen[string(b[headerLen:headerLen+12])] = true
		}
		require.Len(t, seen, 20_000)
	})
}

// The revision of a record is in its salt; of anything else, it is its hash.
func TestRevision(t *testing.T) {
	t.Parallel()
	one, err := sealRecord(testKey, testStore, "a-1", nil)
	require.NoError(t, err)
	require.Equal(t, revision(one), revision(one[:headerLen]), "the header is enough")
	two, err := sealRecord(testKey, testStore, "a-1", nil)
	require.NoError(t, err)
	require.NotEqual(t, revision(one), revision(two))
	seen := map[Rev]bool{"": true}
	for n := range headerLen {
		rev := revision(one[:n])
		require.False(t, seen[rev], "%d bytes", n)
		seen[rev] = true
	}
}

// FuzzRecord: nothing panics; what opens is what was sealed; what was sealed
// opens, and does not after any change.
func FuzzRecord(f *testing.F) {
	v := vectors(f)[1]
	f.Add(v.sealed, v.name, 0)
	f.Add(v.sealed[:headerLen], v.name, 1)
	f.Add([]byte("{}"), "m-1", 2)
	f.Fuzz(func(t *testing.T, data []byte, name string, at int) {
		revision(data)
		if _, err := openRecord(v.key, v.store, name, data); err == nil {
			require.Equal(t, v.sealed, data, "a forgery")
			require.Equal(t, v.name, name)
		}
		sealed, err := sealRecord(v.key, v.store, name, data)
		require.NoError(t, err)
		require.Len(t, sealed, len(data)+overhead)
		plain, err := openRecord(v.key, v.store, name, sealed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, plain))
		sealed[uint(at)%uint(len(sealed))]++
		_, err = openRecord(v.key, v.store, name, sealed)
		require.Error(t, err)
	})
}
