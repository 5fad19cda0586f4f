package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"filippo.io/age"

	"github.com/staysigned/staysigned/cache"
)

const (
	workFactor = 18 // 2^18 steps of scrypt: age's own choice, a second and 256 MiB

	// maxWorkFactor bounds what a file can make this process do.
	maxWorkFactor = 20

	maxWrapped = 4 << 10 // ours have less than 300 bytes
)

// wrapped is a file in the format of age, for one passphrase, that holds a key
// as text.
type wrapped struct {
	path string
	work int
}

// read follows symbolic links and decides on the open file. A file that is not
// there is cache.ErrNotFound.
func (w wrapped) read() ([]byte, error) {
	file, err := os.OpenFile(w.path, os.O_RDONLY|dontWait, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keys: there is no key yet: %w: %w", cache.ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %w: %w", cache.ErrUnavailable, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("keys: %w: %w", cache.ErrUnavailable, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("keys: %s is not a regular file; choose another: %w", w.path, cache.ErrUnavailable)
	}
	if uid, mine := owner(info); !mine {
		return nil, fmt.Errorf("keys: %s belongs to user %d and this process runs as user %d; run it as that user, or choose another file: %w",
			w.path, uid, os.Geteuid(), cache.ErrUnavailable)
	}
	if mode := info.Mode().Perm(); mode != 0o400 && mode != 0o600 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("keys: %s has mode %#o, and others may have read it; give it 0600, or make a new one: %w", w.path, mode, cache.ErrNoSecureStorage)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxWrapped+1))
	if err != nil {
		return nil, fmt.Errorf("keys: %w: %w", cache.ErrUnavailable, err)
	}
	return data, nil
}

func (w wrapped) unwrap(data []byte, passphrase string) ([]byte, error) {
	if len(data) > maxWrapped {
		return nil, w.damaged(errors.New("too long"))
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, w.damaged(err)
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	text, err := age.Decrypt(bytes.NewReader(data), identity)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, fmt.Errorf("keys: the passphrase does not open %s; try again with another: %w: %w", w.path, cache.ErrLocked, ErrWrongPassphrase)
	}
	if err != nil {
		return nil, w.damaged(err)
	}
	key, err := io.ReadAll(io.LimitReader(text, maxOutput+1))
	if err != nil {
		return nil, w.damaged(err)
	}
	if key, err = cache.ParseKey(key); err != nil {
		return nil, w.damaged(err)
	}
	return key, nil
}

// damaged is not cache.ErrUnreadable: a sign-in does not replace the file.
func (w wrapped) damaged(err error) error {
	return fmt.Errorf("keys: %s is damaged or no passphrase file of age (%.100q); bring it back from a backup, or move it away and sign in: %w",
		w.path, err.Error(), cache.ErrUnavailable)
}

// create writes the file under another name first and then links it to its own:
// that fails if there is one, and no crash leaves half of it.
func (w wrapped) create(key []byte, passphrase string) error {
	data, err := w.wrap(key, passphrase)
	if err != nil {
		return fmt.Errorf("keys: %s: %w: %w", w.path, cache.ErrUnavailable, err)
	}
	dir := filepath.Dir(w.path)
	err = os.MkdirAll(dir, 0o700)
	if err == nil {
		err = w.link(dir, data)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("keys: there is a key in %s already: %w: %w", w.path, cache.ErrConflict, err)
	case err != nil:
		return fmt.Errorf("keys: %w: %w", cache.ErrUnavailable, err)
	}
	if stored, err := w.read(); err != nil || !bytes.Equal(stored, data) {
		return fmt.Errorf("keys: %s was written, and then it was not there; try again: %w", w.path, cache.ErrUnavailable)
	}
	return nil
}

func (w wrapped) link(dir string, data []byte) error {
	file, err := os.CreateTemp(dir, filepath.Base(w.path)+".new*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Link(file.Name(), w.path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	return err
}

// remove removes what read would read, and nothing else that has its name.
func (w wrapped) remove() error {
	if _, err := w.read(); errors.Is(err, cache.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if err := os.Remove(w.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keys: %w: %w", cache.ErrUnavailable, err)
	}
	return nil
}

// wrap writes the key in base64, so that "age -d" can show it in a terminal.
func (w wrapped) wrap(key []byte, passphrase string) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(w.work)
	var data bytes.Buffer
	to, err := age.Encrypt(&data, recipient)
	if err == nil {
		_, err = io.WriteString(to, base64.StdEncoding.EncodeToString(key)+"\n")
	}
	if err == nil {
		err = to.Close()
	}
	return data.Bytes(), err
}
