package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keys"
)

// person counts the questions.
type person struct {
	asked atomic.Int32
	says  string
	err   error
}

func (p *person) ask(context.Context) (string, error) {
	p.asked.Add(1)
	return p.says, p.err
}

// A person gives a passphrase at the first sign-in; later processes are locked
// until somebody unlocks them, and what is silent asks nobody.
func TestPassphrase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "new", "key.age")
	who := &person{says: "correct horse"}
	open := func() cache.Store { return cache.Dir(filepath.Join(dir, "store"), keys.QuickPassphrase(file, who.ask)) }

	s := open()
	_, err := s.Put(t.Context(), "a-1", []byte("one"), "")
	require.ErrorIs(t, err, cache.ErrLocked)
	require.ErrorIs(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 1), cache.ErrLocked)
	require.NoFileExists(t, file)
	require.Zero(t, who.asked.Load())
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	require.EqualValues(t, 1, who.asked.Load())
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	require.EqualValues(t, 1, who.asked.Load(), "it is open")
	rev, err := s.Put(t.Context(), "a-1", []byte("one"), "")
	require.NoError(t, err)

	s = open()
	_, _, err = s.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrLocked)
	require.ErrorContains(t, err, file)
	require.EqualValues(t, 1, who.asked.Load(), "silent")
	who.says = "wrong"
	err = s.(cache.Unlocker).Unlock(t.Context())
	require.ErrorIs(t, err, keys.ErrWrongPassphrase)
	require.ErrorIs(t, err, cache.ErrLocked)
	require.EqualValues(t, 2, who.asked.Load(), "once, whatever the answer")
	_, _, err = s.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrLocked)
	who.says = "correct horse"
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	data, again, err := s.Get(t.Context(), "a-1")
	require.NoError(t, err)
	require.Equal(t, "one", string(data))
	require.Equal(t, rev, again)

	files, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left beside it")
}

func TestPassphraseAnswers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.age")
	closed := errors.New("terminal closed")
	for name, tt := range map[string]struct {
		who  *person
		want error
	}{
		"empty": {&person{}, keys.ErrWrongPassphrase},
		"none":  {&person{err: closed}, closed},
	} {
		err := keys.QuickPassphrase(file, tt.who.ask).(cache.Unlocker).Unlock(t.Context())
		require.ErrorIs(t, err, tt.want, name)
		require.ErrorIs(t, err, cache.ErrLocked, name)
		require.ErrorContains(t, err, file)
	}
	leaving, cancel := context.WithCancel(t.Context())
	k := keys.QuickPassphrase(file, func(ctx context.Context) (string, error) { cancel(); return "late", nil })
	require.ErrorIs(t, k.(cache.Unlocker).Unlock(leaving), context.Canceled)
	require.ErrorIs(t, k.Create(t.Context(), "id", someKey), cache.ErrLocked)
}

// One question for all who wait, and whoever cannot wait leaves.
func TestPassphraseIsAskedForOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.age")
	write(t, file, wrap(t, someText, "correct horse"))
	asked, answer := make(chan struct{}, 10), make(chan string)
	k := keys.QuickPassphrase(file, func(context.Context) (string, error) { asked <- struct{}{}; return <-answer, nil })
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if err := k.(cache.Unlocker).Unlock(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	<-asked
	_, err := k.Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrLocked, "while a person is asked nobody else waits")
	leaving, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, k.(cache.Unlocker).Unlock(leaving), context.Canceled)
	answer <- "correct horse"
	all.Wait()
	require.Empty(t, asked)
	key, err := k.Key(t.Context(), "id")
	require.NoError(t, err)
	require.Equal(t, someKey, key)
}

// wrap makes a file as "age -p" does, but quickly.
func wrap(t testing.TB, text, passphrase string) []byte {
	t.Helper()
	recipient, err := age.NewScryptRecipient(passphrase)
	require.NoError(t, err)
	recipient.SetWorkFactor(1)
	var data bytes.Buffer
	to, err := age.Encrypt(&data, recipient)
	require.NoError(t, err)
	_, err = io.WriteString(to, text)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	return data.Bytes()
}

func write(t testing.TB, file string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, data, 0o600))
}

// The file is one of age: what it made is read, and it reads what we made, with
// its own idea of how much work a guess should be.
func TestPassphraseFormat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, text := range []string{string(someKey), someText, someText + "\n"} {
		file := filepath.Join(dir, fmt.Sprint(i))
		write(t, file, wrap(t, text, "correct horse"))
		k := keys.Passphrase(file, says("correct horse"))
		require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
		key, err := k.Key(t.Context(), "any")
		require.NoError(t, err)
		require.Equal(t, someKey, key)
	}

	file := filepath.Join(dir, "ours")
	k := keys.Passphrase(file, says("correct horse"))
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	require.NoError(t, k.Create(t.Context(), "id", someKey))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Regexp(t, `^age-encryption\.org/v1\n-> scrypt \S+ 18\n`, string(data))
	identity, err := age.NewScryptIdentity("correct horse")
	require.NoError(t, err)
	plain, err := age.Decrypt(bytes.NewReader(data), identity)
	require.NoError(t, err)
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	require.Equal(t, someText+"\n", string(text))
	k = keys.Passphrase(file, says("correct horse"))
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	key, err := k.Key(t.Context(), "id")
	require.NoError(t, err)
	require.Equal(t, someKey, key)
	if runtime.GOOS != "windows" {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
}

