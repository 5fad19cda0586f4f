package msaltest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// What a scope parameter is taken for, and how the answer spells it.
func TestEntraScopes(t *testing.T) {
	t.Parallel()
	const armName = "https://management.azure.com/"
	for _, c := range []struct{ ask, echo, audience string }{
		{"User.Read", "User.Read", "https://graph.microsoft.com"},
		{"user.read MAIL.READ", "User.Read Mail.Read", "https://graph.microsoft.com"},
		{"https://graph.microsoft.com/mail.send User.Read", "https://graph.microsoft.com/Mail.Send User.Read", "https://graph.microsoft.com"},
		{msaltest.MicrosoftGraph + "/User.Read", msaltest.MicrosoftGraph + "/User.Read", msaltest.MicrosoftGraph},
		{"openid profile email offline_access", "openid profile email", "https://graph.microsoft.com"},
		{"OpenID https://graph.microsoft.com/PROFILE", "openid profile", "https://graph.microsoft.com"},
		{"  User.Read  openid ", "User.Read openid", "https://graph.microsoft.com"},
		{"User.Read user.read https://graph.microsoft.com/User.Read", "User.Read", "https://graph.microsoft.com"},
		{armName + "/user_impersonation", armName + "/user_impersonation", armName},
		{armName + "user_impersonation", armName + "user_impersonation", "https://management.azure.com"},
		{armName + "/.default openid", armName + "/user_impersonation " + armName + "/.default", armName},
		{armName + ".DEFAULT", armName + "user_impersonation " + armName + ".default", "https://management.azure.com"},
		{"797f4846-ba00-4fd7-ba43-dac1f8f63013/user_impersonation", "797f4846-ba00-4fd7-ba43-dac1f8f63013/user_impersonation", "797f4846-ba00-4fd7-ba43-dac1f8f63013"},
		{"797F4846-BA00-4FD7-BA43-DAC1F8F63013/.default", "797F4846-BA00-4FD7-BA43-DAC1F8F63013/user_impersonation 797F4846-BA00-4FD7-BA43-DAC1F8F63013/.default", "797F4846-BA00-4FD7-BA43-DAC1F8F63013"},
		{"API://Contoso/things.read openid", "API://Contoso/Things.Read", "c0970507-0000-4000-8000-0000000000a1"},
		{"api://contoso/things.read openid", "api://contoso/Things.Read", "c0970507-0000-4000-8000-0000000000a1"},
	} {
		_, a := newEntra(t)
		r := a.enter(c.ask)
		require.Equal(t, c.echo, r.str("scope"), c.ask)
		require.Equal(t, c.audience, payload(t, r.str("access_token"))["aud"], c.ask)
		sent := a.p.Requests()[0]
		require.Contains(t, sent.URL, "scope="+strings.ReplaceAll(queryEscape(c.ask), "%20", "+"), "the log has it verbatim")
	}
}

func queryEscape(s string) string {
	return strings.TrimPrefix(with(map[string][]string{}, "x", s).Encode(), "x=")
}

func TestEntraScopesRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ask   string
		want  int
		words string
	}{
		{"User.Read,Mail.Read", 650053, "'User.Read,Mail.Read'"},
		{"User.Read\n", 650053, "User.Read"},
		{"address", 650053, "'address'"},
		{"profile User.Read", 70011, "The scope profile User.Read is not valid. openid scope is required."},
		{"email", 70011, "openid scope is required."},
		{".default User.Read", 70011, ".default scope can't be combined with resource-specific scopes."},
		{".default https://x.example/y", 70011, ".default scope can't be combined"},
		{"api://contoso/.default https://management.azure.com//.default", 28000, "more than one resource"},
		{"https://management.azure.com/", 70011, "The scope format is invalid."},
		{"/User.Read", 70011, "The scope format is invalid."},
		{client, 650053, client},
		{"https://management.azure.com///.default", 500011, "https://management.azure.com//"},
		{"https://x.example/y", 500011, "named https://x.example was"},
		{"Mail.Reed https://x.example/y", 650053, "asked for scope 'Mail.Reed' that doesn't exist on the resource '" + msaltest.MicrosoftGraph + "'"},
	} {
		_, a := newEntra(t)
		r := a.visit("scope", c.ask)
		require.Equal(t, c.want, r.number(), c.ask)
		require.Contains(t, a.landed(r).Get("error_description"), c.words)
		r = a.post("/devicecode", with(entraForm(""), "scope", c.ask, "grant_type", "", "code", ""))
		require.Equal(t, c.want, r.number(), "the device endpoint says the same")
	}
}

