package msal

import (
	"bytes"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// unprotect opens what Windows has sealed for the person who is logged in. It
// shows no window: a program may have no screen.
func unprotect(data []byte) ([]byte, error) {
	in := windows.DataBlob{Size: uint32(len(data)), Data: &data[0]} //nolint:gosec // G115: at most maxUnified
	var out windows.DataBlob
	if err := windows.CryptUnprotectData(&in, nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return nil, fmt.Errorf("windows does not open it (%w): run this as the person who has signed in with MSAL, on the same machine", err)
	}
	plain := unsafe.Slice(out.Data, out.Size)                                             //nolint:gosec // G103: the system says where it put the text
	defer func() { _, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data))) }() //nolint:gosec // G103: likewise
	defer clear(plain)
	return bytes.Clone(plain), nil
}
