package keychain

import (
	"context"
	"errors"
	"fmt"

	"github.com/zalando/go-keyring"
	"golang.org/x/sys/windows"

	"github.com/staysigned/staysigned/cache"
)

// system is the Credential Manager. It is open while its user is logged on,
// and asks nobody.
func system() chain {
	return chain{
		get:     keyring.Get,
		set:     keyring.Set,
		remove:  keyring.Delete,
		ready:   func(context.Context) error { return nil },
		unlock:  func(context.Context) error { return nil },
		explain: explainCredentialManager,
		look:    lookAtCredentialManager,
	}
}

// lookAtCredentialManager asks for what is not there: that needs it to be
// there.
func lookAtCredentialManager(context.Context) ([]Place, error) {
	p := Place{Name: "Credential Manager", Ready: true, State: "can be used"}
	_, err := keyring.Get("staysigned", "none")
	if err == nil || errors.Is(err, keyring.ErrNotFound) {
		return []Place{p}, nil
	}
	if err = explainCredentialManager(err); errors.Is(err, cache.ErrNotFound) {
		return []Place{p}, nil
	}
	p.Ready, p.State = false, "cannot be used in this logon session"
	return []Place{p}, err
}

func explainCredentialManager(err error) error {
	switch {
	case errors.Is(err, windows.ERROR_NOT_FOUND):
		return fmt.Errorf("keychain: no such key: %w", cache.ErrNotFound)
	case errors.Is(err, windows.ERROR_NO_SUCH_LOGON_SESSION):
		// 1312: a network logon, such as OpenSSH's, has no credentials.
		return fmt.Errorf("keychain: this logon session has no Credential Manager, as over SSH; "+
			"run it from a desktop session, or %s: %w", elsewhere, cache.ErrUnavailable)
	}
	return fmt.Errorf("keychain: Credential Manager: %s: %w", quote(err), cache.ErrUnavailable)
}
