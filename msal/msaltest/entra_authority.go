package msaltest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// entraCall is what Microsoft's platform knows of a request.
type entraCall struct {
	authority   authority
	v1          bool
	app         App    // who asks, as soon as that is known
	grant       string // the grant_type, in one spelling
	trace       string
	correlation string
	tokenAge    string // of the refresh token, for a header
}

// authority is whose accounts an address is about.
type authority struct {
	name   string // in the addresses that are published: a word, or the tenant's id; empty: there is no such tenant
	tenant Tenant // zero: of the word
}

const (
	common        = "common"
	organizations = "organizations"
	consumers     = "consumers"
	tenantID      = "{tenantid}" // what issuers have for many tenants; a client puts the tid claim there
)

const (
	v2           = "/v2.0"
	deviceLogin  = "/devicelogin"
	graphInfo    = "/oidc/userinfo"
	instancePath = "/discovery/instance"
)

// by makes an endpoint's function of one that knows how Microsoft does it.
func by(serve func(microsoft, *call) answer) func(*Platform, *call) answer {
	return func(p *Platform, c *call) answer {
		m := p.microsoft()
		a := serve(m, c)
		m.sign(c, a)
		return a
	}
}

// entraEndpoints are below a tenant but for the last two. It is set at start because the functions lead back to it.
var entraEndpoints []endpoint

func init() {
	entraEndpoints = []endpoint{
		{"discovery", v2 + discoveryPath, "GET", by(microsoft.discovery)},
		{"discovery", discoveryPath, "GET", by(microsoft.discovery)},
		{"instance", instancePath, "GET", by(microsoft.instance)},
		{"keys", "/discovery/v2.0/keys", "GET", by(microsoft.jwks)},
		{"keys", "/discovery/keys", "GET", by(microsoft.jwks)},
		{"adminconsent", v2 + "/adminconsent", "GET", by(microsoft.adminConsent)},
		{"userinfo", "/openid/userinfo", "GET POST", by(microsoft.userinfo)},
	}
	for _, root := range []string{"/oauth2" + v2, "/oauth2"} {
		entraEndpoints = append(entraEndpoints,
			endpoint{"authorize", root + authorizePath, "GET POST", by(microsoft.authorize)},
			endpoint{"signin", root + signInPath, "POST", by(microsoft.signIn)},
			endpoint{"token", root + tokenPath, "POST", by(microsoft.token)},
			endpoint{"device", root + "/devicecode", "POST", by(microsoft.startDevice)},
			endpoint{"logout", root + logoutPath, "GET POST", by(microsoft.logout)},
		)
	}
	entraEndpoints = append(entraEndpoints,
		endpoint{"verification", deviceLogin, "GET POST", by(microsoft.activate)},
		endpoint{"userinfo", graphInfo, "GET POST", by(microsoft.userinfo)},
	)
}

func (m microsoft) endpoints() []endpoint { return entraEndpoints }

// route reads a path such as /common/oauth2/v2.0/token.
func (m microsoft) route(c *call, path string) {
	s := m.lock()
	s.traces++
	c.entra.trace = guidOf("trace", strconv.Itoa(s.traces))
	m.mu.Unlock()
	c.entra.correlation = c.Header.Get("client-request-id")
	if !guidForm.MatchString(c.entra.correlation) {
		c.entra.correlation = guidOf("correlation", c.entra.trace)
	}
	c.entra.authority = m.authority(common)
	segment, rest := "", path
	if strings.HasPrefix(path, deviceLogin) {
		rest = deviceLogin // clouds differ in what follows
	} else if path != graphInfo {
		segment, rest, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		rest = "/" + rest
		c.entra.authority = m.authority(segment)
	}
	i := slices.IndexFunc(entraEndpoints, func(e endpoint) bool { return e.path == rest })
	if i < 0 {
		return
	}
	c.endpoint = entraEndpoints[i]
	c.entra.v1 = segment != "" && !strings.Contains(rest, v2) && c.endpoint.name != "instance"
	if u := (&url.URL{Scheme: "https", Host: c.Host, Path: c.URL.Path}); m.lends(u) {
		c.base = "https://" + c.Host
	}
	c.base += "/" + c.entra.authority.name
	c.issuer = m.issuer(cmp.Or(c.entra.authority.tenant.ID, tenantID), c.entra.v1)
}

// authority finds out what the tenant's place in an address says.
func (m microsoft) authority(segment string) authority {
	switch word := strings.ToLower(segment); word {
	case common, organizations:
		return authority{name: word}
	case consumers, PersonalTenant:
		i := slices.IndexFunc(m.tenants, func(t Tenant) bool { return t.Kind == PersonalAccounts })
		if i < 0 {
			return authority{}
		}
		return authority{word, m.tenants[i]}
	}
	t, _ := m.tenant(segment)
	return authority{t.ID, t}
}

// personal tells whether an authority has personal accounts and no others.
func (a authority) personal() bool { return a.tenant.Kind == PersonalAccounts && a.tenant.ID != "" }

