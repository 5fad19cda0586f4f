package msal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/staysigned/staysigned/internal/idtoken"
	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/internal/strictjson"
)

const (
	maxUnified = 16 << 20 // bytes: some thousand accounts
	maxEntries = 10_000   // of each kind
)

// unified is what MSAL writes in every language: its unified cache. The keys
// of its maps differ between languages and versions, so only values are read.
// Access tokens stay where they are: nothing says which challenge they satisfy.
type unified struct {
	RefreshToken map[string]*credential  `json:"RefreshToken"`
	IDToken      map[string]*credential  `json:"IdToken"`
	Account      map[string]*homeAccount `json:"Account"`
	AppMetadata  map[string]*appMetadata `json:"AppMetadata"`
}

type credential struct {
	Home        string `json:"home_account_id"`
	Environment string `json:"environment"`
	ClientID    string `json:"client_id"`
	Family      string `json:"family_id"`
	Modified    string `json:"last_modification_time"` // in seconds; only Python's has it
	Secret      string `json:"secret"`
}

type homeAccount struct {
	Home        string `json:"home_account_id"`
	Environment string `json:"environment"`
	Username    string `json:"username"`
	Name        string `json:"name"`
}

type appMetadata struct {
	Environment string `json:"environment"`
	ClientID    string `json:"client_id"`
	Family      string `json:"family_id"` // whose refresh tokens serve this client, too
}

// parseUnified reads a cache of MSAL as strictly as an answer of a server: who
// takes over what could be read in two ways may sign in somebody else.
func parseUnified(data []byte) (*unified, error) {
	if len(data) > maxUnified {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(data), maxUnified)
	}
	if bytes.HasPrefix(data, dpapiHeader) {
		var err error
		if data, err = unprotect(data); err != nil {
			return nil, err
		}
	}
	var kinds members
	if err := strictjson.UnmarshalUpTo(data, maxEntries, &kinds); err != nil {
		return nil, err
	}
	known := func(kind string) bool { return kinds[kind] != nil }
	if len(kinds) > 0 && !slices.ContainsFunc([]string{"AccessToken", "RefreshToken", "IdToken", "Account", "AppMetadata"}, known) {
		return nil, errors.New("it has none of the members AccessToken, RefreshToken, IdToken, Account and AppMetadata")
	}
	u := &unified{}
	if err := strictjson.UnmarshalUpTo(data, maxEntries, u); err != nil {
		return nil, err
	}
	return u, u.check()
}

// dpapiHeader begins what Windows has sealed: version 1, and the id of the
// default provider.
var dpapiHeader = []byte{
	1, 0, 0, 0,
	0xd0, 0x8c, 0x9d, 0xdf, 0x01, 0x15, 0xd1, 0x11, 0x8c, 0x7a, 0x00, 0xc0, 0x4f, 0xc2, 0x97, 0xeb,
}

// check refuses entries that are null, and refresh tokens that are none.
func (u *unified) check() error {
	for _, e := range u.RefreshToken {
		switch {
		case e == nil || e.Home == "" || e.Environment == "":
			return errors.New("a RefreshToken has no home_account_id or no environment")
		case !isRefreshToken(e.Secret):
			return errors.New("the secret of a RefreshToken is missing, too long, or holds characters that no refresh token has")
		}
		if _, err := strconv.ParseUint(cmp.Or(e.Modified, "0"), 10, 63); err != nil {
			return errors.New("the last_modification_time of a RefreshToken is not a number of seconds")
		}
	}
	for _, e := range u.IDToken {
		if e == nil {
			return errors.New("an IdToken is null")
		}
	}
	for _, e := range u.Account {
		if e == nil {
			return errors.New("an Account is null")
		}
	}
	for _, e := range u.AppMetadata {
		if e == nil {
			return errors.New("an AppMetadata is null")
		}
	}
	return nil
}

// isRefreshToken checks RFC 6749 appendix A.17: 1*VSCHAR.
func isRefreshToken(s string) bool {
	outside := func(r rune) bool { return r < 0x20 || r > 0x7e }
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, outside)
}

// serving returns the refresh tokens that serve this client at its authority's
// cloud, the best first: the latest, then those of its family, which MSAL
// prefers, too. The keys, which are only good for that, decide the rest.
func (u *unified) serving(c *core) []*credential {
	families := map[string]bool{}
	for _, e := range u.AppMetadata {
		if e.ClientID == c.ClientID && e.Family != "" && c.authority.InCloud(e.Environment) {
			families[e.Family] = true
		}
	}
	var mine []*credential
	for _, key := range slices.Sorted(maps.Keys(u.RefreshToken)) {
		e := u.RefreshToken[key]
		if c.authority.InCloud(e.Environment) && (e.ClientID == c.ClientID || families[e.Family]) {
			mine = append(mine, e)
		}
	}
	slices.SortStableFunc(mine, func(a, b *credential) int {
		if a.age() != b.age() {
			return cmp.Compare(b.age(), a.age())
		}
		return cmp.Compare(len(b.Family), len(a.Family))
	})
	return mine
}

func (e *credential) age() uint64 {
	n, _ := strconv.ParseUint(e.Modified, 10, 63) // was checked; absent is 0
	return n
}

// owner returns whose a refresh token is, or false if the authority, whose
// metadata names that issuer, does not sign them in. It is a claim of the file:
// what it is good for is to know whom the server's answer has to name.
func (u *unified) owner(c *core, issuer string, e *credential) (Account, bool) {
	id, ok := c.authority.HomeAccountID(issuer, e.Home)
	if own, known := u.identified(c, issuer, e); known && (!ok || !c.multitenant()) {
		// A guest is somebody else in each tenant, B2C has names of its own, and a
		// host may serve many issuers. What the server once said knows better.
		if ok = own != "" && (id == "" || own == id); ok {
			id = own
		}
	}
	account := Account{ID: id}
	for _, a := range u.Account {
		if a.Home == e.Home && c.authority.InCloud(a.Environment) {
			account.Username, account.Name = cmp.Or(account.Username, a.Username), cmp.Or(account.Name, a.Name)
		}
	}
	return account, ok
}

// identified returns the account of the ID tokens that belong to a refresh
// token: "" if they are of other issuers, and false if there are none.
func (u *unified) identified(c *core, issuer string, e *credential) (id string, known bool) {
	policy := func(home string) bool { // B2C: uid is oid-policy
		return c.authority.Policy == "" || strings.Contains(strings.ToLower(home), "-"+c.authority.Policy+".")
	}
	for _, t := range u.IDToken {
		if t.Home != e.Home || !c.authority.InCloud(t.Environment) || t.ClientID != c.ClientID && !c.multitenant() {
			continue
		}
		claims, err := idtoken.Stored(t.Secret)
		if err != nil {
			continue
		}
		known = true
		want, err := c.authority.TokenIssuer(issuer, claims.TenantID)
		if err == nil && (want == claims.Issuer || c.multitenant()) && policy(e.Home) {
			return accountOf(c.authority, claims).ID, true
		}
	}
	return "", known
}

// multitenant tells whether people have a home and may be guests elsewhere.
func (c *core) multitenant() bool {
	return c.authority.Kind == provider.Entra || c.authority.Kind == provider.CIAM
}
