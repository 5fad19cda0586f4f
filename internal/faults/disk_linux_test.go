package faults_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// disk has a program whose store can be out of room.
type disk struct {
	*process
	inside *world // the world as the program sees it
	fill   func(t *testing.T)
	free   func(t *testing.T)
}

// onDisks runs a scenario on a file system that is full, and under a limit of the size of files. Where the kernel lets
// nobody mount, the second stands in for the first.
func onDisks(t *testing.T, scenario func(t *testing.T, w *world, d *disk, first msal.Token)) {
	for name, open := range map[string]func(*testing.T, *world) *disk{"full file system": smallDisk, "limit of file sizes": limited} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, msaltest.RotateStrict)
			first := w.signIn(t, "avery")
			w.expire(t)
			d := open(t, w)
			if d == nil {
				d = limited(t, w)
			}
			scenario(t, w, d, first)
		})
	}
}

// smallDisk has a file system of its own, in a mount namespace that ends with the program.
func smallDisk(t *testing.T, w *world) *disk {
	spaces := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		spaces.Cloneflags |= syscall.CLONE_NEWUSER
		spaces.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		spaces.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	may := exec.Command("mount", "-t", "tmpfs", "small", w.space)
	may.SysProcAttr = &syscall.SysProcAttr{Cloneflags: spaces.Cloneflags, UidMappings: spaces.UidMappings, GidMappings: spaces.GidMappings}
	if out, err := may.CombinedOutput(); err != nil {
		t.Logf("the kernel lets nobody mount here: %v: %s", err, out)
		return nil
	}
	p := w.start(t, onSmallDisk, func(cmd *exec.Cmd) { cmd.SysProcAttr = spaces })
	inside := *w
	inside.space = fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, w.space)
	require.NoError(t, os.CopyFS(inside.path(), os.DirFS(w.path())))
	ballast := inside.path("ballast@")
	return &disk{process: p, inside: &inside,
		fill: func(t *testing.T) {
			file, err := os.Create(ballast)
			require.NoError(t, err)
			defer file.Close()
			for err == nil {
				_, err = file.Write(make([]byte, 4096))
			}
			require.ErrorIs(t, err, unix.ENOSPC)
		},
		free: func(t *testing.T) { require.NoError(t, os.Remove(ballast)) },
	}
}

func init() {
	mountSmallDisk = func(space string) error {
		// What is mounted here must not be seen outside.
		return errors.Join(
			unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("small", filepath.Join(space, "sessions"), "tmpfs", 0, "size=256k,mode=700"))
	}
}

// limited may from now on write nothing beyond the beginning of a file.
func limited(t *testing.T, w *world) *disk {
	p := w.start(t, "")
	limit := func(n uint64) func(*testing.T) {
		return func(t *testing.T) {
			require.NoError(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY}, nil))
		}
	}
	return &disk{process: p, inside: w, fill: limit(0), free: limit(unix.RLIM_INFINITY)}
}

// takeRoom removes what was set aside for the next record, and fills the disk.
func (d *disk) takeRoom(t *testing.T) {
	t.Helper()
	require.NoError(t, os.Remove(d.inside.path(d.inside.keys(t)[0]+"@new")), "there was room set aside")
	d.fill(t)
}

func TestFullBefore(t *testing.T) {
	onDisks(t, func(t *testing.T, w *world, d *disk, first msal.Token) {
		d.fill(t)
		for range 3 {
			r := d.do(t, order{Do: "token"})
			require.Contains(t, r.Is, "ErrUnavailable")
			require.NotContains(t, r.Is, "ErrSignInRequired")
			require.Contains(t, r.Error, w.path(), "what to make room in")
			require.Zero(t, w.refreshes())
		}
		d.free(t)
		requireSame(t, []reply{d.do(t, order{Do: "token"})})
		require.Equal(t, 1, w.refreshes())
		require.True(t, w.alive(first))
	})
}

func TestFullAfter(t *testing.T) {
	for name, later := range map[string]func(t *testing.T, w *world, d *disk) reply{
		"the next refresh stores it": func(t *testing.T, w *world, d *disk) reply {
			r := d.do(t, order{Do: "force"})
			require.Equal(t, 2, w.refreshes())
			return r
		},
		"a look at the store is enough": func(t *testing.T, w *world, d *disk) reply {
			time.Sleep(1100 * time.Millisecond) // it looks once a second
			r := d.do(t, order{Do: "token"})
			require.Equal(t, 1, w.refreshes())
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			onDisks(t, func(t *testing.T, w *world, d *disk, first msal.Token) {
				w.front.on(nil, func(http.ResponseWriter, *httptest.ResponseRecorder) bool { d.takeRoom(t); return false })
				old := d.inside.refreshToken(t)
				r := d.do(t, order{Do: "token"})
				require.Empty(t, r.Error)
				require.NotEmpty(t, r.Token)
				require.Contains(t, r.Warning, "memory only")
				require.Equal(t, old, d.inside.refreshToken(t), "it is spent, and still stored")
				w.front.on(nil, nil)

				full := d.do(t, order{Do: "force"})
				require.Contains(t, full.Is, "ErrUnavailable", "there is no room for another")
				require.Equal(t, 1, w.refreshes())
				d.free(t)
				r = later(t, w, d)
				require.Empty(t, r.Error)
				require.Empty(t, r.Warning)
				require.NotEqual(t, old, d.inside.refreshToken(t))

				before := w.refreshes()
				token, err := d.inside.token(t)
				require.NoError(t, err)
				require.Equal(t, r.Token, fingerprint(token), "another process has it too")
				require.Equal(t, before, w.refreshes())
				require.True(t, w.alive(first))
			})
		})
	}
}
