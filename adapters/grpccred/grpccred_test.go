package grpccred_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/staysigned/staysigned/adapters/grpccred"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

const things = "api://contoso/Things.Read"

// world is a platform, somebody who has an msal.Client, and a gRPC server that
// takes the platform's tokens.
type world struct {
	idp    *msaltest.Platform
	client *msal.Client
	addr   string
	roots  *x509.CertPool
	api    *msaltest.API
	seen   chan string // the authorization of each call
}

func newWorld(t *testing.T) *world {
	idp := msaltest.New(t)
	idp.URL = "https://login.microsoftonline.com"
	idp.Imitate("entra")
	client, err := msal.New(msal.Config{
		ClientID: "11111111-2222-3333-4444-555555555555", Authority: idp.URL + "/organizations", HTTPClient: idp.Client(),
	})
	require.NoError(t, err)
	w := &world{idp: idp, client: client, seen: make(chan string, 10)}
	w.api = idp.NewAPI("https://api.contoso.example", "api://contoso", "Things.Read")

	identity := httptest.NewTLSServer(nil) // has a certificate, for example.com
	identity.Close()
	w.roots = x509.NewCertPool()
	w.roots.AddCert(identity.Certificate())
	w.addr = w.serve(t, credentials.NewTLS(&tls.Config{Certificates: identity.TLS.Certificates, MinVersion: tls.VersionTLS13}))
	return w
}

func (w *world) serve(t *testing.T, transport credentials.TransportCredentials) string {
	server := grpc.NewServer(grpc.Creds(transport), grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			incoming, _ := metadata.FromIncomingContext(ctx)
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
			for _, value := range incoming.Get("authorization") {
				r.Header.Add("Authorization", value)
				w.seen <- value
			}
			answer := httptest.NewRecorder()
			if w.api.ServeHTTP(answer, r); answer.Code != http.StatusOK {
				return nil, status.Error(codes.Unauthenticated, answer.Header().Get("WWW-Authenticate"))
			}
			return next(ctx, req)
		}))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return listener.Addr().String()
}

func (w *world) tls() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{RootCAs: w.roots, ServerName: "example.com", MinVersion: tls.VersionTLS13})
}

// call calls the server.
func (w *world) call(ctx context.Context, c *msal.Client, scope ...string) error {
	return callWith(ctx, w.addr, w.tls(), grpccred.New(c, scope...))
}

func callWith(ctx context.Context, addr string, transport credentials.TransportCredentials, c credentials.PerRPCCredentials) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(c))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err
}

func (w *world) signIn(t *testing.T) msal.Token {
	token, err := w.client.SignIn(t.Context(), msal.Browser{Open: w.idp.Browse}, things)
	require.NoError(t, err)
	return token
}

// A server that checks tokens takes ours, which cost nothing while they last.
func TestCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.signIn(t)
	w.idp.ResetLog()
	require.NoError(t, w.call(t.Context(), w.client, things))
	require.Equal(t, "Bearer "+token.AccessToken(), <-w.seen)
	require.Zero(t, w.idp.Count())
}

// One connection outlives a token: each call takes the one of its time.
func TestRefreshedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.signIn(t)
	conn, err := grpc.NewClient(w.addr, grpc.WithTransportCredentials(w.tls()),
		grpc.WithPerRPCCredentials(grpccred.New(w.client, things)))
	require.NoError(t, err)
	defer conn.Close()
	check := func() string {
		_, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		require.NoError(t, err)
		return <-w.seen
	}
	require.Equal(t, "Bearer "+token.AccessToken(), check())
	newer, err := w.client.ForceRefresh().Token(t.Context(), things)
	require.NoError(t, err)
	require.NotEqual(t, token.AccessToken(), newer.AccessToken())
	require.Equal(t, "Bearer "+newer.AccessToken(), check())
}

// What a call fails with tells what to do, in gRPC's words and in msal's.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, w *world) (*msal.Client, context.Context)
		scope   string
		code    codes.Code
		is      error
	}{
		"nobody": {func(t *testing.T, w *world) (*msal.Client, context.Context) {
			return w.client, t.Context()
		}, things, codes.Unauthenticated, msal.ErrSignInRequired},
		"revoked": {func(t *testing.T, w *world) (*msal.Client, context.Context) {
			w.signIn(t)
			w.idp.RevokeAll()
			return w.client.ForceRefresh(), t.Context()
		}, things, codes.Unauthenticated, msal.ErrSignInRequired},
		"an outage": {func(t *testing.T, w *world) (*msal.Client, context.Context) {
			w.signIn(t)
			w.idp.Fail("token", msaltest.Fault{Status: http.StatusServiceUnavailable, Times: -1})
			return w.client.ForceRefresh(), t.Context()
		}, things, codes.Unavailable, nil},
		"a lost answer": {func(t *testing.T, w *world) (*msal.Client, context.Context) {
			w.signIn(t)
			w.idp.Fail("token", msaltest.Fault{Cut: true, Times: 2})
			return w.client.ForceRefresh(), t.Context()
		}, things, codes.Unavailable, msal.ErrOutcomeUnknown},
		"a wrong client": {func(t *testing.T, w *world) (*msal.Client, context.Context) {
			w.signIn(t)
			w.idp.Fail("token", msaltest.Fault{Code: "invalid_client"})
			return w.client.ForceRefresh(), t.Context()
		}, things, codes.Unauthenticated, nil},
		"a default among the scopes": {func(t *testing.T, w *world) (*msal.Client, context.Context) {
			return w.client, t.Context()
		}, "email", codes.Internal, scopes.ErrDuplicateDefault},
		"another API's token": {func(t *testing.T, w *world) (*msal.Client, context.Context) {
			w.signIn(t)
			return w.client, t.Context()
		}, "User.Read", codes.Unauthenticated, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			client, ctx := tc.prepare(t, w)
			err := w.call(ctx, client, tc.scope)
			require.Equal(t, tc.code, status.Code(err), "%v", err)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
		})
	}
}

// The server's own words are in the error of the call.
func TestServerError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(t)
	w.idp.Fail("token", msaltest.Fault{AADSTS: 50076})
	err := w.call(t.Context(), w.client.ForceRefresh(), things)
	var refused *msal.ServerError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, msal.ActionSignIn, refused.Action())
}

// A caller who leaves is told that, and nothing else.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(t)
	w.idp.Fail("token", msaltest.Fault{Delay: 2 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.Equal(t, codes.DeadlineExceeded, status.Code(w.call(ctx, w.client.ForceRefresh(), things)))
	require.NoError(t, w.client.Shutdown(t.Context()))
}

// A token never goes where somebody could read it.
func TestNotEncrypted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(t)
	c := grpccred.New(w.client, things)
	require.ErrorContains(t, callWith(t.Context(), w.addr, insecure.NewCredentials(), c), "transport level security")
	err := callWith(t.Context(), w.serve(t, local.NewCredentials()), local.NewCredentials(), c)
	require.ErrorContains(t, err, "insecure connection")
	require.Empty(t, w.seen)
}
