package keychains

import (
	"os"
	"path/filepath"
)

// keepassConfig makes it a Secret Service that trusts every program.
const keepassConfig = `[General]
ConfigVersion=2
[GUI]
CheckForUpdates=false
[FdoSecrets]
Enabled=true
ShowNotification=false
ConfirmAccessItem=false
ConfirmDeleteItem=false
`

// keepassDatabase is an empty database whose root is shown to programs.
const keepassDatabase = `<?xml version="1.0" encoding="UTF-8"?>
<KeePassFile>
 <Meta><CustomData><Item>
  <Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{00010203-0405-0607-0809-0a0b0c0d0e0f}</Value>
 </Item></CustomData></Meta>
 <Root><Group><UUID>AAECAwQFBgcICQoLDA0ODw==</UUID><Name>Root</Name></Group></Root>
</KeePassFile>
`

// StartKeePassXC starts KeePassXC with an open database, which it makes if there is none.
func (s *Session) StartKeePassXC() (*Process, *Service) {
	s.t.Helper()
	s.env["QT_QPA_PLATFORM"] = "offscreen"
	database := filepath.Join(s.dir, "sessions.kdbx")
	if _, err := os.Stat(database); err != nil {
		s.makeDatabase(database)
	}
	app := s.Start(password+"\n", "keepassxc", "--pw-stdin", database)
	service := s.Service()
	eventually(s.t, "a database that is open", func() bool { return service.Collection() != "/" && !service.Locked() })
	return app, service
}

func (s *Session) makeDatabase(database string) {
	s.t.Helper()
	config := filepath.Join(s.env["XDG_CONFIG_HOME"], "keepassxc")
	if err := os.MkdirAll(config, 0o700); err != nil {
		s.t.Fatal(err)
	}
	source := database + ".xml"
	for file, text := range map[string]string{filepath.Join(config, "keepassxc.ini"): keepassConfig, source: keepassDatabase} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	maker := s.Start(password+"\n"+password+"\n", "keepassxc-cli", "import", "-p", source, database)
	<-maker.ended
	if _, err := os.Stat(database); err != nil {
		s.t.Fatal(err)
	}
}
