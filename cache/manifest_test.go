package cache

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The frozen manifests, never rewritten: a new schema gets a new file.
var manifests = []struct {
	file string
	want manifest
}{
	{"testdata/manifest-v1.json", manifest{store: testStore, key: "ffeeddccbbaa99887766554433221100"}},
	{"testdata/manifest-v2.json", manifest{store: testStore, key: "ffeeddccbbaa99887766554433221100", pinned: true, provider: "key file"}},
}

func frozen(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// What was written once is read for ever, and there is one way to write it.
func TestManifestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range manifests {
		text := frozen(t, v.file)
		m, err := parseManifest([]byte(text))
		require.NoError(t, err, v.file)
		require.Equal(t, v.want, m)
		require.Equal(t, text, string(m.encode()))
		provider, err := Pinned([]byte(text))
		require.NoError(t, err)
		require.Equal(t, v.want.provider, provider)
	}
	unnamed := strings.Replace(frozen(t, manifests[1].file), "key file", "", 1)
	m, err := parseManifest([]byte(unnamed))
	require.NoError(t, err)
	require.True(t, m.pinned)
	require.Empty(t, m.provider)
}

func TestManifestDamage(t *testing.T) {
	t.Parallel()
	for _, v := range manifests {
		text := frozen(t, v.file)
		number := text[len(`{"schema":`):][:1]
		schema := func(n string) string { return strings.Replace(text, number, n, 1) }
		for name, text := range map[string]string{
			"empty":          "",
			"not JSON":       "store",
			"no newline":     strings.TrimSpace(text),
			"white space":    strings.Replace(text, ":", ": ", 1),
			"CA-09 twice":    strings.Replace(text, "{", `{"schema":`+number+`,`, 1),
			"letter case":    strings.Replace(text, "store", "Store", 1),
			"unknown member": strings.Replace(text, "}", `,"x":"y"}`, 1),
			"upper-case id":  strings.ToUpper(text),
			"no id":          strings.ReplaceAll(text, "ff", ""),
			"schema 0":       schema("0"),
			"schema 01":      schema("0" + number),
			"schema -1":      schema("-" + number),
			"the other":      schema(string('1' + '2' - number[0])),
			"schema 3, but otherwise ours: a flipped bit": schema("3"),
		} {
			_, err := parseManifest([]byte(text))
			require.Equal(t, errDamaged, err, "%s: %s", v.file, name)
			_, err = Pinned([]byte(text))
			require.ErrorIs(t, err, ErrUnreadable)
		}
		for i := range len(text) * 8 {
			bad := []byte(text)
			bad[i/8] ^= 1 << (i % 8)
			if m, err := parseManifest(bad); err == nil {
				require.NotEqual(t, v.want, m)
				require.Equal(t, string(bad), string(m.encode()))
			} else {
				require.Equal(t, errDamaged, err, "bit %d: %s", i, bad)
			}
		}
	}
	for name, provider := range map[string]string{
		"escape": `key\u0020file`, "letter case": "Key file", "long": strings.Repeat("k", 33), "digit": "1key",
		"terminal": "key\x1b[2J", "not ASCII": "clé",
	} {
		_, err := parseManifest([]byte(strings.Replace(frozen(t, manifests[1].file), "key file", provider, 1)))
		require.Equal(t, errDamaged, err, name)
	}
	newer := []byte(`{"schema":3,"store":"00112233445566778899aabbccddeeff","keys":["ff"]}` + "\n")
	_, err := parseManifest(newer)
	require.Equal(t, errNewer, err, "CA-06")
	_, err = Pinned(newer)
	require.ErrorIs(t, err, ErrUnavailable)
}

// FuzzManifest: nothing panics, there is one way to write a manifest, and what
// it names is safe to show.
func FuzzManifest(f *testing.F) {
	for _, v := range manifests {
		text := frozen(f, v.file)
		f.Add([]byte(text))
		f.Add([]byte(strings.Replace(text, "1", "2", 1)))
	}
	f.Add([]byte(`{"schema":3,"x":[]}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err == nil {
			require.Equal(t, string(m.encode()), string(data))
		}
		require.Regexp(t, `^([a-z][a-z0-9 ._-]{0,31})?$`, m.provider)
	})
}
