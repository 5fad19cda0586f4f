//go:build linux || netbsd || openbsd || (freebsd && cgo) || (dragonfly && cgo)

package keychain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"
	"github.com/zalando/go-keyring"

	"github.com/staysigned/staysigned/cache"
)

// system is the Secret Service of freedesktop.org on the session bus, such as
// GNOME Keyring, KWallet or KeePassXC. go-keyring would start a bus where there
// is none, which outlives the program, and would ask a person, and wait for
// ever, where the keyring is locked. So the bus is found and the keyring looked
// at over a connection of our own before go-keyring hears of it.
func system() chain {
	return chain{
		get: func(service, user string) (string, error) {
			secret, err := keyring.Get(service, user)
			if isStale(err) {
				secret, err = keyring.Get(service, user)
			}
			return secret, err
		},
		set: func(service, user, secret string) error {
			err := keyring.Set(service, user, secret)
			if isStale(err) {
				err = keyring.Set(service, user, secret)
			}
			return err
		},
		remove: func(service, user string) error {
			err := keyring.Delete(service, user)
			if isStale(err) {
				err = keyring.Delete(service, user)
			}
			return err
		},
		ready:   secretServiceReady,
		unlock:  secretServiceUnlock,
		explain: explainDBus,
		look:    lookAtSecretService,
	}
}

// isStale tells whether a call met the end of the connection that godbus shares
// between all callers of the process: the bus has been started anew. The next
// call makes a new connection.
func isStale(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, dbus.ErrClosed) || errors.Is(err, io.EOF)
}

const (
	busService    = "org.freedesktop.secrets"
	busPath       = "/org/freedesktop/secrets"
	loginPath     = busPath + "/collection/login"
	ifcService    = "org.freedesktop.Secret.Service"
	ifcCollection = "org.freedesktop.Secret.Collection"
	ifcPrompt     = "org.freedesktop.Secret.Prompt"
	none          = dbus.ObjectPath("/")
)

func secretServiceReady(ctx context.Context) error {
	s, err := dialSecretService(ctx)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	return s.ready(ctx)
}

var errNoKeyring = errors.New("there is no keyring yet")

func (s *secretService) ready(ctx context.Context) error {
	path, err := s.collection(ctx)
	if err != nil {
		return explainDBus(err)
	}
	if path == none {
		return fmt.Errorf("keychain: %w; a sign-in makes one, or %s: %w", errNoKeyring, elsewhere, cache.ErrLocked)
	}
	locked, err := s.locked(ctx, path)
	if err != nil {
		return explainDBus(err)
	}
	if locked {
		return fmt.Errorf("keychain: the keyring is locked; unlock it and try again, or sign in: %w", cache.ErrLocked)
	}
	return nil
}

func lookAtSecretService(ctx context.Context) ([]Place, error) {
	bus, service := Place{Name: "session bus"}, Place{Name: "Secret Service", State: "none without a bus"}
	s, err := dialSecretService(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		bus.State, err = "does not answer", noAnswer()
	case errors.Is(err, cache.ErrNoSecureStorage):
		bus.State = "none"
	case err != nil:
		bus.State = "cannot be reached"
	default:
		defer s.conn.Close()
		bus.Ready, bus.State = true, "answers"
		service, err = s.look(ctx)
	}
	return []Place{bus, service}, err
}

func (s *secretService) look(ctx context.Context) (Place, error) {
	p := Place{Name: "Secret Service"}
	err := s.ready(ctx)
	owner := s.owner(ctx)
	switch {
	case err == nil:
		p.Ready, p.State = true, "unlocked"
	case ctx.Err() != nil:
		p.State, err = "does not answer", noAnswer()
	case errors.Is(err, errNoKeyring):
		p.State = "has no keyring yet"
	case errors.Is(err, cache.ErrLocked):
		p.State = "locked"
	case errors.Is(err, cache.ErrNoSecureStorage):
		p.State = "none"
	default:
		p.State = "fails"
	}
	if owner != "" {
		p.State += " (" + owner + ")"
	}
	return p, err
}

// owner is the name of the program that is the service, as far as the system
// tells.
func (s *secretService) owner(ctx context.Context) string {
	var pid uint32
	if s.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixProcessID", 0, busService).Store(&pid) != nil {
		return ""
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSuffix(string(name), "\n")
}

