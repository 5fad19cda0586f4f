package msal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
)

// canaries are the secrets of a test: every token, code, verifier, state and
// nonce that passed. Nothing that is printed may hold one, in any spelling.
type canaries struct {
	mu   sync.Mutex
	seen map[string]string // what it is, by its text
	find map[string]string // and by what to look for
}

func (c *canaries) add(kind string, values ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen, c.find = map[string]string{}, map[string]string{}
	}
	for _, v := range values {
		if len(v) >= 12 { // else it is none, but something a test has made up
			c.seen[v] = kind
			for _, spelling := range spellings(v) {
				c.find[spelling] = kind
			}
		}
	}
}

// spy is p's client, with its secrets taken down as they pass. It is a closure,
// so that a look into what holds it finds no platform.
func (c *canaries) spy(base http.RoundTripper) *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		body, err := reread(r)
		if err != nil {
			return nil, err
		}
		form, _ := url.ParseQuery(body)
		for _, name := range []string{"code", "code_verifier", "refresh_token", "token", "device_code"} {
			c.add(name, form[name]...)
		}
		c.add("Authorization", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		resp, err := base.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		text, cut := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(text), broken{cut}))
		var answer map[string]any
		_ = json.Unmarshal(text, &answer) // a page has no secrets of its own
		for _, name := range []string{"access_token", "refresh_token", "device_code"} {
			text, _ := answer[name].(string)
			c.add(name, text)
		}
		if text, _ := answer["id_token"].(string); text != "" {
			part := strings.Split(text, ".")
			c.add("payload of an ID token", part[1])
			c.add("signature of an ID token", part[2])
		}
		return resp, nil
	})}
}

// reread returns the body of a request, and leaves it to be read again.
func reread(r *http.Request) (string, error) {
	if r.Body == nil {
		return "", nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body), err
}

// address takes down what an authorization URL holds.
func (c *canaries) address(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	c.add("state", u.Query().Get("state"))
	c.add("nonce", u.Query().Get("nonce"))
	return address
}

// in returns the first secret that text gives away, in whatever spelling.
func (c *canaries) in(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for spelling, kind := range c.find {
		if strings.Contains(text, spelling) {
			return kind + " as " + spelling
		}
	}
	return ""
}

// spellings are the ways in which printers write some bytes of a secret.
func spellings(secret string) []string {
	part := secret[min(5, len(secret)-8):] // behind the prefix that says what it is
	part = part[:min(12, len(part))]
	spaced := fmt.Sprintf("% x", part)
	numbers := strings.Trim(fmt.Sprint([]byte(part)), "[]")
	all := []string{
		part, hex.EncodeToString([]byte(part)), strings.ToUpper(hex.EncodeToString([]byte(part))), spaced, strings.ToUpper(spaced),
		"0x" + strings.ReplaceAll(spaced, " ", ", 0x"), numbers, strings.ReplaceAll(numbers, " ", ","), strings.ReplaceAll(numbers, " ", ", "),
		strings.Join(strings.Split(part, ""), " "), strings.Trim(fmt.Sprintf("%U", []rune(part)), "[]"),
	}
	for from := range 3 { // whatever stands before it in the same base64 text
		whole := part[from : from+(len(part)-from)/3*3]
		all = append(all, base64.StdEncoding.EncodeToString([]byte(whole)), base64.URLEncoding.EncodeToString([]byte(whole)))
	}
	return all
}

// TestCanaryIsFound: the search finds a string that is printed in any way.
func TestCanaryIsFound(t *testing.T) {
	t.Parallel()
	const secret = "at-NNRWQ4TFMFZXI33VN5XGO43FMNZGK5A"
	c := &canaries{}
	c.add("a string", secret)
	require.Empty(t, c.in("at-NNRWQ and other text"))
	leak := struct{ S string }{secret}
	texts := everyPrint(leak)
	for _, verb := range verbs {
		if verb != "%p" && verb != "%T" {
			require.NotEmpty(t, c.in(texts["value "+verb]), verb)
			require.NotEmpty(t, c.in(texts["unexported "+verb]), verb)
		}
	}
	for how := range encoders {
		require.NotEmpty(t, c.in(texts["field "+how]+texts["value "+how]), how)
	}
	for _, how := range []string{"print", "deep"} {
		require.NotEmpty(t, c.in(texts[how]), how)
	}
	raw := struct{ b []byte }{[]byte("x" + secret)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U"} {
		require.NotEmpty(t, c.in(fmt.Sprintf(verb, raw)), verb)
	}
	data, err := json.Marshal(raw.b)
	require.NoError(t, err)
	require.NotEmpty(t, c.in(string(data)))
}