// Written once: whoever comes second keeps what is there, and can use it.
func TestPassphraseIsWrittenOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.age")
	all := make([]cache.Keys, 10)
	for i := range all {
		all[i] = keys.QuickPassphrase(file, says("correct horse"))
		require.NoError(t, all[i].(cache.Unlocker).Unlock(t.Context()))
	}
	var made atomic.Int32
	var racing sync.WaitGroup
	for i, k := range all {
		racing.Go(func() {
			switch err := k.Create(t.Context(), "id", bytes.Repeat([]byte{byte(i)}, 32)); {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, cache.ErrConflict):
				t.Error(err)
			}
		})
	}
	racing.Wait()
	require.EqualValues(t, 1, made.Load())
	first, err := all[0].Key(t.Context(), "id")
	require.NoError(t, err)
	for _, k := range all {
		key, err := k.Key(t.Context(), "id")
		require.NoError(t, err)
		require.Equal(t, first, key)
	}
}

func TestPassphraseFileFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	good := wrap(t, someText, "correct horse")
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("key"), "cut": good[:len(good)-1], "longer": append(bytes.Clone(good), 0),
		"huge": bytes.Repeat(good, 100), "not a key": wrap(t, "key", "correct horse"), "two keys": wrap(t, someText+someText, "correct horse"),
		"no passphrase": bytes.Replace(good, []byte("scrypt"), []byte("X25519"), 1),
		"a day of work": regexp.MustCompile(`(scrypt \S+) 1\n`).ReplaceAll(good, []byte("$1 30\n")),
	} {
		write(t, path(name), data)
	}
	if runtime.GOOS != "windows" {
		write(t, path("loose"), good)
		require.NoError(t, os.Chmod(path("loose"), 0o640))
	}
	if os.Geteuid() == 0 {
		write(t, path("foreign"), good)
		require.NoError(t, os.Chown(path("foreign"), 12345, 12345))
	}
	require.NoError(t, os.Mkdir(path("directory"), 0o700))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		file := path(entry.Name())
		who := &person{says: "correct horse"}
		k := keys.QuickPassphrase(file, who.ask)
		want, remedy := cache.ErrUnavailable, "move it away and sign in"
		switch entry.Name() {
		case "loose":
			want, remedy = cache.ErrNoSecureStorage, "give it 0600"
		case "foreign":
			remedy = "belongs to user 12345"
		case "directory":
			remedy = "choose another"
		case "no passphrase":
			want, remedy = keys.ErrWrongPassphrase, "try again"
		}
		before, _ := os.ReadFile(file)
		err := k.(cache.Unlocker).Unlock(t.Context())
		require.ErrorIs(t, err, want, file)
		require.NotErrorIs(t, err, cache.ErrUnreadable, "a sign-in does not replace it")
		require.NotErrorIs(t, err, cache.ErrNotFound)
		require.ErrorContains(t, err, file)
		require.ErrorContains(t, err, remedy)
		if slices.Contains([]string{"loose", "foreign", "directory"}, entry.Name()) {
			require.Zero(t, who.asked.Load(), "nobody is asked in vain")
		}
		require.Error(t, k.Create(t.Context(), "id", someKey))
		after, _ := os.ReadFile(file)
		require.Equal(t, before, after)
	}
}

// Whatever happens to the file, the key comes out of it whole or not at all.
func TestPassphraseDamage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.age")
	good := wrap(t, someText, "correct horse")
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		write(t, file, bad)
		k := keys.QuickPassphrase(file, says("correct horse"))
		err := k.(cache.Unlocker).Unlock(t.Context())
		require.Error(t, err, "byte %d", i)
		require.True(t, errors.Is(err, keys.ErrWrongPassphrase) || errors.Is(err, cache.ErrUnavailable), "%v", err)
		_, err = k.Key(t.Context(), "id")
		require.ErrorIs(t, err, cache.ErrLocked)
	}
}

// A lost file is a lost key: a person signs in, with a new one.
func TestPassphraseFileLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "key.age")
	open := func() cache.Store {
		return cache.Dir(filepath.Join(dir, "store"), keys.QuickPassphrase(file, says("correct horse")))
	}
	s := open()
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	_, err := s.Put(t.Context(), "a-1", []byte("one"), "")
	require.NoError(t, err)
	require.NoError(t, os.Remove(file))
	s = open()
	_, rev, err := s.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrUnreadable)
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	_, err = s.Put(t.Context(), "a-1", []byte("two"), rev)
	require.NoError(t, err)
	require.FileExists(t, file)
}

// The file goes with the store, but for one that has another key, or is none.
func TestPassphraseRemove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "key.age")
	write(t, file, wrap(t, someText, "correct horse"))
	k := keys.QuickPassphrase(file, says("correct horse"))
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	remove := func(k cache.Keys) error { return k.(cache.Remover).Remove(t.Context(), cache.KeyID(someKey)) }
	require.NoError(t, k.(cache.Remover).Remove(t.Context(), cache.KeyID(make([]byte, 32))))
	require.FileExists(t, file)
	require.NoError(t, remove(k))
	require.NoFileExists(t, file)
	_, err := k.Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrNotFound, "forgotten")
	require.NoError(t, remove(k), "again")

	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.Mkdir(empty, 0o700))
	require.ErrorIs(t, remove(keys.QuickPassphrase(empty, says(""))), cache.ErrUnavailable)
	require.DirExists(t, empty)
}

func TestPassphraseDoesNotPrint(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.age")
	k := keys.QuickPassphrase(file, says("canary-passphrase"))
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	print := func() (text string) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text += fmt.Sprintf(verb, k)
		}
		return text
	}
	secrets := []string{"canary-passphrase", fmt.Sprintf("%x", "canary-passphrase"), someText, string(someKey), fmt.Sprintf("%x", someKey),
		strings.Trim(fmt.Sprint(someKey), "[]")}
	for _, secret := range secrets {
		require.NotContains(t, print(), secret)
	}
	require.NoError(t, k.Create(t.Context(), "id", someKey))
	for _, secret := range secrets {
		require.NotContains(t, print(), secret)
	}
}
