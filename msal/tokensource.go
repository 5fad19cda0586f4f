package msal

import (
	"context"
	"slices"

	"golang.org/x/oauth2"
)

// TokenSource adapts the Client to libraries that take an oauth2.TokenSource.
// The tokens have no refresh token: that stays here. ctx gives values, such as
// those of tracing; its end does not end the source, because an
// oauth2.TokenSource has no context and usually outlives the one it was made
// with. Give it to an oauth2.Transport:
//
//	&http.Client{Transport: &oauth2.Transport{Source: client.TokenSource(ctx, "read")}}
//
// Neither wrap it in oauth2.ReuseTokenSource nor give it to oauth2.NewClient,
// which does so: it is one already, and one that notices sign-outs. Where the
// client need not come from oauth2, HTTPClient does more: it sends the token to
// one origin alone.
func (c *Client) TokenSource(ctx context.Context, scope ...string) oauth2.TokenSource {
	return &tokenSource{context.WithoutCancel(ctx), c, slices.Clone(scope)}
}

type tokenSource struct {
	ctx    context.Context
	client *Client
	scope  []string
}

func (s *tokenSource) Token() (*oauth2.Token, error) {
	t, err := s.client.Token(s.ctx, s.scope...)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: t.AccessToken(), TokenType: t.Type, Expiry: t.Expiry}, nil
}
