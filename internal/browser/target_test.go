package browser

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const target = "https://idp.example/authorize?client_id=c&redirect_uri=http%3A%2F%2Flocalhost%3A1&scope=openid+email&state=CANARY"

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		target:                             target,
		"https://idp.example":              "https://idp.example",
		"https://idp.example/?":            "https://idp.example/?",
		"https://idp.example?a=b":          "https://idp.example?a=b",
		"https://idp.example:8443/a?b=@:/": "https://idp.example:8443/a?b=@:/",
		"https://[2001:db8::1]/a?b":        "https://[2001:db8::1]/a?b",
		// BR-04: what a shell would act upon is encoded, in a query and in a
		// path.
		"https://idp.example/?q=&calc":       "https://idp.example/?q=&calc",
		"https://idp.example/?q=`id`":        "https://idp.example/?q=%60id%60",
		"https://idp.example/?q=$(id)":       "https://idp.example/?q=%24%28id%29",
		"https://idp.example/$(id);x?q":      "https://idp.example/%24%28id%29%3Bx?q",
		"https://idp.example/?q='a'\"b\"":    "https://idp.example/?q=%27a%27%22b%22",
		"https://idp.example/?q=a|b;c>d<e^f": "https://idp.example/?q=a%7Cb%3Bc%3Ed%3Ce%5Ef",
		`https://idp.example/?q=\\host\x`:    "https://idp.example/?q=%5C%5Chost%5Cx",
		"https://idp.example/?q={a,b}*!?~[]": "https://idp.example/?q=%7Ba,b%7D%2A%21?~%5B%5D",
		"https://idp.example/?q=%0A%41+%20":  "https://idp.example/?q=%0A%41+%20",
		"https://idp.example/?-x=--y":        "https://idp.example/?-x=--y",
	} {
		got, err := check(raw, false)
		require.NoError(t, err, raw)
		require.Equal(t, want, got)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for id, list := range map[string][]string{
		"BR-01": {
			"", "http://idp.example/?state=CANARY", "http://localhost/", "//host/x", "javascript:alert(1)",
			"data:text/html,x", "ms-msdt:/id", "HTTPS://idp.example/", "https:idp.example", "https:///x", "idp.example",
		},
		"BR-02": {
			"https://idp.example/?state=CANARY\n", "https://idp.example/?a b", "https://idp.example/?a\x00b", "https://idp.example/?a\x1b[2J", "https://idp.example/?\x7f",
			"https://idp.example/?ä", "https://idp.example/?\u202e", " https://idp.example/", "https://idp.example /", "https://idp.example/a\tb?x",
		},
		"BR-03": {"-https://idp.example/", "--remote-debugging-port=9222", "-", "--", "https://-idp.example/"},
		"BR-04": { // a broken encoding is a variable to Windows
			"https://idp.example/?q=%PATH%", "https://idp.example/?q=%", "https://idp.example/?q=%4", "https://idp.example/%PATH%?q",
			"https://user:pw@idp.example/", "https://idp.example/#f", "https://idp.example/?a#f", "https://idp.example/a/../b", `https://idp.example\@evil/?a`,
		},
		"BR-06": {"file:///etc/passwd", `\\host\x`, "ms-settings:"},
	} {
		for _, raw := range list {
			_, err := check(raw, false)
			require.Error(t, err, "%s: %s", id, raw)
			require.NotContains(t, err.Error(), "CANARY")
			require.NotContains(t, err.Error(), "pw")
		}
	}
}

// The longest address, and one byte more.
func TestLimit(t *testing.T) {
	t.Parallel()
	longest := target + "&claims=" + strings.Repeat("x", maxTarget-len(target)-8)
	for name, test := range map[string]struct {
		raw string
		ok  bool
	}{"BR-02 limit: launched URL, 8 KiB": {longest, true}, "BR-02 limit: launched URL, a byte more": {longest + "x", false}} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.ok, len(test.raw) <= 8<<10)
			got, err := check(test.raw, false)
			if !test.ok {
				require.ErrorContains(t, err, "8193 bytes")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.raw, got)
		})
	}
}

func TestCheckLoopback(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"http://127.0.0.1:8080/a?b=c": true,
		"http://[::1]:8080/a?b=c":     true,
		"http://localhost:8080/":      false,
		"http://127.0.0.1.evil/":      false,
		"http://idp.example/":         false,
	} {
		got, err := check(raw, true)
		require.Equal(t, ok, err == nil, raw)
		if ok {
			require.Equal(t, raw, got)
		}
		_, err = check(raw, false)
		require.Error(t, err, raw)
	}
}

// FuzzCheck: what is launched begins with https:// (http:// for loopback),
// means the same to a server, and is harmless text.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{target, "https://idp.example/$(x)?`y`", "http://[::1]:1/?a", "https://a?%zz", "https://a/?#", "-x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := check(raw, true)
		if err != nil {
			return
		}
		if !strings.HasPrefix(got, "https://") && !strings.HasPrefix(got, "http://127.0.0.1") && !strings.HasPrefix(got, "http://[::1]") {
			t.Fatalf("%q became %q", raw, got)
		}
		if strings.ContainsAny(got[len("https://"):], " \t\r\n\x00\"'`$(){}<>|;*!\\^#") {
			t.Fatalf("%q became %q", raw, got)
		}
		before, err1 := url.Parse(raw)
		after, err2 := url.Parse(got)
		if err1 != nil || err2 != nil || before.Host != after.Host || before.Path != after.Path {
			t.Fatalf("%q became %q (%v, %v)", raw, got, err1, err2)
		}
		a, _ := url.QueryUnescape(before.RawQuery)
		b, _ := url.QueryUnescape(after.RawQuery)
		if a != b {
			t.Fatalf("%q became %q", raw, got)
		}
	})
}
