package scopes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Every permission of Graph, with its texts, takes half a megabyte.
const maxCatalog = 8 << 20

// LoadCatalog reads a catalog as JSON, at most 8 MiB:
//
//	{"permissions": [{
//	  "value": "User.Read",
//	  "id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
//	  "adminConsentRequired": false,
//	  "adminDisplayName": "…", "adminDescription": "…",
//	  "userDisplayName": "…", "userDescription": "…",
//	  "personalAccounts": true, "privilegeLevel": 2, "enabled": true
//	}]}
//
// The first three members of a row are required; enabled is true where it is
// absent; unknown members are ignored. The permission tables of Microsoft's
// pages have a hyphen where a thing does not exist, and so may a row: with "-"
// for its id or adminConsentRequired there is no such delegated permission and
// the row is left out; for another flag "-" is false.
//
// A row that breaks a rule, or repeats the value or id of another in any letter
// case, is an error that names it. Control and invisible characters in texts
// become spaces, since texts are made to be shown.
func LoadCatalog(r io.Reader) (*Catalog, error) {
	c, err := readCatalog(r)
	if err != nil {
		return nil, fmt.Errorf("scopes: load catalog: %w", err)
	}
	return c, nil
}

func readCatalog(r io.Reader) (*Catalog, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCatalog+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxCatalog {
		return nil, fmt.Errorf("it has more than %d bytes", maxCatalog)
	}
	var file struct{ Permissions []json.RawMessage }
	err = json.Unmarshal(data, &file)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok || err == nil && file.Permissions == nil {
		return nil, errors.New(`it is not an object with a list of "permissions"`)
	}
	if err != nil {
		return nil, err
	}
	return newCatalog(file.Permissions)
}

func newCatalog(rows []json.RawMessage) (*Catalog, error) {
	c := &Catalog{byName: make(map[string]Permission, len(rows))}
	names := make(map[string]int, 2*len(rows)) // a value or an id, to its row
	for i, raw := range rows {
		var r row
		if json.Unmarshal(raw, &r) != nil {
			return nil, fmt.Errorf("permissions[%d]: it is not an object", i)
		}
		p, exists, err := r.permission()
		if err != nil {
			return nil, fmt.Errorf("permissions[%d] (%s): %w", i, quote(p.Value), err)
		}
		if !exists {
			continue
		}
		for _, name := range []string{strings.ToLower(p.Value), strings.ToLower(p.ID)} {
			if first, ok := names[name]; ok {
				return nil, fmt.Errorf("permissions[%d] (%s): %s is in permissions[%d] already", i, quote(p.Value), quote(name), first)
			}
			names[name] = i
		}
		c.byName[strings.ToLower(p.Value)] = p
	}
	return c, nil
}

// A row keeps its members raw, so that their names are compared exactly and a
// wrong type is told in our words.
type row map[string]json.RawMessage

// permission reads the row. It reports false for a permission that the row
// itself says does not exist.
func (r row) permission() (p Permission, exists bool, err error) {
	p.Enabled = true
	for _, member := range []struct {
		name string
		into any
	}{
		{"value", &p.Value}, // first: the other errors name it
		{"id", &p.ID},
		{"adminConsentRequired", &p.AdminConsentRequired},
		{"adminDisplayName", &p.DisplayText},
		{"adminDescription", &p.Description},
		{"userDisplayName", &p.UserDisplayText},
		{"userDescription", &p.UserDescription},
		{"personalAccounts", &p.PersonalAccounts},
		{"privilegeLevel", &p.PrivilegeLevel},
		{"enabled", &p.Enabled},
	} {
		if err := r.read(member.name, member.into); err != nil {
			return p, false, err
		}
	}
	if r.none("id") || r.none("adminConsentRequired") {
		return p, false, nil
	}
	return p, true, r.check(p)
}

// none reports whether the member is the hyphen for a thing that does not exist.
func (r row) none(member string) bool { return string(r[member]) == `"-"` }

// read decodes one member into a string, bool or int, which it leaves alone if
// the member is absent.
func (r row) read(member string, into any) error {
	raw, ok := r[member]
	if !ok {
		return nil
	}
	if b, ok := into.(*bool); ok && r.none(member) {
		*b = false
		return nil
	}
	// Unmarshal takes null for anything, and its own error may quote a number of any length.
	if err := json.Unmarshal(raw, into); err != nil || string(raw) == "null" {
		return fmt.Errorf("%q is not of type %s", member, strings.TrimPrefix(fmt.Sprintf("%T", into), "*"))
	}
	if s, ok := into.(*string); ok {
		*s = printable(*s)
	}
	return nil
}

// check holds p, read from r, against what every later use relies on.
func (r row) check(p Permission) error {
	if reason := fault(p.Value); reason != "" {
		return fmt.Errorf("value is not a scope: %s", reason)
	}
	if strings.Contains(p.Value, "/") {
		return errors.New("value is qualified by a resource: write the short name")
	}
	if !isGUID(p.ID) {
		return fmt.Errorf(`id is %s: write a GUID, or "-" if there is none`, quote(p.ID))
	}
	if _, ok := r["adminConsentRequired"]; !ok {
		return errors.New(`"adminConsentRequired" is missing, and neither answer is safe to assume`)
	}
	return nil
}

// isGUID reports whether s has the form 8-4-4-4-12 in hexadecimal.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (s[i] == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}

// printable replaces what would act on a terminal or hide on it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, s)
}
