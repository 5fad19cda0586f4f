//go:build linux

package keychain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	otherkeys "github.com/staysigned/staysigned/cache/keys"
)

// diagnosis is what Diagnose says of a store in dir, but for what differs
// between machines.
func diagnosis(t *testing.T, ctx context.Context, dir string) Diagnosis {
	t.Helper()
	before := tree(t, dir)
	d := diagnose(ctx, func(string) (string, error) { return dir, nil }, "app")
	require.Equal(t, before, tree(t, dir), "it writes nothing")
	for i := range d.Places {
		if d.Places[i].Name == "kernel keyring" {
			d.Places[i] = Place{Name: "kernel keyring", Ready: true, State: "can be used"}
		}
	}
	d.Next = d.next()
	return d
}

func words(d Diagnosis) string {
	self, _ := os.ReadFile("/proc/self/comm")
	text := strings.ReplaceAll(d.String(), strings.TrimSpace(string(self)), "NAME")
	text = strings.ReplaceAll(text, elsewhere, "ELSEWHERE")
	return strings.ReplaceAll(text, d.Dir, "DIR")
}

// tree is all there is in dir, with modes.
func tree(t *testing.T, dir string) (all []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil {
			info, err := e.Info()
			require.NoError(t, err)
			all = append(all, fmt.Sprint(path, info.Mode(), info.Size(), info.ModTime()))
		}
		return nil
	}))
	return all
}

