package pictures

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// style is how a cell of the screen looks: names of classes in the pictures, empty for what is usual.
type style struct{ text, ground, weight string }

type cell struct {
	r rune
	style
}

type line []cell

var escape = regexp.MustCompile(`\x1b\[([\d;]*)m`)

// plain is the text of a screen alone.
func plain(screen string) string {
	text := regexp.MustCompile(`(?m) +$`).ReplaceAllString(escape.ReplaceAllString(screen, ""), "")
	return strings.TrimRight(text, "\n")
}

// styles are the codes that the programs use (ECMA-48, 8.3.117). Any other fails the test that meets it.
var styles = map[string]func(*style){
	"":   func(s *style) { *s = style{} },
	"0":  func(s *style) { *s = style{} },
	"1":  func(s *style) { s.weight = "bold" },
	"2":  func(s *style) { s.text = "dim" },
	"31": func(s *style) { s.text = "red" },
	"32": func(s *style) { s.text = "green" },
	"39": func(s *style) { s.text = "" },
	"40": func(s *style) { s.ground = "black" },
	"49": func(s *style) { s.ground = "" },
	"97": func(s *style) { s.text = "white" },
}

// read reads a screen as tmux tells it, where a style goes on over the end of a line. A line that is wider than the
// terminal is broken as the terminal does it.
func read(t *testing.T, screen string) (lines []line) {
	t.Helper()
	var now style
	for text := range strings.SplitSeq(strings.TrimRight(screen, "\n"), "\n") {
		var l line
		for len(text) > 0 {
			if strings.HasPrefix(text, "\x1b") {
				codes := escape.FindStringSubmatch(text)
				require.True(t, codes != nil && strings.HasPrefix(text, codes[0]), "an escape sequence that nobody here draws: %q", text)
				for code := range strings.SplitSeq(codes[1], ";") {
					require.Contains(t, styles, code, "an escape sequence that nobody here draws: %q", codes[0])
					styles[code](&now)
				}
				text = text[len(codes[0]):]
				continue
			}
			r := []rune(text)[0]
			l = append(l, cell{r, now})
			text = text[len(string(r)):]
		}
		for len(l) > 0 && l[len(l)-1] == (cell{r: ' '}) {
			l = l[:len(l)-1]
		}
		for ; len(l) > columns; l = l[columns:] {
			lines = append(lines, slices.Clip(l[:columns]))
		}
		lines = append(lines, l)
	}
	return lines
}

// String is the text of the line.
func (l line) String() string {
	var b strings.Builder
	for _, c := range l {
		b.WriteRune(c.r)
	}
	return b.String()
}
