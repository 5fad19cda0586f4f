package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// world is what the tour talks to: an identity platform and an API, each on a port of this machine.
type world struct {
	idp    *msaltest.Platform
	api    *http.Server
	apiURL string
}

// newWorld remembers in dir which port its platform had, whom it knows and what it granted. If dir is empty, nothing.
func newWorld(dir string) (*world, error) {
	idpPort, err := listenAgain(dir)
	if err != nil {
		return nil, err
	}
	apiPort, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		idpPort.Close()
		return nil, err
	}
	w := &world{
		idp: &msaltest.Platform{
			URL:             "http://" + idpPort.Addr().String(),
			Interactive:     true,
			AccessTokenLife: 3 * time.Second,
		},
		apiURL: "http://" + apiPort.Addr().String(),
	}
	if dir != "" {
		w.idp.StateFile = filepath.Join(dir, "platform.json")
	}
	w.api = &http.Server{Handler: http.HandlerFunc(w.greet), ReadHeaderTimeout: time.Second}
	go func() { _ = w.idp.Serve(idpPort) }() // either ends when the tour does
	go func() { _ = w.api.Serve(apiPort) }()
	return w, nil
}

// listenAgain takes the port that it took the first time: an issuer is known by its address.
func listenAgain(dir string) (net.Listener, error) {
	if dir == "" {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	file := filepath.Join(dir, "address")
	address, err := os.ReadFile(file)
	if err == nil {
		l, err := net.Listen("tcp", string(address))
		if err != nil {
			return nil, fmt.Errorf("the platform of this tour cannot have its address back; is another tour running? "+
				"End it, or forget all with -forget: %w", err)
		}
		return l, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = os.WriteFile(file, []byte(l.Addr().String()), 0o600)
	}
	return l, err
}

func (w *world) close() {
	w.idp.Close()
	w.api.Close()
}

// greet is the API. Only the platform can read the token, so it asks there whose it is.
func (w *world) greet(rw http.ResponseWriter, r *http.Request) {
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, w.idp.URL+"/userinfo", nil)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	ask.Header.Set("Authorization", r.Header.Get("Authorization"))
	answer, err := w.idp.Client().Do(ask)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	var who struct{ Name string }
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&who) != nil {
		rw.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(rw, "who are you?", http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintf(rw, "Hello, %s!", who.Name)
}