// secretServiceUnlock asks a person for the password, or for a new one if
// there is no keyring yet. Closing the connection takes the question back.
func secretServiceUnlock(ctx context.Context) error {
	s, err := dialSecretService(ctx)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	path, err := s.collection(ctx)
	if err != nil {
		return explainDBus(err)
	}
	prompt := none
	if path == none {
		label := map[string]dbus.Variant{ifcCollection + ".Label": dbus.MakeVariant("Login")}
		err = s.call(ctx, ifcService+".CreateCollection", label, "default").Store(&path, &prompt)
	} else {
		var unlocked []dbus.ObjectPath
		err = s.call(ctx, ifcService+".Unlock", []dbus.ObjectPath{path}).Store(&unlocked, &prompt)
	}
	if err == nil && prompt != none {
		err = s.ask(ctx, prompt)
	}
	switch {
	case errors.Is(err, errDismissed), err != nil && ctx.Err() != nil:
		return fmt.Errorf("keychain: nobody unlocked the keyring; without a display, unlock it beforehand, or %s: %w", elsewhere, cache.ErrLocked)
	case err != nil:
		return explainDBus(err)
	}
	return secretServiceReady(ctx) // it may say that it is open, and not be
}

// secretService is the service over a connection that ends with a context.
type secretService struct{ conn *dbus.Conn }

// dialSecretService finds the bus as go-keyring will find it, but starts none.
// godbus leaves the address in the environment, so that go-keyring finds it
// even if it vanishes in between.
func dialSecretService(ctx context.Context) (*secretService, error) {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		if address := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); address == "" || address == "autolaunch:" {
			return nil, fmt.Errorf("keychain: there is no D-Bus session here, and so no Secret Service; "+
				"set DBUS_SESSION_BUS_ADDRESS if there is one, or %s: %w", elsewhere, cache.ErrNoSecureStorage)
		}
		return nil, explainDBus(err)
	}
	err = conn.Auth(nil)
	if err == nil {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, explainDBus(err)
	}
	return &secretService{conn}, nil
}

func (s *secretService) call(ctx context.Context, method string, args ...any) *dbus.Call {
	return s.conn.Object(busService, busPath).CallWithContext(ctx, method, 0, args...)
}

// collection is the one that go-keyring will use: "login" if there is one, else
// the default; none if there is neither.
func (s *secretService) collection(ctx context.Context) (dbus.ObjectPath, error) {
	all, err := s.property(ctx, busPath, ifcService, "Collections")
	if err != nil {
		return "", err
	}
	if paths, ok := all.([]dbus.ObjectPath); ok && slices.Contains(paths, loginPath) {
		return loginPath, nil
	}
	path := none
	err = s.call(ctx, ifcService+".ReadAlias", "default").Store(&path)
	return path, err
}

func (s *secretService) locked(ctx context.Context, collection dbus.ObjectPath) (bool, error) {
	v, err := s.property(ctx, collection, ifcCollection, "Locked")
	locked, ok := v.(bool)
	return locked || !ok, err
}

func (s *secretService) property(ctx context.Context, path dbus.ObjectPath, ifc, name string) (any, error) {
	var v dbus.Variant
	err := s.conn.Object(busService, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, ifc, name).Store(&v)
	return v.Value(), err
}

var errDismissed = errors.New("dismissed")

// ask shows a prompt and waits for its end.
func (s *secretService) ask(ctx context.Context, prompt dbus.ObjectPath) error {
	match := []dbus.MatchOption{dbus.WithMatchObjectPath(prompt), dbus.WithMatchInterface(ifcPrompt)}
	if err := s.conn.AddMatchSignalContext(ctx, match...); err != nil {
		return err
	}
	signals := make(chan *dbus.Signal, 8)
	s.conn.Signal(signals)
	if err := s.conn.Object(busService, prompt).CallWithContext(ctx, ifcPrompt+".Prompt", 0, "").Err; err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case signal, ok := <-signals:
			if !ok {
				return dbus.ErrClosed
			}
			if signal.Path != prompt || signal.Name != ifcPrompt+".Completed" || len(signal.Body) == 0 {
				continue
			}
			if dismissed, ok := signal.Body[0].(bool); !ok || dismissed {
				return errDismissed
			}
			return nil
		}
	}
}

// explainDBus says what an error of D-Bus, of the service or of go-keyring
// means.
func explainDBus(err error) error {
	if err == nil {
		return nil
	}
	name := ""
	if e, ok := errors.AsType[dbus.Error](err); ok {
		name = e.Name
	}
	switch {
	case name == "org.freedesktop.DBus.Error.ServiceUnknown", name == "org.freedesktop.DBus.Error.NameHasNoOwner",
		strings.HasPrefix(name, "org.freedesktop.DBus.Error.Spawn."):
		return fmt.Errorf("keychain: no Secret Service on the session bus; start one, such as GNOME Keyring, KWallet or KeePassXC, or %s: %s: %w",
			elsewhere, quote(err), cache.ErrNoSecureStorage)
	case name == "org.freedesktop.Secret.Error.IsLocked", strings.HasPrefix(err.Error(), "failed to unlock correct collection"):
		return fmt.Errorf("keychain: the keyring is locked; unlock it and try again, or sign in: %w", cache.ErrLocked)
	}
	return fmt.Errorf("keychain: Secret Service: %s: %w", quote(err), cache.ErrUnavailable)
}