func TestEntraScopeSwitches(t *testing.T) {
	t.Parallel()
	everything := "User.Read https://graph.microsoft.com/Mail.Read " + mine
	for name, c := range map[string]struct {
		set  func(*msaltest.Platform)
		ask  string
		want any // scope of the answer, or an AADSTS number
	}{
		"as asked":        {func(*msaltest.Platform) {}, everything, "User.Read https://graph.microsoft.com/Mail.Read openid profile"},
		"short":           {func(p *msaltest.Platform) { p.Entra.ScopeStyle = msaltest.ShortNames }, everything, "User.Read Mail.Read openid profile"},
		"qualified":       {func(p *msaltest.Platform) { p.Entra.ScopeStyle = msaltest.QualifiedNames }, everything, "https://graph.microsoft.com/User.Read https://graph.microsoft.com/Mail.Read openid profile"},
		"offline_access":  {func(p *msaltest.Platform) { p.Entra.EchoOfflineAccess = true }, everything, "User.Read https://graph.microsoft.com/Mail.Read openid profile offline_access"},
		"omitted":         {func(p *msaltest.Platform) { p.OmitScope = true }, everything, nil},
		"rewritten":       {func(p *msaltest.Platform) { p.ScopeEcho = func(s []string) string { return strings.Join(s, ",") } }, "User.Read openid", "User.Read,openid"},
		"unknown":         {func(*msaltest.Platform) {}, "User.Read Nonsense", 650053},
		"unknown dropped": {func(p *msaltest.Platform) { p.Entra.DropUnknownScopes = true }, "User.Read Nonsense", "User.Read"},
		"nothing is left": {func(p *msaltest.Platform) { p.Entra.DropUnknownScopes = true }, "Nonsense", 70011},
		"twice":           {func(*msaltest.Platform) {}, "User.Read user.read openid OPENID", "User.Read openid"},
		"twice refused":   {func(p *msaltest.Platform) { p.Entra.RejectDuplicates = true }, "User.Read https://graph.microsoft.com/user.read", 70011},
		"openid twice":    {func(p *msaltest.Platform) { p.Entra.RejectDuplicates = true }, "openid User.Read OPENID", 70011},
		"unknown twice":   {func(p *msaltest.Platform) { p.Entra.RejectDuplicates = true }, "https://x.example/y https://x.example/y", 70011},
		"once":            {func(p *msaltest.Platform) { p.Entra.RejectDuplicates = true }, everything, "User.Read https://graph.microsoft.com/Mail.Read openid profile"},
		"without openid":  {func(p *msaltest.Platform) { p.Entra.IgnoreWithoutOpenID = true }, "User.Read profile email offline_access", "User.Read"},
		"fewer granted":   {func(p *msaltest.Platform) { p.GrantScopes = func(s []string) []string { return s[:1] } }, "User.Read Mail.Read", "User.Read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, a := newEntra(t, c.set)
			r := a.visit("scope", c.ask)
			if number, refused := c.want.(int); refused {
				require.Equal(t, number, r.number())
				return
			}
			r = a.post("/token", entraForm(a.landed(r).Get("code")))
			require.Equal(t, c.want, r.json["scope"], r.body)
			require.Equal(t, strings.Contains(c.ask, "offline_access"), r.str("refresh_token") != "")
		})
	}
}

// An answer also names what was granted before, and may be told not to.
func TestEntraExtraGrants(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	a.enter("Mail.Read " + mine)
	require.Equal(t, "User.Read Mail.Read openid profile", a.enter("User.Read").str("scope"))
	require.Equal(t, "https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/User.Read openid profile",
		a.enter("https://graph.microsoft.com/.default").str("scope"), "recorded: Microsoft Graph's has no .default")
	p.Entra.HideExtraGrants = true
	require.Equal(t, "User.Read", a.enter("User.Read").str("scope"))
	require.Equal(t, "openid", a.enter("openid").str("scope"))
	require.Equal(t, "https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/User.Read", a.enter("https://graph.microsoft.com/.default").str("scope"))
}