func (m microsoft) admit(c *call) *answer {
	e, r := c.endpoint, (*refusal)(nil)
	switch {
	case !slices.Contains(strings.Fields(e.methods), c.Method) && e.methods != http.MethodPost:
		return standard{m.Platform}.admit(c)
	case c.Method != http.MethodPost && e.methods == http.MethodPost:
		r = m.no(900561, c.Method)
	case c.entra.authority.name == "":
		segment, _, _ := strings.Cut(strings.TrimPrefix(c.URL.Path, m.root()+"/"), "/")
		r = m.no(90002, segment)
	default:
		return nil
	}
	a := m.tell(c, r)
	if slices.Contains([]string{"authorize", "signin", "adminconsent", "logout", "verification"}, e.name) {
		a = m.page(c, r)
	}
	m.sign(c, a)
	return &a
}

// root is the path of the platform's URL.
func (m microsoft) root() string {
	u, _ := url.Parse(strings.TrimSuffix(m.home(), "/"))
	return u.Path
}

// cloud is one of Microsoft's own instances (read in the sources of MSAL, and recorded).
type cloud struct {
	hosts           []string // the first is in issuers; the others are aliases
	cache           string   // which of them MSAL names its cache by
	sts             string   // the host in v1.0 issuers
	name            string
	oldGraph, graph string
	rbac            string
	deviceLogin     string
}

var clouds = []cloud{
	{
		hosts: []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		cache: "login.windows.net", sts: "sts.windows.net", name: "microsoftonline.com",
		oldGraph: "graph.windows.net", graph: "graph.microsoft.com", rbac: "https://pas.windows.net",
		deviceLogin: "https://microsoft.com/devicelogin",
	}, {
		hosts: []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"},
		cache: "login.partner.microsoftonline.cn", sts: "sts.chinacloudapi.cn", name: "partner.microsoftonline.cn",
		oldGraph: "graph.chinacloudapi.cn", graph: "microsoftgraph.chinacloudapi.cn", rbac: "https://pas.chinacloudapi.cn",
		deviceLogin: "https://microsoft.com/deviceloginchina",
	}, {
		hosts: []string{"login.microsoftonline.us", "login.usgovcloudapi.net"},
		cache: "login.microsoftonline.us", sts: "sts.windows.net", name: "microsoftonline.us",
		oldGraph: "graph.windows.net", graph: "graph.microsoft.us", rbac: "https://pasff.usgovcloudapi.net",
		deviceLogin: "https://microsoft.com/deviceloginus",
	},
}

// cloud is the one whose address the platform has. On any other address it says what the public cloud does, and its own
// address where that names one of Microsoft's.
func (p *Platform) cloud() (k cloud, real bool) {
	u, _ := url.Parse(p.home())
	i := slices.IndexFunc(clouds, func(k cloud) bool { return slices.Contains(k.hosts, u.Host) })
	if i < 0 {
		k = clouds[0]
		k.deviceLogin = strings.TrimSuffix(p.home(), "/") + deviceLogin
		return k, false
	}
	return clouds[i], true
}

// issuer is what discovery publishes for a tenant and the tokens of its people have.
func (m microsoft) issuer(tenant string, v1 bool) string {
	base := strings.TrimSuffix(m.home(), "/")
	k, real := m.cloud()
	if t, ok := m.tenant(tenant); ok && t.Kind == External && strings.HasSuffix(base, ".ciamlogin.com") {
		base = "https://" + tenant + ".ciamlogin.com"
	}
	switch {
	case !v1:
		return base + "/" + tenant + v2
	case real:
		return "https://" + k.sts + "/" + tenant + "/"
	default:
		return base + "/" + tenant + "/"
	}
}

// graphBase is where Microsoft Graph tells who the user is.
func (m microsoft) graphBase() string {
	if k, real := m.cloud(); real {
		return "https://" + k.graph
	}
	return strings.TrimSuffix(m.home(), "/")
}

// lends tells whether an address of another host is the platform's too.
func (m microsoft) lends(u *url.URL) bool {
	k, real := m.cloud()
	address := u.Scheme + "://" + u.Host + u.Path
	return real && (address == "https://"+k.graph+graphInfo || address == k.deviceLogin)
}

// instance serves the instance discovery of MSAL, which asks before it trusts a host.
func (m microsoft) instance(c *call) answer {
	asked, err := url.Parse(c.form.Get("authorization_endpoint"))
	if err != nil || asked.Host == "" {
		return m.tell(c, m.no(50050))
	}
	list, known := []any{}, false
	add := func(network, cache string, aliases []string) {
		list = append(list, map[string]any{"preferred_network": network, "preferred_cache": cache, "aliases": aliases})
		known = known || slices.Contains(aliases, asked.Host)
	}
	for _, k := range clouds {
		add(k.hosts[0], k.cache, k.hosts)
	}
	if home, _ := url.Parse(m.home()); !known && asked.Host == home.Host {
		add(home.Host, home.Host, []string{home.Host})
	}
	if !known {
		return m.tell(c, m.no(50049))
	}
	base, _, _ := strings.Cut(asked.Path, "/oauth2")
	version := ""
	if strings.Contains(asked.Path, v2) {
		version = v2
	}
	return jsonAnswer(http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": asked.Scheme + "://" + asked.Host + base + version + discoveryPath,
		"api-version":               cmp.Or(c.form.Get("api-version"), "1.1"),
		"metadata":                  list,
	})
}
