package scopes_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

const graph = "https://graph.microsoft.com/"

func TestDefaults(t *testing.T) {
	t.Parallel()
	require.Equal(t, "openid profile email offline_access", scopes.Defaults().String())
	for scope := range scopes.Defaults().All() {
		require.True(t, scopes.IsDefault(scope))
	}
}

func TestIsDefault(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]bool{
		"openid":         true,
		"OpenID":         true,
		"PROFILE":        true,
		"eMail":          true,
		"Offline_Access": true,

		"https://graph.microsoft.com/openid":                      true,
		"HTTPS://Graph.Microsoft.COM/OpenID":                      true,
		"https://graph.microsoft.com//offline_access":             true, // the resource ends in a slash
		"https://graph.microsoft.us/profile":                      true,
		"https://dod-graph.microsoft.us/email":                    true,
		"https://microsoftgraph.chinacloudapi.cn/openid":          true,
		"https://graph.microsoft.de/openid":                       true,
		"https://graph.svc.sovcloud.fr/openid":                    true,
		"https://canary.graph.microsoft.com//openid":              true,
		"00000003-0000-0000-c000-000000000000/offline_access":     true,
		"00000003-0000-0000-C000-000000000000/OFFLINE_ACCESS":     true,
		"https://graph.microsoft.com///openid":                    false,
		"https://graph.microsoft.com/v1.0/openid":                 false,
		"https://graph.microsoft.com:443/openid":                  false,
		"https://graph.microsoft.com.evil.example/openid":         false,
		"https://evil.example/https://graph.microsoft.com/openid": false,
		"http://graph.microsoft.com/openid":                       false,
		"graph.microsoft.com/openid":                              false,
		"https://graph.windows.net/openid":                        false,
		"00000002-0000-0000-c000-000000000000/openid":             false,
		"api://00000003-0000-0000-c000-000000000000/openid":       false,
		"https://api.example/openid":                              false,
		"https://graph.microsoft.com/openid/":                     false,
		"https://graph.microsoft.com/.default":                    false,
		"https://graph.microsoft.com/":                            false,
		"/openid":                                                 false,

		"":                         false,
		"/":                        false,
		"User.Read":                false,
		"open_id":                  false,
		"openid ":                  false,
		"offline":                  false,
		"offline.access":           false,
		"offline_acce\u017f\u017f": false, // long s: equal under Unicode's folding
		"\u043epenid":              false,
	} {
		require.Equal(t, want, scopes.IsDefault(scope), "%q", scope)
	}
}

func TestIsDefaultAllocatesNothing(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(10, func() {
		if scopes.IsDefault("User.Read") || !scopes.IsDefault(graph+"OpenID") {
			panic("wrong answer")
		}
	}))
}

func TestBuild(t *testing.T) {
	t.Parallel()
	all := scopes.Defaults()
	noOffline := all.Without(set(t, scopes.OfflineAccess))
	for _, tc := range []struct {
		name     string
		explicit []string
		defaults scopes.Set
		want     string
	}{
		{"a sign-in without an API", nil, all, "openid profile email offline_access"},
		{"order and case are the caller's", []string{"mail.READ", "User.Read"}, all, "mail.READ User.Read openid profile email offline_access"},
		{"exact duplicates collapse", []string{"b", "a", "b"}, all, "b a openid profile email offline_access"},
		{"letter case distinguishes others", []string{"a", "A"}, all, "a A openid profile email offline_access"},
		{"an omitted default may be asked for", []string{"x", "offline_access"}, noOffline, "x offline_access openid profile email"},
		{"in any spelling", []string{graph + "Offline_Access"}, noOffline, graph + "Offline_Access openid profile email"},
		{"no defaults", []string{"openid", "x"}, scopes.Set{}, "openid x"},
		{"nothing at all", nil, scopes.Set{}, ""},
		{"another resource's openid", []string{"api://x/openid"}, all, "api://x/openid openid profile email offline_access"},
		{"other defaults", []string{"X"}, set(t, "x", "openid"), "X x openid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := scopes.Build(tc.explicit, tc.defaults)
			require.NoError(t, err)
			require.Equal(t, tc.want, s.String())
		})
	}
}

