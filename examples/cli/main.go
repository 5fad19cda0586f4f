// Staysigned signs people in from a terminal, keeps them signed in, and gives their tokens to scripts, to curl, kubectl,
// git and docker. It is an example of how an application uses the library, and good enough to be used itself.
//
//	go -C examples/cli run . login --authority https://login.example.com --client-id my-cli
//
// README.md says what it does. Where to read:
//
//   - main.go, app.go: the program, its flags, and how it ends
//   - config.go: who signs in where, from flags, environment and a file
//   - session.go, store.go, passphrase.go: the client of the library, where its sessions are, and who has their key
//   - login.go, qr.go; token.go; whoami.go, accounts.go, status.go; logout.go, unlock.go; scopes.go; doctor.go: the commands
//   - credential.go with git.go, docker.go and kubernetes.go: the protocols of others
//   - errors.go: what went wrong, for a script and for a person
//   - talk.go, fold.go, countdown.go, terminal_other.go, terminal_windows.go: what a person sees
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	code := a.run(ctx, arguments(os.Args))
	stop()
	os.Exit(int(code))
}

// arguments is the command line. Git and docker find a helper by its name, so a link to this program that is called
// docker-credential-work is "staysigned credential docker" with the profile work.
func arguments(argv []string) []string {
	name := strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	for _, who := range []string{"docker", "git"} {
		profile, ok := strings.CutPrefix(name, who+"-credential-")
		if !ok {
			continue
		}
		args := []string{"credential", who}
		if profile != program {
			args = append(args, "--profile", profile)
		}
		return append(args, argv[1:]...)
	}
	return argv[1:]
}
