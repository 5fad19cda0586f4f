package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"

	"golang.org/x/term"
)

// talk is what the program tells a person: on standard error, so that standard output has nothing but data. It may have
// a last line that changes, which gives way to all else. It is safe for concurrent use.
type talk struct {
	file  *os.File
	live  bool // a terminal, which can take a line back
	color bool

	mu   sync.Mutex
	line string // the last one, while it changes
}

func newTalk(file *os.File) *talk {
	t := &talk{file: file, live: isTerminal(file) && os.Getenv("TERM") != "dumb"}
	t.color = t.live && os.Getenv("NO_COLOR") == "" // https://no-color.org
	if t.live {
		enableEscapes(file)
	}
	return t
}

func isTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

const eraseLine = "\r\x1b[K"

// Write writes above the line that changes.
func (t *talk) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.line == "" {
		return t.file.Write(p)
	}
	_, _ = t.file.WriteString(eraseLine)
	n, err := t.file.Write(p)
	_, _ = t.file.WriteString(t.line)
	return n, err
}

// change replaces the last line; an empty one ends it.
func (t *talk) change(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.file.WriteString(eraseLine + line)
	t.line = line
}

func (t *talk) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if t.live {
		text = fold(text, width(t.file), 0)
	}
	_, _ = io.WriteString(t, text)
}

// json says v in one line.
func (t *talk) json(v any) { must(json.NewEncoder(visible{t}).Encode(v)) }

// visible writes JSON in which nothing acts on a terminal. What nobody sees is in strings there, in which it may be escaped:
// encoding/json does that to the controls of ASCII alone.
type visible struct{ io.Writer }

// Write implements [io.Writer], for whole values.
func (v visible) Write(p []byte) (int, error) {
	var text strings.Builder
	for _, r := range string(p) {
		if r == '\n' || unicode.IsPrint(r) {
			text.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			_, _ = fmt.Fprintf(&text, `\u%04x`, unit)
		}
	}
	_, err := io.WriteString(v.Writer, text.String())
	return len(p), err
}

// width is that of the terminal; 80 where it does not say.
func width(file *os.File) int {
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		return width
	}
	return 80
}

func (t *talk) bold(text string) string  { return t.styled("1", text) }
func (t *talk) dim(text string) string   { return t.styled("2", text) }
func (t *talk) red(text string) string   { return t.styled("31", text) }
func (t *talk) green(text string) string { return t.styled("32", text) }

func (t *talk) styled(code, text string) string {
	if !t.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
