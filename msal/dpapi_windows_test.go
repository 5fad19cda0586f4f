package msal

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// What the extensions of MSAL write on Windows is opened, and what somebody
// else has sealed is not.
func TestUnprotect(t *testing.T) {
	const text = `{"RefreshToken":{"k":{"home_account_id":"avery","environment":"idp.example","client_id":"app","secret":"rt"}}}`
	in := windows.DataBlob{Size: uint32(len(text)), Data: unsafe.StringData(text)}
	var out windows.DataBlob
	require.NoError(t, windows.CryptProtectData(&in, nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out))
	sealed := append([]byte(nil), unsafe.Slice(out.Data, out.Size)...)
	_, err := windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data)))
	require.NoError(t, err)

	plain, err := unprotect(sealed)
	require.NoError(t, err)
	require.Equal(t, text, string(plain))

	sealed[len(sealed)-1] ^= 1
	sealed[len(sealed)/2] ^= 1
	_, err = unprotect(sealed)
	require.ErrorContains(t, err, "on the same machine")
	_, err = parseUnified(dpapiHeader)
	require.ErrorContains(t, err, "on the same machine")
}
