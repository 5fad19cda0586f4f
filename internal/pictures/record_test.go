package pictures

import (
	"image"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// frame is what the screen shows for a while.
type frame struct {
	lines []line
	hold  time.Duration
	typed int // so many cells at the end of the last line are typed meanwhile
}

// recording is what the screen of a terminal shows over time.
type recording struct {
	*terminal
	title  string
	same   []replacement
	frames []frame
	poster int // the frame to show where nothing moves
}

// replacement makes what differs from run to run the same.
type replacement struct {
	pattern *regexp.Regexp
	with    string
}

func same(pairs ...string) (all []replacement) {
	for pair := range slices.Chunk(pairs, 2) {
		all = append(all, replacement{regexp.MustCompile(pair[0]), pair[1]})
	}
	return all
}

const (
	perKey  = 55 * time.Millisecond
	perLine = 350 * time.Millisecond
	breath  = 900 * time.Millisecond
)

// read reads a screen as it is drawn.
func (r *recording) read(screen string) []line {
	r.t.Helper()
	screen = strings.ReplaceAll(screen, r.home, "~")
	for _, s := range r.same {
		screen = s.pattern.ReplaceAllString(screen, s.with)
	}
	return read(r.t, screen)
}

// show adds what the screen shows, for as long as it takes to read what is new.
func (r *recording) show(lines []line) {
	fresh := 0
	for i, l := range lines {
		if len(l) > 0 && (len(r.frames) == 0 || i >= len(r.frames[len(r.frames)-1].lines)) {
			fresh++
		}
	}
	r.frames = append(r.frames, frame{lines: lines, hold: breath + time.Duration(min(fresh, 12))*perLine})
}

// rest lets the reader look at the last frame for longer, and makes it the one that is shown where nothing moves.
func (r *recording) rest() {
	r.poster = len(r.frames) - 1
	r.frames[r.poster].hold += 3 * time.Second
}

// begins types a command, and returns the screen when it matches.
func (r *recording) begins(command, until string) (screen string) {
	r.t.Helper()
	r.enter(command)
	screen = r.wait(`^` + regexp.QuoteMeta("$ "+command) + `\n` + until)
	lines := r.read(screen)
	end := slices.IndexFunc(lines, func(l line) bool { return l.String() == "$ "+command }) + 1
	require.Positive(r.t, end, "%q is not on the screen", command)
	typed := len([]rune(command))
	r.frames = append(r.frames, frame{lines: lines[:end], hold: time.Duration(typed)*perKey + breath/2, typed: typed})
	return screen
}

// never is where there is no pause.
const never = `\z.`

// runs types a command and waits for its end, which has to be with that exit code. It pauses after each line that matches.
func (r *recording) runs(command, pauses string, code int) {
	r.t.Helper()
	lines, pause := r.read(r.begins(command, `(.*\n)?\$\z`)), regexp.MustCompile(pauses)
	require.Equal(r.t, code, r.code(), "%s (%s)", command, install)
	for i := len(r.frames[len(r.frames)-1].lines); i < len(lines)-2; i++ {
		if pause.MatchString(lines[i].String()) {
			r.show(lines[:i+1])
		}
	}
	r.show(lines)
}

// keep draws the recording and compares it with the one in the repository. It returns what readers see who want no motion, and
// like it light or dark.
func (r *recording) keep(name string) (seen []image.Image) {
	r.t.Helper()
	golden(r.t, name, r.draw())
	path, err := filepath.Abs(filepath.Join(dir, name))
	require.NoError(r.t, err)
	width, height := r.size()
	for _, dark := range []bool{false, true} {
		picture := photograph(r.t, "file://"+path, width, height, dark)
		requireShown(r.t, picture, image.Pt(width/2, bar/2), dark)
		seen = append(seen, picture)
	}
	return seen
}
