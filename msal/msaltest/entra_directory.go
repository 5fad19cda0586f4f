package msaltest

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

const (
	// DefaultTenant is the organization of a platform whose Entra has no Tenants. Its domain is contoso.example.
	DefaultTenant = "c0970507-0000-4000-8000-000000000001"
	// PersonalTenant is the tenant that all personal accounts are in, in every directory of Microsoft's.
	PersonalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
	// MicrosoftGraph is the application id of Microsoft Graph, which scopes without a resource belong to.
	MicrosoftGraph = "00000003-0000-0000-c000-000000000000"
)

// Tenant is a directory: an organization, or the personal accounts.
type Tenant struct {
	ID      string   // a GUID in lower case; required
	Domains []string // other names for it in addresses
	Kind    TenantKind
	Guests  []string // Subjects of people of other tenants who may sign in to this one
}

// TenantKind is what a tenant is.
type TenantKind int

const (
	// Organization has work and school accounts.
	Organization TenantKind = iota
	// PersonalAccounts is the tenant of all personal accounts, which "consumers" in an address means.
	PersonalAccounts
	// External is an organization's tenant for its customers, who can not consent: an administrator has to.
	External
)

// App is a registered application.
type App struct {
	ClientID string
	Name     string // in errors and on pages. Empty: ClientID
	Secret   string // of a confidential client. Empty: the client is public
	Audience Audience
	Tenant   string // where it is registered, for OneTenant

	// RedirectURIs are those for mobile and desktop applications, SPA those of single-page applications, whose codes need
	// PKCE and whose refresh tokens live a day, and Web those of websites, whose codes need the Secret. All nil: as
	// Platform.RedirectURIs.
	RedirectURIs, SPA, Web []string

	// Permissions are those that it is registered with, by any name of the resource: what /.default and the v1.0 endpoint
	// ask for. Nil: User.Read of Microsoft Graph, as the portal does.
	Permissions map[string][]string
	// Family shares refresh tokens with other Apps that have it, and answers say foci.
	Family bool
}

// Audience is whom an application is registered for.
type Audience int

const (
	// AnyAccount is for accounts of all organizations and personal ones.
	AnyAccount Audience = iota
	// AnyOrganization is for those of all organizations.
	AnyOrganization
	// OneTenant is for those of App.Tenant and its guests.
	OneTenant
	// PersonalAccountsOnly is for personal accounts.
	PersonalAccountsOnly
)

// Resource is an API.
type Resource struct {
	AppID       string   // a GUID, one of its names in scopes; required
	IDURIs      []string // the others; one that ends in a slash is followed by another in scopes
	V2          bool     // its access tokens are v2.0; else v1.0, whichever endpoint gives them
	Permissions []Permission
}

// Permission is what an application can ask for.
type Permission struct {
	Value    string // as User.Read
	Admin    bool   // only an administrator can consent to it
	Personal bool   // personal accounts have it too
}

// directory is the model with its defaults filled in.
type directory struct {
	tenants   []Tenant
	apps      []App // nil: any
	other     App   // what any client_id is then
	resources []Resource
	policies  []Policy
}

func (p *Platform) directory() directory {
	e := p.Entra
	d := directory{tenants: e.Tenants, apps: e.Apps, resources: slices.Clone(e.Resources), policies: e.Policies}
	if e.Tenants == nil {
		d.tenants = []Tenant{
			{ID: DefaultTenant, Domains: []string{"contoso.example"}},
			{ID: PersonalTenant, Kind: PersonalAccounts},
		}
	}
	k, _ := p.cloud()
	for _, r := range standardResources {
		if r.AppID == MicrosoftGraph {
			r.IDURIs = []string{"https://" + k.graph}
		}
		if !slices.ContainsFunc(e.Resources, func(own Resource) bool { return own.AppID == r.AppID }) {
			d.resources = append(d.resources, r)
		}
	}
	d.other = App{Secret: p.ClientSecret, Permissions: map[string][]string{}}
	for _, r := range d.resources {
		for _, permission := range r.Permissions {
			if !permission.Admin && !isOIDC(permission.Value) {
				d.other.Permissions[r.AppID] = append(d.other.Permissions[r.AppID], permission.Value)
			}
		}
	}
	if d.apps == nil && p.ClientID != "" {
		d.other.ClientID = p.ClientID
		d.apps = []App{d.other}
	}
	return d
}

// tenant finds one by its id or one of its domains.
func (d directory) tenant(name string) (Tenant, bool) {
	i := slices.IndexFunc(d.tenants, func(t Tenant) bool {
		return strings.EqualFold(t.ID, name) || slices.ContainsFunc(t.Domains, func(domain string) bool { return strings.EqualFold(domain, name) })
	})
	if i < 0 {
		return Tenant{}, false
	}
	return d.tenants[i], true
}

