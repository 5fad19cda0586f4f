package bench

import (
	"encoding/json"
	"os"
	"time"
)

// wholeFile is how most caches of this kind keep their accounts: all in one JSON file, which a look-up reads and
// decodes as a whole, because another process may have written it, and which a write replaces as a whole. Package
// msal of Microsoft does so through its ExportReplace interface.
//
// It is an honest one: plain structs, found by map, and a write that survives a crash. In its favour, it neither
// encrypts nor locks.
type wholeFile struct{ path string }

// entry is one account in the file.
type entry struct {
	Username     string    `json:"username"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	IDToken      string    `json:"id_token"`
	Scope        string    `json:"scope"`
	Expiry       time.Time `json:"expiry"`
}

// read returns the entries by account ID.
func (f wholeFile) read() (map[string]entry, error) {
	data, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	var all map[string]entry
	return all, json.Unmarshal(data, &all)
}

func (f wholeFile) write(all map[string]entry) error {
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	next, err := os.OpenFile(f.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = next.Write(data)
	if err == nil {
		err = next.Sync()
	}
	if cerr := next.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.path+".new", f.path)
}
