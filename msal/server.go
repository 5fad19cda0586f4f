package msal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/discovery"
	"github.com/staysigned/staysigned/internal/idtoken"
	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/internal/strictjson"
	"github.com/staysigned/staysigned/internal/wire"
	"github.com/staysigned/staysigned/scopes"
)

// server is what is known of the authorization server.
type server struct {
	known  atomic.Pointer[metadata]
	turn   chan struct{} // held by whoever fetches
	forced time.Time     // when the keys were last fetched for an unknown id,
	result error         // and with what result; both guarded by turn
	missed time.Time     // when metadata was last asked for in vain,
	miss   error         // and why; both guarded by turn
	failed atomic.Bool   // an endpoint did: look at the metadata again

	mu     sync.Mutex
	rest   time.Duration // on the monotonic clock: until then the server wants to be left alone,
	refuse *ServerError  // as it said here
}

// metadata is a server's discovery document and its keys. It never changes.
// Old ones serve as well as new ones: a wrong endpoint fails, and an unknown
// key is fetched.
type metadata struct {
	doc         *discovery.Document
	openID      bool // it says who signs in. If not, the next three are nil
	keys        *idtoken.Keys
	rawKeys     json.RawMessage
	algorithms  []string
	defaults    scopes.Set // those to send
	fetched     time.Time
	keysFetched time.Time
	rest        members
}

const (
	metadataSchema = 1
	// signInAge is how old metadata may be when a person signs in. They wait
	// anyway, and a server that moved is noticed where it can be explained.
	signInAge = time.Hour
	// keysPause keeps forged key ids from making us fetch all the time. It
	// counts from the last fetch that such an id caused, so that a key that is
	// new since the metadata was fetched is had at once.
	keysPause = 30 * time.Second
)

// metadata returns what is known of the server, of whatever age: from memory,
// from the store, or by fetching it.
func (c *core) metadata(ctx context.Context) (*metadata, error) {
	return c.metadataSince(ctx, time.Time{})
}

