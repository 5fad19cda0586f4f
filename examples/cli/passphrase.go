package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/term"
)

// passphrase returns the function that asks for the passphrase of a file. The library calls it for login and unlock
// only, and it asks only a person: a script gets an error.
func (a *app) passphrase(file string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if !term.IsTerminal(int(a.stdin.Fd())) {
			return "", errors.New("standard input is no terminal, so there is nobody to ask for the passphrase")
		}
		_, err := os.Lstat(file)
		isNew := errors.Is(err, fs.ErrNotExist)
		prompt := "Passphrase: "
		if isNew {
			a.talk.say("The sessions will be sealed with a key that a passphrase opens, in %s.\n", plain(tilde(file)))
			prompt = "New passphrase: "
		}
		first, err := a.readHidden(ctx, prompt)
		if err != nil || !isNew {
			return first, err
		}
		second, err := a.readHidden(ctx, "Again: ")
		if err == nil && first != second {
			err = errors.New("the two are not the same; nothing was kept")
		}
		return second, err
	}
}

// readHidden reads a line that does not show. If the person gives up with Ctrl-C, the terminal shows again what is
// typed: the read itself cannot be ended, and the program ends soon.
func (a *app) readHidden(ctx context.Context, prompt string) (string, error) {
	fd := int(a.stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	_, _ = fmt.Fprint(a.talk, prompt)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	defer func() { _, _ = fmt.Fprintln(a.talk) }()
	select {
	case l := <-read:
		return string(l.text), l.err
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}