// One token is for one resource; a sign-in may be for several.
func TestEntraResources(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	both := "User.Read https://management.azure.com//user_impersonation "
	r := a.post("/token", entraForm(a.codeFor("scope", both+mine), "scope", "User.Read "+mine))
	require.Equal(t, "User.Read openid profile", r.str("scope"))
	token := r.str("refresh_token")
	require.Equal(t, 28000, a.renew(token, "scope", both).number())
	p.Entra.FirstResource = true
	require.Equal(t, "https://graph.microsoft.com", payload(t, a.renew(token, "scope", both).str("access_token"))["aud"])
	require.Equal(t, 28000, a.post("/token", entraForm(a.codeFor("scope", both+mine), "scope", both)).number(), "with a code it stays so")
	require.Equal(t, "User.Read openid profile", a.post("/token", entraForm(a.codeFor("scope", both+mine))).str("scope"), "the first, if none is named")

	require.Equal(t, http.StatusFound, a.visit("scope", "api://contoso/Things.Read", "resource", "https://api.contoso.example").status,
		"a resource that owns the scopes may be named")
	require.Equal(t, 9010010, a.visit("scope", "openid", "resource", "https://graph.microsoft.com").number())
}

// Personal accounts have fewer permissions; what they do not have is dropped.
func TestEntraPersonalScopes(t *testing.T) {
	t.Parallel()
	_, a := newEntra(t)
	msa := a.of("consumers")
	require.Equal(t, "User.Read", msa.enter("User.Read Nonsense Directory.Read.All").str("scope"))
	require.Equal(t, "User.Read", a.enter("User.Read User.ReadBasic.All", "login_hint", "robin").str("scope"))
	r := a.post("/token", entraForm(a.codeFor("scope", "https://management.azure.com//.default", "login_hint", "robin")))
	require.Equal(t, 90124, r.number())
}

// FuzzEntraScope: whatever a scope parameter says, the answer names a number or is one code, and a token is for one
// resource. Nothing panics.
func FuzzEntraScope(f *testing.F) {
	for _, seed := range []string{
		"User.Read openid profile offline_access", "https://management.azure.com//.default", ".default openid", "a/b c/d",
		"User.Read\nMail.Read", "//", "/", "api://contoso/things.read", "openid OPENID", "urn:x/y", "\x00/\xff",
	} {
		f.Add(seed)
	}
	p := &msaltest.Platform{URL: msaltest.DefaultURL, Entra: &msaltest.Entra{}, Rotation: msaltest.KeepOld}
	p.Users = []msaltest.User{{Subject: "admin", Admin: true}}
	known := msaltest.AADSTS()
	f.Fuzz(func(t *testing.T, scope string) {
		p.ResetLog()
		a := newApp(t, p).of("common")
		r := a.visit("scope", scope)
		if number := r.number(); number != 0 {
			require.True(t, known[number], "AADSTS%d", number)
			return
		}
		r = a.post("/token", entraForm(a.landed(r).Get("code"), "scope", scope))
		if number := r.number(); number != 0 {
			require.Equal(t, 28000, number, r.body) // the one thing that may be asked for, and not had at once
			return
		}
		require.Equal(t, http.StatusOK, r.status, r.body)
		prefixes := map[string]bool{}
		for _, word := range strings.Fields(r.str("scope")) {
			if !slices.Contains([]string{"openid", "profile", "email"}, word) {
				api := "graph"
				if strings.Contains(strings.ToLower(word), "management.") || strings.Contains(word, "797f4846") {
					api = "arm"
				} else if strings.Contains(strings.ToLower(word), "contoso") || strings.Contains(word, "c0970507") {
					api = "contoso"
				}
				prefixes[api] = true
			}
		}
		require.LessOrEqual(t, len(prefixes), 1, r.str("scope"))
	})
}
