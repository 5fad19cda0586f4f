package cache

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const manifestV1 = `{"schema":1,"store":"00112233445566778899aabbccddeeff","key":"ffeeddccbbaa99887766554433221100"}` + "\n"

func TestManifest(t *testing.T) {
	t.Parallel()
	m, err := parseManifest([]byte(manifestV1))
	require.NoError(t, err)
	require.Equal(t, manifest{testStore, "ffeeddccbbaa99887766554433221100"}, m)
	require.Equal(t, manifestV1, string(m.encode()))

	for name, text := range map[string]string{
		"empty":          "",
		"not JSON":       "store",
		"no newline":     strings.TrimSpace(manifestV1),
		"white space":    strings.Replace(manifestV1, ":", ": ", 1),
		"CA-09 twice":    strings.Replace(manifestV1, "{", `{"schema":1,`, 1),
		"letter case":    strings.Replace(manifestV1, "store", "Store", 1),
		"unknown member": strings.Replace(manifestV1, "}", `,"x":"y"}`, 1),
		"upper-case id":  strings.ToUpper(manifestV1),
		"no id":          `{"schema":1,"store":"","key":""}` + "\n",
		"schema 0":       strings.Replace(manifestV1, "1", "0", 1),
		"schema 01":      strings.Replace(manifestV1, "1", "01", 1),
		"schema -1":      strings.Replace(manifestV1, "1", "-1", 1),
		"schema 3, but otherwise ours: a flipped bit": strings.Replace(manifestV1, "1", "3", 1),
	} {
		_, err := parseManifest([]byte(text))
		require.Equal(t, errDamaged, err, name)
	}
	for i := range len(manifestV1) * 8 {
		bad := []byte(manifestV1)
		bad[i/8] ^= 1 << (i % 8)
		if m, err := parseManifest(bad); err == nil {
			require.NotEqual(t, manifestV1, string(m.encode()))
		} else {
			require.Equal(t, errDamaged, err, "bit %d: %s", i, bad)
		}
	}
	_, err = parseManifest([]byte(`{"schema":2,"store":"00112233445566778899aabbccddeeff","keys":["ff"]}` + "\n"))
	require.Equal(t, errNewer, err, "CA-06")
}

// FuzzManifest: nothing panics, and there is one way to write a manifest.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(manifestV1))
	f.Add([]byte(strings.Replace(manifestV1, "1", "2", 1)))
	f.Add([]byte(`{"schema":2,"x":[]}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := parseManifest(data); err == nil {
			require.Equal(t, string(m.encode()), string(data))
		}
	})
}
