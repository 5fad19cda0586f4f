package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// screen is a terminal with a shell in which the program is, as a person sees it.
type screen struct {
	t      *testing.T
	w      *world
	socket string
}

func (w *world) screen(t *testing.T, shell string) *screen {
	t.Helper()
	// The path of a socket is short, and t.TempDir's may not be.
	dir, err := os.MkdirTemp("", "cli")
	require.NoError(t, err)
	s := &screen{t, w, filepath.Join(dir, "tmux")}
	t.Cleanup(func() {
		pid, _ := said(exec.Command("tmux", "-S", s.socket, "display-message", "-p", "#{pane_pid}"))
		_, _ = said(exec.Command("tmux", "-S", s.socket, "kill-server"))
		gone(strings.TrimSpace(pid))
		_ = os.RemoveAll(dir)
	})
	s.tmux("-f", os.DevNull, "new-session", "-d", "-x", "250", "-y", "60", shell)
	s.wait(`^\$\z`)
	return s
}

// gone waits for the end of a shell, which writes its files until then. What has ended and that nobody has asked for yet
// has no arguments any more.
func gone(pid string) {
	for range 1000 {
		if args, _ := os.ReadFile("/proc/" + pid + "/cmdline"); len(args) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	cmd := s.w.command(s.t, "tmux", append([]string{"-S", s.socket}, args...)...)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	out, ok := said(cmd)
	require.True(s.t, ok, out)
	return out
}

// enter clears the screen and types a line.
func (s *screen) enter(line string) {
	s.t.Helper()
	s.keys("clear")
	s.wait(`\A\$\z`)
	s.keys(line)
}

func (s *screen) keys(line string) {
	s.t.Helper()
	s.tmux("send-keys", "-l", "--", line)
	s.tmux("send-keys", "Enter")
}

// text is what stands on the screen.
func (s *screen) text() string { return strings.TrimRight(s.tmux("capture-pane", "-p"), "\n") }

// colored is the same with the escape sequences that make it look so.
func (s *screen) colored() string { return s.tmux("capture-pane", "-p", "-e") }

// wait waits for the screen to show something, and returns all of it.
func (s *screen) wait(pattern string) string {
	s.t.Helper()
	want := regexp.MustCompile("(?m)" + pattern)
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		text := s.text()
		if want.MatchString(text) {
			return text
		}
		require.True(s.t, time.Now().Before(end), "the screen never shows %s:\n%s", pattern, text)
	}
}

// code waits for the prompt and returns with which code the command has ended.
func (s *screen) code() string {
	s.t.Helper()
	s.wait(`^\$\z`)
	s.keys(`echo "code $?"`)
	text := s.wait(`^code \d+$`)
	return regexp.MustCompile(`(?m)^code (\d+)$`).FindStringSubmatch(text)[1]
}

// bash is as the person has it who has changed nothing.
const bash = "env PS1='$ ' HISTFILE= bash --norc --noprofile"

func TestBrowserOnTerminal(t *testing.T) {
	t.Parallel()
	s := here(t).screen(t, bash)
	s.enter("BROWSER=true staysigned login")
	text := s.wait(`left, Ctrl-C to stop\z`)
	require.Regexp(t, `If no page comes up, open this address:\n\n  http://127`, text)
	require.Regexp(t, `\nWaiting for you to sign in \.\.\. [45]:\d\d left, Ctrl-C to stop$`, text)
	seconds := regexp.MustCompile(`\d:\d\d left`).FindString(text)
	require.Eventually(t, func() bool { return !strings.Contains(s.text(), seconds) }, time.Minute, 20*time.Millisecond, "it counts down")
	require.Equal(t, 1, strings.Count(s.text(), "left, Ctrl-C"), "in its place")
	s.tmux("send-keys", "C-c")
	text = s.wait(`^staysigned: stopped$`)
	require.NotContains(t, text, "left, Ctrl-C")
	require.Contains(t, s.colored(), "\x1b[31mstaysigned:")
	require.Equal(t, "130", s.code())

	s.enter("staysigned login")
	text = s.wait(`^✓ Signed in as Avery Example <avery@idp\.example>\. The session is in `)
	require.NotContains(t, text, "left, Ctrl-C")
	require.Contains(t, s.colored(), "\x1b[32m✓")
	s.enter("NO_COLOR=1 staysigned login")
	s.wait(`^✓ Signed in`)
	require.NotContains(t, s.colored(), "\x1b[")

	s.enter("staysigned token")
	text = s.wait(`^staysigned: standard output is a terminal`)
	require.NotRegexp(t, `at-[A-Z0-9]{9}`, text)
	require.Equal(t, "2", s.code())
	for _, command := range []string{"token --header", "token --json", "credential kubernetes", "credential docker list"} {
		s.enter("staysigned " + command)
		require.Equal(t, "2", s.code(), command)
		require.NotRegexp(t, `at-[A-Z0-9]{9}`, s.text())
	}
	s.enter("staysigned token --show")
	s.wait(`^at-[A-Z0-9]{9}`)
	s.enter("staysigned token | wc -c")
	s.wait(`^\d+\n\$\z`)
}

