package msal

import (
	"cmp"

	"github.com/staysigned/staysigned/internal/idtoken"
	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/internal/termsafe"
)

// Account is one signed-in person as the verified ID token describes them.
// Accounts compare with ==.
//
// ID alone identifies: on Microsoft authorities the tenant and object id
// ("tid.oid"), elsewhere issuer and subject. Username, Name and Email are for
// showing to the person; they change hands, so never use them as a key (OpenID
// Connect Core 5.7). They are as the server wrote them, or the person, and may
// hold what moves a terminal's cursor: print the Account, or a field with %q.
// MSAL calls the ID home account id.
//
// A server that does OAuth 2.0 alone does not say who has signed in. Its account
// has an ID and an Issuer and nothing else, and there is one for each authority
// and client: the next sign-in replaces it, whoever signs in. That ID stands
// for nobody, so keep no data of a person under it. Subject tells: it is empty
// there, and nowhere else.
type Account struct {
	ID       string `json:"id"`       // pass it on, store it, compare it; no other meaning
	Username string `json:"username"` // preferred_username or what comes nearest
	Name     string `json:"name"`
	Email    string `json:"email"`
	Issuer   string `json:"issuer"`    // iss; without OpenID Connect the authority's
	Subject  string `json:"subject"`   // sub
	Tenant   string `json:"tenant"`    // tid; Microsoft only
	ObjectID string `json:"object_id"` // oid; Microsoft only
}

// String is the account for people, as in "Avery Example <avery@example.com>": one
// line, in which nothing acts on a terminal. With %v and %s, fmt prints the same.
// It identifies nobody; ID does.
func (a Account) String() string {
	who := termsafe.Text(cmp.Or(a.Username, a.Email, a.ID), 200)
	if name := termsafe.Text(a.Name, 200); name != "" && name != who {
		return name + " <" + who + ">"
	}
	return who
}

func accountOf(a provider.Authority, c idtoken.Claims) Account {
	return Account{
		ID:       a.AccountID(c.Issuer, c.Subject, c.TenantID, c.ObjectID),
		Username: c.Username,
		Name:     c.Name,
		Email:    c.Email,
		Issuer:   c.Issuer,
		Subject:  c.Subject,
		Tenant:   c.TenantID,
		ObjectID: c.ObjectID,
	}
}