func (d directory) app(id string) (App, bool) {
	app := d.other
	if d.apps != nil {
		i := slices.IndexFunc(d.apps, func(a App) bool { return strings.EqualFold(a.ClientID, id) })
		if i < 0 {
			return App{}, false
		}
		app = d.apps[i]
	}
	app.ClientID = cmp.Or(app.ClientID, id)
	app.Name = cmp.Or(app.Name, app.ClientID)
	if app.Permissions == nil {
		app.Permissions = map[string][]string{MicrosoftGraph: {"User.Read"}}
	}
	return app, true
}

// resource finds one by any of its names. A slash at the end may be missing, or be too many: the access token is then
// for the name that was asked for, and the API has to know what to make of it.
func (d directory) resource(name string) (Resource, bool) {
	plain := func(s string) string { return strings.TrimSuffix(strings.ToLower(s), "/") }
	i := slices.IndexFunc(d.resources, func(r Resource) bool {
		return strings.EqualFold(r.AppID, name) || slices.ContainsFunc(r.IDURIs, func(uri string) bool { return plain(uri) == plain(name) })
	})
	if i < 0 {
		return Resource{}, false
	}
	return d.resources[i], true
}

func (d directory) graph() Resource {
	r, _ := d.resource(MicrosoftGraph)
	return r
}

// permission finds one in any letter case (documented: user.read is answered as User.Read).
func (r Resource) permission(value string) (Permission, bool) {
	i := slices.IndexFunc(r.Permissions, func(p Permission) bool { return strings.EqualFold(p.Value, value) })
	if i < 0 {
		return Permission{}, false
	}
	return r.Permissions[i], true
}

// personal tells whether personal accounts have any of it.
func (r Resource) personal() bool {
	return slices.ContainsFunc(r.Permissions, func(p Permission) bool { return p.Personal })
}

// registered are the permissions of the resource that the app is registered with.
func (d directory) registered(a App, r Resource) []string {
	for name, permissions := range a.Permissions {
		if own, ok := d.resource(name); ok && own.AppID == r.AppID {
			return permissions
		}
	}
	return nil
}

func isOIDC(value string) bool {
	return slices.Contains([]string{"openid", "profile", "email", "offline_access"}, strings.ToLower(value))
}

// guidOf is a GUID that follows from what it is made of.
func guidOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return guid([16]byte(sum[:16]))
}

func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return guid(b)
}

// guid writes a GUID of random bits (RFC 9562 §5.4).
func guid(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// standardResources are in every directory, with a part of their permissions. Which of them need an administrator, and
// which personal accounts have, was exported from Microsoft Graph itself.
var standardResources = []Resource{
	{
		AppID: MicrosoftGraph, // its URI differs between clouds
		Permissions: []Permission{
			{Value: "openid", Personal: true},
			{Value: "profile", Personal: true},
			{Value: "email", Personal: true},
			{Value: "offline_access", Personal: true},
			{Value: "User.Read", Personal: true},
			{Value: "User.ReadWrite", Personal: true},
			{Value: "User.ReadBasic.All"},
			{Value: "User.Read.All", Admin: true},
			{Value: "Mail.Read", Personal: true},
			{Value: "Mail.ReadWrite", Personal: true},
			{Value: "Mail.Send", Personal: true},
			{Value: "Calendars.Read", Personal: true},
			{Value: "Calendars.ReadWrite", Personal: true},
			{Value: "Contacts.Read", Personal: true},
			{Value: "Files.Read", Personal: true},
			{Value: "Files.ReadWrite", Personal: true},
			{Value: "Tasks.Read", Personal: true},
			{Value: "Tasks.ReadWrite", Personal: true},
			{Value: "Directory.Read.All", Admin: true},
			{Value: "AuditLog.Read.All", Admin: true},
		},
	}, {
		AppID:       "797f4846-ba00-4fd7-ba43-dac1f8f63013",
		IDURIs:      []string{"https://management.azure.com/", "https://management.core.windows.net/"},
		Permissions: []Permission{{Value: "user_impersonation"}},
	}, {
		AppID:  "c0970507-0000-4000-8000-0000000000a1",
		IDURIs: []string{"api://contoso", "https://api.contoso.example"},
		V2:     true,
		Permissions: []Permission{
			{Value: "Things.Read", Personal: true},
			{Value: "Things.Write", Personal: true},
			{Value: "Things.Manage", Admin: true},
		},
	},
}
