package msaltest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// consentPage asks the person who they are and whether the client may sign them in. The form carries the whole
// request back, so the platform has nothing to remember about pages that nobody answers.
func (p *Platform) consentPage(c *call, req authorization) answer {
	s := p.lock()
	people := p.manners().people(s, c, req.hint)
	p.mu.Unlock()
	v := view{
		Title:  "Sign in to " + req.client,
		Text:   "The application asks for:",
		Items:  req.scopes,
		Action: strings.TrimSuffix(c.self(), c.layout.path("authorize", authorizePath)) + c.layout.path("signin", signInPath),
		Hidden: []field{{Name: "request", Value: c.form.Encode()}},
	}
	for _, u := range people {
		v.Buttons = append(v.Buttons, field{"subject", u.Subject, "Continue as " + u.title()})
	}
	v.Buttons = append(v.Buttons, field{"subject", "", "Cancel"})
	return v.answer(http.StatusOK)
}

func (u User) title() string {
	for _, s := range []string{u.Name, u.Username} {
		if s != "" {
			return s
		}
	}
	return u.Subject
}

// signIn takes the answer of the consent page.
func (p *Platform) signIn(c *call) answer {
	form, err := url.ParseQuery(c.form.Get("request"))
	if c.err != nil || err != nil {
		return page(http.StatusBadRequest, "This sign-in cannot go on", "The form is damaged.")
	}
	m := p.manners()
	req, stop := m.readAuthorization(c, form)
	if stop != nil {
		return *stop
	}
	subject := c.form.Get("subject")
	if subject == "" {
		return m.declined(c, req)
	}
	s := p.lock()
	people := m.people(s, c, req.hint)
	p.mu.Unlock()
	i := slices.IndexFunc(people, func(u User) bool { return u.Subject == subject })
	if i < 0 {
		return page(http.StatusBadRequest, "This sign-in cannot go on", fmt.Sprintf("There is no user %q.", subject))
	}
	return m.grant(c, req, people[i])
}
