package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// program is the name of this program to people, and of its sessions to the library.
const program = "staysigned"

// app is one run of the program.
type app struct {
	stdin, stdout, stderr *os.File
	flags                 options
	talk                  *talk
	given                 *pflag.FlagSet    // the flags of all commands, to be repeated in advice
	running               bool              // the command line was understood
	transport             http.RoundTripper // of the library's requests; nil: its own
}

// options are the flags that every command has.
type options struct {
	config, profile                     string
	authority, clientID                 string
	account                             string
	store, key                          string
	insecureLoopbackHTTP, json, verbose bool
}

func (a *app) run(ctx context.Context, args []string) exitCode {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	a.talk = newTalk(a.stderr)
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !a.running {
		if _, known := errors.AsType[*usageError](err); !known {
			err = &usageError{err, "see: " + command.CommandPath() + " --help"}
		}
		// A script that asked for errors in JSON gets them, also when the rest of its command line is wrong.
		a.flags.json = a.flags.json || slices.Contains(args, "--json")
	}
	return a.report(ctx, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   program,
		Short: "Sign in once, stay signed in",
		Long: "Sign in once, stay signed in: tokens of OAuth 2.0 and OpenID Connect for scripts, curl, kubectl, git and docker.\n" +
			"Standard output has data and nothing else; what is for a person goes to standard error.",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return fromEnvironment(cmd.Root().PersistentFlags(), os.Getenv)
		},
	}
	a.group(root)
	f := root.PersistentFlags()
	f.StringVar(&a.flags.config, "config", "", "configuration `file` (see \"staysigned help config\")")
	f.StringVarP(&a.flags.profile, "profile", "p", "", "`name` of a profile in it")
	f.StringVar(&a.flags.authority, "authority", "", "where people sign in: an issuer `URL` or a Microsoft authority")
	f.StringVar(&a.flags.clientID, "client-id", "", "this program's `ID` there, of a public client")
	f.StringVarP(&a.flags.account, "account", "a", "", "`who`, by user name, e-mail address or account ID")
	f.StringVar(&a.flags.store, "store", "", "`directory` of the sessions")
	f.StringVar(&a.flags.key, "key", "", "`where` their key is: keychain, kernel, passphrase or file:PATH")
	f.BoolVar(&a.flags.json, "json", false, "answers and errors in JSON")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "say what the library does (no secrets)")
	f.BoolVar(&a.flags.insecureLoopbackHTTP, "insecure-loopback-http", false, "let the authority be http:// on 127.0.0.1, for tests")
	a.given = f
	must(root.RegisterFlagCompletionFunc("profile", a.completeProfiles))
	must(root.RegisterFlagCompletionFunc("key", cobra.FixedCompletions([]string{"keychain", "kernel", "passphrase", "file:"}, cobra.ShellCompDirectiveNoFileComp)))
	must(root.MarkPersistentFlagDirname("store"))
	for _, g := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"For people:", []*cobra.Command{a.login(), a.logout(), a.accounts(), a.status(), a.doctor(), a.unlock()}},
		{"For programs:", []*cobra.Command{a.token(), a.whoami(), a.credential(), a.scopes()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.title
			root.AddCommand(c)
		}
	}
	root.AddCommand(helpConfig(), helpExit())
	return root
}

// group makes a command that only has commands: it shows them, and knows no other arguments.
func (a *app) group(c *cobra.Command) {
	c.Args = cobra.NoArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// action makes a command do something. What fails before it begins is a mistake in the command line.
func (a *app) action(c *cobra.Command, do func(ctx context.Context, args []string) error) *cobra.Command {
	c.RunE = func(cmd *cobra.Command, args []string) error {
		a.running = true
		return do(cmd.Context(), args)
	}
	return c
}

// withSession opens the client for a command, and waits at its end for what is still on its way.
func (a *app) withSession(do func(ctx context.Context, s *session, args []string) error) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) (err error) {
		s, err := a.open()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close(ctx)) }()
		return s.store.explain(do(ctx, s, args))
	}
}

// fromEnvironment sets the flags that the command line does not, from variables such as STAYSIGNED_CLIENT_ID.
func fromEnvironment(flags *pflag.FlagSet, getenv func(string) string) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := strings.ToUpper(program + "_" + strings.ReplaceAll(f.Name, "-", "_"))
		value := getenv(name)
		if f.Changed || value == "" || err != nil {
			return
		}
		if e := f.Value.Set(value); e != nil { // not flags.Set, so that f.Changed still means the command line
			err = usage(fmt.Errorf("%s=%q: %w", name, value, e))
		}
	})
	return err
}

// again is a command line of this program for a person to type, with the flags that this one has.
func (a *app) again(words ...string) string {
	line := append([]string{program}, words...)
	a.given.VisitAll(func(f *pflag.Flag) {
		switch {
		case !f.Changed || f.Name == "json" || f.Name == "verbose":
		case f.Value.Type() == "bool":
			line = append(line, "--"+f.Name)
		default:
			line = append(line, "--"+f.Name, f.Value.String())
		}
	})
	for i := range line {
		line[i] = quoted(line[i])
	}
	return strings.Join(line, " ")
}

// quoted is a word for a shell.
func quoted(word string) string {
	harmless := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=,+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !harmless(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// logger is for --verbose.
func (a *app) logger() *slog.Logger {
	switch {
	case !a.flags.verbose:
		return nil
	case a.flags.json:
		return slog.New(slog.NewJSONHandler(visible{a.talk}, nil))
	}
	return slog.New(slog.NewTextHandler(a.talk, nil))
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// must is for what only a mistake in this program makes fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
