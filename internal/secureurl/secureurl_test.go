package secureurl_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/secureurl"
)

func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, raw, host string }{
		{"AU-01", "https://idp.example", "idp.example"},
		{"AU-09 capitals in the host", "https://IDP.Example/adfs", "IDP.Example"},
		{"AU-10 slash", "https://idp.example/", "idp.example"},
		{"AU-11 empty segment", "https://idp.example/a//b", "idp.example"},
		{"AU-11 parameter", "https://idp.example/a;x", "idp.example"},
		{"AU-11 dots in names", "https://idp.example/v2.0/..a/.well-known/a..", "idp.example"},
		{"AU-12 port", "https://idp.example:443/x", "idp.example:443"},
		{"AU-12 highest port", "https://idp.example:65535", "idp.example:65535"},
		{"AU-14 punycode", "https://xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"AU-15 underscore", "https://my_idp:8443", "my_idp:8443"},
		{"AU-15 63-byte label", "https://" + strings.Repeat("a", 63) + ".example", strings.Repeat("a", 63) + ".example"},
		{"IPv4", "https://10.0.0.5", "10.0.0.5"},
		{"IPv6", "https://[2001:db8::1]:8443/x", "[2001:db8::1]:8443"},
		{"query", "https://idp.example/authorize?p=B2C_1_x&a=%20b:/?@", "idp.example"},
		{"AU-05 empty query is the caller's", "https://idp.example?", "idp.example"},
		{"at sign in the path", "https://idp.example/@me", "idp.example"},
		{"escape", "https://idp.example/a%20b%2Fc", "idp.example"},
		{"no dot", "https://idp", "idp"},
		{"starts with digits", "https://1.2.3.4.example", "1.2.3.4.example"},
		{"AU-18 limit: URL, 2 KiB", "https://idp.example/" + strings.Repeat("x", secureurl.MaxLen-20), "idp.example"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			u, err := secureurl.Parse(row.raw, false)
			require.NoError(t, err)
			require.Equal(t, row.host, u.Host)
			require.Equal(t, "https", u.Scheme)
			require.Equal(t, strings.Contains(row.raw, "?"), u.ForceQuery || u.RawQuery != "")
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const beginning = "does not begin with https://"
	for _, row := range []struct{ name, raw, want string }{
		{"AU-02 http", "http://idp.example", "url of idp.example is http, https is needed (InsecureLoopbackHTTP permits"},
		{"AU-04 password", "https://user:CANARY@idp.example", "user name or password"},
		{"AU-04 user", "https://idp.example@evil", "user name or password"},
		{"AU-04 encoded slash", "https://idp.example%2f@evil", "user name or password"},
		{"AU-04 empty user", "https://@idp.example", "user name or password"},
		{"AU-04 password with a slash", "https://user:CANARY/x@idp.example", "port that is not a number"},
		{"AU-04 password with a number sign", "https://user:CANARY#x@idp.example", "fragment"},
		{"AU-05 fragment", "https://idp.example#f", "fragment"},
		{"AU-05 empty fragment", "https://idp.example/#", "fragment"},
		{"AU-05 fragment in the query", "https://idp.example/?q=1#", "fragment"},
		{"AU-06 backslash", `https://idp.example\@evil`, "backslash"},
		{"AU-06 backslashes", `https:\\idp.example`, "backslash"},
		{"AU-07 leading space", " https://idp.example", `character ' '`},
		{"AU-07 trailing space", "https://idp.example ", `character ' ' at byte 19`},
		{"AU-07 tab", "https://idp\t.example", `'\t'`},
		{"AU-07 CR", "https://idp.example/\r", `'\r'`},
		{"AU-07 LF", "https://idp.example\n/", `'\n'`},
		{"AU-08 no scheme", "//idp.example", beginning},
		{"AU-08 host", "idp.example", beginning},
		{"AU-08 no slashes", "https:idp.example", beginning},
		{"AU-08 one slash", "https:/idp.example", beginning},
		{"AU-08 three slashes", "https:///idp.example", "no host"},
		{"AU-08 nothing after", "https://", "no host"},
		{"AU-08 only a query", "https://?x", "no host"},
		{"AU-08 empty", "", "empty"},
		{"AU-09 scheme in capitals", "HTTPS://idp.example", "in lower case"},
		{"AU-11 dot segment", "https://idp.example/a/../b", `".."`},
		{"AU-11 single dot", "https://idp.example/./b", `"."`},
		{"AU-11 at the end", "https://idp.example/a/..", `".."`},
		{"AU-11 encoded", "https://idp.example/%2e%2E/", `".."`},
		{"AU-11 half encoded", "https://idp.example/.%2e/x", `".."`},
		{"AU-11 encoded slash", "https://idp.example/a%2f..%2Fb", `".."`},
		{"AU-11 encoded backslash", "https://idp.example/a%5c..%5Cb", `".."`},
		{"AU-11 parameter on dots", "https://idp.example/a/..;x/b", `".."`},
		{"AU-12 leading zero", "https://idp.example:0443", "port"},
		{"AU-12 empty port", "https://idp.example:", "port"},
		{"AU-12 empty port and path", "https://idp.example:/x", "port"},
		{"AU-12 zero", "https://idp.example:0", "port"},
		{"AU-12 too large", "https://idp.example:99999", "port"},
		{"AU-12 negative", "https://idp.example:-1", "port"},
		{"AU-12 plus", "https://idp.example:+443", "port"},
		{"AU-12 two", "https://idp.example:443:443", "letters, digits and hyphens"},
		{"AU-13 zone", "https://[fe80::1%25eth0]", "brackets"},
		{"AU-13 zone bare", "https://[fe80::1%eth0]", "percent"},
		{"AU-13 name in brackets", "https://[idp.example]", "brackets"},
		{"AU-13 IPv4 in brackets", "https://[127.0.0.1]", "brackets"},
		{"AU-13 mapped", "https://[::ffff:127.0.0.1]", "brackets"},
		{"AU-13 not the shortest form", "https://[0:0:0:0:0:0:0:1]", "shortest"},
		{"AU-13 open bracket", "https://[::1", "brackets"},
		{"AU-13 after the bracket", "https://[::1]x", "brackets"},
		{"AU-13 two brackets", "https://[[::1]]", "brackets"},
		{"AU-14 homoglyph", "https://еxample.com", "xn--"},
		{"AU-14 full width", "https://idp。example", "xn--"},
		{"AU-14 bad punycode", "https://xn--example-.com", "hyphen"},
		{"AU-15 trailing dot", "https://idp.example./", "dot at the end"},
		{"AU-15 two dots", "https://idp..example", "empty part"},
		{"AU-15 64-byte label", "https://" + strings.Repeat("a", 64) + ".example", "63 bytes"},
		{"AU-15 254-byte host", "https://" + strings.Repeat("abcdefg.", 31) + "abcdef", "253 bytes"},
		{"AU-16 NUL", "https://idp.example\x00.evil", "character"},
		{"AU-16 encoded NUL", "https://idp.example/%00", "percent"},
		{"AU-16 encoded NUL in the host", "https://idp.example%00.evil", "percent"},
		{"AU-16 encoded CRLF", "https://idp.example/%0d%0aX:y", "percent"},
		{"AU-16 encoded in the query", "https://idp.example/?x=%0A", "percent"},
		{"AU-16 encoded letter in the host", "https://%69dp.example", "letters, digits and hyphens"},
		{"AU-16 encoded DEL", "https://idp.example/%7F", "percent"},
		{"broken escape", "https://idp.example/%zz", "percent"},
		{"cut escape", "https://idp.example/%2", "percent"},
		{"AU-17 one number", "https://2130706433", "numeric host"},
		{"AU-17 hexadecimal", "https://0x7f.1", "numeric host"},
		{"AU-17 hexadecimal at the end", "https://127.0.0.0X1", "numeric host"},
		{"AU-17 short", "https://127.1", "numeric host"},
		{"AU-17 octal", "https://0177.0.0.1", "numeric host"},
		{"AU-17 number at the end", "https://idp.123", "numeric host"},
		{"AU-18 too long", "https://idp.example/" + strings.Repeat("x", 1<<20), "at most 2048"},
		{"AU-18 limit: URL, a byte more", "https://idp.example/" + strings.Repeat("x", secureurl.MaxLen-19), "at most 2048"},
		{"AU-19 javascript", "javascript:alert(1)", beginning},
		{"AU-19 javascript with slashes", "javascript://idp.example/%20", beginning},
		{"AU-19 file", "file:///etc/passwd", beginning},
		{"AU-19 data", "data:text/html,x", beginning},
		{"AU-19 ms-msdt", "ms-msdt:/id", beginning},
		{"BR-06 ms-settings", "ms-settings:", beginning},
		{"BR-06 UNC", `\\host\x`, "backslash"},
		{"DD-08 shell", "https://$(calc).x", "letters, digits and hyphens"},
		{"DD-08 backtick", "https://`calc`.x", "character"},
		{"BR-03 flag", "-https://x", beginning},
		{"BR-03 long flag", "--remote-debugging-port=1", beginning},
		{"BR-03 flag as a host", "https://-x.example", "hyphen"},
		{"DD-05 control bytes", "https://idp.example/\x1b[2J", `'\x1b'`},
		{"quote", `https://idp.example/"`, "character"},
		{"template", "https://login.microsoftonline.com/{tenantid}/v2.0", `'{'`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, loopback := range []bool{false, true} {
				u, err := secureurl.Parse(row.raw, loopback)
				require.Nil(t, u)
				require.ErrorContains(t, err, row.want)
				require.NotContains(t, err.Error(), "CANARY")
				require.Less(t, len(err.Error()), 450)
			}
		})
	}
}

func TestLoopbackHTTP(t *testing.T) { // AU-03, DD-04
	t.Parallel()
	for _, raw := range []string{"http://127.0.0.1:8080", "http://[::1]:1/token", "http://127.0.0.1"} {
		_, err := secureurl.Parse(raw, false)
		require.ErrorContains(t, err, "https is needed", raw)
		u, err := secureurl.Parse(raw, true)
		require.NoError(t, err)
		require.Equal(t, raw, u.String())
	}
	for _, raw := range []string{
		"http://localhost", "http://localhost:8080", "http://localhost.evil.com", "http://127.0.0.1.evil", "http://0.0.0.0",
		"http://[::ffff:127.0.0.1]", "http://127.1", "http://127.0.0.2", "http://[::]", "http://127.0.0.1@evil",
		"HTTP://127.0.0.1", "http://127.0.0.1.", "http://127.0.0.01", "http://0x7f000001", "http://127.0.0.1:80:80",
	} {
		_, err := secureurl.Parse(raw, true)
		require.Error(t, err, raw)
	}
}

// TestLower: what is no letter of ASCII stays, also where Unicode has a small one for it.
func TestLower(t *testing.T) {
	t.Parallel()
	require.Equal(t, "https://[::1]:443/az\u212a\u0130\u017fÄ", secureurl.Lower("HTTPS://[::1]:443/AZ\u212a\u0130\u017fÄ"))
}

// What the gate lets through is the same URL to a second parser, and begins as
// the launcher of a browser must be able to rely on.
func FuzzParse(f *testing.F) {
	for _, raw := range []string{"https://idp.example/a?b=c", "https://user:pw@idp.example", "http://127.0.0.1:1", "http://[::1]", "https://[::1]:2/x;y",
		"https://idp.example:443//%41?", `https://a\b`, "https://1.2.3.4", "https://0x1", "https://x/%2e%2e"} {
		f.Add(raw, true)
		f.Add(raw, false)
	}
	f.Fuzz(func(t *testing.T, raw string, loopback bool) {
		u, err := secureurl.Parse(raw, loopback)
		if err != nil {
			require.Nil(t, u)
			return
		}
		rest, secure := strings.CutPrefix(raw, "https://")
		if !secure {
			require.True(t, loopback)
			require.Contains(t, []string{"127.0.0.1", "::1"}, u.Hostname())
			rest = strings.TrimPrefix(raw, "http://")
		}
		require.True(t, strings.HasPrefix(rest, u.Host))
		require.Contains(t, []string{"", "/", "?"}, rest[len(u.Host):min(len(rest), len(u.Host)+1)])
		again, err := url.Parse(u.String())
		require.NoError(t, err)
		require.Equal(t, u.Host, again.Host)
		require.Nil(t, u.User)
		require.Empty(t, u.Fragment)
		require.NotContains(t, strings.Split(u.Path, "/"), "..")
		for _, c := range []byte(raw) {
			require.True(t, c > ' ' && c < 0x7f && c != '\\' && c != '"')
		}
	})
}
