package scopes

import "strings"

// On Microsoft's platform a scope is a resource, a slash and a permission, and
// one without a resource is a permission of Microsoft Graph. These are the
// names of that resource: its application id, and what its service principals
// are registered under in each cloud.
var graphResources = [...]string{
	"https://graph.microsoft.com",
	"00000003-0000-0000-c000-000000000000",
	"https://canary.graph.microsoft.com",
	"https://ags.windows.net",
	"https://graph.microsoft.us",              // US Government L4, GCC High
	"https://dod-graph.microsoft.us",          // US Government L5, DoD
	"https://microsoftgraph.chinacloudapi.cn", // 21Vianet
	"https://graph.microsoft.de",              // closed in 2021, still in old code
	"https://graph.svc.sovcloud.fr",           // Bleu
	"https://graph.svc.sovcloud.de",           // Delos
	"https://graph.svc.sovcloud.sg",           // GovSG
}

// graphName returns the short name of a permission of Microsoft Graph: what
// follows the resource, or all of a scope that has none. It returns "" for
// other resources.
//
// The resource ends at the last slash. "https://graph.microsoft.com/" is a
// registered name of Graph as well, and makes two slashes in a row.
func graphName(scope string) string {
	i := strings.LastIndexByte(scope, '/')
	if i < 0 {
		return scope
	}
	if !isGraph(scope[:i]) {
		return ""
	}
	return scope[i+1:]
}

// isGraph reports whether resource is a name of Microsoft Graph.
func isGraph(resource string) bool {
	resource = strings.TrimSuffix(resource, "/")
	for _, name := range graphResources {
		if equalFold(resource, name) {
			return true
		}
	}
	return false
}

// equalFold compares s with an ASCII string in any letter case. EqualFold alone
// would take U+017F, the long s, for an s; it has two bytes where s has one.
func equalFold(s, ascii string) bool {
	return len(s) == len(ascii) && strings.EqualFold(s, ascii)
}
