package differential

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// world is one client and the platform that it talks to.
type world struct {
	*testing.T
	p *msaltest.Platform
	c client
}

// input is what both clients get.
type input struct {
	name string
	do   func(w world) result
	why  string // we differ; "": we do not
}

const (
	arm  = "https://management.azure.com/" // an API whose name ends in a slash
	cae  = `{"access_token":{"nbf":{"essential":true,"value":"1635527790"}}}`
	mail = "Mail.Read"
	user = "User.Read"
)

// What somebody who signs in is asked for, and what becomes of it.
var signIns = []input{
	{"no scopes at all", interactive(),
		"a program that only wants to know who somebody is has no API to name"},
	{"one permission", interactive(user),
		"we promise email too, as MSAL's documentation does"},
	{"a permission in other letters", interactive("user.read"), emailToo},
	{"the full name of a permission", interactive("https://graph.microsoft.com/User.Read"), emailToo},
	{"a permission by the resource's id", interactive("00000003-0000-0000-c000-000000000000/User.Read"), emailToo},
	{"the same permission twice", interactive(user, user),
		"nothing is sent twice"},
	{"two permissions in one string", interactive(user + " " + mail),
		"it is not a scope: a mistake is told before anybody is asked"},
	{"`openid` passed", interactive(user, "openid"), early},
	{"`offline_access` passed", interactive(user, "offline_access"), early},
	{"`email` passed", interactive(user, "email"), early},
	{"`OpenID` and ` profile ` passed", interactive(user, "OpenID", " profile "), early},
	{"a default by its full name", interactive(user, "https://graph.microsoft.com/openid"), early},
	{"another API", interactive("api://contoso/Things.Read"), emailToo},
	{"`X/.default`", interactive("https://graph.microsoft.com/.default"), emailToo},
	{"`X/.default` of a name that ends in a slash", interactive(arm + "/.default"), emailToo},
	{"`X/.default` beside a permission", interactive(user, "https://graph.microsoft.com/.default"),
		"the server refuses it after the person has come that far; we refuse it before"},
	{"permissions of two APIs", interactive(user, "api://contoso/Things.Read"),
		"one consent for both; the code is redeemed for the first, the other follows from the refresh token"},
	{"a permission that does not exist", interactive("User.Reed"), emailToo},
	{"an API that does not exist", interactive("api://nobody/Read"), emailToo},
	{"less granted than asked for", edit(func(p *msaltest.Platform) {
		p.ScopeEcho = func([]string) string { return user }
	}, interactive(user, mail)),
		"a shortfall is told with the token; theirs is an error, and the session is lost with it"},
	{"granted under full names", edit(func(p *msaltest.Platform) {
		p.Entra.ScopeStyle = msaltest.QualifiedNames
	}, interactive(user)),
		"one permission under two names is one permission"},
	{"an answer that does not repeat the scopes", edit(func(p *msaltest.Platform) { p.OmitScope = true }, interactive(user)),
		emailToo},
	{"the person says no", edit(func(p *msaltest.Platform) { p.Deny() }, interactive(user)), emailToo},
	{"on another device", func(w world) result { return w.c.device(w.Context(), user) },
		"email, and no poll for nothing: the first one waits an interval"},
}

const (
	emailToo = "email, as above"
	early    = "told before anything is sent; theirs is told when the code is spent, or not at all"
)

