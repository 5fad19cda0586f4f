package scopes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	indent = 10 // where the text begins, behind the verdicts
	column = 80 // where lines end,
	widest = 90 // but for those with a longer word, of which this much is shown
)

// String is the explanation for people, in English. Its first line is the least
// that a person needs to know. Lines have 80 columns, or up to 100 to hold a word
// that long, and nothing in them acts on a terminal, whatever the scopes hold.
func (e Explanation) String() string {
	p := &page{}
	p.line(e.headline())
	p.out.WriteByte('\n')
	before := map[string]bool{}
	for _, s := range e.Scopes {
		if !s.Explicit && e.Err != nil {
			break // there is nothing to say of the defaults
		}
		p.scope(s, before[s.Scope])
		before[s.Scope] = true
	}
	if e.Err != nil {
		p.row("error", e.Err.Error())
		return p.out.String()
	}
	p.out.WriteByte('\n')
	p.line("On the wire" + strings.TrimSuffix(" to "+e.Server, " to "))
	for i, r := range e.Requests {
		p.request(r, i > 0 && r.Scope.String() == e.Sent.String())
	}
	if e.Undecided.Len() > 0 {
		p.row("", "and of these, what the metadata decides: "+e.Undecided.String())
	}
	if e.TokenErr != nil {
		p.row("token", "no single one is for all of these: "+e.TokenErr.Error())
	}
	return p.out.String()
}

// headline is the first line.
func (e Explanation) headline() string {
	var refused, left []string
	yours := 0
	for _, s := range e.Scopes {
		switch {
		case s.Verdict == Refused:
			refused = append(refused, shown(s.Scope))
		case s.Verdict == LeftOut && s.Explicit:
			left = append(left, shown(s.Scope))
		case s.Verdict == Sent:
			yours++
		}
	}
	if e.Err != nil {
		return fit("Refused, and nothing is sent", ", because of ", refused)
	}
	line := fmt.Sprintf("Sends %d scopes, %d of them yours", e.Sent.Len(), yours)
	line = strings.NewReplacer(" 1 scopes", " 1 scope", " 0 scopes", " no scope", " 0 of", " none of").Replace(line)
	switch {
	case e.Undecided.Len() > 0:
		return line + fmt.Sprintf("; up to %d more are decided at sign-in.", e.Undecided.Len())
	case len(left) > 0:
		return fit(line, "; left out: ", left)
	case e.AdminConsent.Len() > 0:
		return fit(line, "; admin consent needed for ", e.AdminConsent.Slice())
	case e.known():
		return line + "; none needs admin consent."
	}
	return line + "."
}

// known reports whether the catalog has all that is asked for. What a resource
// stands for, the application's registration says.
func (e Explanation) known() bool {
	return e.Sent.Len() > 0 &&
		!slices.ContainsFunc(e.Requests, func(r Request) bool { return r.Parameters["resource"] != nil }) &&
		!slices.ContainsFunc(e.Scopes, func(s Explained) bool { return s.Verdict != LeftOut && s.Permission == nil })
}

// fit ends a line with as many of the names as there is room for, each once.
func fit(line, what string, names []string) string {
	if len(names) == 0 {
		return line + "."
	}
	names = newSet(names).list
	for n := min(len(names), 4); n > 0; n-- {
		text := line + what + strings.Join(names[:n], ", ")
		if more := len(names) - n; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		if width(text) < column {
			return text + "."
		}
	}
	return line + what + fmt.Sprintf("%d of the scopes.", len(names))
}

// shown is a scope for a person: as it is, or in quotes if it is none.
func shown(scope string) string {
	if fault(scope) != "" {
		return quote(scope)
	}
	return scope
}

// page is text in two columns.
type page struct{ out strings.Builder }

// scope writes what there is to say of one, and has not been said before.
func (p *page) scope(s Explained, before bool) {
	p.row(string(s.Verdict), shown(s.Scope))
	p.row("", s.Reason)
	if !before {
		p.row("", s.Meaning)
		p.row("", s.identity())
		p.row("", s.consent())
	}
}

// identity is the scope's full name, where it is written in another way.
func (s Explained) identity() string {
	switch {
	case s.Kind == KindGraph:
		return "of Microsoft Graph: " + s.Canonical
	case s.Kind == KindDefault && s.Canonical != s.Scope:
		return "means " + s.Canonical
	case s.Resource != "" && s.Canonical != s.Scope:
		return "of " + s.Resource + ", compared as " + s.Canonical
	case s.Resource != "":
		return "of " + s.Resource
	}
	return ""
}

// consent is what the catalog has of the permission, beside its text.
func (s Explained) consent() string {
	who := "the person"
	if s.AdminConsent {
		who = "an administrator"
	}
	p := s.Permission
	switch {
	case p == nil && s.AdminConsent:
		return "consent: " + who
	case p == nil:
		return ""
	}
	text := fmt.Sprintf("id %s; consent: %s", p.ID, who)
	if s.Kind != KindDefault { // of which the source does not say more
		text += "; personal accounts: " + map[bool]string{true: "yes", false: "not listed"}[p.PersonalAccounts]
	}
	if p.PrivilegeLevel > 0 {
		text += fmt.Sprintf("; privilege level: %d of 4", p.PrivilegeLevel)
	}
	if !p.Enabled {
		text += "; disabled: it is granted to nobody"
	}
	return text
}

// request writes what is sent. same: the scopes of the first one.
func (p *page) request(r Request, same bool) {
	switch {
	case r.Scope.Len() == 0:
		p.row(r.Step, "no scope")
	case same:
		p.row(r.Step, "the same scopes")
	default:
		p.row(r.Step, "scope="+r.Scope.String())
	}
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		for _, value := range r.Parameters[name] {
			p.row("", name+"="+value)
		}
	}
}

// row writes a word in the first column and a text in the second, if there is one.
func (p *page) row(label, text string) {
	if text != "" {
		p.wrap(label, text, indent)
	}
}

// line writes a text over both columns.
func (p *page) line(text string) { p.wrap("", text, 0) }

func (p *page) wrap(label, text string, indent int) {
	fmt.Fprintf(&p.out, "%-*s", indent, label)
	at := indent
	for i, word := range strings.Fields(printable(text)) {
		word = shorten(word)
		switch {
		case i == 0:
		case at+1+width(word) > column:
			fmt.Fprintf(&p.out, "\n%*s", indent, "")
			at = indent
		default:
			p.out.WriteByte(' ')
			at++
		}
		p.out.WriteString(word)
		at += width(word)
	}
	p.out.WriteByte('\n')
}

// shorten takes from the middle what does not fit: names differ at their ends.
func shorten(word string) string {
	if width(word) <= widest {
		return word
	}
	runes, most := []rune(word), widest
	if width(word) > len(runes) {
		most /= 2
	}
	return string(runes[:most/2]) + "..." + string(runes[len(runes)-(most-3-most/2):])
}

// width is the most columns that s takes: from U+1100 on letters may have two.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 {
			n++
		}
	}
	return n
}
