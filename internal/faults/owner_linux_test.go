package faults_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// somebody is a user of no importance. Only root can be somebody else.
const somebody = 12345

// TestModesAndOwners runs its programs as a user whom modes mean something to.
func TestModesAndOwners(t *testing.T) {
	for name, tt := range map[string]struct {
		change  func(w *world, record string) error
		refused string // what the error has to name; empty: there is none
		reads   bool   // a valid token is there all the same
	}{
		"record of mode 000":        {func(w *world, r string) error { return os.Chmod(w.path(r), 0) }, "record", false},
		"directory of mode 0500":    {func(w *world, _ string) error { return os.Chmod(w.path(), 0o500) }, "directory", true},
		"directory of another user": {foreign, "belongs to user", false},
		"directory of mode 0777":    {func(w *world, _ string) error { return os.Chmod(w.path(), 0o777) }, "", true},
		"record of mode 0666":       {func(w *world, r string) error { return os.Chmod(w.path(r), 0o666) }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, msaltest.RotateStrict)
			first := w.signIn(t, "avery")
			key := w.keys(t)[0]
			home := filepath.Join(w.space, "home")
			require.NoError(t, os.Mkdir(home, 0o700))
			require.NoError(t, os.Chmod(filepath.Dir(w.space), 0o711))
			giveAway(t, w.space)
			require.NoError(t, tt.change(w, key))
			before := files(t, w.space)

			p := w.start(t, "", asSomebody(home))
			r := p.do(t, order{Do: "token"})
			if tt.reads {
				requireSame(t, []reply{r, {Token: fingerprint(first)}})
			} else {
				require.Contains(t, r.Is, "ErrUnavailable")
				require.NotContains(t, r.Is, "ErrSignInRequired")
			}
			r = p.do(t, order{Do: "force"})
			if tt.refused == "" {
				requireSame(t, []reply{r})
				require.True(t, w.alive(first))
				for _, name := range []string{"", key} {
					info, err := os.Stat(w.path(name))
					require.NoError(t, err)
					require.Zero(t, info.Mode().Perm()&0o077, "corrected")
				}
				return
			}
			require.Contains(t, r.Is, "ErrUnavailable")
			require.Zero(t, w.refreshes(), "an answer could not be stored")
			require.True(t, w.alive(first))
			require.Contains(t, r.Error, map[string]string{
				"record": key, "directory": w.path(), "belongs to user": w.path() + " belongs to user",
			}[tt.refused])
			require.Equal(t, before, files(t, w.space), "nothing is written anywhere")
		})
	}
}

// foreign gives the directory to root where somebody runs the program, and else stands in for it by one of root's.
func foreign(w *world, _ string) error {
	if os.Geteuid() == 0 {
		return errors.Join(os.Chown(w.path(), 0, 0), os.Chmod(w.path(), 0o755))
	}
	if err := os.Rename(w.path(), w.path()+"-aside"); err != nil {
		return err
	}
	return os.Symlink("/", w.path())
}

func giveAway(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	require.NoError(t, filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Chown(path, somebody, somebody)
		}
		return err
	}))
}

// asSomebody runs a program as somebody who may not even enter the directory of the test binary: the kernel has it open.
func asSomebody(home string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "HOME="+home, "TMPDIR="+home, "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home)
		cmd.Dir = home
		cmd.Path = "/proc/self/exe"
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
		}
	}
}

// files lists all there is below path, but for the empty files of locks.
func files(t *testing.T, path string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := e.Info(); err == nil && (info.IsDir() || info.Size() > 0) {
			names = append(names, path)
		}
		return nil
	}))
	return names
}
