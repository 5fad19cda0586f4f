package cache

import (
	"fmt"
	"strconv"
	"strings"
)

// manifestKey is where a sealed store says, in the clear, who it is and which
// key seals what it writes. There is no secret in it.
const manifestKey = "store.json"

const manifestSchema = 1

type manifest struct {
	store id
	key   id // the active one; records name theirs themselves
}

const manifestRest = `,"store":"%s","key":"%s"}` + "\n"

func (m manifest) encode() []byte {
	return fmt.Appendf(nil, `{"schema":%d`+manifestRest, manifestSchema, m.store, m.key)
}

// parseManifest accepts the bytes that encode writes and no others: this
// package is the only writer, so that whatever differs is damage. It does
// without encoding/json, whose first use in a process takes longer than
// reading the manifest and a record.
func parseManifest(data []byte) (manifest, error) {
	rest, ok := strings.CutPrefix(string(data), `{"schema":`)
	number, _, found := strings.Cut(rest, ",")
	if !ok || !found {
		return manifest{}, errDamaged
	}
	rest = rest[len(number):]
	schema, err := strconv.ParseUint(number, 10, 31)
	var m manifest
	if parts := strings.Split(rest, `"`); len(parts) == 9 {
		m = manifest{id(parts[3]), id(parts[7])}
	}
	ours := m.store.valid() && m.key.valid() && fmt.Sprintf(manifestRest, m.store, m.key) == rest
	switch {
	case err == nil && ours && number == strconv.Itoa(manifestSchema):
		return m, nil
	case err == nil && !ours && schema > manifestSchema && strings.HasSuffix(rest, "}\n"):
		return manifest{}, errNewer // and not one of ours with a flipped bit
	}
	return manifest{}, errDamaged
}
