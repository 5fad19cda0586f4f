package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/msal"
)

// loginFlags are those of login.
type loginFlags struct {
	device          bool
	prompt, claims  string
	timeout         time.Duration
	withoutTerminal bool
}

func (a *app) login() *cobra.Command {
	var f loginFlags
	c := &cobra.Command{
		Use:   "login [scope]...",
		Short: "Sign in, with the browser or on another device",
		Long: "Sign in with the browser of this machine, or with --device on any other: a telephone, say.\n" +
			"The session is kept, and \"staysigned token\" needs nobody from then on. Openid, profile, email and\n" +
			"offline_access go along by themselves.",
		Example: "  staysigned login User.Read\n  staysigned login --device --profile work",
	}
	c.Flags().BoolVar(&f.device, "device", false, "sign in on another device, with a code")
	c.Flags().StringVar(&f.prompt, "prompt", "", "`what` the server shall ask for: login, consent, select_account, create")
	c.Flags().StringVar(&f.claims, "claims", "", "the claims `challenge` of an API, as JSON or in base64")
	c.Flags().DurationVar(&f.timeout, "timeout", 5*time.Minute, "how long to wait for the browser")
	c.Flags().BoolVar(&f.withoutTerminal, "without-terminal", false, "also where nobody is at a terminal, for programs that start this")
	must(c.RegisterFlagCompletionFunc("prompt", cobra.FixedCompletions([]string{"login", "consent", "select_account", "create"}, cobra.ShellCompDirectiveNoFileComp)))
	return a.action(c, a.withSession(func(ctx context.Context, s *session, scope []string) error {
		return a.signIn(ctx, s, f, scope)
	}))
}

func (a *app) signIn(ctx context.Context, s *session, f loginFlags, scope []string) error {
	if !f.withoutTerminal && (!isTerminal(a.stdin) || !isTerminal(a.stderr)) {
		return &personError{fmt.Errorf("%w, and nobody is at a terminal here, who would see how; where somebody reads this all the same", msal.ErrSignInRequired),
			append(f.again(scope), "--without-terminal")}
	}
	client, err := s.forLogin(ctx, f.prompt)
	if err != nil {
		return err
	}
	if f.claims != "" {
		client = client.WithClaims(f.claims)
	}
	code := f
	code.device = true
	p := &prompter{app: a, timeout: f.timeout, otherwise: code.again(scope), stop: func() {}}
	var flow msal.Flow = msal.Browser{RedirectURI: s.profile.RedirectURI, Timeout: f.timeout, Show: p.browser}
	if f.device {
		flow = msal.DeviceCode{Show: p.device}
	}
	token, err := client.SignIn(ctx, flow, s.scopes(scope)...)
	p.stop()
	if err != nil {
		return &personError{err, f.again(scope)}
	}
	return a.signedIn(s, token)
}

// again are the arguments of the same sign-in. Claims are those of the last refusal, see loginFor.
func (f loginFlags) again(scope []string) []string {
	args := slices.Clone(scope)
	if f.device {
		args = append(args, "--device")
	}
	return args
}

// forLogin is the client to sign in with. An account that was chosen is the only one that may, if it has been here
// before; else its name is what the server is told.
func (s *session) forLogin(ctx context.Context, prompt string) (*msal.Client, error) {
	if s.profile.Account == "" {
		return s.client.With(msal.Params{Prompt: prompt}), nil
	}
	if err := s.store.unlock(ctx); err != nil { // or nobody knows who has been here
		return nil, err
	}
	account, err := s.find(ctx)
	switch {
	case err == nil:
		return s.client.For(account).With(msal.Params{Prompt: prompt}), nil
	case errors.Is(err, msal.ErrSignInRequired):
		return s.client.With(msal.Params{Prompt: prompt, LoginHint: s.profile.Account}), nil
	}
	return nil, err
}

// signedIn says who did. A session that could not be stored ends with this program, so it is none.
func (a *app) signedIn(s *session, token msal.Token) error {
	if token.Warning != nil {
		return fmt.Errorf("%s signed in, but the session could not be kept: %w", called(token.Account), token.Warning)
	}
	if token.Missing.Len() > 0 {
		a.talk.say("The server did not grant %s.\n", plain(token.Missing.String()))
	}
	if !token.Renewable {
		a.talk.say("The server gave no refresh token: this ends at %s.\n", token.Expiry.Local().Format("15:04"))
	}
	if a.flags.json {
		return a.printJSON(token.Account)
	}
	a.talk.say("%s Signed in as %s. The session is in %s.\n", a.talk.green("✓"), a.talk.bold(token.Account.String()), plain(s.store.String()))
	return nil
}

// prompter tells the person what to do, and how long there is for it. The library calls it, and again if the server
// refuses a scope that was sent by itself.
type prompter struct {
	*app
	timeout   time.Duration
	otherwise []string // arguments of the same login with a code
	stop      func()
}

func (p *prompter) browser(_ context.Context, address string) error {
	p.stop()
	until := time.Now().Add(p.timeout)
	if p.flags.json {
		p.talk.json(map[string]any{"sign_in": map[string]any{"url": address, "expires_on": until.UTC().Format(time.RFC3339)}})
		p.stop = func() {}
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("the server's address cannot be read")
	}
	switch why, back := msal.NoBrowser(), callbackPort(u); {
	case why == "":
		p.talk.say("Your browser opens to sign you in at %s. If no page comes up, open this address:\n\n  %s\n\n", p.talk.bold(plain(u.Host)), address)
	case strings.Contains(why, "SSH") && back != "":
		p.talk.say("You are here %s. To sign in at %s, connect with this as well, and open the address on your own machine:\n\n  ssh -L %s:localhost:%s ...\n\n  %s\n\n",
			why, p.talk.bold(plain(u.Host)), back, back, address)
	default:
		p.talk.say("No browser is to be expected here: %s. To sign in at %s, open this address in one on this machine:\n\n  %s\n\n",
			why, p.talk.bold(plain(u.Host)), address)
	}
	if msal.NoBrowser() != "" {
		p.talk.say("Or sign in on another device: %s\n\n", p.again(append([]string{"login"}, p.otherwise...)...))
	}
	p.stop = p.talk.countdown("Waiting for you to sign in", until)
	return nil
}

// callbackPort is where the browser brings the answer to.
func callbackPort(authorize *url.URL) string {
	back, err := url.Parse(authorize.Query().Get("redirect_uri"))
	if err != nil {
		return ""
	}
	return plain(back.Port())
}

func (p *prompter) device(_ context.Context, d msal.DevicePrompt) error {
	p.stop()
	if p.flags.json {
		p.talk.json(map[string]any{"sign_in": map[string]any{
			"user_code": d.UserCode, "verification_uri": d.VerificationURI, "verification_uri_complete": d.VerificationURIComplete,
			"expires_on": d.Expiry.UTC().Format(time.RFC3339),
		}})
		p.stop = func() {}
		return nil
	}
	p.talk.say("To sign in at %s, open %s on any device and enter the code\n\n  %s\n\n", plain(d.Issuer), p.talk.bold(d.VerificationURI), p.talk.bold(d.UserCode))
	if code := p.talk.qr(d.VerificationURIComplete); code != "" {
		p.talk.say("or let a telephone read this, and compare the code:\n\n%s\n", code)
	}
	p.talk.say("Only go on if you started this yourself.\n")
	p.stop = p.talk.countdown("Waiting for you to sign in", d.Expiry)
	return nil
}
