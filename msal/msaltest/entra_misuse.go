package msaltest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var guidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// entraMisused says which knob of Entra, or what in its model, means nothing.
func (p *Platform) entraMisused() error {
	e, d := p.Entra, p.directory()
	switch {
	case p.Algorithm == "ES256":
		return errors.New(`the Algorithm is "ES256", but Entra signs with RS256 alone`)
	case e.ScopeStyle < AsAsked || e.ScopeStyle > QualifiedNames:
		return fmt.Errorf("the ScopeStyle %d does not exist", e.ScopeStyle)
	case e.SignInFrequency < 0:
		return fmt.Errorf("SignInFrequency is %v, want zero or more", e.SignInFrequency)
	}
	for _, check := range []func(*Platform) error{d.tenantsMisused, d.resourcesMisused, d.appsMisused} {
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

func (d directory) tenantsMisused(p *Platform) error {
	if !slices.ContainsFunc(d.tenants, func(t Tenant) bool { return t.Kind != PersonalAccounts }) {
		return errors.New("the Tenants have no organization")
	}
	names := unique{}
	for _, t := range d.tenants {
		if !guidForm.MatchString(t.ID) {
			return fmt.Errorf("the ID of the Tenant %q is not a GUID in lower case", t.ID)
		}
		if t.Kind < Organization || t.Kind > External {
			return fmt.Errorf("the Kind %d of the Tenant %s does not exist", t.Kind, t.ID)
		}
		if err := names.take("Tenants", append([]string{t.ID}, t.Domains...)); err != nil {
			return err
		}
	}
	for _, u := range p.Users {
		if _, ok := d.tenant(u.TenantID); u.TenantID != "" && !ok {
			return fmt.Errorf("the User %q is of the tenant %q, which does not exist", u.Subject, u.TenantID)
		}
	}
	return nil
}

func (d directory) resourcesMisused(*Platform) error {
	names := unique{}
	for _, r := range d.resources {
		if err := names.take("Resources", append([]string{r.AppID}, r.IDURIs...)); err != nil {
			return err
		}
	}
	for _, policy := range d.policies {
		if _, ok := d.resource(policy.Resource); policy.Resource != "" && !ok {
			return fmt.Errorf("a Policy is about %q, which is no Resource", policy.Resource)
		}
	}
	return nil
}

func (d directory) appsMisused(*Platform) error {
	for _, a := range d.apps {
		_, home := d.tenant(a.Tenant)
		switch {
		case a.ClientID == "":
			return fmt.Errorf("the App %q has no ClientID", a.Name)
		case a.Audience < AnyAccount || a.Audience > PersonalAccountsOnly:
			return fmt.Errorf("the App %q has the Audience %d, which does not exist", a.ClientID, a.Audience)
		case a.Audience == OneTenant && !home:
			return fmt.Errorf("the App %q is for one tenant, and its Tenant %q does not exist", a.ClientID, a.Tenant)
		}
		for name := range a.Permissions {
			if _, ok := d.resource(name); !ok {
				return fmt.Errorf("the App %q has Permissions of %q, which is no Resource", a.ClientID, name)
			}
		}
	}
	return nil
}

// unique are names that mean one thing each, whatever their letter case and the slash at their end.
type unique map[string]bool

func (u unique) take(of string, names []string) error {
	for _, name := range names {
		name = strings.TrimSuffix(strings.ToLower(name), "/")
		if name == "" || strings.ContainsAny(name, " \t\r\n") {
			return fmt.Errorf("one of the %s is called %q", of, name)
		}
		if u[name] {
			return fmt.Errorf("two of the %s are called %q", of, name)
		}
		u[name] = true
	}
	return nil
}
