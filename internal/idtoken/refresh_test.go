package idtoken

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a refresh may not change.
func TestSameSubject_ROIDC_15(t *testing.T) {
	t.Parallel()
	read := func(edits ...string) Claims {
		c, err := Stored(forge(rs256, claims(edits...)))
		require.NoError(t, err)
		return c
	}
	signedIn := "auth_time=" + at(-time.Minute)
	for _, test := range []struct {
		id         string
		old, fresh Claims
		want       string
	}{
		{"the same", read(signedIn), read(signedIn, "iat="+at(time.Hour), "exp="+at(2*time.Hour)), passes},
		{"RF-10 sub", read(), read(`sub="another"`), "sub"},
		{"RF-10 sub in another case", read(`sub="a"`), read(`sub="A"`), "sub"},
		{"RF-10 iss", read(), read(`iss="https://op.example/"`), "iss"},
		{"RF-10 aud", read(), read(`aud="other"`), "aud"},
		{"RF-10 one more aud", read(), read(`aud=["client-1","api"]`), "aud"},
		{"RF-10 one aud less", read(`aud=["client-1","api"]`), read(), "aud"},
		{"aud in another order", read(`aud=["client-1","api"]`), read(`aud=["api","client-1"]`), passes},
		{"aud as an array", read(), read(`aud=["client-1"]`), passes},
		{"RF-11 no nonce", read(), read("-nonce"), passes},
		{"RF-11 same nonce", read(), read(), passes},
		{"RF-11 another nonce", read(), read(`nonce="other"`), "nonce"},
		{"RF-11 nonce not known any more", read("-nonce"), read(), passes},
		{"RF-12 later auth_time", read(signedIn), read("auth_time=" + at(0)), "auth_time"},
		{"RF-12 earlier auth_time", read(signedIn), read("auth_time=" + at(-time.Hour)), "auth_time"},
		{"RF-12 auth_time no more", read(signedIn), read(), passes},
		{"RF-12 auth_time never known", read(), read(signedIn), passes},
		{"RF-12 new azp", read(), read(`azp="client-1"`), "azp"},
		{"RF-12 azp no more", read(`azp="client-1"`), read(), "azp"},
		{"RF-12 another azp", read(`azp="client-1"`), read(`azp="other"`), "azp"},
		{"RF-12 same azp", read(`azp="client-1"`), read(`azp="client-1"`), passes},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			requireCheck(t, test.want, SameSubject(test.old, test.fresh))
		})
	}
	require.NotContains(t, SameSubject(read(), read(`sub="another"`)).Error(), "another\"", "no subject in an error")
}
