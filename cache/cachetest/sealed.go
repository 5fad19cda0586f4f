package cachetest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"

	"github.com/staysigned/staysigned/cache"
)

var sealedRules = []rule{
	{
		name:  "sealed",
		quote: "Sealed is a Store that can promise that values never rest in plaintext.",
		why:   "a backup, a stolen disk or a careless chmod gives away a session, by a store that said it would not.",
		needs: func(s cache.Store) bool {
			sealed, ok := s.(cache.Sealed)
			return ok && sealed.Sealed()
		},
		check: sealed,
	},
}

// sealed looks for a value in all files of the store while it is there, when it
// was replaced and when it was deleted.
func sealed(c *check, s cache.Store) {
	const canary = "canary: a refresh token that must not be found in any file"
	rev := c.put(s, "a", canary, "")
	c.notBelow(c.space, canary, "Put")
	c.put(s, "a", "something else", rev)
	c.notBelow(c.space, canary, "another Put")
	c.put(s, "b", canary, "")
	c.delete(s, "b")
	c.notBelow(c.space, canary, "Delete")
}

func (c *check) notBelow(space, canary, after string) {
	c.Helper()
	needles := disguises([]byte(canary))
	files := os.DirFS(space)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		for how, needle := range needles {
			if bytes.Contains(append(data, path...), needle) {
				c.Errorf("after %s the value lies in %s, as %s", after, path, how)
			}
		}
		return nil
	})
	if err != nil {
		c.Errorf("reading what the store wrote: %v", err)
	}
}

// disguises are the forms of a value that only look like secrets. In base64 it
// depends on the place of a byte which letters it becomes, and the last ones
// depend on what follows.
func disguises(value []byte) map[string][]byte {
	base64At := func(skip int) []byte {
		text := base64.RawStdEncoding.EncodeToString(value[skip:])
		return []byte(text[:len(text)-4])
	}
	return map[string][]byte{
		"plaintext":                        value,
		"hexadecimal digits":               []byte(hex.EncodeToString(value)),
		"base64":                           base64At(0),
		"base64 of something longer":       base64At(1),
		"base64 of something longer again": base64At(2),
	}
}
