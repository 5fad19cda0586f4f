package msal

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// hint is what to change about one of Microsoft's numbered errors, in English.
type hint struct {
	names   string // as in the description: "AADSTS50011"
	text    string // what is the matter; what to do
	instead Action // where suberror and error are not there or would mislead; "": they do not
}

// What is wrong where the metadata should be.
var (
	noMetadata    = hint{text: "this is not the address of an authorization server; correct Config.Authority", instead: ActionFixApp}
	otherMetadata = hint{text: "correct Config.Authority, or the server", instead: ActionFixApp}
)

// noSecret is for who has registered a desktop application at Google (reported).
var noSecret = hint{text: "the server wants what it calls the client's secret; set Config.InstalledAppSecret", instead: ActionFixApp}

// hint finds the entry for e. Some answers have two numbers, the general one
// first; and some name another one in error_codes than in the description.
func (e *ServerError) hint() *hint {
	if e.own != nil {
		return e.own
	}
	var names []string
	for _, n := range e.Codes {
		names = append(names, "AADSTS"+strconv.Itoa(n))
	}
	names = append(names, numbersIn(e.Description)...)
	for _, name := range slices.Backward(names) {
		for i := range hints {
			if slices.Contains(strings.Fields(hints[i].names), name) {
				return &hints[i]
			}
		}
	}
	if strings.HasPrefix(e.Description, "client_secret is missing") {
		return &noSecret
	}
	return nil
}

// numbersIn returns the names of Microsoft's numbered errors in a description.
func numbersIn(description string) (names []string) {
	between := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for word := range strings.FieldsFuncSeq(description, between) {
		for _, family := range []string{"AADSTS", "AADB2C"} {
			number, ok := strings.CutPrefix(word, family)
			if ok && number != "" && len(number) < 10 && strings.Trim(number, "0123456789") == "" && len(names) < 8 {
				names = append(names, word)
			}
		}
	}
	return names
}

// says is the description, without what is for the log of the server if it is
// Microsoft's; that stood on lines of its own until 2022, and follows a space
// since (both recorded). brief: the first sentence alone.
func (e *ServerError) says(brief bool) string {
	text := e.Description
	if numbersIn(text) != nil {
		for _, id := range []string{"Trace ID:", "Correlation ID:", "Timestamp:"} {
			text, _, _ = strings.Cut(text, id)
		}
		text = strings.Join(strings.Fields(text), " ")
		if brief {
			text, _, _ = strings.Cut(text, ". ")
		}
	}
	return strings.TrimSuffix(text, ".")
}

// correlation is the one in a description, for answers that have it nowhere
// else: those of B2C, and those that come with a redirect.
func correlation(description string) string {
	_, rest, _ := strings.Cut(description, "Correlation ID:")
	if id := strings.TrimSpace(rest[:min(len(rest), 37)]); tenantID(id) {
		return id
	}
	return ""
}

