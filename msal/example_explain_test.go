package msal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/scopes"
)

// What does this scope mean? The first line is the least one needs to know.
func ExampleClient_Explain() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(client.Explain(nil, "User.Read"))
	// Output:
	// Sends 5 scopes, 1 of them yours; none needs admin consent.
	//
	// sent      User.Read
	//           Sign in and read user profile
	//           of Microsoft Graph: https://graph.microsoft.com/user.read
	//           id e1fe6dd8-ba31-4d61-89e7-88639da4683d; consent: the person; personal
	//           accounts: yes; privilege level: 2 of 4
	// added     openid
	//           an ID token, without which nobody is known to have signed in
	//           id 37f7f235-527c-4136-accd-4a02d197296e; consent: the person
	// added     profile
	//           the person's name
	//           id 14dad69e-099b-42c9-810b-d002981feec1; consent: the person
	// added     email
	//           the person's address, if there is one
	//           id 64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0; consent: the person
	// added     offline_access
	//           a refresh token; without it the session ends with the access token
	//           id 7427e0e9-2fba-42fe-b0c0-848c9e6a8182; consent: the person
	//
	// On the wire to https://login.microsoftonline.com/organizations
	// authorize scope=User.Read openid profile email offline_access
	// redeem    the same scopes
}

// Who has to consent? That needs the permissions, of which five are built in.
func ExampleClient_Explain_consent() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A program opens the file with all of them here.
	catalog, err := scopes.LoadCatalog(strings.NewReader(`{"permissions": [
		{"value": "Mail.Read", "id": "570282fd-fa5c-430d-a7fd-fc8dc98a9dca",
		 "adminDisplayName": "Read user mail", "adminConsentRequired": false},
		{"value": "AuditLog.Read.All", "id": "e4c9e354-4dc5-45b8-9e7c-e1393b0b1a20",
		 "adminDisplayName": "Read audit log data", "adminConsentRequired": true}
	]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	e := client.Explain(catalog, "Mail.Read", "AuditLog.Read.All", "Mail.Raed")
	fmt.Println("for an administrator:", e.AdminConsent)
	for _, s := range e.Scopes {
		if s.Explicit {
			fmt.Printf("%s: %s\n", s.Scope, s.Meaning)
		}
	}
	// Output:
	// for an administrator: AuditLog.Read.All
	// Mail.Read: Read user mail
	// AuditLog.Read.All: Read audit log data
	// Mail.Raed: not among the 2 permissions of the catalog (did you mean Mail.Read?); if Graph has none of this name, sign-in fails with AADSTS650053
}

// What will be sent? A person consents to all of it at once; a token is for one
// resource.
func ExampleClient_Explain_requests() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	e := client.Explain(nil, "User.Read", "https://management.azure.com/user_impersonation")
	for _, r := range e.Requests {
		fmt.Printf("%s: %s\n", r.Step, r.Scope)
	}
	fmt.Println("one token for both:", e.TokenErr)
	// Output:
	// authorize: User.Read https://management.azure.com/user_impersonation openid profile email offline_access
	// redeem: User.Read openid profile email offline_access
	// refresh: https://management.azure.com/user_impersonation openid profile email offline_access
	// one token for both: invalid scope "https://management.azure.com/user_impersonation" at index 1: belongs to another resource (https://management.azure.com) than those before it (https://graph.microsoft.com); ask for each resource in a call of its own
}

// Why is it refused? The error is the one that SignIn, Authorize and Token
// return; each scope says what is wrong with it.
func ExampleClient_Explain_refused() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	e := client.Explain(nil, "Mail.Read Mail.Send", "offline_access", "https://vault.azure.net/.default", "User.Read")
	if invalid, ok := errors.AsType[*scopes.InvalidError](e.Err); ok {
		fmt.Println("the first mistake is at", invalid.Index)
	}
	fmt.Print(e)
	// Output:
	// the first mistake is at 0
	// Refused, and nothing is sent, because of "Mail.Read Mail.Send" and 2 more.
	//
	// refused   "Mail.Read Mail.Send"
	//           U+0020 (space) is not allowed in a scope: pass two strings instead of
	//           one
	// refused   offline_access
	//           every request carries it anyway: remove it
	//           a refresh token; without it the session ends with the access token
	//           id 7427e0e9-2fba-42fe-b0c0-848c9e6a8182; consent: the person
	// refused   https://vault.azure.net/.default
	//           stands for all permissions of its resource and cannot be combined with
	//           named scopes; ask for it in a call of its own
	//           all permissions of the resource that the application's registration
	//           lists
	//           of https://vault.azure.net
	// withheld  User.Read
	//           Sign in and read user profile
	//           of Microsoft Graph: https://graph.microsoft.com/user.read
	//           id e1fe6dd8-ba31-4d61-89e7-88639da4683d; consent: the person; personal
	//           accounts: yes; privilege level: 2 of 4
	// error     invalid scope "Mail.Read Mail.Send" at index 0: U+0020 (space) is not
	//           allowed in a scope: pass two strings instead of one
}

// Where is offline_access? Each provider is sent what it takes.
func ExampleClient_Explain_leftOut() {
	for _, authority := range []string{"https://accounts.google.com", "https://login.example.com"} {
		client, err := msal.New(msal.Config{ClientID: "my-app", Authority: authority})
		if err != nil {
			fmt.Println(err)
			return
		}
		e := client.Explain(nil, "calendar")
		offline := e.Scopes[len(e.Scopes)-1]
		fmt.Printf("%s: %s, %s\n", authority, offline.Verdict, offline.Reason)
		fmt.Println(e.Sent, e.Requests[0].Parameters)
	}
	// Output:
	// https://accounts.google.com: left out, the provider is not asked for it (profile google); access_type and prompt stand in for it
	// calendar openid profile email map[access_type:[offline] prompt:[consent]]
	// https://login.example.com: undecided, the server's metadata decides, which is fetched at sign-in
	// calendar map[]
}

// Microsoft's v1.0 endpoint knows resources, not scopes. For other programs there
// is JSON.
func ExampleClient_Explain_json() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Endpoint:  msal.V1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(client.Explain(nil, "https://management.azure.com/user_impersonation").Requests); err != nil {
		fmt.Println(err)
	}
	// Output:
	// [
	//   {
	//     "step": "authorize",
	//     "resource": "https://management.azure.com",
	//     "scope": "openid",
	//     "parameters": {
	//       "resource": [
	//         "https://management.azure.com"
	//       ]
	//     }
	//   },
	//   {
	//     "step": "redeem",
	//     "resource": "https://management.azure.com",
	//     "scope": "openid",
	//     "parameters": {
	//       "resource": [
	//         "https://management.azure.com"
	//       ]
	//     }
	//   }
	// ]
}