// A terminal that is narrow breaks no word, no address and no command.
func TestNarrowTerminal(t *testing.T) {
	t.Parallel()
	s := here(t).screen(t, bash)
	s.tmux("resize-window", "-x", "50", "-y", "60")
	const ended = `^staysigned: (.*\n)+\$\z`
	s.enter("staysigned token")
	require.Contains(t, s.wait(ended), `
staysigned: standard output is a terminal, where
the token would stay to be read; pipe it to a
program, or say --show
`)
	s.enter("staysigned whoami --account somebody.else@idp.example")
	require.Contains(t, s.wait(ended), `
staysigned: sign-in required: nobody is signed in
as somebody.else@idp.example; run:
staysigned login --account somebody.else@idp.examp
le
`, "the terminal breaks what is copied, which it knows to put together again")
	s.enter("STAYSIGNED_CLIENT_ID= staysigned doctor")
	require.Contains(t, s.wait(ended), `
✗ settings   where do people sign in? give
             --client-id, or set it in
             `)
}

func TestDeviceOnTerminal(t *testing.T) {
	t.Parallel()
	w := here(t)
	w.AutoApproveAfter = 0
	s := w.screen(t, bash)
	s.enter("staysigned login --device")
	text := s.wait(`left, Ctrl-C to stop\z`)
	code := regexp.MustCompile(`\n  ([A-Z]{4}-[A-Z]{4})\n`).FindStringSubmatch(text)[1]
	require.Regexp(t, `^http://127\.0\.0\.1:\d+/\S+\?user_code=`+code+`$`, scan(t, text))
	require.Contains(t, s.colored(), "\x1b[97m\x1b[40m", "the camera sees white on black")
	w.Approve(code)
	text = s.wait(`^✓ Signed in as Avery`)
	require.NotContains(t, text, "left, Ctrl-C")

	s.tmux("resize-window", "-x", "30", "-y", "60")
	s.enter("staysigned login --device")
	text = s.wait(`^Waiting for you to sign in\S* ?\S*\z`)
	require.NotContains(t, text, "▄", "a code that is broken by the margin")
	s.tmux("send-keys", "C-c")
	text = s.wait(`staysigned: stopped`)
	require.NotContains(t, text, "Waiting for you", "a line that had wrapped would be left behind")
	require.Equal(t, "130", s.code())
}

