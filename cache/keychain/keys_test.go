package keychain

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// Names that are paths, commands or devices.
func TestNames_CA22_KC11(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "A.b-c_9", "com", "coma", "console", strings.Repeat("x", 64)} {
		require.NoError(t, checkName(name), "%q", name)
	}
	for _, name := range []string{"", ".", "..", ".a", "a.", "../x", "/abs", `a\b`, "a b", "a'b", `a"b`, "$(id)", "a\nb", "a\x00", "é",
		"CON", "nul.txt", "Com1", strings.Repeat("x", 65), strings.Repeat("x", 600)} {
		require.Error(t, checkName(name), "%q", name)
		_, err := Keys(name).Key(t.Context(), "id")
		require.ErrorContains(t, err, "name")
		_, err = Keys("app").Key(t.Context(), name)
		require.ErrorContains(t, err, "name")
		require.Error(t, Keys(name).Create(t.Context(), "id", make([]byte, keyLen)))
		require.Error(t, Keys(name).(cache.Unlocker).Unlock(t.Context()))
		_, _, err = New(name).Get(t.Context(), "a-1")
		require.ErrorContains(t, err, "name")
	}
	require.ErrorContains(t, Keys("app").Create(t.Context(), "id", make([]byte, 31)), "32 bytes")
}

// Far from what any keychain takes at most, and text.
func TestItem_KC06(t *testing.T) {
	t.Parallel()
	key := make([]byte, keyLen)
	for i := range key {
		key[i] = byte(i) * 9
	}
	id := strings.Repeat("0f", 16)
	item := formatItem(id, key)
	require.Equal(t, "tk1:"+id+":"+base64.StdEncoding.EncodeToString(key)+":a4c6fb03", item)
	require.Len(t, item, 90)
	require.Less(t, len(service(strings.Repeat("x", 64))), 512)
	got, err := parseItem(item, id)
	require.NoError(t, err)
	require.Equal(t, key, got)
	for i := range len(item) * 8 {
		bad := []byte(item)
		bad[i/8] ^= 1 << (i % 8)
		_, err := parseItem(string(bad), id)
		require.ErrorIs(t, err, cache.ErrUnreadable, "bit %d", i)
		require.NotContains(t, err.Error(), item[40:60])
	}
}

// FuzzItem: nothing panics, and there is one way to write a key.
func FuzzItem(f *testing.F) {
	f.Add(formatItem("id", make([]byte, keyLen)), "id")
	f.Add("tk1:id:", "id")
	f.Add("tk1::::", "")
	f.Fuzz(func(t *testing.T, text, id string) {
		if key, err := parseItem(text, id); err == nil {
			require.Equal(t, text, formatItem(id, key))
		}
	})
}

func TestKeysDoNotPrint(t *testing.T) {
	t.Parallel()
	k := Keys("app").(*keys)
	k.calls.running = &call{result: func() (string, error) { return "canary", nil }}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, k), "canary")
	}
}
