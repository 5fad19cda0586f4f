package keychain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// Diagnosis is what [Diagnose] found out: fields for programs, and String for
// people.
type Diagnosis struct {
	App string

	// Dir is where the sessions of App lie; empty if that cannot be said. Used
	// is false until there has been a sign-in.
	Dir  string
	Used bool

	// Provider is the one to whom the store is pinned, such as "keychain" or
	// "key file". It is empty if there is none, or none with a name.
	Provider string

	// Places is what this machine has, and what it could have, to keep a key.
	Places []Place

	// Err is what a silent call of New(App) meets: nil if its keychain can be
	// used now, else an error of package cache.
	Err error

	// Next is what to do; empty if there is nothing to do.
	Next string
}

// Place is one line of a [Diagnosis].
type Place struct {
	Name  string // "session bus", "Secret Service", "login keychain", "Credential Manager", "kernel keyring", "systemd credentials"
	Ready bool   // it can be used now, without asking anybody
	State string // the same in words
}

// Diagnose says what this machine has to keep the key of app, where the
// sessions are, and what would happen now. It is for a "doctor" command, and for
// the message when a store does not work. It asks nobody, writes nothing, starts
// nothing but the Secret Service, as every look at it does, and takes a few
// seconds at the most. What it cannot find out, it says.
func Diagnose(ctx context.Context, app string) Diagnosis {
	return diagnose(ctx, stateDir, app)
}

func diagnose(ctx context.Context, stateDir func(app string) (string, error), app string) Diagnosis {
	d := Diagnosis{App: app}
	if d.Err = checkName(app); d.Err != nil {
		d.Next = "choose another name"
		return d
	}
	var keychain error
	d.Places, keychain = look(ctx)
	d.Places = append(d.Places, otherPlaces()...)
	d.Err = d.readStore(stateDir)
	if d.Err == nil {
		d.Err = keychain
	}
	d.Next = d.next()
	return d
}

// look goes on without an answer a second after the keychain should have given
// one.
func look(ctx context.Context) ([]Place, error) {
	type answer struct {
		places []Place
		err    error
	}
	found := make(chan answer, 1)
	wait, cancel := context.WithTimeout(ctx, silentWait)
	go func() {
		defer cancel()
		places, err := system().look(wait)
		found <- answer{places, err}
	}()
	select {
	case a := <-found:
		return a.places, a.err
	case <-time.After(silentWait + time.Second):
		return []Place{{Name: "keychain", State: "does not answer"}}, noAnswer()
	}
}

// otherPlaces are those of other providers.
func otherPlaces() (places []Place) {
	if p := kernelKeyring(); p.Name != "" {
		places = append(places, p)
	}
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return places
	}
	p := Place{Name: "systemd credentials"}
	entries, err := os.ReadDir(dir)
	var names []string
	for _, entry := range entries[:min(len(entries), 8)] {
		names = append(names, entry.Name())
	}
	switch {
	case err != nil:
		p.State = err.Error()
	case len(names) == 0:
		p.State = "none in " + dir
	default:
		p.Ready, p.State = true, strings.Join(names, ", ")+" in "+dir
	}
	return append(places, p)
}

// readStore says what stands against the store itself.
func (d *Diagnosis) readStore(stateDir func(app string) (string, error)) (err error) {
	if d.Dir, err = stateDir(d.App); err != nil {
		return fmt.Errorf("keychain: state directory: %w: %w", cache.ErrUnavailable, err)
	}
	manifest, err := readManifest(filepath.Join(d.Dir, "store.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	d.Used = true
	if err != nil {
		return fmt.Errorf("keychain: state directory: %w: %w", cache.ErrUnavailable, err)
	}
	if d.Provider, err = cache.Pinned(manifest); err != nil {
		return err
	}
	if d.Provider != "" && d.Provider != provider {
		return fmt.Errorf("keychain: the key of this store is pinned to the provider %q: %w", d.Provider, cache.ErrUnavailable)
	}
	return nil
}

// readManifest waits for nobody, as opening a FIFO would.
func readManifest(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, 1<<10))
}

func (d *Diagnosis) next() string {
	switch {
	case d.Err == nil && d.Used:
		return ""
	case d.Err == nil:
		return "sign in"
	case d.Dir == "":
		return "set HOME, or run the program as the user whose home it is"
	case d.Provider != "" && d.Provider != provider:
		return "start the program with the provider " + strconv.Quote(d.Provider) + " again, or sign in with this one, which goes on with it"
	case errors.Is(d.Err, cache.ErrUnreadable):
		return "sign in again"
	case errors.Is(d.Err, cache.ErrLocked):
		return "unlock the keyring, or sign in, which asks for it"
	case errors.Is(d.Err, cache.ErrNoSecureStorage):
		return "keep the key elsewhere: " + strings.Join(d.choices(), ", ")
	}
	return "put that right and try again; nothing is lost"
}

// choices are providers for this machine.
func (d *Diagnosis) choices() (choices []string) {
	for _, p := range d.Places {
		switch {
		case p.Ready && p.Name == "systemd credentials":
			choices = append(choices, "cache.KeyFile with a credential of systemd")
		case p.Ready && p.Name == "kernel keyring":
			choices = append(choices, "keys.Kernel until the machine starts again")
		}
	}
	return append(choices, "keys.Passphrase", "keys.Command", "cache.KeyFile with a file that you mount")
}

// String returns a few lines that are safe to show in a terminal.
func (d Diagnosis) String() string {
	var text strings.Builder
	line := func(name, value string) {
		fmt.Fprintf(&text, "%s: %s\n", harmless(name), harmless(value))
	}
	line("program", d.App)
	switch {
	case d.Dir == "":
		line("sessions", "nobody knows where")
	case !d.Used:
		line("sessions", "none yet in "+d.Dir)
	case d.Provider == "":
		line("sessions", d.Dir+", pinned to no provider with a name")
	default:
		line("sessions", d.Dir+", pinned to the provider "+d.Provider)
	}
	for _, p := range d.Places {
		line(p.Name, p.State)
	}
	if d.Err == nil {
		line("now", "the keychain is used")
	} else {
		line("now", d.Err.Error())
	}
	if d.Next != "" {
		line("next", d.Next)
	}
	return text.String()
}

// harmless bounds a text and escapes what a terminal would not just show.
func harmless(text string) string {
	if len(text) > 500 {
		text = text[:500] + "..."
	}
	var safe strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) && r != '\ufffd' {
			safe.WriteRune(r)
		} else {
			safe.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return safe.String()
}
