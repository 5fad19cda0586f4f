// Package termsafe makes text that a stranger chose safe to show: in a terminal,
// a log line or an error.
//
// A server's error_description reaches a person's screen. Raw, it could move the
// cursor, rewrite the title, fill the clipboard (OSC 52), turn the reading
// direction around, or end the line and go on with "Password:".
package termsafe

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	dots = "..."
	// More marks than this on one letter are written in no language, but paint
	// over the lines above and below.
	maxMarks = 4
)

// Text returns s as one line of at most maxRunes runes, with "..." in place of
// what does not fit. Letters, digits, punctuation and symbols of all scripts stay
// as they are; other spaces than U+0020 become one; everything that a reader
// cannot see becomes \u{…}, and a byte that is not UTF-8 \x….
//
// A backslash stays a backslash, so text that passed once passes again unchanged.
// It also means that the escapes are for the eye: they cannot be undone.
func Text(s string, maxRunes int) string {
	var out strings.Builder
	runes, cut := 0, 0 // written so far; the bytes that leave room for the dots
	marks := maxMarks  // a mark at the very beginning would sit on our own text
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		part, plain := s[:size], false
		switch {
		case r == utf8.RuneError && size == 1:
			part = fmt.Sprintf(`\x%02x`, s[0])
		case unicode.Is(unicode.Zs, r):
			part, plain = " ", true
		case invisible(r), isMark(r) && marks >= maxMarks:
			part = fmt.Sprintf(`\u{%x}`, r)
		default:
			plain = true
		}
		s = s[size:]

		n := utf8.RuneCountInString(part)
		if runes+n > maxRunes {
			return out.String()[:cut] + dots[:min(len(dots), max(maxRunes, 0))]
		}
		out.WriteString(part)
		if runes += n; runes <= maxRunes-len(dots) {
			cut = out.Len()
		}
		switch {
		case !plain: // nor may a mark sit on an escape's closing brace
			marks = maxMarks
		case isMark(r):
			marks++
		default:
			marks = 0
		}
	}
	return out.String()
}

func isMark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// invisible reports what shows nothing by itself: controls of both sets, format
// characters (bidi, zero-width, tags, the byte order mark), line separators,
// private and unassigned code points, non-characters; and the letters and marks
// that are blank by definition, which carry hidden text just as well.
func invisible(r rune) bool {
	return !unicode.IsPrint(r) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
