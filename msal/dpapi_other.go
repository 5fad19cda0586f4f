//go:build !windows

package msal

import "errors"

// unprotect says where to go with what Windows has sealed.
func unprotect([]byte) ([]byte, error) {
	return nil, errors.New("it is sealed with the DPAPI of Windows: run this there, as the person who has signed in with MSAL")
}
