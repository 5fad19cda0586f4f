package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
)

// board has the state of all tokens. As an http.Handler it shows it.
type board struct {
	mu      sync.Mutex
	keepers []*keeper
}

func (b *board) add(k *keeper) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keepers = append(b.keepers, k)
}

// keep runs all keepers. One that needs a person does not stop the others; when none is left, their errors are returned.
func (b *board) keep(ctx context.Context, changed func()) error {
	errs := make([]error, len(b.keepers))
	var running sync.WaitGroup
	for i, k := range b.keepers {
		running.Go(func() { errs[i] = k.keep(ctx, changed) })
	}
	running.Wait()
	return errors.Join(errs...)
}

func (b *board) states() []state {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]state, 0, len(b.keepers))
	for _, k := range b.keepers {
		k.mu.Lock()
		list = append(list, k.state)
		k.mu.Unlock()
	}
	return list
}

// fresh tells whether there is a token, and will be one without a person.
func (s state) fresh() bool { return !s.PersonNeeded && time.Now().Before(s.FreshUntil) }

func (b *board) summary() string {
	fresh, persons, list := 0, 0, b.states()
	for _, s := range list {
		if s.fresh() {
			fresh++
		}
		if s.PersonNeeded {
			persons++
		}
	}
	text := fmt.Sprintf("%d of %d tokens are fresh", fresh, len(list))
	if persons > 0 {
		text += fmt.Sprintf("; %d sessions need a person", persons)
	}
	return text
}

// ServeHTTP answers /live with 200, as the program is not to be started again because the server is down; /ready with
// 200 if every token is fresh. Both have the states for a body.
func (b *board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, list := http.StatusOK, b.states()
	switch r.URL.Path {
	case "/live":
	case "/ready":
		if len(list) == 0 || slices.ContainsFunc(list, func(s state) bool { return !s.fresh() }) {
			status = http.StatusServiceUnavailable
		}
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(list)
}

// check asks the daemon that serves at an address, and copies its answer. It may be another program that has the port
// while the daemon is down.
func check(ctx context.Context, out io.Writer, address, path string) error {
	network, address, err := local(address)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, visible(answer)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d %s", path, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// visible is JSON in which nothing acts on a terminal. What a reader cannot see stands in strings there, where it may be
// escaped.
func visible(answer []byte) string {
	var text strings.Builder
	for _, r := range string(answer) {
		if r == '\n' || unicode.IsPrint(r) {
			text.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			_, _ = fmt.Fprintf(&text, `\u%04x`, unit)
		}
	}
	return text.String()
}
