package msaltest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// submitScript sends the form of a form_post answer on; it is the only script of the platform.
const submitScript = "document.forms[0].submit()"

// view is what the one page template shows: a heading, some words, and at most one form.
type view struct {
	Title   string
	Text    string
	Items   []string
	Action  string // empty: no form; html/template lets http and https pass
	Hidden  []field
	Input   field // a field to type into; no Name: none
	Buttons []field
	Submit  bool // the form sends itself
}

type field struct{ Name, Value, Label string }

var pageTemplate = sync.OnceValue(func() *template.Template {
	static := strings.NewReplacer("[style]", pageCSS, "[script]", submitScript)
	return template.Must(template.New("page").Parse(static.Replace(pageHTML)))
})

// contentPolicy allows the style and the script of the pages and nothing else. It has no form-action: browsers apply
// that to the redirect after a form too, and the client is at another origin.
var contentPolicy = sync.OnceValue(func() string {
	return "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src " + sourceHash(pageCSS) +
		"; script-src " + sourceHash(submitScript)
})

func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// page shows a person a heading and a sentence.
func page(status int, title, text string) answer {
	return view{Title: title, Text: text}.answer(status)
}

// formPostPage carries the parameters to the client in the body of a POST (OAuth 2.0 Form Post Response Mode §2),
// where neither history nor referrer keep them.
func formPostPage(to string, params url.Values) answer {
	v := view{Title: "Signing in", Text: "Back to the application.", Action: to, Submit: true}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		v.Hidden = append(v.Hidden, field{Name: name, Value: params.Get(name)})
	}
	v.Buttons = []field{{Label: "Continue"}}
	return v.answer(http.StatusOK)
}

func (v view) answer(status int) answer {
	var body bytes.Buffer
	if err := pageTemplate().Execute(&body, v); err != nil {
		panic("msaltest: " + err.Error())
	}
	return answer{status: status, body: body.Bytes(), header: http.Header{
		"Content-Type":            {"text/html; charset=utf-8"},
		"Content-Security-Policy": {contentPolicy()},
		"Cache-Control":           {"no-store"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Content-Type-Options":  {"nosniff"},
	}}
}
