package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/secret"
)

const canary = "CANARY-RT-7f3a"

// noCanary looks for the canary as it is, in hexadecimal as %x and %#v print
// strings and bytes, and as a list of numbers.
func noCanary(t *testing.T, printed, how string) {
	t.Helper()
	spaced := fmt.Sprintf("% x", canary)
	for _, form := range []string{
		canary, canary[:8], hex.EncodeToString([]byte(canary)), spaced,
		strings.ReplaceAll("0x"+spaced, " ", ", 0x"),
		strings.Trim(fmt.Sprint([]byte(canary)), "[]"),
		strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(canary)), "[]"), " ", ","),
	} {
		require.NotContains(t, strings.ToLower(printed), strings.ToLower(form), how)
	}
}

type holder struct {
	Name   string
	Open   secret.String
	hidden secret.String
	deep   struct{ ptr *secret.String }
}

type unexported struct{ s secret.String }

type embedded struct{ secret.String }

type failure struct{ token secret.String }

func (failure) Error() string { return "failure" }

func containers() map[string]any {
	s := secret.New(canary)
	h := holder{Name: "n", Open: s, hidden: s}
	h.deep.ptr = &s
	return map[string]any{
		"value": s, "pointer": &s, "slice": []secret.String{s}, "array": [1]secret.String{s},
		"map": map[string]secret.String{"k": s}, "interface": []any{s}, "pointers": []*secret.String{&s},
		"struct": h, "struct pointer": &h, "struct in map": map[int]holder{1: h},
		"unexported": unexported{s}, "embedded": embedded{s},
		"error": failure{s}, "errors": errors.Join(failure{s}, fmt.Errorf("x: %w", failure{s})),
		"channel": func() any { c := make(chan secret.String, 1); c <- s; return c }(),
	}
}

func TestPrintsUnderNoVerb_LG01(t *testing.T) {
	t.Parallel()
	for name, v := range containers() {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %#x %d %t %p %c %U %e %w %z %T %b %o %10v %-10.3s") {
			noCanary(t, fmt.Sprintf(verb, v), name+" "+verb)
			noCanary(t, fmt.Errorf(verb, v).Error(), name+" "+verb)
		}
		noCanary(t, fmt.Sprintln(v), name)
	}
}

func TestPrintsAMark(t *testing.T) {
	t.Parallel()
	for _, verb := range strings.Fields("%v %+v %#v %s %q %x %d %z") {
		require.Equal(t, "[secret]", fmt.Sprintf(verb, secret.New(canary)), verb)
		require.Equal(t, "[empty]", fmt.Sprintf(verb, secret.String{}), verb)
	}
	require.Equal(t, "[secret]", secret.New(canary).GoString())
	require.Equal(t, "{n [secret]}", fmt.Sprint(struct {
		N string
		S secret.String
	}{"n", secret.New(canary)}))
}

func TestEncodersShowNothing_LG02(t *testing.T) {
	t.Parallel()
	for name, v := range containers() {
		text, err := json.Marshal(v)
		noCanary(t, string(text)+fmt.Sprint(err), name+" json")
		text, err = xml.Marshal(v)
		noCanary(t, string(text)+fmt.Sprint(err), name+" xml")
		var b bytes.Buffer
		err = gob.NewEncoder(&b).Encode(v)
		noCanary(t, b.String()+fmt.Sprint(err), name+" gob")
		b.Reset()
		err = template.Must(template.New("").Parse(`{{.}} {{printf "%x %v %q" . . .}} {{html .}} {{js .}}`)).Execute(&b, v)
		noCanary(t, b.String()+fmt.Sprint(err), name+" template")
	}
	text, err := json.Marshal(struct{ S, E secret.String }{S: secret.New(canary)})
	require.NoError(t, err)
	require.JSONEq(t, `{"S":"[secret]","E":"[empty]"}`, string(text))
}

func TestLogsShowNothing_LG04(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	options := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, options), slog.NewJSONHandler(&b, options)} {
		log := slog.New(h)
		for name, v := range containers() {
			log.Info(name, "v", v, slog.Group("g", "v", v))
			log.With("v", v).WithGroup("g").Debug(fmt.Sprint(v), slog.Any("v", v))
		}
	}
	noCanary(t, b.String(), "slog")
	require.Contains(t, b.String(), "[secret]")
}

// A mark that was printed and read again must not become a secret.
func TestDecodingFails(t *testing.T) {
	t.Parallel()
	var s secret.String
	require.Error(t, json.Unmarshal([]byte(`"[secret]"`), &s))
	require.True(t, s.Empty())
}

func TestReveal(t *testing.T) {
	t.Parallel()
	require.Equal(t, canary, secret.New(canary).Reveal())
	require.False(t, secret.New(canary).Empty())
	require.True(t, secret.New("").Empty())
	require.True(t, secret.String{}.Empty())
	require.Empty(t, secret.String{}.Reveal())
}

// What a crashing program leaves on standard error, with all goroutines and
// their arguments. The child's panic values are the containers, one per run.
func TestPanicShowsNothing_LG07(t *testing.T) {
	const which = "STAYSIGNED_TEST_PANIC_WITH"
	if name := os.Getenv(which); name != "" {
		crash(secret.New(canary), containers()[name])
	}
	t.Parallel()
	for _, name := range []string{"value", "pointer", "struct", "error", "errors"} {
		child := exec.Command(os.Args[0], "-test.run=^TestPanicShowsNothing_LG07$")
		child.Env = append(os.Environ(), which+"="+name, "GOTRACEBACK=all")
		out, err := child.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "panic: ", name)
		require.Contains(t, string(out), "secret_test.crash", name)
		noCanary(t, string(out), name)
	}
}

//go:noinline
func crash(s secret.String, v any) {
	hold := make(chan secret.String)
	go func() { hold <- s }()
	panic(v)
}

// A secret can not be the key of a map, which every printer shows: the compiler refuses a type that cannot be compared.
func TestNoMapKey_LG03(t *testing.T) {
	t.Parallel()
	require.False(t, reflect.TypeFor[secret.String]().Comparable())
	require.False(t, reflect.TypeFor[embedded]().Comparable())
}
