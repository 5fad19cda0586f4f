package msaltest

import (
	"net/http"
	"net/url"
)

// logout ends the person's session in the browser: of the one whom id_token_hint names, or of everybody.
// Where the redirect URI is not registered, they are signed out all the same and stay on the page (not verified).
func (m microsoft) logout(c *call) answer {
	if name := repeated(c.form); name != "" {
		return m.page(c, m.no(9000411, name))
	}
	app, known := m.other, false
	if id := c.form.Get("client_id"); id != "" {
		app, known = m.app(id)
	}
	subject := ""
	if claims, ok := m.ownToken(c.form.Get("id_token_hint")); ok {
		app, known = m.app(claims.Audience)
		subject = m.subjectOf(claims.Subject, claims.Audience)
	}
	m.leave(subject)
	back := c.form.Get("post_logout_redirect_uri")
	if back == "" || m.apps != nil && !known || !m.redirects(app, back, anyPlatform) {
		return page(http.StatusOK, "You signed out of your account", "It's a good idea to close all browser windows.")
	}
	params := url.Values{}
	if state := c.form.Get("state"); state != "" {
		params.Set("state", state)
	}
	return redirect(withQuery(back, params))
}

// subjectOf finds whose pairwise name it is.
func (m microsoft) subjectOf(sub, client string) string {
	s := m.lock()
	defer m.mu.Unlock()
	for _, x := range s.sessions {
		if m.pairwise(x.user, x.tenant, client) == sub {
			return x.user.Subject
		}
	}
	return ""
}