func TestBuildRefusesDuplicates(t *testing.T) {
	t.Parallel()
	all := scopes.Defaults()
	for _, tc := range []struct {
		name      string
		explicit  []string
		defaults  scopes.Set
		offenders []string
	}{
		{"each of the four", all.Slice(), all, all.Slice()},
		{"SC-09 in any letter case", []string{"OpenID", "x", "OFFLINE_ACCESS"}, all, []string{"OpenID", "OFFLINE_ACCESS"}},
		{"qualified", []string{graph + "Profile", "x"}, all, []string{graph + "Profile"}},
		{"every spelling is named, each once", []string{"email", "Email", "email", graph + "email"}, all, []string{"email", "Email", graph + "email"}},
		{"only what is added", []string{"openid", "email"}, set(t, "email"), []string{"email"}},
		{"other defaults, exactly", []string{"x", "X"}, set(t, "x"), []string{"x"}},
		{"a default in another case", []string{"openid"}, set(t, "OpenID"), []string{"openid"}},
		{"a qualified default", []string{"openid"}, set(t, graph+"openid"), []string{"openid"}},
		{"a default in its own odd case", []string{"OpenID"}, set(t, "OpenID"), []string{"OpenID"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := scopes.Build(tc.explicit, tc.defaults)
			require.Zero(t, s)
			require.ErrorIs(t, err, scopes.ErrDuplicateDefault)
			require.NotErrorIs(t, err, scopes.ErrInvalid)
			duplicate, ok := errors.AsType[*scopes.DuplicateDefaultError](err)
			require.True(t, ok)
			require.Equal(t, tc.offenders, duplicate.Scopes)
			for _, scope := range tc.offenders {
				require.Contains(t, err.Error(), fmt.Sprintf("%q", scope))
			}
			requirePlain(t, err)
		})
	}
}

func TestBuildChecksTheGrammarFirst(t *testing.T) {
	t.Parallel()
	_, err := scopes.Build([]string{"openid", "a b"}, scopes.Defaults())
	require.NotErrorIs(t, err, scopes.ErrDuplicateDefault)
	invalid, ok := errors.AsType[*scopes.InvalidError](err)
	require.True(t, ok)
	require.Equal(t, 1, invalid.Index)

	// " profile " is not profile: it is refused for what it is, not trimmed.
	_, err = scopes.Build([]string{" profile "}, scopes.Defaults())
	require.ErrorIs(t, err, scopes.ErrInvalid)
}

// The limit is of what goes on the wire, so the defaults count.
func TestBuildCountsTheDefaults(t *testing.T) {
	t.Parallel()
	room := 16<<10 - len(" "+scopes.Defaults().String())
	explicit := slices.Repeat([]string{strings.Repeat("x", 1023)}, 15) // with a space each: 15 KiB
	explicit = append(explicit, strings.Repeat("y", room-15<<10))
	s, err := scopes.Build(explicit, scopes.Defaults())
	require.NoError(t, err)
	require.Equal(t, 6, s.Len())

	explicit[15] += "y"
	_, err = scopes.Build(explicit, scopes.Defaults())
	invalid, ok := errors.AsType[*scopes.InvalidError](err)
	require.True(t, ok)
	require.Equal(t, 15, invalid.Index)
}

func TestBuildLeavesItsArgumentAlone(t *testing.T) {
	t.Parallel()
	explicit := []string{"a", "b", "a", "c"}
	_, err := scopes.Build(explicit, scopes.Defaults())
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "a", "c"}, explicit)
}

func FuzzBuild(f *testing.F) {
	f.Add("User.Read", uint8(15))
	f.Add("openid User.Read", uint8(14))
	f.Add("OpenID "+graph+"/EMAIL a a a", uint8(15))
	f.Add("a\tb", uint8(0))
	f.Add("offline_access x", uint8(7))
	f.Add("1 2 3 4 5 6 7 8 9 10 profile", uint8(9))
	f.Fuzz(func(t *testing.T, words string, mask uint8) {
		var names []string
		for i, name := range scopes.Defaults().Slice() {
			if mask&(1<<i) != 0 {
				names = append(names, name)
			}
		}
		explicit, defaults := strings.Split(words, " "), set(t, names...)

		s, err := scopes.Build(explicit, defaults)
		if duplicate, ok := errors.AsType[*scopes.DuplicateDefaultError](err); ok {
			require.NotEmpty(t, duplicate.Scopes)
			// What MergeDefaults does: without the offenders it is a request.
			explicit = slices.DeleteFunc(explicit, func(scope string) bool {
				return slices.Contains(duplicate.Scopes, scope)
			})
			for _, scope := range duplicate.Scopes {
				require.True(t, scopes.IsDefault(scope))
			}
			s, err = scopes.Build(explicit, defaults)
			require.NoError(t, err)
		}
		if err != nil {
			require.ErrorIs(t, err, scopes.ErrInvalid)
			return
		}
		list := s.Slice()
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(list))), len(list), "an element twice: %q", list)
		own := len(list) - defaults.Len()
		require.Equal(t, names, append([]string(nil), list[own:]...))
		require.Equal(t, set(t, explicit...).Slice(), slices.Clip(append([]string(nil), list[:own]...)))
		lower := strings.ToLower(" " + strings.Join(list[:own], " ") + " ")
		for _, name := range names {
			require.NotContains(t, lower, " "+name+" ")
		}
	})
}
