package msal

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// However many tenants somebody names, no more than a hundred are remembered for
// their names.
func TestTenantsAreForgotten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ named, remembered int }{
		"limit: tenants by name, 100":      {100, 100},
		"limit: tenants by name, one more": {101, 1},
		"and so on":                        {10_001, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := someTenants(t)
			for i := range test.named {
				each := fmt.Sprintf("t%d.example", i)
				require.Same(t, c.in(each), c.in(each), "the one just named is remembered")
				require.LessOrEqual(t, c.remembered(), maxNamed)
			}
			require.Equal(t, test.remembered, c.remembered())
		})
	}
}

// A tenant in which somebody is signed in stays, with what makes the next call
// cheap.
func TestTenantsWithSessionsStay(t *testing.T) {
	t.Parallel()
	c := someTenants(t)
	home := c.in("home.example")
	home.session("avery")
	for i := range 1000 {
		c.in(fmt.Sprintf("t%d.example", i))
	}
	require.Same(t, home, c.in("home.example"))
}

type tenants struct {
	*Client
	t *testing.T
}

func someTenants(t *testing.T) tenants {
	c, err := New(Config{ClientID: "a-client", Authority: "https://login.microsoftonline.com/organizations"})
	require.NoError(t, err)
	return tenants{c, t}
}

func (c tenants) in(tenant string) *core {
	d := c.With(Params{Tenant: tenant})
	require.NoError(c.t, d.err)
	return d.core
}

func (c tenants) remembered() (n int) {
	c.core.tenants.Range(func(any, any) bool { n++; return true })
	return n
}
