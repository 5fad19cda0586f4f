package provider

import "slices"

// cloud is one instance of Microsoft Entra ID. Built in rather than asked for:
// MSAL's instance discovery asks the public cloud about every host, a request
// that can fail, says whom a person works for, and decides whom to trust.
type cloud struct {
	hosts []string // the first is talked to and is in v2.0 issuers, the others are aliases
	sts   string   // host in v1.0 issuers; "": not known
	graph string   // Microsoft Graph, which scopes without a resource belong to
}

// graphID is the application id of Graph, its name in every cloud.
const graphID = "00000003-0000-0000-c000-000000000000"

// Hosts and aliases are those of MSAL's tables (.NET KnownMetadata, JS
// AuthorityMetadata). The v1.0 issuers outside the public cloud and China, and
// the hosts of Graph in the three newest clouds, are documented or in use
// elsewhere but not verified against the service.
var clouds = [...]cloud{
	{
		hosts: []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		sts:   "sts.windows.net",
		graph: "https://graph.microsoft.com",
	}, { // 21Vianet
		hosts: []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "sts.chinacloudapi.cn"},
		sts:   "sts.chinacloudapi.cn",
		graph: "https://microsoftgraph.chinacloudapi.cn",
	}, { // US Government, GCC High and DoD; GCC uses the public cloud
		hosts: []string{"login.microsoftonline.us", "login.usgovcloudapi.net"},
		sts:   "sts.windows.net",
		graph: "https://graph.microsoft.us",
	}, { // an older door for US Government
		hosts: []string{"login-us.microsoftonline.com"},
		sts:   "sts.windows.net",
		graph: graphID,
	}, { // Germany, closed in 2021
		hosts: []string{"login.microsoftonline.de"},
		sts:   "sts.microsoftonline.de",
		graph: "https://graph.microsoft.de",
	}, { // Microsoft's own test environment
		hosts: []string{"login.windows-ppe.net", "sts.windows-ppe.net", "login.microsoft-ppe.com"},
		sts:   "sts.windows-ppe.net",
		graph: graphID,
	}, { // Bleu, France
		hosts: []string{"login.sovcloud-identity.fr"},
		graph: "https://graph.svc.sovcloud.fr",
	}, { // Delos, Germany
		hosts: []string{"login.sovcloud-identity.de"},
		graph: "https://graph.svc.sovcloud.de",
	}, { // Singapore
		hosts: []string{"login.sovcloud-identity.sg"},
		graph: "https://graph.svc.sovcloud.sg",
	},
}

// cloudOf compares whole hosts. MSAL Go takes any suffix of a host for a match,
// by which "com" vouches for every authority that ends in ".com".
func cloudOf(host string) (cloud, bool) {
	for _, c := range clouds {
		if slices.Contains(c.hosts, host) {
			return c, true
		}
	}
	return cloud{}, false
}
