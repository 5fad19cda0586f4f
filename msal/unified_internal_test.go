package msal

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	unifiedHome  = "11111111-2222-4333-8444-555555555555"
	unifiedGuest = "66666666-7777-4888-9999-aaaaaaaaaaaa"
	unifiedOID   = "aaaaaaaa-0000-4000-8000-00000000a1a1"
	unifiedOther = "bbbbbbbb-0000-4000-8000-00000000b2b2" // the same person as a guest
	personalID   = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// unsigned makes an ID token as MSAL has stored it.
func unsigned(t *testing.T, claims map[string]string) string {
	t.Helper()
	all := map[string]any{"aud": "app", "iat": 1, "exp": 2}
	for claim, value := range claims {
		all[claim] = value
	}
	payload, err := json.Marshal(all)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode(payload) + "." + encode([]byte("signature"))
}

// Whose a refresh token is depends on the authority: a guest is somebody else
// in each tenant, B2C names accounts by policy, and a host may serve many issuers.
func TestUnifiedOwner(t *testing.T) {
	t.Parallel()
	home := unifiedOID + "." + unifiedHome
	v2 := func(tenant string) string { return "https://login.microsoftonline.com/" + tenant + "/v2.0" }
	guest := map[string]string{"iss": v2(unifiedGuest), "sub": "s", "tid": unifiedGuest, "oid": unifiedOther}
	for name, tt := range map[string]struct {
		authority, issuer, home string
		tokens                  []map[string]string
		want                    string // "": not this authority's
	}{
		"at home":                       {authority: "https://login.microsoftonline.com/organizations", issuer: v2("{tenantid}"), home: home, want: unifiedHome + "." + unifiedOID},
		"at home, and a guest":          {authority: "https://login.microsoftonline.com/common", issuer: v2("{tenantid}"), home: home, tokens: []map[string]string{guest}, want: unifiedHome + "." + unifiedOID},
		"its tenant alone":              {authority: "https://login.microsoftonline.com/" + unifiedHome, issuer: v2(unifiedHome), home: home, want: unifiedHome + "." + unifiedOID},
		"in capitals":                   {authority: "https://login.microsoftonline.com/common", issuer: v2("{tenantid}"), home: "AAAAAAAA-0000-4000-8000-00000000A1A1." + unifiedHome, want: unifiedHome + "." + unifiedOID},
		"a guest of the tenant":         {authority: "https://login.microsoftonline.com/" + unifiedGuest, issuer: v2(unifiedGuest), home: home, tokens: []map[string]string{guest}, want: unifiedGuest + "." + unifiedOther},
		"a guest by v1.0":               {authority: "https://login.microsoftonline.com/" + unifiedGuest, issuer: v2(unifiedGuest), home: home, tokens: []map[string]string{{"iss": "https://sts.windows.net/" + unifiedGuest + "/", "sub": "s", "tid": unifiedGuest, "oid": unifiedOther}}, want: unifiedGuest + "." + unifiedOther},
		"another tenant":                {authority: "https://login.microsoftonline.com/" + unifiedGuest, issuer: v2(unifiedGuest), home: home},
		"a domain of the tenant":        {authority: "https://login.microsoftonline.com/contoso.example", issuer: v2(unifiedHome), home: home, want: unifiedHome + "." + unifiedOID},
		"personal":                      {authority: "https://login.microsoftonline.com/common", issuer: v2("{tenantid}"), home: unifiedOID + "." + personalID, want: personalID + "." + unifiedOID},
		"personal, for work and school": {authority: "https://login.microsoftonline.com/organizations", issuer: v2("{tenantid}"), home: unifiedOID + "." + personalID},
		"work, for personal":            {authority: "https://login.microsoftonline.com/consumers", issuer: v2(personalID), home: home},
		"no uid.utid":                   {authority: "https://login.microsoftonline.com/common", issuer: v2("{tenantid}"), home: "avery"},
		"another provider":              {authority: "https://idp.example", issuer: "https://idp.example", home: "Avery", want: "https://idp.example#Avery"},
		"another provider, confirmed":   {authority: "https://idp.example", issuer: "https://idp.example", home: "Avery", tokens: []map[string]string{{"iss": "https://idp.example", "sub": "Avery"}}, want: "https://idp.example#Avery"},
		"another issuer of its host":    {authority: "https://idp.example/a", issuer: "https://idp.example/a", home: "Avery", tokens: []map[string]string{{"iss": "https://idp.example/b", "sub": "Avery"}}},
		"two issuers of its host":       {authority: "https://idp.example/a", issuer: "https://idp.example/a", home: "Avery", tokens: []map[string]string{{"iss": "https://idp.example/b", "sub": "Avery"}, {"iss": "https://idp.example/a", "sub": "Avery"}}, want: "https://idp.example/a#Avery"},
		"an ID token of others":         {authority: "https://idp.example", issuer: "https://idp.example", home: "Avery", tokens: []map[string]string{{"iss": "https://idp.example", "sub": "mallory"}}},
		"B2C": {authority: "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_in", issuer: "https://contoso.b2clogin.com/" + unifiedHome + "/v2.0/", home: unifiedOID + "-b2c_1_in." + unifiedHome,
			tokens: []map[string]string{{"iss": "https://contoso.b2clogin.com/" + unifiedHome + "/v2.0/", "sub": unifiedOID}}, want: "https://contoso.b2clogin.com/" + unifiedHome + "/v2.0/#" + unifiedOID},
		"B2C, another policy": {authority: "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_edit", issuer: "https://contoso.b2clogin.com/" + unifiedHome + "/v2.0/", home: unifiedOID + "-b2c_1_in." + unifiedHome,
			tokens: []map[string]string{{"iss": "https://contoso.b2clogin.com/" + unifiedHome + "/v2.0/", "sub": unifiedOID}}},
		"B2C, nothing known": {authority: "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_in", issuer: "https://contoso.b2clogin.com/" + unifiedHome + "/v2.0/", home: unifiedOID + "-b2c_1_in." + unifiedHome},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := New(Config{ClientID: "app", Authority: tt.authority})
			require.NoError(t, err)
			host := c.core.authority.Host
			u := &unified{IDToken: map[string]*credential{"broken": {Home: tt.home, Environment: host, ClientID: "app", Secret: "x"}}}
			for _, claims := range tt.tokens {
				token := unsigned(t, claims)
				u.IDToken[token] = &credential{Home: tt.home, Environment: host, ClientID: "app", Secret: token}
			}
			account, ok := u.owner(c.core, tt.issuer, &credential{Home: tt.home, Environment: host, ClientID: "app"})
			require.Equal(t, tt.want != "", ok)
			if ok {
				require.Equal(t, tt.want, account.ID)
			}
		})
	}
}

