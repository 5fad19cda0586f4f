package msaltest

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
)

// cast are those who can sign in where the test does not care.
var cast = []User{
	{Subject: "avery", Username: "avery@contoso.example", Name: "Avery Example", Email: "avery@contoso.example"},
	{Subject: "morgan", Username: "morgan@contoso.example", Name: "Morgan Example", Email: "morgan@contoso.example", Admin: true},
	{Subject: "robin", Username: "robin@mail.example", Name: "Robin Example", Email: "robin@mail.example", TenantID: PersonalTenant},
}

// people are those who fit the address. Somebody who was chosen by SignInAs or a login_hint comes first even so, and is
// told that they do not fit.
func (m microsoft) people(s *state, c *call, hint string) []User {
	users := slices.Clone(m.Users)
	if m.Users == nil {
		users = slices.DeleteFunc(slices.Clone(cast), func(u User) bool {
			_, exists := m.tenant(u.TenantID)
			return u.TenantID != "" && !exists
		})
	}
	users, said := s.likeliest(users, hint)
	for i := range users {
		users[i] = m.atHome(users[i])
	}
	first := users[0]
	users = slices.DeleteFunc(users, func(u User) bool { return !m.belongs(c, u) })
	if len(users) == 0 || said && !m.belongs(c, first) {
		users = slices.Insert(users, 0, first)
	}
	return users
}

// atHome fills in the tenant that the user is of.
func (m microsoft) atHome(u User) User {
	if t, ok := m.tenant(u.TenantID); ok {
		u.TenantID = t.ID
		return u
	}
	i := slices.IndexFunc(m.tenants, func(t Tenant) bool { return t.Kind != PersonalAccounts })
	u.TenantID = m.tenants[i].ID
	return u
}

// belongs tells whether the user can sign in at the address, to the app.
func (m microsoft) belongs(c *call, u User) bool {
	a, app := c.entra.authority, c.entra.app
	home, _ := m.tenant(u.TenantID)
	personal := home.Kind == PersonalAccounts
	switch {
	case personal && (c.entra.v1 || app.Audience == AnyOrganization) && a.tenant.ID == "":
		return false
	case a.name == organizations:
		return !personal
	case a.tenant.ID == "":
		return true
	default:
		return a.tenant.ID == home.ID || slices.Contains(a.tenant.Guests, u.Subject)
	}
}

// tenantOf is where the user signs in: the tenant of the address, or else their own.
func (m microsoft) tenantOf(c *call, u User) Tenant {
	if c.entra.authority.tenant.ID != "" {
		return c.entra.authority.tenant
	}
	t, _ := m.tenant(u.TenantID)
	return t
}

// objectID is who the user is in a tenant: a guest is another object than at home.
func (m microsoft) objectID(u User, tenant string) string {
	if tenant == u.TenantID && u.ObjectID != "" {
		return u.ObjectID
	}
	return guidOf("object", u.Subject, tenant)
}

// pairwise is the user's name for one audience and no other (documented): whoever keys accounts by it has one for each
// application.
func (m microsoft) pairwise(u User, tenant, audience string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{u.Subject, tenant, strings.ToLower(audience)}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// account is what the user types to sign in.
func (u User) account() string { return cmp.Or(u.Username, u.Subject) }
