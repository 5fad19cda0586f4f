package msaltest

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Browse is a person with a browser: it opens the address, follows the platform's redirects, presses the first button
// of its pages (the last one after [Platform.Deny]) and carries the answer to a loopback address over a real socket.
// It returns when the application has answered there, or the platform shows a page without a form.
//
// It has the form of a function that opens a browser, and it takes both the address of an authorization request and
// the verification_uri_complete of a device. An error that means that the application will hear nothing, such as a page
// of the platform that refuses the request, has a method SignInEnded() bool that says so.
func (p *Platform) Browse(ctx context.Context, address string) error {
	const hops = 10 // as browsers and net/http have it
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	for range hops {
		if err != nil {
			return &ended{err}
		}
		if !p.owns(req.URL) {
			return deliver(req)
		}
		if req, err = p.visit(req); req == nil && err == nil {
			return nil
		}
	}
	return &ended{fmt.Errorf("more than %d redirects", hops)}
}

// ended is why a visit came to its end before the application was reached.
type ended struct{ cause error }

func (e *ended) Error() string   { return "msaltest: browse: " + e.cause.Error() }
func (e *ended) Unwrap() error   { return e.cause }
func (*ended) SignInEnded() bool { return true }

// visit opens a page of the platform and returns what comes after it: nothing, where it ends.
func (p *Platform) visit(req *http.Request) (*http.Request, error) {
	resp, err := inProcess{p}.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if to := resp.Header.Get("Location"); to != "" {
		return http.NewRequestWithContext(req.Context(), http.MethodGet, to, nil)
	}
	action, form := p.fill(string(body))
	switch {
	case resp.StatusCode >= http.StatusBadRequest:
		return nil, fmt.Errorf("the platform answers %s: %s", resp.Status, textOf(string(body)))
	case action == "":
		return nil, nil
	}
	next, err := http.NewRequestWithContext(req.Context(), http.MethodPost, action, strings.NewReader(form.Encode()))
	if err == nil {
		next.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		next.Header.Set("Origin", "null") // what the pages' Referrer-Policy makes of it
	}
	return next, err
}

// The pages are the platform's own, so expressions that fit page.html are enough to read them.
var (
	formTag   = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	inputTag  = regexp.MustCompile(`<input [^>]*name="([^"]*)" value="([^"]*)"`)
	buttonTag = regexp.MustCompile(`<button type="submit"(?: name="([^"]*)" value="([^"]*)")?`)
	textTags  = regexp.MustCompile(`(?s)<h1>(.*?)</h1>\s*<p>(.*?)</p>`)
)

// fill returns the form of a page as the person sends it; no action: the page has none.
func (p *Platform) fill(body string) (action string, form url.Values) {
	tag := formTag.FindStringSubmatch(body)
	if tag == nil {
		return "", nil
	}
	form = url.Values{}
	for _, input := range inputTag.FindAllStringSubmatch(body, -1) {
		form.Add(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	buttons := buttonTag.FindAllStringSubmatch(body, -1)
	pressed := buttons[0]
	if p.denies() {
		pressed = buttons[len(buttons)-1]
	}
	if pressed[1] != "" {
		form.Add(html.UnescapeString(pressed[1]), html.UnescapeString(pressed[2]))
	}
	return html.UnescapeString(tag[1]), form
}

func textOf(body string) string {
	if text := textTags.FindStringSubmatch(body); text != nil {
		return html.UnescapeString(text[1] + ": " + text[2])
	}
	return "(no page)"
}

// deliver carries the answer to the application. Nothing but this machine is ever contacted.
func deliver(req *http.Request) error {
	refuse := func(u *url.URL) error {
		if !isLoopback(u) {
			return &ended{fmt.Errorf("%s://%s is neither the platform nor a loopback address", u.Scheme, u.Host)}
		}
		return nil
	}
	if err := refuse(req.URL); err != nil {
		return err
	}
	for name, value := range map[string]string{"Dest": "document", "Mode": "navigate", "Site": "cross-site"} {
		req.Header.Set("Sec-Fetch-"+name, value) // a listener may refuse what is not a navigation
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // leaves no connection behind
		CheckRedirect: func(next *http.Request, _ []*http.Request) error { return refuse(next.URL) },
	}
	resp, err := client.Do(req)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // the address has the code in it
		}
		return fmt.Errorf("msaltest: browse: the application does not answer: %w", err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
