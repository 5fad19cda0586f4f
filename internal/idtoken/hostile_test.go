package idtoken

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The largest token, header and key set, and one byte more.
func TestLimits(t *testing.T) {
	t.Parallel()
	fill := func(n int) string { return claims("x=" + quoted(strings.Repeat("x", n))) }
	n := 3 * (maxToken - len(forge(rs256, fill(0)))) / 4
	for len(forge(rs256, fill(n))) < maxToken {
		n++
	}
	largest := forge(rs256, fill(n))
	require.Len(t, largest, maxToken)
	longest := `{"alg":"RS256","kid":"rsa","x":"` + strings.Repeat("x", maxHeader/4*3-34) + `"}`
	require.Len(t, b64(longest), maxHeader)
	keys := `{"keys":[` + public("rsa", rsaKey().Public()) + `],"x":"`
	keys += strings.Repeat("x", maxSet-len(keys)-2) + `"}`
	for _, test := range []struct {
		id, raw, jwks, want string
	}{
		{"limit: id token, 64 KiB", largest, "", passes},
		{"limit: id token, a byte more", largest + "A", "", "token"},
		{"header of 8 KiB", forge(longest, claims()), "", passes},
		{"header, a byte more", forge(longest+" ", claims()), "", "header"},
		{"limit: key set, 1 MiB", forge(rs256, claims()), keys, passes},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			set := opKeys(t)
			if test.jwks != "" {
				require.Len(t, test.jwks, 1<<20)
				var err error
				set, err = ParseKeys([]byte(test.jwks))
				require.NoError(t, err)
			}
			_, err := set.Verify(t.Context(), test.raw, signIn())
			requireCheck(t, test.want, err)
		})
	}
	t.Run("limit: key set, a byte more", func(t *testing.T) {
		t.Parallel()
		_, err := ParseKeys([]byte(keys + " "))
		require.ErrorContains(t, err, "want at most 1048576")
	})
}
