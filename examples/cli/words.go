package main

import (
	"regexp"
	"strings"
)

// text is an error on one line, in this program's words: the library speaks to whoever writes a program with it.
func text(err error) string {
	line := operation.ReplaceAllString(plain(strings.ReplaceAll(err.Error(), "\n", "; ")), "$1")
	return words.Replace(line)
}

// operation is the package or method of the library that an error came from, which tells a person nothing.
var operation = regexp.MustCompile(`(^|; |: )(?:(?:msal: [a-z ]+|cache|keys|keychain): )+`)

// words are what the library calls things, and what they are called here. Longer ones come first.
var words = strings.NewReplacer(
	" (or, in package msal, Config.OmitScopes never sends them and Config.MergeDefaults accepts them)", "",
	"; Config.Provider.Defaults sends it all the same", "",
	"Config.Provider.Defaults does not name it", "the provider's settings do not name it",
	", through WithClaims if the error has Claims", "",
	", with cache.KeyFile or package cache/keys, or the sessions in cache.Memory", "",
	", with cache.KeyFile or another provider of package keys", "",
	"Config.Authority", "--authority",
	"Config.ClientID", "--client-id",
	"Config.InstalledAppSecret", "installed_app_secret",
	"Config.OmitScopes", "omit_scopes",
	"Config.Provider", "provider",
	"use the Browser flow", "sign in without --device",
	"use Browser or DeviceCode", "run login",
	"redeem it with the Client that has asked for it", "start a new sign-in",
	"redeem the code with the Authorization that has asked for it", "start a new sign-in",
	"use Authorization.URL as it is", "open the address as it is",
	"set Browser.ResponseMode to the other one", "sign in with --device",
	"leave Params.Resources empty", "ask for the scopes of one API",
	"keep one Client, use a token", "use a token",
	"report it as a bug of this package", "report it as a bug",
)
