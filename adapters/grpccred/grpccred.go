// Package grpccred sends the tokens of package msal along with gRPC calls: a
// credentials.PerRPCCredentials for people who are signed in.
//
//	grpc.NewClient(target, grpc.WithTransportCredentials(tls), grpc.WithPerRPCCredentials(grpccred.New(client, "reports.read")))
//
// Everybody who is called through such a connection gets the token, so make one
// connection for each server, with the scopes of that server.
//
// It asks nobody. A call for which there is no token fails with the status
// Unauthenticated if a person is needed, and with Unavailable if a later call may
// succeed; in the error of the call errors.Is finds msal.ErrSignInRequired, and
// errors.As a *msal.ServerError. What the server refuses, which is Unauthenticated
// as well, is not tried again: only the program knows whether it may.
package grpccred

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/scopes"
)

// New returns credentials with tokens for the scopes, of the account of the
// Client. They go over encrypted connections only.
func New(client *msal.Client, scope ...string) credentials.PerRPCCredentials {
	return &perRPC{client, slices.Clone(scope)}
}

type perRPC struct {
	client *msal.Client
	scope  []string
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. Whoever
// reads a bearer token can use it, so gRPC refuses connections without encryption.
func (*perRPC) RequireTransportSecurity() bool { return true }

// GetRequestMetadata implements credentials.PerRPCCredentials. gRPC calls it for
// each call, which is how a token that was refreshed is noticed.
func (p *perRPC) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	t, err := p.client.Token(ctx, p.scope...)
	if err != nil {
		return nil, &failure{fmt.Errorf("grpccred: %w", err), codeOf(ctx, err)}
	}
	return map[string]string{"authorization": t.Type + " " + t.AccessToken()}, nil
}

// failure has a status, without which gRPC would make a text of the error, and
// what errors.Is and errors.As look for.
type failure struct {
	error
	code codes.Code
}

func (f *failure) Unwrap() error              { return f.error }
func (f *failure) GRPCStatus() *status.Status { return status.New(f.code, f.Error()) }

// codeOf is one of the codes that gRFC A54 leaves to a client's own side.
func codeOf(ctx context.Context, err error) codes.Code {
	refused, said := errors.AsType[*msal.ServerError](err)
	switch {
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Code()
	case errors.Is(err, msal.ErrSignInRequired) || errors.Is(err, msal.ErrAccountRequired):
		return codes.Unauthenticated
	case errors.Is(err, scopes.ErrInvalid) || errors.Is(err, scopes.ErrDuplicateDefault):
		return codes.Internal
	case said && refused.Action() != msal.ActionRetry && refused.Action() != msal.ActionWait:
		return codes.Unauthenticated
	}
	return codes.Unavailable // the network, or the store: the session is as it was
}
