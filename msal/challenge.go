package msal

import "strings"

// maxHeader bounds what is read of WWW-Authenticate.
const maxHeader = 16 << 10

// claimsChallenge returns the claims that a resource server wants a token to
// satisfy, as they stand in the Bearer challenge of its WWW-Authenticate
// headers, or "" (RFC 9110 section 11.6.1; Microsoft's "claims challenge").
func claimsChallenge(headers []string) string {
	for _, h := range headers {
		if len(h) > maxHeader {
			continue
		}
		for _, c := range parseChallenges(h) {
			if strings.EqualFold(c.scheme, "Bearer") && c.params["error"] == insufficientClaims {
				return c.params["claims"]
			}
		}
	}
	return ""
}

type authChallenge struct {
	scheme string
	params map[string]string // names in lower case
}

// parseChallenges reads a header that may hold several challenges, separated
// by the same commas that separate their parameters: a word with "=" behind it
// is a parameter, one without begins a challenge. A challenge that says
// something twice is left out, because nobody knows what it means.
func parseChallenges(header string) []authChallenge {
	var list []authChallenge
	twice := map[int]bool{}
	for rest := skip(header, ", \t"); rest != ""; rest = skip(rest, ", \t") {
		if rest[0] == '"' {
			return nil // not the grammar, and what is within quotes is not to be read as if it were
		}
		word := rest[:span(rest)]
		rest = skip(rest[len(word):], " \t")
		if word == "" {
			rest = skip(rest, "=") // the padding of a token68
			continue
		}
		if !strings.HasPrefix(rest, "=") || len(list) == 0 {
			list = append(list, authChallenge{word, map[string]string{}})
			continue
		}
		last := len(list) - 1
		value, tail, ok := parseValue(skip(rest[1:], " \t"))
		if !ok {
			return nil
		}
		name := strings.ToLower(word)
		if _, have := list[last].params[name]; have {
			twice[last] = true
		}
		list[last].params[name], rest = value, tail
	}
	var clear []authChallenge
	for i, c := range list {
		if !twice[i] {
			clear = append(clear, c)
		}
	}
	return clear
}

// parseValue reads a token or a quoted-string.
func parseValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		n := span(s)
		return s[:n], s[n:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

func skip(s, chars string) string { return strings.TrimLeft(s, chars) }

// span is the length of the token68 or token that s begins with.
func span(s string) int {
	n := strings.IndexAny(s, " \t,=\"")
	if n < 0 {
		n = len(s)
	}
	return n
}