func TestDiagnose(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	s := newFakeService(t)
	for _, tt := range []struct {
		name string
		set  func()
		want error
		text string
	}{
		{"open", func() {}, nil, `
Secret Service: unlocked (NAME)
kernel keyring: can be used
now: the keychain is used
next: sign in
`},
		{"locked", func() { s.locked = true }, cache.ErrLocked, `
Secret Service: locked (NAME)
kernel keyring: can be used
now: keychain: the keyring is locked; unlock it and try again, or sign in: the keychain is locked
next: unlock the keyring, or sign in, which asks for it
`},
		{"no keyring yet", func() { s.empty = true }, cache.ErrLocked, `
Secret Service: has no keyring yet (NAME)
kernel keyring: can be used
now: keychain: there is no keyring yet; a sign-in makes one, or ELSEWHERE: the keychain is locked
next: unlock the keyring, or sign in, which asks for it
`},
		{"no service", func() {
			const unknown = "org.freedesktop.DBus.Error.ServiceUnknown"
			s.fail = map[string]string{"Get": unknown, "GetConnectionUnixProcessID": unknown}
		}, cache.ErrNoSecureStorage, `
Secret Service: none
kernel keyring: can be used
now: keychain: no Secret Service on the session bus; start one, such as GNOME Keyring, KWallet or KeePassXC, or ELSEWHERE: "by the fake": no secure storage on this machine
next: keep the key elsewhere: keys.Kernel until the machine starts again, keys.Passphrase, keys.Command, cache.KeyFile with a file that you mount
`},
		{"a service that fails", func() {
			s.fail = map[string]string{"Get": "org.freedesktop.DBus.Error.AccessDenied"}
		}, cache.ErrUnavailable, `
Secret Service: fails (NAME)
kernel keyring: can be used
now: keychain: Secret Service: "by the fake": the store is not available
next: put that right and try again; nothing is lost
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.set(func() { s.locked, s.empty, s.fail, s.calls = false, false, nil, nil; tt.set() })
			d := diagnosis(t, t.Context(), filepath.Join(t.TempDir(), "none"))
			require.Equal(t, "program: app\nsessions: none yet in DIR\nsession bus: answers"+tt.text, words(d))
			require.ErrorIs(t, d.Err, tt.want)
			require.Equal(t, tt.want == nil, d.Err == nil)
			for _, member := range []string{"Unlock", "Prompt", "CreateCollection", "CreateItem", "OpenSession"} {
				require.Zero(t, s.called(member), "it asks nobody: %s", member)
			}
		})
	}
}

func TestDiagnoseHangs(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	s := newFakeService(t)
	for member, want := range map[string]string{
		"Get":   "session bus: answers\nSecret Service: does not answer\n",
		"Hello": "session bus: does not answer\nSecret Service: none without a bus\n",
	} {
		s.set(func() { s.hang = map[string]bool{member: true} })
		soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		d := diagnosis(t, soon, filepath.Join(t.TempDir(), "none"))
		cancel()
		require.Equal(t, `program: app
sessions: none yet in DIR
`+want+`kernel keyring: can be used
now: keychain: no answer within 3s; if it asks for something, answer and try again: the store is not available
next: put that right and try again; nothing is lost
`, words(d), member)
		require.ErrorIs(t, d.Err, cache.ErrUnavailable)
	}
	s.set(func() { s.hang = map[string]bool{"Get": true} })
	start := time.Now()
	Diagnose(t.Context(), "app")
	require.Less(t, time.Since(start), time.Minute, "whoever does not bound it waits three seconds")
}

func TestDiagnoseNoBus(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	d := diagnosis(t, t.Context(), filepath.Join(t.TempDir(), "none"))
	require.Equal(t, `program: app
sessions: none yet in DIR
session bus: cannot be reached
Secret Service: none without a bus
kernel keyring: can be used
now: keychain: Secret Service: "dial unix /nonexistent/bus: connect: no such file or directory": the store is not available
next: put that right and try again; nothing is lost
`, words(d))
	if _, none := os.Stat(fmt.Sprintf("/run/user/%d", os.Getuid())); none == nil {
		return // a desktop has another bus there
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	d = diagnosis(t, t.Context(), filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, d.Err, cache.ErrNoSecureStorage)
	require.Contains(t, words(d), "session bus: none\n")
	require.Contains(t, d.Next, "keys.Kernel")
}

// What is pinned there, and what is wrong with the store.
func TestDiagnoseStore(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	newFakeService(t)
	const ids = `"store":"00112233445566778899aabbccddeeff","key":"ffeeddccbbaa99887766554433221100"`
	for _, tt := range []struct {
		name, manifest, sessions, next string
		want                           error
	}{
		{"ours", `{"schema":2,` + ids + `,"provider":"keychain"}`, "DIR, pinned to the provider keychain", "", nil},
		{"old", `{"schema":1,` + ids + `}`, "DIR, pinned to no provider with a name", "", nil},
		{"another", `{"schema":2,` + ids + `,"provider":"key file"}`, "DIR, pinned to the provider key file",
			`start the program with the provider "key file" again`, cache.ErrUnavailable},
		{"newer", `{"schema":3,"keys":[]}`, "DIR, pinned to no provider with a name", "put that right", cache.ErrUnavailable},
		{"damaged", `{`, "DIR, pinned to no provider with a name", "sign in again", cache.ErrUnreadable},
	} {
		dir := t.TempDir()
		require.NoError(t, os.Chmod(dir, 0o755)) // a store would correct that
		require.NoError(t, os.WriteFile(filepath.Join(dir, "store.json"), []byte(tt.manifest+"\n"), 0o644))
		d := diagnosis(t, t.Context(), dir)
		require.Contains(t, words(d), "sessions: "+tt.sessions, tt.name)
		require.Contains(t, d.Next, tt.next)
		require.Equal(t, tt.next == "", d.Next == "", tt.name)
		require.ErrorIs(t, d.Err, tt.want, tt.name)
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "store.json"), 0o700))
	require.ErrorContains(t, diagnosis(t, t.Context(), dir).Err, "not a regular file")

	theirs := diagnose(t.Context(), func(string) (string, error) { return "", os.ErrPermission }, "app")
	require.ErrorIs(t, theirs.Err, os.ErrPermission)
	require.Contains(t, theirs.String(), "sessions: nobody knows where\n")
	require.Equal(t, "choose another name", Diagnose(t.Context(), "../app").Next)
}

// What a store says at the same moment is what was diagnosed.
func TestDiagnosisIsTrue(t *testing.T) {
	s := newFakeService(t)
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", home)
	require.NoError(t, New("app").Unlock(t.Context()))
	d := Diagnose(t.Context(), "app")
	require.NoError(t, d.Err)
	require.Equal(t, "keychain", d.Provider)
	require.FileExists(t, filepath.Join(d.Dir, "store.json"))
	_, err := New("app").Put(t.Context(), "a-1", nil, "")
	require.NoError(t, err)

	s.set(func() { s.locked = true })
	_, err = New("app").Put(t.Context(), "a-1", nil, "")
	require.EqualError(t, Diagnose(t.Context(), "app").Err, err.Error())

	s.set(func() { s.locked = false })
	other := cache.Dir(d.Dir, named{Keys("app")})
	require.NoError(t, other.(cache.Unlocker).Unlock(t.Context()))
	_, err = New("app").Put(t.Context(), "a-2", nil, "")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	d = Diagnose(t.Context(), "app")
	require.ErrorIs(t, d.Err, cache.ErrUnavailable)
	require.Equal(t, "key file", d.Provider)
	require.ErrorContains(t, d.Err, `"key file"`)
	require.ErrorContains(t, err, `"key file"`)
}

// A program that is used at the desktop and over SSH has two stores, and neither takes the other's sessions away.
func TestAtTheDesktopAndOverSSH(t *testing.T) {
	s := newFakeService(t)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	app := fmt.Sprint("test-anywhere-", os.Getpid())
	open := func() cache.Store {
		if !errors.Is(Diagnose(t.Context(), app).Err, cache.ErrNoSecureStorage) {
			return New(app)
		}
		dir, err := Dir(app)
		require.NoError(t, err)
		return cache.Dir(dir+"-kernel", otherkeys.Kernel(app))
	}
	signIn := func() {
		require.NoError(t, open().(cache.Unlocker).Unlock(t.Context()))
		_, err := open().Put(t.Context(), "a-1", []byte("one"), "")
		require.NoError(t, err)
	}
	desktop := func() { s.set(func() { s.fail = nil }) }
	ssh := func() {
		const unknown = "org.freedesktop.DBus.Error.ServiceUnknown"
		s.set(func() { s.fail = map[string]string{"Get": unknown, "GetConnectionUnixProcessID": unknown} })
	}
	desktop()
	signIn()
	ssh()
	kernel := open().(cache.Purger)
	t.Cleanup(func() { require.NoError(t, kernel.Purge(context.Background())) })
	signIn()
	for _, place := range []func(){desktop, ssh, desktop} {
		place()
		store := open()
		_, rev, err := store.Get(t.Context(), "a-1")
		require.NoError(t, err, "nobody signs in again")
		_, err = store.Put(t.Context(), "a-1", []byte("one"), rev)
		require.NoError(t, err)
	}
}

// named is the keychain by another name.
type named struct{ cache.Keys }

func (named) Provider() string { return "key file" }

func TestDiagnoseCredentials(t *testing.T) {
	newFakeService(t)
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	find := func() Place {
		d := diagnosis(t, t.Context(), t.TempDir())
		return d.Places[len(d.Places)-1]
	}
	require.Equal(t, Place{Name: "systemd credentials", State: "none in " + dir}, find())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "app.key"), nil, 0o400))
	require.Equal(t, Place{Name: "systemd credentials", Ready: true, State: "app.key in " + dir}, find())
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Join(dir, "none"))
	require.False(t, find().Ready)
}

func TestDiagnosisIsHarmless(t *testing.T) {
	t.Parallel()
	d := Diagnosis{App: "a\x1b[2J\nnow: fine", Dir: "/h/\u202e\xff", Places: []Place{{Name: "x", State: strings.Repeat("y", 9999)}}}
	text := d.String()
	require.Equal(t, `program: a\x1b[2J\nnow: fine`, strings.Split(text, "\n")[0])
	require.Equal(t, `sessions: none yet in /h/\u202e\ufffd`, strings.Split(text, "\n")[1])
	require.Less(t, len(text), 1000)
}
