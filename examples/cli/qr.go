package main

import (
	"strings"
	"unicode/utf8"

	"github.com/mdp/qrterminal/v3"
)

// maxQR is about what a code holds that fits on a screen.
const maxQR = 300

// qr draws address for the camera of a telephone. It draws nothing where that could not be read: not on a terminal, or
// on one that is too narrow.
func (t *talk) qr(address string) string {
	if !t.live || address == "" || len(address) > maxQR {
		return ""
	}
	var drawn strings.Builder
	qrterminal.GenerateWithConfig(address, qrterminal.Config{
		Level:          qrterminal.L,
		Writer:         &drawn,
		HalfBlocks:     true,
		BlackChar:      qrterminal.BLACK_BLACK,
		WhiteBlackChar: qrterminal.WHITE_BLACK,
		WhiteChar:      qrterminal.WHITE_WHITE,
		BlackWhiteChar: qrterminal.BLACK_WHITE,
		QuietZone:      2,
	})
	var code strings.Builder
	lines := strings.Split(strings.TrimSuffix(drawn.String(), "\n"), "\n")
	last := len(lines) - 1 // half of it is missing: the rows of a code are odd in number
	lines[last] = strings.ReplaceAll(lines[last], "▀", "█")
	for _, line := range lines {
		if utf8.RuneCountInString(line) > width(t.file) {
			return ""
		}
		// White on black, whatever the colors of the terminal are: many cameras cannot read the reverse.
		code.WriteString(t.styled("97;40", line) + "\n")
	}
	return code.String()
}
