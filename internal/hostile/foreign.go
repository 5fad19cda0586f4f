package hostile

// Reader is something that reads what others have written, and the fuzz targets that write whatever they can think of.
type Reader struct {
	Name    string // of the target that was asked for; empty: nobody asked
	Reads   string
	Targets string // package, space, target, separated by commas
	Holds   string // whatever comes, beyond that nothing panics; or why there is nothing to read
}

// Readers are all that read foreign bytes. Each target begins with the cases of its tables.
var Readers = []Reader{
	{"FuzzScope", "scopes, of callers and of answers", "scopes FuzzParse, scopes FuzzParseReadsString_SC18, scopes FuzzNewKeepsToTheGrammar, scopes FuzzBuild", "what is accepted keeps to the grammar, and is read back as it was written"},
	{"FuzzAuthority", "authorities and issuers", "internal/provider FuzzParse, internal/provider FuzzAuthorities, internal/provider FuzzTokenIssuer, internal/secureurl FuzzParse", "one server has one key in all spellings, a tenant is all that a token decides, and a second parser reads the same URL"},
	{"FuzzDiscovery", "metadata, fetched and stored", "internal/discovery FuzzParse, msal FuzzMetadata", "endpoints are https, the issuer is the one that was asked, and what is stored is read as it was"},
	{"FuzzJWKS", "key sets", "internal/idtoken FuzzParseKeys", "every key that is kept is public, strong, on its curve, and for signatures"},
	{"FuzzCallback", "redirects, as bytes on a socket and as parameters", "internal/loopback FuzzRequest, msal FuzzRedirect", "an answer has the right state, and each parameter once"},
	{"FuzzTokenResponse", "answers of the token endpoint", "msal FuzzParseAnswer, internal/wire FuzzReceive", "a token fits into a header, ends some day, and is stored as it came"},
	{"", "errors of the token endpoint", "msal FuzzParseError", "no secret of the request comes back in it, and nothing but a plain invalid_grant ends a session"},
	{"FuzzIDTokenPrecheck", "the form of ID tokens", "internal/idtoken FuzzParse", "what is taken apart can be put together in one way"},
	{"FuzzClaims", "claims, and JSON of any kind", "internal/idtoken FuzzDecode, internal/strictjson FuzzUnmarshal, internal/strictjson FuzzParts", "encoding/json reads the same values"},
	{"FuzzWWWAuthenticate", "challenges of APIs", "msal FuzzClaimsChallenge, msal FuzzParseChallenge, msal FuzzHTTPClientChallenge", "what stands in quotes is a value and nothing else, and an API is called twice at most"},
	{"FuzzRetryAfter", "Retry-After", "internal/wire FuzzRetryAfter", "the pause is between none and the limit, and the longest of several"},
	{"FuzzCacheFile", "stored records, keys and manifests", "cache FuzzRecord, cache FuzzManifest, cache FuzzParseKey, cache FuzzCheckKey, msal FuzzRecord, cache/keychain FuzzItem, cache/keys FuzzWrapped", "what opens is what was sealed, and a record that is read and written again is the same"},
	{"FuzzSanitize", "text for a terminal", "internal/termsafe FuzzText_TE08", "what comes out is one line of visible characters within the bound"},
	{"FuzzClientInfo", "client_info", "", "nobody reads it"},
	{"FuzzDeviceResponse", "answers of the device endpoint", "msal FuzzParseDevice", "what is shown is one line that leads to https, and what is waited for has sane pauses and an end"},
	{"", "caches of MSAL", "msal FuzzUnified", "a file is refused as a whole, or means what every other reader of JSON sees in it"},
	{"", "addresses for a browser", "internal/browser FuzzCheck", "what is opened is https, harmless text, and the same to a server"},
	{"", "catalogs of permissions", "scopes FuzzLoadCatalog, scopes FuzzExplain, msal FuzzExplain, internal/provider FuzzCanonical", "what is loaded can be looked up and shown, and what Explain says is sent is what is sent"},
	{"", "scope parameters, by the emulator", "msal/msaltest FuzzEntraScope", "an answer names a number or is one code, and a token is for one resource"},
}
