package msaltest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"time"
)

// saved is a state as StateFile has it. Sessions are named by their place in the list.
type saved struct {
	Schema   int                     `json:"schema"`
	Keys     []savedKey              `json:"keys"`
	Browser  map[string]time.Time    `json:"browser"`
	Sessions []savedSession          `json:"sessions"`
	Refresh  map[digest]savedRefresh `json:"refresh"`
	Access   map[digest]savedAccess  `json:"access"`

	Grants    []Grant              `json:"grants,omitempty"`
	ValidFrom map[string]time.Time `json:"valid_from,omitempty"`
	Met       map[string][]string  `json:"met,omitempty"`
}

type savedKey struct {
	ID      string `json:"id"`
	PKCS8   []byte `json:"pkcs8"`
	Retired bool   `json:"retired,omitempty"`
}

type savedSession struct {
	User     User      `json:"user"`
	Client   string    `json:"client"`
	Issuer   string    `json:"issuer"`
	Scopes   []string  `json:"scopes"`
	AuthTime time.Time `json:"auth_time"`
	TellTime bool      `json:"tell_time,omitempty"`
	Newest   digest    `json:"newest,omitempty"`
	Tenant   string    `json:"tenant,omitempty"`
	Met      []string  `json:"met,omitempty"`
	SPA      bool      `json:"spa,omitempty"`
}

type savedRefresh struct {
	Session int       `json:"session"`
	Issued  time.Time `json:"issued,omitzero"`
	Spent   time.Time `json:"spent,omitzero"`
}

type savedAccess struct {
	Session int       `json:"session"`
	Scopes  []string  `json:"scopes"`
	Expires time.Time `json:"expires"`
	API     string    `json:"api,omitempty"`
	Capable bool      `json:"capable,omitempty"`
}

const stateSchema = 1

// keep writes StateFile if what it should hold has changed.
func (p *Platform) keep() error {
	if p.StateFile == "" {
		return nil
	}
	s := p.lock()
	defer p.mu.Unlock()
	if p.keepErr != nil {
		return nil // the request has been told, see misused
	}
	data, err := json.Marshal(s.save())
	if err == nil && !bytes.Equal(data, p.kept) {
		// A file that is replaced as a whole is never half of one, whenever the process is killed.
		if err = os.WriteFile(p.StateFile+".new", data, 0o600); err == nil { //nolint:gosec // the program names the file, never a request
			err = os.Rename(p.StateFile+".new", p.StateFile) //nolint:gosec // the program names the file, never a request
		}
	}
	if err != nil {
		return fmt.Errorf("the StateFile cannot be written: %w", err)
	}
	p.kept = data
	return nil
}

// restore reads StateFile; the caller holds the lock. A file that is not what keep wrote stays as it is, and every
// request is told so.
func (p *Platform) restore() {
	if p.StateFile == "" {
		return
	}
	data, err := os.ReadFile(p.StateFile) //nolint:gosec // the program names the file, never a request
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var was saved
	if err == nil {
		err = json.Unmarshal(data, &was)
	}
	if err == nil && was.Schema != stateSchema {
		err = fmt.Errorf("schema %d, want %d", was.Schema, stateSchema)
	}
	if err == nil {
		err = p.state.load(was)
	}
	if err != nil {
		p.keepErr = fmt.Errorf("the StateFile %s cannot be read; remove it to begin anew: %w", p.StateFile, err)
		return
	}
	p.kept = data
}

func (p *Platform) stateFault() error {
	if p.StateFile == "" {
		return nil
	}
	p.lock()
	defer p.mu.Unlock()
	return p.keepErr
}

// save leaves out what has no effect any more: revoked sessions, those without a token, and access tokens that are
// over. Spent refresh tokens stay, because a second use means something.
func (s *state) save() saved {
	out := saved{
		Schema: stateSchema, Browser: s.browser,
		Refresh: map[digest]savedRefresh{}, Access: map[digest]savedAccess{},
		Grants: s.listGrants(), ValidFrom: s.validFrom, Met: s.met,
	}
	for _, k := range s.keys {
		der, err := x509.MarshalPKCS8PrivateKey(k.signer)
		if err != nil {
			panic("msaltest: " + err.Error()) // RSA and ECDSA keys have this form
		}
		out.Keys = append(out.Keys, savedKey{k.id, der, k.retired})
	}
	holds, place := map[*session]bool{}, map[*session]int{}
	for _, t := range s.refresh {
		holds[t.session] = true
	}
	for _, t := range s.access {
		holds[t.session] = holds[t.session] || !over(t.expires)
	}
	for _, x := range s.sessions {
		if holds[x] && !x.revoked {
			place[x] = len(out.Sessions)
			out.Sessions = append(out.Sessions, savedSession{
				x.user, x.client, x.issuer, x.scopes, x.authTime, x.tellTime, "", x.tenant, x.met, x.spa,
			})
		}
	}
	for name, t := range s.refresh {
		if i, ok := place[t.session]; ok {
			out.Refresh[name] = savedRefresh{i, t.issued, t.spent}
			if t.session.newest == t {
				out.Sessions[i].Newest = name
			}
		}
	}
	for name, t := range s.access {
		if i, ok := place[t.session]; ok && !over(t.expires) {
			out.Access[name] = savedAccess{i, t.scopes, t.expires, t.api, t.capable}
		}
	}
	return out
}

// load undoes save, or changes nothing.
func (s *state) load(was saved) error {
	var keys []*signingKey
	for _, k := range was.Keys {
		key, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
		if err != nil {
			return err
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return fmt.Errorf("key %s cannot sign", k.ID)
		}
		keys = append(keys, &signingKey{k.ID, signer, k.Retired})
	}
	var sessions []*session
	for _, x := range was.Sessions {
		sessions = append(sessions, &session{
			user: x.User, client: x.Client, issuer: x.Issuer, scopes: x.Scopes, authTime: x.AuthTime, tellTime: x.TellTime,
			entraSession: entraSession{x.Tenant, x.Met, x.SPA},
		})
	}
	known := func(i int) bool { return i >= 0 && i < len(sessions) }
	for _, t := range was.Refresh {
		if !known(t.Session) {
			return errors.New("a refresh token of no session")
		}
	}
	for _, t := range was.Access {
		if !known(t.Session) {
			return errors.New("an access token of no session")
		}
	}
	s.keys, s.sessions = keys, sessions
	maps.Copy(s.browser, was.Browser)
	for name, t := range was.Refresh {
		s.refresh[name] = &refreshToken{session: sessions[t.Session], issued: t.Issued, spent: t.Spent}
		if was.Sessions[t.Session].Newest == name {
			sessions[t.Session].newest, sessions[t.Session].renewable = s.refresh[name], true
		}
	}
	for name, t := range was.Access {
		s.access[name] = &accessToken{sessions[t.Session], t.Scopes, t.Expires, t.API, t.Capable}
	}
	for _, g := range was.Grants {
		s.grants[grantKey{g.Tenant, g.User, g.Client, g.Resource}] = g.Permissions
	}
	maps.Copy(s.validFrom, was.ValidFrom)
	maps.Copy(s.met, was.Met)
	return nil
}