// What happens to a session, and what it costs. Each begins signed in for User.Read.
var sessions = []input{
	{"a token in memory", silent(user), "a token that is at hand costs no request"},
	{"the same in the next process", restarted(silent(user)),
		"metadata is read when it is needed: a valid token needs no network"},
	{"for nothing in particular", silent(), "the token of the sign-in answers it"},
	{"an expired token", expired(silent(user)), emailToo},
	{"the same in the next process", restarted(expired(silent(user))),
		"metadata of any age serves a refresh, so that it costs one request"},
	{"a token for another API", silent("api://contoso/Things.Read"),
		emailToo},
	{"twenty at once, expired", expired(twenty), "one refresh for all"},
	{"the same where a refresh token is used once, and a token two hours later", edit(func(p *msaltest.Platform) {
		p.Rotation = msaltest.RotateStrict
	}, expired(func(w world) result {
		twenty(w)
		time.Sleep(2 * time.Hour)
		w.p.ResetLog()
		return w.c.silent(w.Context(), user)
	})), "one refresh for all: a refresh token that comes twice ends the session"},
	{"the second API of a sign-in for two", func(w world) result {
		w.c.redeem(w.T, user, "api://contoso/Things.Read")
		w.p.ResetLog()
		return w.c.silent(w.Context(), "api://contoso/Things.Read")
	}, "email; and to get here theirs had to fail at the sign-in, of which consent alone is left"},
	{"the session was revoked", expired(func(w world) result {
		w.p.RevokeAll()
		return w.c.silent(w.Context(), user)
	}), "one error tells the program what to do, whatever the server called it"},
	{"and asked once more", expired(func(w world) result {
		w.p.RevokeAll()
		w.c.silent(w.Context(), user)
		w.p.ResetLog()
		return w.c.silent(w.Context(), user)
	}), "a token that is dead is not sent again"},
	{"the server is down, the token is valid for four minutes", func(w world) result {
		time.Sleep(56 * time.Minute)
		w.p.ResetLog()
		w.p.Fail("token", msaltest.Fault{Status: http.StatusServiceUnavailable, Times: -1})
		return w.c.silent(w.Context(), user)
	}, "a token that is valid is handed out: an outage is no sign-out"},
	{"the server asks for a minute of rest, and is asked at once", expired(func(w world) result {
		w.p.Fail("token", msaltest.Fault{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", RetryAfter: "60"})
		w.c.silent(w.Context(), user)
		w.p.ResetLog()
		return w.c.silent(w.Context(), user)
	}), "Retry-After is honoured without the program's help"},
	{"the answer to a refresh is lost", expired(func(w world) result {
		w.p.Fail("token", msaltest.Fault{Cut: true})
		return w.c.silent(w.Context(), user)
	}), "the same token is sent once more at once, which a server with a grace period answers"},
	{"a claims challenge", func(w world) result { return w.c.challenged(w.Context(), cae, user) }, emailToo},
	{"an ID token that somebody else signed", expired(func(w world) result {
		w.p.EditToken = func(_ string, answer map[string]any) { answer["id_token"] = forged(answer["id_token"].(string)) }
		return w.c.silent(w.Context(), user)
	}), "every ID token is verified, also after a refresh"},
}

func interactive(scope ...string) func(world) result {
	return func(w world) result { return w.c.interactive(w.Context(), scope...) }
}

func edit(change func(*msaltest.Platform), do func(world) result) func(world) result {
	return func(w world) result {
		change(w.p)
		return do(w)
	}
}

func silent(scope ...string) func(world) result {
	return func(w world) result { return w.c.silent(w.Context(), scope...) }
}

func restarted(do func(world) result) func(world) result {
	return func(w world) result {
		w.c = w.c.restart(w.T)
		return do(w)
	}
}

func expired(do func(world) result) func(world) result {
	return func(w world) result {
		time.Sleep(2 * time.Hour)
		return do(w)
	}
}

// twenty ask at once, and all of them before the first one is answered. The outcome counts what they got: who is the
// sixteenth, whom Microsoft's platform calls a loop, is chance.
func twenty(w world) result {
	w.p.Fail("token", msaltest.Fault{Delay: time.Second, Times: -1})
	defer w.p.Heal()
	var all sync.WaitGroup
	results := make([]result, 20)
	for i := range results {
		all.Go(func() { results[i] = w.c.silent(w.Context(), user) })
	}
	all.Wait()
	count := map[string]int{}
	for _, r := range results {
		count[r.outcome]++
	}
	if len(count) == 1 {
		return results[0]
	}
	var outcomes []string
	for _, outcome := range slices.Sorted(maps.Keys(count)) {
		outcomes = append(outcomes, fmt.Sprint(count[outcome], " times ", outcome))
	}
	return result{outcome: strings.Join(outcomes, ", ")}
}

// forged is an ID token whose signature is of other bytes.
func forged(token string) string {
	last := token[len(token)-10]
	replacement := byte('A')
	if last == 'A' {
		replacement = 'B'
	}
	return token[:len(token)-10] + string(replacement) + token[len(token)-9:]
}