// metadataSince is metadata, but fetches what is older than since.
func (c *core) metadataSince(ctx context.Context, since time.Time) (*metadata, error) {
	if md := c.server.known.Load(); md != nil && !md.fetched.Before(since) && !c.server.failed.Load() {
		return md, nil
	}
	asked := time.Now()
	select {
	case c.server.turn <- struct{}{}:
		defer func() { <-c.server.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	md := c.server.known.Load()
	if md == nil {
		md = c.storedMetadata(ctx)
	}
	if md != nil && !md.fetched.Before(since) && !c.server.failed.Load() {
		c.server.known.Store(md)
		return md, nil
	}
	err := c.server.miss
	if !c.server.missed.After(asked) { // else all who waited share one failure, or the last would wait for all
		var fetched *metadata
		if fetched, err = c.fetchMetadata(ctx, md); err == nil {
			c.server.failed.Store(false)
			c.server.known.Store(fetched)
			c.storeMetadata(ctx, fetched)
			return fetched, nil
		}
		if ctx.Err() == nil {
			c.server.missed, c.server.miss = time.Now(), err
		}
	}
	if md == nil {
		return nil, err
	}
	c.Logger.WarnContext(ctx, "metadata not fetched", "error", err)
	return md, nil
}

// fetchMetadata fetches the discovery document and the keys.
func (c *core) fetchMetadata(ctx context.Context, old *metadata) (*metadata, error) {
	md := &metadata{doc: c.given, fetched: time.Now()}
	if md.doc == nil {
		var err error
		if md.doc, err = c.fetchDocument(ctx); err != nil {
			return nil, err
		}
	}
	if old != nil {
		if old.openID && !c.openID(md.doc) {
			return nil, fmt.Errorf("metadata of %s: it was that of an OpenID Provider before, and is none any more", c.Authority)
		}
		md.rest = old.rest
	}
	if !c.openID(md.doc) {
		return md, c.complete(md, nil, md.fetched)
	}
	a, err := c.get(ctx, md.doc.JWKSURI)
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", md.doc.Issuer, err)
	}
	err = c.complete(md, a.Body, time.Now())
	c.warnOfKeys(ctx, md)
	return md, err
}

// warnOfKeys tells of keys that are of no use to us. One that is private is a
// disaster of the server's, which somebody should hear of.
func (c *core) warnOfKeys(ctx context.Context, md *metadata) {
	if md.keys == nil {
		return
	}
	if skipped := md.keys.Skipped(); len(skipped) > 0 {
		c.Logger.WarnContext(ctx, "keys of the server not used", "error", errors.Join(skipped[:min(3, len(skipped))]...), "issuer", md.doc.Issuer)
	}
}

func (c *core) fetchDocument(ctx context.Context) (*discovery.Document, error) {
	urls := c.authority.MetadataURLs()
	if c.profile.NoOpenID {
		urls = urls[1:] // whatever is at OpenID Connect's address
	}
	var err error
	for _, url := range urls {
		var doc *discovery.Document
		var a wire.Answer
		if a, err = c.get(ctx, url); err == nil {
			doc, err = c.parseMetadata(a.Body)
		}
		if err == nil {
			return doc, nil
		}
		if refused, ok := errors.AsType[*ServerError](err); !ok || refused.StatusCode != 404 {
			break
		}
	}
	return nil, fmt.Errorf("metadata of %s: %w", c.Authority, misled(ctx, err))
}

// misled adds to an error of the metadata what to do. A server that is down must
// not look like one that never was, nor the other way round.
func misled(ctx context.Context, err error) error {
	refused, said := errors.AsType[*ServerError](err)
	_, network := errors.AsType[*wire.Error](err)
	switch {
	case ctx.Err() != nil:
		return err
	case network:
		return fmt.Errorf("%w; see whether the network is up, and Config.Authority right", err)
	case !said:
		return &ServerError{StatusCode: 200, Description: err.Error(), own: &otherMetadata}
	case refused.StatusCode <= 400 || refused.StatusCode == 404 || refused.StatusCode == 410:
		if refused.hint() == nil && codes[refused.Code] == "" {
			refused.own = &noMetadata
		}
	}
	return err
}

// parseMetadata reads a discovery document and makes sure that it is the
// authority's own (OpenID Connect Discovery 4.3, RFC 8414 section 3.3).
func (s *settings) parseMetadata(raw []byte) (*discovery.Document, error) {
	doc, err := discovery.Parse(raw, s.InsecureLoopbackHTTP)
	if err != nil {
		return nil, err
	}
	if err := s.authority.AcceptsIssuer(doc.Issuer); err != nil {
		return nil, err
	}
	if s.openID(doc) {
		return doc, doc.Need("token_endpoint", "jwks_uri")
	}
	return doc, doc.Need("token_endpoint")
}

// openID tells whether the server is an OpenID Provider: the application's or
// the profile's word, and else its metadata's.
func (s *settings) openID(doc *discovery.Document) bool {
	known := s.authority.Kind != provider.OIDC || slices.Contains(s.profile.Defaults, scopes.OpenID)
	return !s.profile.NoOpenID && (known || doc.OpenID())
}

// complete adds the keys and what follows from the document.
func (c *core) complete(md *metadata, rawKeys []byte, fetched time.Time) error {
	var err error
	if md.openID = c.openID(md.doc); md.openID {
		if md.keys, err = idtoken.ParseKeys(rawKeys); err != nil {
			return fmt.Errorf("keys of %s: %w", md.doc.Issuer, err)
		}
		if md.algorithms, err = md.doc.Algorithms(); err != nil {
			return err
		}
		md.rawKeys = rawKeys
	}
	md.keysFetched = fetched
	md.defaults, err = scopes.New(c.profile.Sends(c.defaults.Slice(), md.doc.ScopesSupported, md.doc.ScopesPublished, md.openID)...)
	return err
}

// fetchKeys fetches the keys again because none of md has the id that a token
// names, but not more often than every keysPause.
func (c *core) fetchKeys(ctx context.Context, md *metadata) (*metadata, error) {
	select {
	case c.server.turn <- struct{}{}:
		defer func() { <-c.server.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if now := c.server.known.Load(); now != nil && now != md && now.keysFetched.After(md.keysFetched) {
		return now, nil
	}
	if !c.server.forced.IsZero() && time.Since(c.server.forced) < keysPause {
		return md, c.server.result
	}
	next := *md
	a, err := c.get(ctx, md.doc.JWKSURI)
	if err == nil {
		err = c.complete(&next, a.Body, time.Now())
	}
	c.server.forced, c.server.result = time.Now(), nil
	if err != nil {
		c.server.result = fmt.Errorf("keys of %s: %w", md.doc.Issuer, err)
		return nil, c.server.result
	}
	c.warnOfKeys(ctx, &next)
	c.server.known.Store(&next)
	c.storeMetadata(ctx, &next)
	return &next, nil
}

// refusedBy returns what to leave out of a request after an invalid_scope, one
// set for each further try: those defaults of ours that it names, and failing
// that a guess, the ones that the server never said it supports. An error that
// repeats the whole request, as Keycloak's does (reported), means any one of them,
// offline_access first. One that names a scope of the caller is about that one,
// also if it repeats the whole request.
func (md *metadata) refusedBy(e *ServerError, explicit scopes.Set) (tries []scopes.Set) {
	words := strings.FieldsFunc(e.Description, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;\"'()[]`", r) })
	if !e.refusedScopes() || slices.ContainsFunc(words, explicit.Has) {
		return nil
	}
	says := func(s string) bool { return slices.Contains(words, s) || slices.Contains(words, s+".") }
	var said, unpublished []string
	for s := range md.defaults.All() {
		switch {
		case s == scopes.OpenID: // no account without it: the error stands
		case says(s):
			said = append(said, s)
		case !slices.Contains(md.doc.ScopesSupported, s):
			unpublished = append(unpublished, s)
		}
	}
	if says(scopes.OpenID) && len(said) > 1 && len(said)+1 == md.defaults.Len() {
		for _, s := range slices.Backward(said) {
			one, _ := scopes.New(s)
			tries = append(tries, one)
		}
		return tries
	}
	if said == nil {
		said = unpublished
	}
	if drop, _ := scopes.New(said...); drop.Len() > 0 { // a part of a valid set is valid
		return []scopes.Set{drop}
	}
	return nil
}

// without returns md for requests that leave out these defaults.
func (md *metadata) without(drop scopes.Set) *metadata {
	next := *md
	next.defaults = md.defaults.Without(drop)
	return &next
}

// metadataKey names the record of the server. A document that this program was
// given is no other program's, and neither are the keys that it leads to.
func (c *core) metadataKey() string {
	source := []string{c.authority.Key, c.authority.MetadataURLs()[0]}
	if c.given != nil {
		source = append(source, string(c.given.Raw))
	}
	return "m-" + hash(source...)
}

// storedMetadata returns what another process fetched, or nil.
func (c *core) storedMetadata(ctx context.Context) *metadata {
	data, _, err := c.Cache.Get(ctx, c.metadataKey())
	if err != nil {
		return nil
	}
	md, err := c.decodeMetadata(data)
	if err != nil {
		c.Logger.WarnContext(ctx, "stored metadata not used", "error", err)
		return nil
	}
	return md
}

func (c *core) decodeMetadata(data []byte) (*metadata, error) {
	var m members
	if err := strictjson.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	var schema int
	var document, keys json.RawMessage
	var keysFetched time.Time
	var err error
	md := &metadata{doc: c.given}
	take(m, "schema", &schema, &err)
	take(m, "document", &document, &err)
	take(m, "keys", &keys, &err)
	takeTime(m, "fetched", &md.fetched, &err)
	takeTime(m, "keys_fetched", &keysFetched, &err)
	md.rest = m
	if err == nil && schema != metadataSchema {
		err = fmt.Errorf("schema %d, want %d", schema, metadataSchema)
	}
	if err == nil && md.doc == nil {
		md.doc, err = c.parseMetadata(document)
	}
	if err != nil {
		return nil, err
	}
	return md, c.complete(md, keys, keysFetched)
}

// storeMetadata shares md with other processes. It is a convenience: a
// conflict means that somebody else has just done the same.
func (c *core) storeMetadata(ctx context.Context, md *metadata) {
	m := members{}
	maps.Copy(m, md.rest)
	put(m, "schema", metadataSchema)
	m["document"] = md.doc.Raw
	if md.openID {
		m["keys"] = md.rawKeys
	}
	put(m, "fetched", md.fetched.UnixMilli())
	put(m, "keys_fetched", md.keysFetched.UnixMilli())
	data, err := json.Marshal(m)
	if err == nil {
		var rev cache.Rev
		if _, rev, err = c.Cache.Get(ctx, c.metadataKey()); err == nil || errors.Is(err, cache.ErrNotFound) || errors.Is(err, cache.ErrUnreadable) {
			_, err = c.Cache.Put(ctx, c.metadataKey(), data, rev)
		}
	}
	if err != nil && !errors.Is(err, cache.ErrConflict) {
		c.Logger.WarnContext(ctx, "metadata not stored", "error", err)
	}
}

// suspect notes an endpoint that sent us elsewhere, or is not where it was: new
// metadata may name the right one. A network that is down says nothing about the
// endpoint.
func (s *server) suspect(err error) {
	failure, ok := errors.AsType[*wire.Error](err)
	refused, said := errors.AsType[*ServerError](err)
	if ok && failure.Status >= 300 && failure.Status < 400 || said && slices.Contains([]int{404, 405, 410}, refused.StatusCode) {
		s.failed.Store(true)
	}
}

// leaveAlone honours Retry-After (RFC 9110 section 10.2.3). A loop is one
// session's, see bar: whoever makes one with a token of their own must not stop
// all others.
func (s *server) leaveAlone(e *ServerError, now time.Duration) {
	if e.RetryAfter <= 0 || !e.unwell() || e.loops() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest, s.refuse = now+e.RetryAfter, e
}

// resting returns what the server said when it asked to be left alone, with
// the time that remains.
func (s *server) resting(now time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now >= s.rest {
		return nil
	}
	e := *s.refuse
	e.RetryAfter = s.rest - now
	return &e
}
