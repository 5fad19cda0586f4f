package pictures

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/keychains"
)

// install is the sentence for whoever misses a part.
const install = "run `bash .ci/install` at the root of the checkout"

// columns is the width of every terminal here. The height is more than any program needs.
const columns, rows = 100, 60

// terminal is one with a shell in it, in the session of a person who has just logged in.
type terminal struct {
	t       *testing.T
	session *keychains.Session
	home    string
	env     []string
}

// open opens a terminal in the directory. Everything in it ends with the test.
func open(t *testing.T, dir string, env ...string) *terminal {
	t.Helper()
	s := keychains.NewSession(t)
	s.StartBus()
	s.StartGnome()
	home := homeOf(s)
	env = append(append(s.Environ(), "XDG_STATE_HOME="+home+"/.local/state", "XDG_CONFIG_HOME="+home+"/.config",
		"PATH="+home+"/bin:"+os.Getenv("PATH"), "TERM=xterm-256color", "LC_ALL=C.UTF-8",
		"PROMPT_COMMAND=echo $? >~/code"), env...)
	term := &terminal{t, s, home, env}
	t.Cleanup(func() { _ = term.command("kill-server").Run() })
	term.tmux("-f", os.DevNull, "new-session", "-d", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(rows), "-c", dir,
		"env PS1='$ ' HISTFILE= bash --norc --noprofile")
	term.wait(`\A\$\z`)
	return term
}

func homeOf(s *keychains.Session) string {
	for _, v := range s.Environ() {
		if home, ok := strings.CutPrefix(v, "HOME="); ok {
			return home
		}
	}
	return ""
}

func (s *terminal) command(args ...string) *exec.Cmd {
	cmd := exec.Command("tmux", append([]string{"-S", filepath.Join(s.home, "tmux")}, args...)...)
	cmd.Env = s.env
	return cmd
}

func (s *terminal) tmux(args ...string) string {
	s.t.Helper()
	out, err := s.command(args...).CombinedOutput()
	require.NoError(s.t, err, "tmux: %s (%s)", out, install)
	return string(out)
}

// clear empties the screen.
func (s *terminal) clear() {
	s.t.Helper()
	s.enter("clear")
	s.wait(`\A\$\z`)
}

func (s *terminal) enter(line string) {
	s.t.Helper()
	s.tmux("send-keys", "-l", "--", line)
	s.tmux("send-keys", "Enter")
}

// wait waits until the screen matches, and returns it as until does.
func (s *terminal) wait(pattern string) string {
	s.t.Helper()
	return s.until(pattern, regexp.MustCompile("(?ms)"+pattern).MatchString)
}

// until waits for what has to come onto the screen. It returns all of it, with escape sequences, and with lines that the
// margin broke in one piece again. It looks again and again, because tmux tells nobody.
func (s *terminal) until(what string, shows func(text string) bool) string {
	s.t.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		screen := s.tmux("capture-pane", "-p", "-e", "-J")
		if text := plain(screen); shows(text) {
			return screen
		} else if time.Now().After(end) {
			require.Fail(s.t, "the screen never shows "+what, text)
		}
	}
}

// code is the exit code of the last command.
func (s *terminal) code() int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.home, "code"))
	require.NoError(s.t, err)
	code, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(s.t, err)
	return code
}
