package termsafe_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/termsafe"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, in, want string }{
		{"TE-01 CSI", "\x1b[2J\x1b[31mred", `\u{1b}[2J\u{1b}[31mred`},
		{"TE-01 OSC 0 title", "\x1b]0;pwn\a", `\u{1b}]0;pwn\u{7}`},
		{"TE-01 OSC 8 link", "\x1b]8;;http://evil\x1b\\x", `\u{1b}]8;;http://evil\u{1b}\x`},
		{"TE-01 OSC 52 clipboard", "\x1b]52;c;cm0=\x9c", `\u{1b}]52;c;cm0=\x9c`},
		{"TE-01 DCS", "\x1bPq", `\u{1b}Pq`},
		{"TE-01 C1 in UTF-8", "\u009b31m\u0085\u0090", `\u{9b}31m\u{85}\u{90}`},
		{"TE-01 C1 raw", "\x9b31m", `\x9b31m`},
		{"TE-01 DEL and NUL", "\x7f\x00", `\u{7f}\u{0}`},
		{"TE-02 overwriting", "good\rbad\b\v\f", `good\u{d}bad\u{8}\u{b}\u{c}`},
		{"TE-03 bidi", "a\u202eb\u2066c\u200fd\u061ce", `a\u{202e}b\u{2066}c\u{200f}d\u{61c}e`},
		{"TE-03 zero width", "a\u200bb\u200cc\u200dd\u2060", `a\u{200b}b\u{200c}c\u{200d}d\u{2060}`},
		{"TE-03 line separators", "a\u2028b\u2029", `a\u{2028}b\u{2029}`},
		{"TE-03 tags", "a\U000e0041\U000e007f", `a\u{e0041}\u{e007f}`},
		{"TE-03 soft hyphen", "pass\u00adword", `pass\u{ad}word`},
		{"byte order mark", "\ufeffx", `\u{feff}x`},
		{"non-characters", "\ufffe\U0010ffff\ufdd0", `\u{fffe}\u{10ffff}\u{fdd0}`},
		{"private use", "\ue000\U000f0000", `\u{e000}\u{f0000}`},
		{"unassigned", "\u0378", `\u{378}`},
		{"invalid UTF-8", "a\xff\xc3(\xed\xa0\x80", `a\xff\xc3(\xed\xa0\x80`},
		{"the replacement character itself", "\ufffd", "\ufffd"},
		{"blank letters", "a\u3164\u115f\uffa0\u034fb", `a\u{3164}\u{115f}\u{ffa0}\u{34f}b`},
		{"variation selectors hide bytes", "a\ufe00\U000e0101", `a\u{fe00}\u{e0101}`},
		{"TE-07 fake prompt", "done\nPassword: ", `done\u{a}Password: `},
		{"tab", "a\tb", `a\u{9}b`},
		{"other spaces", "a\u00a0b\u3000c\u2003d", "a b c d"},
		{"backslash", `a\u{1b}\x`, `a\u{1b}\x`},
		{"TE-06 marks", "z" + strings.Repeat("\u0300", 6), "z\u0300\u0300\u0300\u0300" + `\u{300}\u{300}`},
		{"mark at the beginning", "\u0301x\u0301", `\u{301}x` + "\u0301"},
		{"mark after an escape", "\n\u0301", `\u{a}\u{301}`},
		{"enclosing marks", "a\u20dd", "a\u20dd"},
		{"scripts", "Größe, Übermut; Œuvre", "Größe, Übermut; Œuvre"},
		{"cyrillic and greek", "Пароль Ωμέγα", "Пароль Ωμέγα"},
		{"right to left", "سلام שָׁלוֹם", "سلام שָׁלוֹם"},
		{"indic and thai", "नमस्ते ที่นี่", "नमस्ते ที่นี่"},
		{"east asian", "登录失败。密码「正しい」한국어", "登录失败。密码「正しい」한국어"},
		{"decomposed", "e\u0301 Vie\u0323\u0302t", "e\u0301 Vie\u0323\u0302t"},
		{"symbols", "€ ½ 😀 → «x»", "€ ½ 😀 → «x»"},
		{"empty", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, row.want, termsafe.Text(row.in, 500))
		})
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		in   string
		max  int
		want string
	}{
		{"fits", "abcde", 5, "abcde"},
		{"one too many", "abcdef", 5, "ab..."},
		{"TE-06 300 columns", strings.Repeat("字", 300), 10, strings.Repeat("字", 7) + "..."},
		{"escapes are not cut", "ab\x1bcd", 8, "ab..."},
		{"an escape that just fits", "ab\x1b", 8, `ab\u{1b}`},
		{"TE-04", strings.Repeat("x", 1<<20), 500, strings.Repeat("x", 497) + "..."},
		{"TE-06 marks count", "e" + strings.Repeat("\u0301", 1000), 9, "e\u0301\u0301\u0301\u0301..."},
		{"three", "abcdef", 3, "..."},
		{"one", "abcdef", 1, "."},
		{"none", "abcdef", 0, ""},
		{"less than none", "abcdef", -1, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, row.want, termsafe.Text(row.in, row.max))
		})
	}
}

// Whatever comes in, what goes out is one line of visible characters within the
// bound; text that was safe already is unchanged.
func FuzzText_TE08(f *testing.F) {
	for _, s := range []string{"plain", "\x1b]52;c;\a", "a\u202e\u0301", "\xff\xfe", "z\u0300\u0300\u0300\u0300\u0300", "\U000e0041", "登录。", "\u3164", "a\u00a0b"} {
		f.Add(s, 500)
		f.Add(s, 4)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		out := termsafe.Text(s, most)
		require.True(t, utf8.ValidString(out))
		require.LessOrEqual(t, utf8.RuneCountInString(out), max(most, 0))
		marks := 0
		for i, r := range out {
			visible := r == ' ' || unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S)
			require.True(t, visible, "%U at %d", r, i)
			require.False(t, unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Bidi_Control, unicode.Join_Control), "%U at %d", r, i)
			if unicode.In(r, unicode.Mn, unicode.Me) {
				marks++
				require.NotZero(t, i, "a mark at the beginning")
			} else {
				marks = 0
			}
			require.LessOrEqual(t, marks, 4)
		}
		require.Equal(t, out, termsafe.Text(out, most))
	})
}
