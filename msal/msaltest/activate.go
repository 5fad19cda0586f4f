package msaltest

import "net/http"

// activate is the page of verification_uri. It asks also when the address brings the code along: the person must see
// that a device waits, and that it is theirs (RFC 8628 §3.3.1, §5.4).
func (p *Platform) activate(c *call) answer {
	userCode := c.form.Get("user_code")
	if c.Method == http.MethodGet {
		return activatePage(c, http.StatusOK, userCode, "Enter the code that the device shows, if it is yours.")
	}
	s := p.lock()
	defer p.mu.Unlock()
	d := s.waiting(userCode)
	if d == nil {
		return activatePage(c, http.StatusBadRequest, userCode, "No device waits with this code.")
	}
	if c.form.Get("decision") != "continue" {
		d.decision = denied
		return page(http.StatusOK, "Cancelled", "The device was not signed in. You can close this page.")
	}
	if stop := p.approve(s, d); stop != nil {
		return *stop
	}
	return page(http.StatusOK, "Signed in", "Go on at the device, as "+d.user.title()+". You can close this page.")
}

func activatePage(c *call, status int, userCode, text string) answer {
	return view{
		Title:   "Sign in on a device",
		Text:    text,
		Action:  c.self(),
		Input:   field{"user_code", userCode, "Code"},
		Buttons: []field{{"decision", "continue", "Continue"}, {"decision", "cancel", "Cancel"}},
	}.answer(status)
}
