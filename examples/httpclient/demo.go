package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// newDemo is a task for a server and an API inside the program, at one address. A script signs in.
func newDemo(out io.Writer) task {
	idp := &msaltest.Platform{}
	mux := http.NewServeMux()
	mux.Handle("/", idp)
	mux.Handle("/stock", &stock{out: out})
	server := httptest.NewServer(mux)
	idp.URL = server.URL
	return task{
		config:  msal.Config{ClientID: "httpclient", Authority: idp.URL, InsecureLoopbackHTTP: true},
		browser: msal.Browser{Open: idp.Browse},
		scopes:  []string{"stock.read"},
		url:     server.URL + "/stock",
		close:   server.Close,
	}
}

// stock is an API that wants more of a token than its first one has, and says so in a claims challenge, as Microsoft's
// do when a person's rights have changed since the token was issued.
type stock struct {
	out   io.Writer
	stale string
}

func (s *stock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := r.Header.Get("Authorization")
	if s.stale == "" {
		s.stale = token
	}
	if token == s.stale {
		s.say("401, a newer token is wanted")
		w.Header().Set("WWW-Authenticate",
			`Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ=="`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.say("200")
	_, _ = io.WriteString(w, "12 chairs, 1 table")
}

func (s *stock) say(what string) { _, _ = fmt.Fprintln(s.out, "the API says", what) }
