package keychains

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary its own second program.
func TestMain(m *testing.M) {
	if os.Getenv(envProgram) == "" {
		os.Exit(m.Run())
	}
	if err := RunProgram(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "program:", err)
		os.Exit(1)
	}
}

func requireOK(t *testing.T, a Answer) Answer {
	t.Helper()
	require.Empty(t, a.Text)
	return a
}

func requireData(t *testing.T, a Answer, want string) Answer {
	t.Helper()
	requireOK(t, a)
	require.Equal(t, want, a.Data)
	return a
}

func requireIs(t *testing.T, a Answer, want string) Answer {
	t.Helper()
	require.Equal(t, []string{want}, a.Is, a.Text)
	return a
}

// signIn has a program store a session under that key and end.
func signIn(t *testing.T, s *Session, key string) {
	t.Helper()
	p := s.StartProgram()
	requireOK(t, p.Unlock())
	requireOK(t, p.Put(key, "session of "+key, ""))
	p.End()
}

// files are the contents of all files that the program keeps. Empty ones are locks.
func (s *Session) files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(s.env["XDG_STATE_HOME"], func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if len(data) > 0 {
			all[filepath.Base(path)] = fmt.Sprintf("%x", sha256.Sum256(data))
		}
		return err
	}))
	return all
}

// requireSilent demands of all that a program does by itself that it fails like this, and that it asks nobody, writes
// nothing and makes no key.
func requireSilent(t *testing.T, s *Session, want string) {
	t.Helper()
	before := s.files(t)
	p := s.StartProgram()
	if len(before) > 0 {
		requireIs(t, p.Get("a-1"), want)
	}
	requireIs(t, p.Put("a-2", "another", ""), want)
	requireIs(t, p.Reserve("a-1"), want)
	p.End()
	require.Equal(t, before, s.files(t))
}