// hints are for people: the numbers change (documented), so a wrong entry must
// harm nobody. What a number means is documented by Microsoft where no comment
// says something else; what to do about it is this package's word.
var hints = []hint{
	// Somebody has to sign in.
	{names: "AADSTS16000", text: "this account is not known to the tenant, or several are signed in; sign in with the prompt select_account, and choose another one"},
	{names: "AADSTS16001", text: "the account that was chosen cannot be used here; sign in with the prompt select_account, and choose another one"},
	{names: "AADSTS160021", text: "the browser has no longer the session that was asked for; sign in again"},
	{names: "AADSTS50020 AADSTS50034 AADSTS51004", text: "the tenant has no such account; sign in with another account or at another authority, or have an administrator invite this one"},
	{names: "AADSTS50128", text: "the domain of the account belongs to no tenant; sign in with another account, or name the tenant in Config.Authority"},
	{names: "AADSTS50053", text: "the account is locked, or blocked where it signs in from; sign in again later, or ask an administrator to unblock it"},
	{names: "AADSTS50055", text: "the password has expired; sign in again, and change it"},
	{names: "AADSTS50126", text: "the user name or the password is wrong; sign in again"},
	{names: "AADSTS50058 AADB2C90077", text: "nobody is signed in at the browser, and the prompt none lets nobody be asked; sign in without it"},
	{names: "AADSTS50072 AADSTS50079", text: "the account has no second factor yet; sign in again, through WithClaims if the error has Claims, and register one"},
	{names: "AADSTS50074 AADSTS50076", text: "a second factor is needed; sign in again, through WithClaims if the error has Claims"},
	{names: "AADSTS50078", text: "the second factor was given too long ago; sign in again, through WithClaims if the error has Claims"},
	{names: "AADSTS50085", text: "the session at the person's own identity provider is over; sign in again"},
	{names: "AADSTS50089", text: "the session has ended, or the sign-in has taken too long; sign in again"},
	{names: "AADSTS50132 AADSTS50133", text: "the password has expired or was changed; sign in again"},
	{names: "AADSTS50139", text: "the session of the personal account has no refresh token; sign in again"},
	{names: "AADSTS50173", text: "the person or an administrator has revoked the session, as a new password does; sign in again"},
	{names: "AADSTS50097 AADSTS50187", text: "the device has to prove which one it is; sign in again, in a browser that the device is registered with"},
	{names: "AADSTS50129", text: "the device is not registered with the organization; register it, and sign in again"},
	{names: "AADSTS50131", text: "a policy, the state of the device or something suspicious forbids it; sign in again, through WithClaims if the error has Claims"},
	{names: "AADSTS50155", text: "the device could not prove which one it is; register it anew with the organization, and sign in again"},
	{names: "AADSTS50158", text: "the check of another provider was not passed; sign in again, through WithClaims if the error has Claims"},
	{names: "AADSTS50140 AADSTS50199", text: "the page had a question to the person; sign in again, and answer it"},
	{names: "AADSTS54005", text: "the code has been redeemed before; start a new sign-in"},
	{names: "AADSTS65001", text: "nobody has consented to these scopes; sign in again with the same ones, so that the person can"},
	// Reported: for personal accounts that have not consented the same number comes with a text about scopes.
	{names: "AADSTS70000", text: "the refresh token is not valid, or the person has not consented to the scopes; sign in again with the same ones"},
	{names: "AADSTS70008", text: "the code or the refresh token has expired; sign in again"},
	{names: "AADSTS700081", text: "the refresh token has come to its greatest age; sign in again"}, // not verified
	{names: "AADSTS700082", text: "the refresh token has not been used for too long; sign in again"},
	{names: "AADSTS700084", text: "a single-page application's refresh token lasts a day; sign in again, and register the redirect URI for Mobile and desktop instead"},
	{names: "AADSTS70043", text: "the organization wants people to sign in more often than that; sign in again"},
	{names: "AADSTS70018", text: "no such code was shown; start a new sign-in, and type the code that it shows"},
	{names: "AADSTS70019 AADSTS70020", text: "the code has expired; start a new sign-in, and type its code in time"}, // 70020 recorded
	{names: "AADSTS700020", text: "a person has to agree to this grant; sign in again"},
	{names: "AADSTS70016", text: "nobody has typed the code yet; wait until they have"},
	// Documented: access_denied means here that the person has lost the password.
	{names: "AADB2C90118", text: "the person has forgotten the password; sign in with the policy for password resets in Config.Authority", instead: ActionSignIn},
	{names: "AADB2C90080", text: "the session has expired; sign in again"},

	// An administrator has to do something.
	{names: "AADSTS50057", text: "the account is disabled; ask an administrator to enable it", instead: ActionAskAdmin},
	{names: "AADSTS50105", text: "the person is not assigned to the application; ask an administrator, who adds them under Users and groups of the enterprise application", instead: ActionAskAdmin},
	{names: "AADSTS650052", text: "the organization has no subscription to the service behind the API; ask an administrator to enable it", instead: ActionAskAdmin},
	{names: "AADSTS70001 AADSTS7000112", text: "the application is disabled in this tenant; ask an administrator to enable it among the enterprise applications", instead: ActionAskAdmin},
	{names: "AADSTS90094 AADSTS90095", text: "people may not consent to these scopes; ask an administrator to consent for the organization", instead: ActionAskAdmin},

	// The person or a policy has said no.
	{names: "AADSTS65004", text: "the person has not consented; ask again only if they want to", instead: ActionGiveUp},
	{names: "AADB2C90091", text: "the person has left the page; ask again only if they want to"},
	{names: "AADSTS53000", text: "a policy wants a device that complies with it; enroll the device as the organization says", instead: ActionGiveUp},
	{names: "AADSTS53001", text: "a policy wants a device of the organization's domain; use such a device", instead: ActionGiveUp},
	{names: "AADSTS53002", text: "a policy wants an approved application; ask an administrator whether this one can be approved", instead: ActionGiveUp},
	{names: "AADSTS53003", text: "a policy blocks this access; ask an administrator which one, with the correlation ID", instead: ActionGiveUp},
	{names: "AADSTS53004", text: "the account has to have a second factor first; register one among its security info", instead: ActionGiveUp},
	{names: "AADSTS530032", text: "a security policy of the tenant blocks this request; ask an administrator which one, with the correlation ID", instead: ActionGiveUp},
	{names: "AADSTS530035", text: "the tenant's security defaults take this for unsafe; use the Browser flow, or ask an administrator", instead: ActionGiveUp},
	// The number is in a recorded answer whose error_codes have 70000.
	{names: "AADSTS53005", text: "a policy wants an application that Intune manages; ask an administrator to exempt this one", instead: ActionGiveUp},

	// The scopes are wrong.
	{names: "AADSTS28000 AADSTS700022", text: "a token is for one API; ask for the scopes of each API in a call of its own"}, // 28000 reported
	{names: "AADSTS28002 AADSTS700023", text: "these scopes name no API that a token could be for; use the scopes that the API publishes"},
	{names: "AADSTS28003", text: "no scope was named when the code was redeemed; ask for a scope of an API"},
	{names: "AADSTS70011", text: "a scope is not valid; spell it as the API publishes it, and ask for X/.default in a call of its own"},
	// Reported with two codes, of which access_denied is documented elsewhere.
	{names: "AADSTS650053", text: "the API has no such scope; correct its spelling, or name the API before it", instead: ActionFixApp},
	{names: "AADSTS1002012", text: "the grant takes nothing but the scope X/.default; use Browser or DeviceCode for named scopes"},
	{names: "AADB2C90146", text: "a token is for one API; ask for the scopes of each API in a call of its own"},
	{names: "AADSTS901002 AADSTS9010010", text: "v2.0 takes no resource beside scopes of another API; leave Params.Resources empty"}, // the second one reported

	// The authority is wrong.
	{names: "AADSTS50049", text: "no cloud of Microsoft has this host; correct Config.Authority"},
	{names: "AADSTS50059 AADSTS90019", text: "the request does not tell which tenant it is for; name the tenant in Config.Authority"},
	{names: "AADSTS50194", text: "the application is registered for one tenant; name that tenant in Config.Authority, or register it for several"},
	{names: "AADSTS9002332", text: "the application is for work and school accounts only; use /organizations or a tenant in Config.Authority"},
	{names: "AADSTS90124 AADSTS90130 AADSTS9001023 AADSTS90010", text: "this does not work at /common and /consumers; use /organizations or a tenant in Config.Authority"}, // 90010 reported, and documented as something else
	{names: "AADSTS90002", text: "there is no such tenant in this cloud; correct the tenant or the host in Config.Authority"},
	{names: "AADSTS90038 AADSTS900382", text: "the tenant is in another national cloud; use the host of that cloud in Config.Authority"}, // the second one documented for confidential clients
	{names: "AADSTS700005", text: "the code is for another tenant; redeem it with the Client that has asked for it", instead: ActionFixApp},

	// The registration is wrong.
	{names: "AADSTS50001", text: "the API does not exist or is disabled; correct what stands before the last slash of the scopes"},
	{names: "AADSTS500011", text: "the tenant does not have this API; correct what stands before the last slash of the scopes, or have an administrator add the API"},
	{names: "AADSTS50011 AADSTS900971", text: "the redirect URI is not registered; add it in the portal under Authentication, Mobile and desktop applications"},
	{names: "AADSTS650054", text: "an API that the application uses is not in this tenant any more; remove its permissions and scopes"},
	{names: "AADSTS650056", text: "the registration lacks permissions or an administrator's consent; add them in the portal under API permissions", instead: ActionFixApp},
	{names: "AADSTS650057", text: "the registration does not list this API; add its permissions in the portal under API permissions"},
	{names: "AADSTS65002", text: "an application ID of Microsoft's own may not use this API; register an application, and use its ID"},
	{names: "AADSTS700016", text: "the tenant has no such application; correct Config.ClientID, or the tenant in Config.Authority"},
	{names: "AADSTS700038", text: "this is no application ID; copy the Application (client) ID of the portal to Config.ClientID"}, // recorded
	{names: "AADSTS7000218", text: "the application is not registered as a public client; allow public client flows in the portal under Authentication"},
	{names: "AADSTS70002 AADSTS7000215 AADSTS7000222", text: "the server wanted other credentials; allow public client flows in the portal, and leave Config.InstalledAppSecret empty"},
	{names: "AADSTS700025", text: "a public client has no credentials; leave Config.InstalledAppSecret empty"},
	// The error that it comes with is not verified. It happens at the v1.0 endpoint only.
	{names: "AADSTS90008", text: "signing in needs a permission that is not registered; add the delegated permission User.Read of Microsoft Graph", instead: ActionFixApp},
	{names: "AADSTS90009", text: "an application that asks for a token for itself has to use its ID; name the scope by the Application (client) ID"},

	// The request is wrong. This package makes it, so it came through something that has changed it.
	{names: "AADSTS50147 AADSTS501491", text: "the PKCE challenge has a wrong size; use Authorization.URL as it is"},
	{names: "AADSTS501481", text: "the PKCE verifier is another request's; redeem the code with the Authorization that has asked for it", instead: ActionFixApp},
	{names: "AADSTS70003", text: "the application may not use this grant; use Browser or DeviceCode"}, // the text recorded
	{names: "AADSTS70005 AADSTS700054", text: "the application may not ask for this response type; use Authorization.URL as it is"},
	{names: "AADSTS70007", text: "the server does not know the response mode; set Browser.ResponseMode to the other one"},
	{names: "AADSTS90014 AADSTS900144 AADSTS9002313", text: "the request lacks something or is malformed; see whether a proxy changes it, and report it as a bug of this package"},
	{names: "AADSTS900561", text: "the request had another method than the endpoint takes; see whether a proxy has redirected it"},

	// The server has trouble.
	{names: "AADSTS50196", text: "the same request came too often; keep one Client, use a token as long as it lasts, and wait before calling again"},
	{names: "AADSTS90055", text: "the tenant has too many requests; call less often"},
	{names: "AADSTS50033 AADSTS50087 AADSTS70012 AADSTS90006 AADSTS90012 AADSTS90024 AADSTS90033 AADSTS90090", text: "the service is not well; try again later"},
}
