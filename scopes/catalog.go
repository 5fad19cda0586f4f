package scopes

import "strings"

// A Permission says what a scope of Microsoft Graph lets an application do for
// the person who has signed in (a "delegated" permission). Its JSON is a row of
// what [LoadCatalog] reads.
type Permission struct {
	Value                string `json:"value"`                // the scope's short name: "User.Read"
	ID                   string `json:"id"`                   // the GUID by which a registration names it
	DisplayText          string `json:"adminDisplayName"`     // what an administrator reads when asked for consent
	Description          string `json:"adminDescription"`     // the same, at length
	AdminConsentRequired bool   `json:"adminConsentRequired"` // a person cannot consent alone

	UserDisplayText  string `json:"userDisplayName"`  // what a person reads when asked for consent
	UserDescription  string `json:"userDescription"`  // the same, at length
	PersonalAccounts bool   `json:"personalAccounts"` // personal Microsoft accounts have it; false also where the source does not say
	PrivilegeLevel   int    `json:"privilegeLevel"`   // from 1, the least, to 4; 0 where the source does not say
	Enabled          bool   `json:"enabled"`          // false: the platform lists it but grants it to nobody
}

// A Catalog finds the [Permission] behind a scope. It is immutable, and the
// zero Catalog is empty.
type Catalog struct {
	byName map[string]Permission // key: Value in lower case
}

// Lookup returns the permission that scope means: a short name, or one that is
// qualified by Microsoft Graph as [IsDefault] describes, in any letter case,
// because the platform compares names so. A scope of another resource is not
// found, whatever its last part.
func (c *Catalog) Lookup(scope string) (Permission, bool) {
	name := graphName(scope)
	p, ok := c.byName[strings.ToLower(name)]
	if !ok || !equalFold(name, p.Value) { // ToLower makes a k of the Kelvin sign
		return Permission{}, false
	}
	return p, true
}

// similar returns the permission whose name is at most two letters away from
// name, the nearest and then the first by the alphabet, or "".
func (c *Catalog) similar(name string) string {
	best, found := 3, ""
	for lower, p := range c.byName {
		if max(len(name)-len(lower), len(lower)-len(name)) > 2 {
			continue
		}
		if d := distance(strings.ToLower(name), lower); d < best || d == best && p.Value < found {
			best, found = d, p.Value
		}
	}
	return found
}

// distance counts the letters to insert, remove or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the first letters of a, to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		above := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := above
			if a[i] != b[j] {
				replace++
			}
			above = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// BuiltinCatalog returns the four default scopes and User.Read, which Microsoft's
// v1.0 endpoint wants every application to have (AADSTS90008 tells of its
// absence). [LoadCatalog] reads the other eight hundred.
func BuiltinCatalog() *Catalog {
	c := &Catalog{byName: make(map[string]Permission)}
	for _, p := range []Permission{
		{
			Value:           OpenID,
			ID:              "37f7f235-527c-4136-accd-4a02d197296e",
			DisplayText:     "Sign users in",
			Description:     "Allows users to sign in to the app with their work or school accounts and allows the app to see basic user profile information.",
			UserDisplayText: "Sign in as you",
			UserDescription: "Allows you to sign in to the app with your work or school account and allows the app to read your basic profile information.",
			Enabled:         true,
		},
		{
			Value:           Profile,
			ID:              "14dad69e-099b-42c9-810b-d002981feec1",
			DisplayText:     "View users' basic profile",
			Description:     "Allows the app to see your users' basic profile (e.g., name, picture, user name, email address)",
			UserDisplayText: "View your basic profile",
			UserDescription: "Allows the app to see your basic profile (e.g., name, picture, user name, email address)",
			Enabled:         true,
		},
		{
			Value:           Email,
			ID:              "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
			DisplayText:     "View users' email address",
			Description:     "Allows the app to read your users' primary email address",
			UserDisplayText: "View your email address",
			UserDescription: "Allows the app to read your primary email address",
			Enabled:         true,
		},
		{
			Value:           OfflineAccess,
			ID:              "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
			DisplayText:     "Maintain access to data you have given it access to",
			Description:     "Allows the app to see and update the data you gave it access to, even when users are not currently using the app. This does not give the app any additional permissions.",
			UserDisplayText: "Maintain access to data you have given it access to",
			UserDescription: "Allows the app to see and update the data you gave it access to, even when you are not currently using the app. This does not give the app any additional permissions.",
			Enabled:         true,
		},
		{
			Value:            "User.Read",
			ID:               "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
			DisplayText:      "Sign in and read user profile",
			Description:      "Allows users to sign-in to the app, and allows the app to read the profile of signed-in users. It also allows the app to read basic company information of signed-in users.",
			UserDisplayText:  "Sign you in and read your profile",
			UserDescription:  "Allows you to sign in to the app with your organizational account and let the app read your profile. It also allows the app to read basic company information.",
			PersonalAccounts: true,
			PrivilegeLevel:   2,
			Enabled:          true,
		},
	} {
		c.byName[strings.ToLower(p.Value)] = p
	}
	return c
}
