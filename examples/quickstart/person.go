package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/staysigned/staysigned/msal"
)

// person is who signs in: somebody at the browser of this machine or, where there is none, a script.
type person struct {
	*world
	out  io.Writer
	auto bool
	url  string
}

// browser is how the person signs in. Where nobody has to stand in for them, an application writes msal.Browser{}.
func (p *person) browser() msal.Browser {
	b := msal.Browser{Show: p.show}
	if p.auto {
		b.Open = p.idp.Browse
	}
	return b
}

func (p *person) show(_ context.Context, url string) error {
	p.url = url
	text := "Press Continue in your browser. If it shows no page, open this address:"
	if p.auto {
		text = "A script presses Continue at this address:"
	}
	_, err := fmt.Fprintf(p.out, "   %s\n\n   %s\n\n", text, url)
	return err
}

// stepIn presses Continue when no browser came up.
func (p *person) stepIn(ctx context.Context) error {
	_, _ = fmt.Fprint(p.out, "   No browser came up on this machine, so a script presses Continue.\n\n")
	return p.idp.Browse(ctx, p.url)
}

// noBrowser listens for one event of the library: that no browser could be opened.
type noBrowser struct {
	slog.Handler
	then func(context.Context) error
}

func (h noBrowser) Enabled(context.Context, slog.Level) bool { return true }

func (h noBrowser) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "browser not opened" {
		return h.then(ctx)
	}
	return nil
}
