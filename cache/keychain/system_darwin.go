package keychain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/zalando/go-keyring"

	"github.com/staysigned/staysigned/cache"
)

// system is the login keychain, through /usr/bin/security. It cannot be asked
// whether it is locked without a question to the person, so that a locked one
// shows as no answer on a desktop and as an error elsewhere.
func system() chain {
	return chain{
		get:     keyring.Get,
		set:     keyring.Set,
		remove:  keyring.Delete,
		ready:   func(context.Context) error { return nil },
		unlock:  func(context.Context) error { return nil },
		explain: explainSecurity,
		look:    lookAtLoginKeychain,
	}
}

func lookAtLoginKeychain(context.Context) ([]Place, error) {
	p := Place{Name: "login keychain"}
	if home, err := os.UserHomeDir(); err != nil {
		p.State = err.Error()
	} else if _, err := os.Stat(filepath.Join(home, "Library", "Keychains", "login.keychain-db")); err != nil {
		p.State = err.Error()
	} else {
		p.Ready, p.State = true, "there; whether it is locked cannot be found out without a question"
	}
	return []Place{p}, nil // what stands against it shows when it is used
}

// explainSecurity knows the exit codes of security(1): the lowest eight bits
// of an OSStatus.
func explainSecurity(err error) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return fmt.Errorf("keychain: /usr/bin/security: %s: %w", quote(err), cache.ErrUnavailable)
	}
	switch exit.ExitCode() {
	case 44: // errSecItemNotFound, -25300
		return fmt.Errorf("keychain: no such key: %w", cache.ErrNotFound)
	case 36: // errSecInteractionNotAllowed, -25308
		return fmt.Errorf("keychain: it is locked and cannot ask, as over SSH; run \"security unlock-keychain\": %w", cache.ErrLocked)
	case 51: // errSecAuthFailed, -25293
		return fmt.Errorf("keychain: it did not accept the password; unlock it and try again: %w", cache.ErrLocked)
	case 128: // errSecUserCanceled, -128
		return fmt.Errorf("keychain: access was denied; allow it and try again: %w", cache.ErrLocked)
	case 50: // errSecNoSuchKeychain, -25294
		return fmt.Errorf("keychain: this user has no login keychain; %s: %w", elsewhere, cache.ErrNoSecureStorage)
	}
	return fmt.Errorf("keychain: /usr/bin/security ended with code %d: %w", exit.ExitCode(), cache.ErrUnavailable)
}
