package msaltest

// entraError is what Microsoft's platform says under a number.
type entraError struct {
	code     string            // error
	at       map[string]string // error at other endpoints than the token endpoint
	status   int               // 0: 400
	suberror string
	text     string // of error_description, with verbs of fmt
	uri      bool   // there is an error_uri
	when     string // the platform says so by itself; empty: only where a Fault has the number
	evidence string
}

const (
	invalidRequest = "invalid_request"
	invalidGrant   = "invalid_grant"
	invalidClient  = "invalid_client"
	interaction    = "interaction_required"
	accessDenied   = "access_denied"
)

func atAuthorize(code string) map[string]string { return map[string]string{"authorize": code} }

// aadsts are the errors, by number. The evidence is about the number, its error and its words; that it is said at just
// this point is not verified, but for those that were recorded. Clients are to be steered by error, suberror and claims,
// never by a number or by words (documented).
var aadsts = map[int]entraError{
	// The address, the method and the form.
	90002: {code: invalidRequest, at: map[string]string{"discovery": "invalid_tenant"}, uri: true, evidence: recorded,
		when: "the tenant in the address does not exist",
		text: "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
	900561: {code: invalidRequest, evidence: documented, when: "the method is not the endpoint's",
		text: "The endpoint only accepts POST requests. Received a %s request."},
	9000411: {code: invalidRequest, evidence: documented, when: "a parameter comes twice",
		text: "The request is not properly formatted. The parameter '%s' is duplicated."},
	9002313: {code: invalidRequest, evidence: unverified, when: "a parameter is malformed: claims, max_age, code_challenge_method",
		text: "Invalid request. Request is malformed or invalid."},
	900144: {code: invalidRequest, uri: true, evidence: documented, when: "a parameter is missing, or the body is no form",
		text: "The request body must contain the following parameter: '%s'."},
	50049: {code: "invalid_instance", uri: true, evidence: recorded, when: "instance discovery for a host that no cloud has",
		text: "Unknown or invalid instance."},
	50050: {code: invalidRequest, evidence: documented, when: "instance discovery without an authorization_endpoint",
		text: "Request is malformed."},

	// The client and its audience.
	700038: {code: "unauthorized_client", evidence: recorded, when: "the client_id is not registered and no GUID",
		text: "%s is not a valid application identifier."},
	700016: {code: "unauthorized_client", uri: true, evidence: recorded, when: "the client_id is not registered",
		text: "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."},
	7000218: {code: invalidClient, status: 401, uri: true, evidence: reported, when: "a confidential client, or a redirect URI for websites, without a secret",
		text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	7000215: {code: invalidClient, status: 401, uri: true, evidence: recorded, when: "a wrong secret",
		text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."},
	700025: {code: invalidClient, status: 401, uri: true, evidence: documented, when: "a public client with a secret",
		text: "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."},
	50194: {code: invalidRequest, evidence: documented, when: "an app for one tenant at common or organizations",
		text: "Application '%s'(%s) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant."},
	9002332: {code: invalidRequest, evidence: documented, when: "an app without personal accounts at consumers",
		text: "Application '%s'(%s) is configured for use by Azure Active Directory users only. Please do not use the /consumers endpoint to serve this request."},
	9002331: {code: invalidRequest, evidence: documented, when: "an app for personal accounts anywhere but at consumers",
		text: "Application '%s'(%s) is configured for use by Microsoft Account users only. Please use the /consumers endpoint to serve this request."},
	90027: {code: invalidRequest, evidence: documented, when: "personal accounts at the v1.0 endpoint",
		text: "We are unable to issue tokens from this API version on the MSA tenant. Please contact the application vendor as they need to use version 2.0 of the protocol to support this."},
	90124: {code: invalidRequest, evidence: documented, when: "a resource without personal accounts at consumers",
		text: "Resource '%s' is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},

	// The authorization request.
	900971: {code: invalidRequest, evidence: documented, when: "no redirect_uri",
		text: "No reply address provided."},
	50011: {code: invalidGrant, at: atAuthorize(invalidRequest), uri: true, evidence: documented, when: "the redirect_uri is not registered, or not that of the authorization request",
		text: "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal."},
	700054: {code: "unsupported_response_type", evidence: documented, when: "a response_type with id_token, which no App here has enabled",
		text: "response_type '%s' is not enabled for the application."},
	70005: {code: "unsupported_response_type", evidence: documented, when: "another response_type than code",
		text: "The app returned an unsupported response type due to the following reasons: response type '%s' is not enabled for the app or is unsupported."},
	70007: {code: "unsupported_response_mode", evidence: documented, when: "a response_mode that does not exist",
		text: "'%s' is not a supported value of 'response_mode' when requesting a token."},
	501491: {code: invalidRequest, evidence: reported, when: "a code_challenge that is not of 43 to 128 characters, or none from a single-page application",
		text: "Invalid size of Code_Challenge parameter."},
	90023: {code: invalidRequest, evidence: unverified, when: "a prompt that does not exist",
		text: "Unsupported 'prompt' value."},
	50058: {code: "login_required", evidence: documented, when: "prompt=none, and nobody is signed in",
		text: "A silent sign-in request was sent but no user is signed in."},
	16000: {code: interaction, evidence: documented, when: "prompt=none, and several are signed in",
		text: "Either multiple user identities are available for the current request or selected account is not supported for the scenario."},
	65004: {code: "authorization_declined", at: atAuthorize(accessDenied), evidence: documented, when: "the person says no",
		text: "User declined to consent to access the app."},
	50020: {code: invalidGrant, at: atAuthorize(accessDenied), uri: true, evidence: documented, when: "the person is not of the tenant, and no guest of it",
		text: "User account '%s' from identity provider '%s' does not exist in tenant '%s' and cannot access the application '%s'(%s) in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account."},
	90094: {code: "consent_required", evidence: documented, when: "a page: only an administrator can consent",
		text: "%s needs permission to access resources in your organization that only an admin can grant. Please ask an admin to grant permission to this app before you can use it."},

	// Scopes and resources.
	70011: {code: "invalid_scope", evidence: reported, when: "scopes that make no sense, or not together",
		text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid."},
	650053: {code: "invalid_client", evidence: reported, when: "a permission that the resource does not have",
		text: "The application '%s' asked for scope '%s' that doesn't exist on the resource '%s'. Contact the app vendor."},
	500011: {code: "invalid_resource", uri: true, evidence: recorded, when: "a resource that does not exist",
		text: "The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."},
	28000: {code: invalidRequest, evidence: reported, when: "one token for several resources",
		text: "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %s is not valid."},
	28003: {code: "invalid_scope", evidence: documented, when: "an empty scope with a code",
		text: "Provided value for the input parameter scope cannot be empty when requesting an access token using the provided authorization code. Please specify a valid scope."},
	9010010: {code: "invalid_target", evidence: reported, when: "a resource at the v2.0 endpoint that the scopes are not of",
		text: "The resource parameter provided in the request doesn't match with the requested scopes."},
	90014: {code: invalidRequest, evidence: recorded, when: "v1.0: no resource, neither with the code nor with the request for it",
		text: "The required field '%s' is missing from the credential. Ensure that you have all the necessary parameters for the login request."},
	650057: {code: "invalid_resource", evidence: documented, when: "v1.0: a resource that the app is not registered for",
		text: "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: %s(%s). Resource value from request: %s. Resource app ID: %s."},
	90008: {code: invalidGrant, evidence: documented, when: "v1.0: an app that is not registered for User.Read",
		text: "The user or administrator has not consented to use the application with ID '%s'. This happened because application is misconfigured: it must require access to Windows Azure Active Directory by specifying at least 'Sign in and read user profile' permission."},
	65001: {code: invalidGrant, at: atAuthorize("consent_required"), suberror: "consent_required", uri: true, evidence: recorded, when: "what has not been consented to, where nobody can be asked",
		text: "The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource."},

	// Codes, devices and refresh tokens.
	70003: {code: "unsupported_grant_type", evidence: recorded, when: "a grant_type that does not exist here",
		text: "The app requested an unsupported grant type '%s'."},
	70000: {code: invalidGrant, evidence: documented, when: "a code or refresh token that was never given, or to another client",
		text: "Provided grant is invalid or malformed."},
	54005: {code: invalidGrant, uri: true, evidence: documented, when: "a code for the second time",
		text: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	70008: {code: invalidGrant, uri: true, evidence: documented, when: "a code that is too old; a refresh token that Rotation has spent",
		text: "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."},
	700005: {code: invalidGrant, evidence: documented, when: "a code at another tenant's endpoint",
		text: "Provided Authorization Code is intended to use against other tenant, thus rejected. OAuth2 Authorization Code must be redeemed against same tenant it was acquired for (/common or /{tenant-ID} as appropriate)."},
	501481: {code: invalidGrant, uri: true, evidence: reported, when: "no code_verifier, or a wrong one",
		text: "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	50173: {code: invalidGrant, suberror: "bad_token", uri: true, evidence: recorded, when: "a grant that was revoked",
		text: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '%s' and the TokensValidFrom date (before which tokens are not valid) for this user is '%s'."},
	700082: {code: invalidGrant, uri: true, evidence: recorded, when: "a refresh token that nobody used for 90 days",
		text: "The refresh token has expired due to inactivity. The token was issued on %s and was inactive for 90.00:00:00."},
	700084: {code: invalidGrant, uri: true, evidence: documented, when: "that of a single-page application, a day after the sign-in",
		text: "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on %s."},
	70043: {code: invalidGrant, suberror: "token_expired", evidence: recorded, when: "a sign-in that is older than SignInFrequency",
		text: "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on %s and the maximum allowed lifetime for this request is %s."},
	50196: {code: invalidGrant, evidence: documented, when: "the same refresh too often in five minutes",
		text: "The server terminated an operation because it encountered a loop while processing a request."},
	70016: {code: "authorization_pending", evidence: documented, when: "a device that nobody has approved yet",
		text: "OAuth 2.0 device flow error. Authorization is pending. Continue polling."},
	70018: {code: "bad_verification_code", evidence: documented, when: "a device code that was never given, or to another client, or that is used up",
		text: "Invalid verification code due to User typing in wrong user code for device code flow."},
	70020: {code: "expired_token", evidence: recorded, when: "a device code that is too old",
		text: "The provided value for the input parameter 'device_code' is not valid. This device code has expired."},

	// Conditional access.
	50076: {code: invalidGrant, at: atAuthorize(interaction), suberror: "basic_action", uri: true, evidence: recorded, when: "a Policy, or a claims challenge, that only a person can satisfy",
		text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '%s'."},
	53003: {code: invalidGrant, at: atAuthorize(accessDenied), suberror: "message_only", uri: true, evidence: recorded, when: "a Policy that blocks",
		text: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},

	// What only a Fault says.
	50033:   {code: "temporarily_unavailable", status: 503, evidence: documented, text: "RetryableError: a transient error not related to the database operations."},
	50034:   {code: invalidGrant, suberror: "bad_token", evidence: documented, text: "The user account does not exist in the directory. To sign into this application, the account must be added to the directory."},
	50053:   {code: invalidGrant, evidence: documented, text: "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."},
	50055:   {code: invalidGrant, suberror: "user_password_expired", evidence: documented, text: "The password is expired."},
	50057:   {code: invalidGrant, evidence: documented, text: "The user account is disabled."},
	50072:   {code: invalidGrant, at: atAuthorize(interaction), suberror: "basic_action", evidence: documented, text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource."},
	50078:   {code: invalidGrant, at: atAuthorize(interaction), suberror: "basic_action", evidence: documented, text: "Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication to access the resource."},
	50079:   {code: invalidGrant, at: atAuthorize(interaction), suberror: "basic_action", evidence: documented, text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource."},
	50097:   {code: interaction, evidence: documented, text: "Device authentication is required."},
	50105:   {code: invalidGrant, at: atAuthorize(accessDenied), evidence: documented, text: "Your administrator has configured the application to block users unless they are specifically granted access to the application."},
	50133:   {code: invalidGrant, suberror: "bad_token", evidence: documented, text: "The session is not valid due to the following reasons: password expiration or recent password change."},
	50158:   {code: interaction, evidence: documented, text: "External security challenge not satisfied."},
	53000:   {code: invalidGrant, at: atAuthorize(accessDenied), suberror: "additional_action", evidence: documented, text: "Device is not in required device state. Conditional Access policy requires a compliant device, and the device is not compliant."},
	53005:   {code: invalidGrant, suberror: "protection_policy_required", evidence: documented, text: "Application needs to enforce Intune protection policies."},
	700022:  {code: "invalid_scope", evidence: documented, text: "The provided value for the input parameter scope is not valid because it contains more than one resource."},
	700081:  {code: invalidGrant, evidence: documented, text: "The refresh token has expired due to maximum lifetime."},
	7000112: {code: "unauthorized_client", evidence: documented, text: "Application is disabled."},
	90033:   {code: "temporarily_unavailable", status: 503, evidence: documented, text: "A transient error has occurred. Please try again."},
	90055:   {code: "temporarily_unavailable", status: 429, evidence: documented, text: "There are too many incoming requests. This is an exception for blocked tenants."},
}
