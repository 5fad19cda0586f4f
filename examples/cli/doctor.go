package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/msal"
)

// finding is what one check of doctor found out.
type finding struct {
	Check string   `json:"check"`
	State string   `json:"state"` // ok, note or bad
	Text  string   `json:"text"`
	More  []string `json:"more,omitempty"`
	Next  string   `json:"next,omitempty"`
	code  exitCode // of the program, if it is bad
}

const (
	ok   = "ok"
	note = "note" // worth knowing, and nothing that stands in the way
	bad  = "bad"
)

func (a *app) doctor() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what may be wrong, and say what to do",
		Long: "Look at the settings, the server, the clock, the key to the sessions, their directory and the browser, and\n" +
			"say what to do. It asks nobody and changes nothing. It ends with the code of the first thing that is bad.",
		Args: cobra.NoArgs,
	}
	return a.action(c, func(ctx context.Context, _ []string) error {
		findings := a.examine(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if a.flags.json {
			if err := a.printJSON(findings); err != nil {
				return err
			}
		} else {
			a.printFindings(findings)
		}
		for _, f := range findings {
			if f.State == bad {
				return &unwellError{f}
			}
		}
		return nil
	})
}

// unwellError is a finding that is bad.
type unwellError struct{ finding }

func (e *unwellError) Error() string { return "something is wrong with the " + e.Check + ": " + e.Text }

// examine makes all checks. One that depends on another that is bad is left out.
func (a *app) examine(ctx context.Context) []finding {
	p, err := a.flags.loadProfile()
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return []finding{a.bad("settings", err), browserFinding()}
	}
	settings := finding{Check: "settings", State: ok, Text: fmt.Sprintf("authority %s, client %s", p.Authority, p.ClientID)}
	if p.name != "" {
		settings.Text += fmt.Sprintf(" (profile %q of %s)", p.name, p.file)
	}
	findings := append([]finding{settings}, a.server(ctx, p)...)
	st, err := a.openStore(p)
	if err != nil {
		findings = append(findings, a.bad("sessions", err))
	} else {
		key := a.keyFinding(ctx, st)
		findings = append(findings, key)
		if key.State != bad {
			findings = append(findings, a.storeFinding(ctx, p, st))
		}
	}
	return append(findings, browserFinding())
}

func (a *app) bad(check string, err error) finding {
	f := a.judge(context.Background(), err)
	if strings.Contains(f.next, a.again("doctor")) {
		f.next = "" // here it is
	}
	return finding{Check: check, State: bad, Text: f.message, Next: f.next, code: f.code}
}

// clockTolerance is how far the server's clock may be from ours for a sign-in to succeed.
const clockTolerance = 5 * time.Minute

// server asks for the server's metadata, as a sign-in does, and compares the clocks.
func (a *app) server(ctx context.Context, p profile) []finding {
	clock := &clock{transport: http.DefaultTransport}
	cfg := a.config(p)
	cfg.HTTPClient = &http.Client{Transport: clock}
	client, err := msal.New(cfg) // without a store, which would answer in the server's place
	if err != nil {
		return []finding{a.bad("authority", usage(err))}
	}
	sent, err := client.Authorize(ctx, "http://127.0.0.1", p.Scopes...)
	var found []finding
	if err != nil {
		found = append(found, a.bad("authority", err))
	} else {
		host := sent.URL()
		if u, err := url.Parse(host); err == nil {
			host = u.Host
		}
		found = append(found, finding{Check: "authority", State: ok,
			Text: "answers; people sign in at " + host})
	}
	if !clock.seen {
		return found
	}
	return append(found, clockFinding(clock.off))
}

// clockFinding judges by how much the clock of this machine is before or behind the server's.
func clockFinding(off time.Duration) finding {
	text := fmt.Sprintf("is %s off the server's", off.Abs().Round(time.Second))
	switch {
	case off.Abs() > clockTolerance:
		return finding{Check: "clock", State: bad, Text: text, Next: "set the clock of this machine", code: exitError}
	case off.Abs() > time.Minute:
		return finding{Check: "clock", State: note, Text: text, Next: "set the clock of this machine before it gets worse"}
	}
	return finding{Check: "clock", State: ok, Text: "agrees with the server's"}
}

// clock notes what time it is at the server.
type clock struct {
	transport http.RoundTripper
	off       time.Duration
	seen      bool
}

func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.off, c.seen = time.Since(date.Add(time.Second/2)), true // Date is cut to the second
	}
	return resp, nil
}

// keyFinding asks for a key that nobody has: whoever keeps the keys can be had if the answer is that it is not there.
func (a *app) keyFinding(ctx context.Context, st *store) finding {
	if key := st.elsewhere(); key != "" {
		return a.bad("key", &elsewhereError{errors.New(st.kind + " has not the key of these sessions"), key})
	}
	_, err := st.keys.Key(ctx, "doctor")
	if err != nil && !errors.Is(err, cache.ErrNotFound) {
		f := a.bad("key", err)
		f.Text = st.kind + ": " + f.Text
		return f
	}
	f := finding{Check: "key", State: ok, Text: st.kind + ": can be used without asking you"}
	if st.kind == "keychain" {
		for _, place := range keychain.Diagnose(ctx, program).Places {
			f.More = append(f.More, place.Name+": "+place.State)
		}
	}
	return f
}

// storeFinding makes room for a record, and makes none.
func (a *app) storeFinding(ctx context.Context, p profile, st *store) finding {
	cfg := a.config(p)
	cfg.Cache = st.Store
	client, err := msal.New(cfg)
	if err != nil {
		return a.bad("sessions", usage(err))
	}
	accounts, err := client.Accounts(ctx)
	if err != nil {
		return a.bad("sessions", err)
	}
	f := finding{Check: "sessions", State: ok, Text: fmt.Sprintf("%d in %s", len(accounts), tilde(st.dir))}
	if len(accounts) == 0 {
		f.State, f.Next = note, "sign in: "+a.again("login")
		return f
	}
	if err := st.Store.(cache.Reserver).Reserve(ctx, "doctor", 64<<10); err != nil {
		return a.bad("sessions", err)
	}
	return f
}

func browserFinding() finding {
	if why := msal.NoBrowser(); why != "" {
		return finding{Check: "browser", State: note, Text: "none is to be expected here: " + why,
			Next: "sign in on another device: " + program + " login --device"}
	}
	return finding{Check: "browser", State: ok, Text: "opens on this machine"}
}

func (a *app) printFindings(findings []finding) {
	const indent = 13
	for _, f := range findings {
		mark := map[string]string{ok: a.talk.green("✓"), note: a.talk.bold("!"), bad: a.talk.red("✗")}[f.State]
		a.print(indent, "%s %-10s %s\n", mark, f.Check, plain(f.Text))
		for _, more := range f.More {
			a.print(indent, "%*s%s\n", indent, "", plain(more))
		}
		if f.Next != "" {
			a.print(indent, "%*s%s\n", indent, "", a.talk.bold("→ "+plain(f.Next)))
		}
	}
}
