package hostile

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// source is a file of what applications link.
type source struct {
	path    string
	imports []string
	calls   []string // package.Name, of whatever stands so in an expression
	strings []string
}

// sources are those files: neither tests, nor what is for tests and demonstrations.
func sources(t *testing.T) (all []source) {
	t.Helper()
	for _, dir := range []string{"msal", "scopes", "cache", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				_, nested := os.Stat(filepath.Join(path, "go.mod"))
				if nested == nil || slices.Contains([]string{"msaltest", "cachetest", "faults", "keychains", "hostile", "testdata"}, entry.Name()) {
					return filepath.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			s, err := read(path)
			all = append(all, s)
			return err
		})
		require.NoError(t, err)
	}
	require.Greater(t, len(all), 80)
	return all
}

func read(path string) (source, error) {
	s := source{path: filepath.ToSlash(path)[len(root)+1:]}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return s, err
	}
	for _, i := range file.Imports {
		s.imports = append(s.imports, strings.Trim(i.Path.Value, `"`))
	}
	for n := range ast.Preorder(file) {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				s.calls = append(s.calls, x.Name+"."+n.Sel.Name)
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				s.strings = append(s.strings, strings.Trim(n.Value, "`\""))
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok {
				s.calls = append(s.calls, "field "+key.Name)
			}
		}
	}
	return s, nil
}

// What the sources do not do. The rest of XX-01 is in the repository's own rules.
func TestSources(t *testing.T) {
	t.Parallel()
	all := sources(t)
	for name, rule := range map[string]struct {
		in   string // of these folders, a pattern
		not  string // a pattern of what no file has
		take func(source) []string
	}{
		"XX-01 what talks to a server opens no file": {
			`^(msal|scopes|internal/(discovery|idtoken|loopback|provider|secureurl|strictjson|termsafe|wire|secret|browser))/`,
			`^os\.(Open|OpenFile|OpenRoot|ReadFile|ReadDir|Create|CreateTemp|WriteFile|DirFS)$`, func(s source) []string { return s.calls },
		},
		"R-6749-18 nothing loosens TLS": {
			``, `^(field (InsecureSkipVerify|VerifyPeerCertificate|VerifyConnection|RootCAs)|tls\.VersionTLS1[01]?|tls\.VersionSSL30)$`,
			func(s source) []string { return s.calls },
		},
		"R-21-4 no password grant, no implicit one": {
			``, `^(password|implicit|token id_token|id_token token|urn:ietf:params:oauth:grant-type:(jwt|saml).*|client_credentials)$`,
			func(s source) []string {
				if !strings.HasPrefix(s.path, "msal/") {
					return nil
				}
				return s.strings
			},
		},
		"R-8252-1 nothing shows pages": {
			``, `(?i)(webview|webkit|wails|fyne|gotk|cef|chromedp|rod)`, func(s source) []string { return s.imports },
		},
		"EN-07 nothing changes the environment, or watches requests": {
			``, `^(os\.(Setenv|Unsetenv|Clearenv)|httputil\.Dump.*|httptrace\..*|debug\.Set.*)$`, func(s source) []string { return s.calls },
		},
		"EN-09 nothing goes where temporary files go": {
			``, `^os\.(TempDir|MkdirTemp)$`, func(s source) []string { return s.calls },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, not := regexp.MustCompile(rule.in), regexp.MustCompile(rule.not)
			looked := 0
			for _, s := range all {
				if !in.MatchString(s.path) {
					continue
				}
				looked++
				for _, text := range rule.take(s) {
					require.False(t, not.MatchString(text), "%s: %s", s.path, text)
				}
			}
			require.Greater(t, looked, 20)
		})
	}
	t.Run("R-8252-7 R-21-4 nor does the API", func(t *testing.T) {
		t.Parallel()
		api, err := os.ReadFile(filepath.Join(root, "api", "msal.txt"))
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`\w*(?i:secret|password|implicit|ropc)\w*`).FindAllString(string(api), -1) {
			require.Equal(t, "InstalledAppSecret", name)
		}
	})
	t.Run("EN-06 EN-07 what the environment can do is said", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
		require.NoError(t, err)
		for _, name := range []string{"SSL_CERT_FILE", "GODEBUG", "HTTPS_PROXY"} {
			require.Contains(t, string(text), name)
		}
	})
}
