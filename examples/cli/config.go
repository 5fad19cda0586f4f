package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
)

// profile says who signs in where. A flag stands over the environment, and that over the profile of the file.
type profile struct {
	Authority          string   `toml:"authority"`
	ClientID           string   `toml:"client_id"`
	Scopes             []string `toml:"scopes"`
	Account            string   `toml:"account"`
	Store              string   `toml:"store"`
	Key                string   `toml:"key"`
	RedirectURI        string   `toml:"redirect_uri"`
	Provider           string   `toml:"provider"`
	OmitScopes         []string `toml:"omit_scopes"`
	InstalledAppSecret string   `toml:"installed_app_secret"`
	Hosts              []string `toml:"hosts"`
	Username           string   `toml:"username"`

	name string // of the profile; empty: there is none
	file string // where it was looked for
}

// configHelp is what "staysigned help config" says.
const configHelp = `Settings come from flags, from the environment (--client-id is STAYSIGNED_CLIENT_ID, and so on), and from
a file, in this order. The file is config.toml in the directory "staysigned" of the user's configuration
directory ($XDG_CONFIG_HOME or ~/.config, on macOS ~/Library/Application Support, on Windows %AppData%).
It holds no secrets, and this program never writes it:

  default = "work"                  # the profile without --profile; not needed if there is only one

  [profiles.work]
  authority = "https://login.microsoftonline.com/organizations"   # or any OpenID Provider's issuer
  client_id = "11111111-2222-3333-4444-555555555555"              # registered as a public client
  scopes = ["User.Read"]            # of login and token, where they name none

  # All else is optional.
  account = "avery@example.com"     # which of several
  store = "/srv/sessions"           # where the sessions are
  key = "kernel"                    # where their key is: keychain, kernel, passphrase or file:PATH
  redirect_uri = "http://localhost:8400/callback"   # if the server wants a certain one
  provider = "entra"                # the kind of server, if it does not show: adfs, b2c, ...
  omit_scopes = ["offline_access"]  # never to be sent
  installed_app_secret = "..."      # what Google calls the secret of a desktop application
  hosts = ["git.example.com"]       # who gets the token from "staysigned credential git" and "docker"
  username = "oauth2"               # along with which user name
`

// loadProfile finds the profile that the flags choose, and lets them stand over it.
func (o options) loadProfile() (profile, error) {
	file, profiles, standard, err := readConfig(o.config)
	if err != nil {
		return profile{}, usage(err)
	}
	name := o.profile
	switch {
	case name != "":
	case standard != "":
		name = standard
	case len(profiles) == 1:
		name = slices.Collect(maps.Keys(profiles))[0]
	}
	p, ok := profiles[name]
	if name != "" && !ok {
		return profile{}, usage(fmt.Errorf("there is no profile %q in %s; it has %s", name, file, names(profiles)))
	}
	p.name, p.file = name, file
	for _, f := range []struct {
		value string
		into  *string
	}{{o.authority, &p.Authority}, {o.clientID, &p.ClientID}, {o.account, &p.Account}, {o.store, &p.Store}, {o.key, &p.Key}} {
		if f.value != "" {
			*f.into = f.value
		}
	}
	return p, nil
}

// check says what is missing, before the library says it in the words of its Config.
func (p profile) check() error {
	var missing []string
	if p.Authority == "" {
		missing = append(missing, "--authority")
	}
	if p.ClientID == "" {
		missing = append(missing, "--client-id")
	}
	if missing == nil {
		return nil
	}
	where := p.file
	if p.name != "" {
		where = fmt.Sprintf("the profile %q of %s", p.name, p.file)
	}
	return usage(fmt.Errorf("where do people sign in? give %s, or set it in %s (%s help config)", strings.Join(missing, " and "), where, program))
}

// readConfig reads the file, if there is one. A file that was named has to be there.
func readConfig(named string) (file string, profiles map[string]profile, standard string, err error) {
	if file = named; file == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", nil, "", nil // no home, no file
		}
		file = filepath.Join(dir, program, "config.toml")
	}
	var config struct {
		Default  string             `toml:"default"`
		Profiles map[string]profile `toml:"profiles"`
	}
	meta, err := toml.DecodeFile(file, &config)
	if errors.Is(err, fs.ErrNotExist) && named == "" {
		return file, nil, "", nil
	}
	if err != nil {
		return file, nil, "", fmt.Errorf("%s: %w", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return file, nil, "", fmt.Errorf("%s: unknown setting %s (%s help config)", file, unknown[0], program)
	}
	return file, config.Profiles, config.Default, nil
}

func names(profiles map[string]profile) string {
	if len(profiles) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(profiles)), ", ")
}

// completeProfiles is for the shell.
func (a *app) completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	_, profiles, _, err := readConfig(a.flags.config)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.Sorted(maps.Keys(profiles)), cobra.ShellCompDirectiveNoFileComp
}

func helpConfig() *cobra.Command {
	return &cobra.Command{Use: "config", Short: "Flags, environment and profiles", Long: configHelp}
}