var verbs = strings.Fields("%v %+v %#v %s %q %x %X %#x %d %t %p %c %U %e %w %z %T")

// hidden holds a value where no method of it is called.
type hidden[T any] struct {
	value   T
	pointer *T
	list    []T
	dict    map[string]T
	loose   any
}

// holder holds one where encoders look.
type holder[T any] struct {
	Value   T
	Pointer *T
	Loose   any
}

type failure[T any] struct{ with T }

func (failure[T]) Error() string { return "a failure of the caller" }

// everyPrint prints v in every way that there is.
func everyPrint[T any](v T) map[string]string {
	texts := map[string]string{}
	for how, x := range map[string]any{
		"value": v, "pointer": &v, "slice": []T{v}, "array": [1]*T{&v}, "map": map[string]T{"k": v},
		"unexported": hidden[T]{v, &v, []T{v}, map[string]T{"k": v}, v}, "pointer to unexported": &hidden[T]{v, &v, []T{v}, map[string]T{"k": v}, v},
		"field": holder[T]{v, &v, v}, "error": failure[T]{v}, "errors": errors.Join(failure[T]{v}, fmt.Errorf("x: %w", failure[T]{v})),
	} {
		for _, verb := range verbs {
			texts[how+" "+verb] = fmt.Sprintf(verb, x)
		}
		if err, ok := x.(error); ok {
			texts[how+" wrapped"] = fmt.Errorf("%w: %w", io.EOF, err).Error()
		}
	}
	texts["print"] = fmt.Sprint(v, &v) + fmt.Sprintln(v, []T{v})
	for how, x := range map[string]any{"value": v, "pointer": &v, "field": holder[T]{v, &v, v}, "map": map[string]any{"k": v}} {
		for name, encode := range encoders {
			var b strings.Builder
			err := encode(&b, x)
			texts[how+" "+name] = fmt.Sprint(b.String(), err)
		}
	}
	var deep strings.Builder
	(&walker{w: &deep, seen: map[uintptr]bool{}}).walk(reflect.ValueOf(&v), 0)
	texts["deep"] = deep.String()
	return texts
}

var encoders = map[string]func(io.Writer, any) error{
	"json": func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
	"xml":  func(w io.Writer, v any) error { return xml.NewEncoder(w).Encode(v) },
	"gob":  func(w io.Writer, v any) error { return gob.NewEncoder(w).Encode(v) },
	"slog text": func(w io.Writer, v any) error {
		slog.New(slog.NewTextHandler(w, nil)).With("with", v).Info("m", "v", v, slog.Group("g", "v", v))
		return nil
	},
	"slog json": func(w io.Writer, v any) error {
		slog.New(slog.NewJSONHandler(w, nil)).With("with", v).Info("m", "v", v, slog.Group("g", "v", v))
		return nil
	},
	"template": func(w io.Writer, v any) error {
		return template.Must(template.New("").Parse(`{{.}} {{printf "%#v" .}} {{js .}}`)).Execute(w, v)
	},
}

// walker writes down every string and number that reflection reaches, through
// unexported fields and pointers, as spew and debuggers do. It does not follow
// functions and unsafe pointers.
type walker struct {
	w    io.Writer
	seen map[uintptr]bool
}

func (w *walker) walk(v reflect.Value, depth int) {
	if depth > 60 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		fmt.Fprintln(w.w, v.String())
	case reflect.Pointer:
		if v.IsNil() || w.seen[v.Pointer()] {
			return
		}
		w.seen[v.Pointer()] = true
		w.walk(v.Elem(), depth+1)
	case reflect.Interface:
		w.walk(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			w.walk(v.Field(i), depth+1)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			w.walk(key, depth+1)
			w.walk(v.MapIndex(key), depth+1)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			for i := range v.Len() {
				fmt.Fprintf(w.w, "%c", v.Index(i).Uint())
			}
			fmt.Fprintln(w.w)
			return
		}
		for i := range v.Len() {
			w.walk(v.Index(i), depth+1)
		}
	}
}