// The latest refresh token is sent, then that of the family.
func TestUnifiedServing(t *testing.T) {
	t.Parallel()
	c, err := New(Config{ClientID: "app", Authority: "https://login.microsoftonline.com/common"})
	require.NoError(t, err)
	entry := func(client, environment, family, modified string) *credential {
		return &credential{Home: "h", Environment: environment, ClientID: client, Family: family, Modified: modified}
	}
	u := &unified{
		RefreshToken: map[string]*credential{
			"a": entry("app", "login.microsoftonline.com", "", ""), "b": entry("other", "LOGIN.WINDOWS.NET", "1", ""),
			"c": entry("app", "login.microsoft.com", "", "7"), "d": entry("app", "sts.windows.net", "", "10"),
			"e": entry("other", "login.microsoftonline.com", "2", "99"), "f": entry("other", "login.microsoftonline.com", "", "99"),
			"g": entry("app", "login.microsoftonline.us", "", "99"), "h": entry("APP", "login.microsoftonline.com", "", "99"),
		},
		AppMetadata: map[string]*appMetadata{
			"1": {Environment: "login.microsoftonline.com", ClientID: "app", Family: "1"},
			"2": {Environment: "login.microsoftonline.com", ClientID: "other", Family: "2"},
			"3": {Environment: "login.microsoftonline.us", ClientID: "app", Family: "2"},
			"4": {Environment: "login.microsoftonline.com", ClientID: "app"},
		},
	}
	want := []*credential{u.RefreshToken["d"], u.RefreshToken["c"], u.RefreshToken["b"], u.RefreshToken["a"]}
	require.Equal(t, want, u.serving(c.core))
}

// FuzzUnified: whatever a file says, it is refused as a whole, or it means what
// every other reader of JSON sees in it.
func FuzzUnified(f *testing.F) {
	f.Add([]byte(`{"RefreshToken":{"k":{"home_account_id":"a","environment":"idp.example","client_id":"app","secret":"\u0041"}},"IdToken":{"k":{"secret":"a.b.c"}}}`))
	f.Add([]byte(`{"refreshtoken":{},"RefreshToken":null,"AppMetadata":{"k":{"client_id":"app","family_id":"1"}}}`))
	f.Add([]byte(`{"Account":{"k":{"home_account_id":"a","username":"b"}},"RefreshToken":{"k":{"last_modification_time":"7"}}}`))
	f.Add(append(dpapiHeader[:len(dpapiHeader):len(dpapiHeader)], "sealed"...))
	c, err := New(Config{ClientID: "app", Authority: "https://idp.example"})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := parseUnified(data)
		if err != nil {
			require.Less(t, len(err.Error()), 500)
			return
		}
		var plain struct {
			RefreshToken map[string]struct{ Secret string }
		}
		var exact map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &exact))
		if raw := exact["RefreshToken"]; raw != nil {
			require.NoError(t, json.Unmarshal(raw, &plain.RefreshToken))
		}
		require.Len(t, u.RefreshToken, len(plain.RefreshToken))
		for _, e := range u.serving(c.core) {
			require.True(t, isRefreshToken(e.Secret))
			if account, ok := u.owner(c.core, "https://idp.example", e); ok {
				require.Equal(t, "https://idp.example#"+e.Home, account.ID)
			}
		}
	})
}