// scan reads the code on a screen with a camera's eyes.
func scan(t *testing.T, text string) string {
	t.Helper()
	var rows []string
	for line := range strings.Lines(text) {
		if strings.ContainsAny(line, "█▀▄") {
			rows = append(rows, strings.TrimRight(line, "\n"))
		}
	}
	const module = 4
	picture := image.NewGray(image.Rect(0, 0, module*len([]rune(rows[0])), 2*module*len(rows)))
	for y, row := range rows {
		for x, r := range []rune(row) {
			for i := range module * module {
				at := image.Pt(module*x+i%module, 2*module*y+i/module)
				if r == '█' || r == '▀' {
					picture.Set(at.X, at.Y, color.White)
				}
				if r == '█' || r == '▄' {
					picture.Set(at.X, at.Y+module, color.White)
				}
			}
		}
	}
	name := filepath.Join(t.TempDir(), "screen.png")
	file, err := os.Create(name)
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, png.Encode(file, picture))
	out, err := exec.CommandContext(t.Context(), "zbarimg", "--quiet", "--raw", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// A passphrase is asked for by unlock and login alone, does not show, and Ctrl-C leaves the terminal as it was.
func TestPassphraseOnTerminal(t *testing.T) {
	t.Parallel()
	w := here(t)
	t.Cleanup(func() { w.forgetKey() })
	s := w.screen(t, bash)
	s.keys("export STAYSIGNED_KEY=passphrase")

	s.enter("staysigned unlock")
	s.wait(`^New passphrase:$`)
	s.tmux("send-keys", "-l", "--", "hidden")
	s.tmux("send-keys", "C-c")
	s.wait(`^staysigned: stopped$`)
	require.Equal(t, "130", s.code())
	s.enter("stty -a")
	s.wait(`\secho\s`)

	s.enter("staysigned unlock")
	s.wait(`^New passphrase:$`)
	s.keys("hidden one")
	s.wait(`^Again:$`)
	s.keys("hidden two")
	s.wait(`the two are not the same`)
	require.Equal(t, "6", s.code())

	s.enter("staysigned login")
	s.wait(`^New passphrase:$`)
	s.keys("hidden")
	s.wait(`^Again:$`)
	s.keys("hidden")
	text := s.wait(`^✓ Signed in`)
	require.NotContains(t, text, "hidden")
	s.enter("staysigned token | wc -c") // the kernel has the key now
	s.wait(`^\d+\n\$\z`)

	w.forgetKey() // the machine starts again
	s.enter("staysigned token | cat")
	s.wait(`; run: staysigned unlock`)
	s.enter("staysigned unlock")
	s.wait(`^Passphrase:$`)
	s.keys("hidden")
	s.wait(`^✓ The key to `)
	s.enter("staysigned token | wc -c")
	s.wait(`^\d+\n\$\z`)

	w.forgetKey()
	s.enter("staysigned logout --purge")
	s.wait(`the server was not told: .* is locked`)
	require.Equal(t, "6", s.code())
	require.NoFileExists(t, filepath.Join(w.dir, "sessions.age"))
	require.NoFileExists(t, filepath.Join(w.dir, "sessions", "store.json"))
}

// Who moves from the kernel to a passphrase is asked for one, and stays signed in when the machine starts again.
func TestKernelToPassphraseOnTerminal(t *testing.T) {
	t.Parallel()
	w := here(t)
	t.Cleanup(func() { w.forgetKey() })
	w.run(t, "login", "--without-terminal", "--key", "kernel")
	s := w.screen(t, bash)
	s.keys("export STAYSIGNED_KEY=passphrase")
	s.enter("staysigned unlock")
	s.wait(`^New passphrase:$`)
	s.keys("hidden")
	s.wait(`^Again:$`)
	s.keys("hidden")
	s.wait(`^✓ The key to `)

	w.forgetKey()
	s.enter("staysigned unlock")
	s.wait(`^Passphrase:$`)
	s.keys("hidden")
	s.wait(`^✓ The key to `)
	s.enter("staysigned token | wc -c")
	s.wait(`^\d+\n\$\z`)
}

// Tab completes commands, flags and the names of profiles.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for name, shell := range map[string]struct{ command, setUp string }{
		"bash": {bash, ". /usr/share/bash-completion/bash_completion; . <(staysigned completion bash)"},
		"zsh":  {"env PS1='$ ' zsh -f", "autoload -U compinit; compinit -D -u; . <(staysigned completion zsh)"},
		"fish": {"fish --private", "staysigned completion fish | source"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := here(t)
			w.write(t, "config/staysigned/config.toml", "[profiles.home]\n[profiles.work]\n")
			w.write(t, "config/fish/config.fish", "function fish_prompt; printf '$ '; end\nset fish_greeting\n")
			s := w.screen(t, shell.command)
			s.keys(shell.setUp)
			s.keys("clear")
			s.wait(`\A\$\z`)
			s.tmux("send-keys", "-l", "--", "staysigned tok")
			s.wait(`tok\z`)
			s.tmux("send-keys", "Tab")
			s.wait(`^\$ staysigned token`)
			s.tmux("send-keys", "-l", "--", "--profile wo")
			s.wait(`wo\z`)
			s.tmux("send-keys", "Tab")
			s.wait(`^\$ staysigned token --profile work`)
		})
	}
}

// forgetKey takes the key of this world's sessions out of the kernel, and no other.
func (w *world) forgetKey() {
	text, err := os.ReadFile(filepath.Join(w.dir, "sessions", "store.json"))
	var manifest struct{ Key string }
	if err != nil || json.Unmarshal(text, &manifest) != nil {
		return
	}
	serial, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", program+":"+program+":"+manifest.Key, 0)
	if err == nil {
		_, _ = unix.KeyctlInt(unix.KEYCTL_INVALIDATE, serial, 0, 0, 0)
	}
}
