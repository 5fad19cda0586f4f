package msaltest

import "time"

// Entra makes a platform Microsoft's identity platform, as public clients meet it: its addresses, for v2.0 and v1.0, with
// tenants, "common", "organizations" and "consumers" in them; its rules about scopes, resources and consent; its errors
// with AADSTS numbers; claims challenges, and APIs that make them. The zero value is a whole directory:
//
//	idp.Entra = &msaltest.Entra{}
//	idp.Rotation = msaltest.KeepOld
//
// Set [Platform.Rotation] to [KeepOld] along with it, which is what Microsoft's platform does with refresh tokens; the
// zero value spends them, which is a way to find out what an application would do elsewhere.
//
// The platform's URL is the authority without the tenant. With that of a real cloud, such as
// https://login.microsoftonline.com, which [Platform.Client] then answers for, issuers are the real ones and Microsoft
// Graph's own addresses are reached too. Anywhere else issuers are URL/{tenant id}/v2.0, and URL/{tenant id}/ for v1.0.
//
// What is imitated was recorded, documented, reported or read in source, and a part is not verified; docs/emulator.md
// says which, rule by rule. A test that passes here shows what the client does. It does not show what Entra does.
//
// The fields are knobs like those of Platform, which keep their meaning. Of these Entra has values of its own for
// CodeLife (0: ten minutes), ResponseModes (nil: query, fragment and form_post), Users (nil: see [Platform.Users]),
// ScopesSupported, and ClientID, ClientSecret and RedirectURIs, which are those of the one App while Apps is nil. It
// signs with RS256 alone, has no slow_down, and ends no session because a code came twice.
type Entra struct {
	// Tenants are the directories there are. Nil: one organization, [DefaultTenant], and the tenant that all personal
	// accounts are in, [PersonalTenant].
	Tenants []Tenant
	// Apps are the registered applications; others are refused. Nil: every client_id is a public client for all accounts,
	// which is registered for whatever needs no administrator.
	Apps []App
	// Resources are further APIs, or others in place of those that are always there, which are Microsoft Graph, Azure
	// Resource Manager, and one of the organization's own: api://contoso.
	Resources []Resource
	// Policies are those of conditional access. Nil: none.
	Policies []Policy

	// ScopeStyle is how token answers spell scopes. Zero: [AsAsked].
	ScopeStyle ScopeStyle
	// HideExtraGrants leaves out of token answers what has been granted and was not asked for. False: it is in.
	HideExtraGrants bool
	// EchoOfflineAccess names offline_access in token answers. False: it never is.
	EchoOfflineAccess bool
	// DropUnknownScopes ignores permissions that a resource does not have, as for personal accounts. False: AADSTS650053.
	DropUnknownScopes bool
	// RejectDuplicates refuses a scope that comes twice, in whatever spelling. False: it counts once.
	RejectDuplicates bool
	// IgnoreWithoutOpenID ignores profile and email where openid is missing. False: AADSTS70011.
	IgnoreWithoutOpenID bool
	// FirstResource gives a refresh for several resources a token for the first. False: AADSTS28000.
	FirstResource bool
	// LineBreaks puts line breaks before the ids at the end of an error_description, as until 2022. False: spaces.
	LineBreaks bool
	// NumbersInV1 writes numbers as numbers in v1.0 answers. False: as strings.
	NumbersInV1 bool
	// BurnCodes uses up a code also when its redemption fails, such as by a wrong code_verifier. False: only a success does.
	BurnCodes bool
	// RefreshTokenOnDemand gives a new refresh token only for a refresh whose scope has offline_access. False: always.
	RefreshTokenOnDemand bool
	// UnsignedV1 leaves the ID tokens of the v1.0 endpoint unsigned (alg none). False: they are signed.
	UnsignedV1 bool
	// SendIss sends the iss parameter of RFC 9207 to redirect URIs. False: it is not.
	SendIss bool
	// SignInFrequency is how long after a sign-in its refresh tokens work. 0: as long as they are used every 90 days.
	SignInFrequency time.Duration
	// LoopLimit is how often the same refresh may be asked for in five minutes; one more is AADSTS50196. 0: 15. Negative:
	// any number of times.
	LoopLimit int
}

// ScopeStyle is how token answers spell scopes.
type ScopeStyle int

const (
	// AsAsked repeats the spelling of the request: short names of Microsoft Graph stay short.
	AsAsked ScopeStyle = iota
	// ShortNames leaves resources out.
	ShortNames
	// QualifiedNames puts the resource before every permission.
	QualifiedNames
)

// microsoft is the manners of a platform with Entra. It lives for one request, because knobs may change between two.
type microsoft struct {
	*Platform
	directory
}

func (p *Platform) microsoft() microsoft { return microsoft{p, p.directory()} }
