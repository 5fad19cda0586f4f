package cache

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// manifestKey is where a sealed store says, in the clear, who it is, which key
// seals what it writes, and who keeps that key. There is no secret in it.
const manifestKey = "store.json"

const (
	manifestSchema = 2

	manifestV1 = `{"schema":1,"store":"%s","key":"%s"}` + "\n"
	manifestV2 = `{"schema":2,"store":"%s","key":"%s","provider":"%s"}` + "\n"
)

type manifest struct {
	store    id
	key      id     // the active one; records name theirs themselves
	pinned   bool   // schema 1 did not say who keeps the key
	provider string // who keeps it; empty: Keys that does not say
}

// Pinned reads the manifest of a sealed store, the record "store.json" of what
// [Seal] was given and a file of that name in a [Dir], and returns the name of
// the [Provider] to whom the store is pinned. It is empty if that has no name,
// or if the manifest is older than pins. Errors are those of a store that meets
// this manifest: ErrUnavailable if a newer version wrote it, else ErrUnreadable.
func Pinned(storeJSON []byte) (provider string, err error) {
	m, err := parseManifest(storeJSON)
	return m.provider, badManifest(err)
}

func badManifest(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNewer):
		return fmt.Errorf("cache: %s was written by a newer version of this program; update this one: %w", manifestKey, ErrUnavailable)
	}
	return fmt.Errorf("cache: %s, which names the key of all records, is damaged; sign in again: %w", manifestKey, ErrUnreadable)
}

func (m manifest) encode() []byte {
	if !m.pinned {
		return fmt.Appendf(nil, manifestV1, m.store, m.key)
	}
	return fmt.Appendf(nil, manifestV2, m.store, m.key, m.provider)
}

// parseManifest accepts the bytes that encode writes and no others: this
// package is the only writer, so that whatever differs is damage. It does
// without encoding/json, whose first use in a process takes longer than
// reading the manifest and a record.
func parseManifest(data []byte) (manifest, error) {
	text := string(data)
	if m, ok := exactManifest(text); ok {
		return m, nil
	}
	rest, ok := strings.CutPrefix(text, `{"schema":`)
	number, _, found := strings.Cut(rest, ",")
	schema, err := strconv.ParseUint(number, 10, 31)
	if !ok || !found || err != nil || schema <= manifestSchema || !strings.HasSuffix(rest, "}\n") {
		return manifest{}, errDamaged
	}
	for known := 1; known <= manifestSchema; known++ {
		if _, ours := exactManifest(fmt.Sprintf(`{"schema":%d%s`, known, rest[len(number):])); ours {
			return manifest{}, errDamaged // one of ours with a flipped bit
		}
	}
	return manifest{}, errNewer
}

func exactManifest(text string) (m manifest, ok bool) {
	switch parts := strings.Split(text, `"`); len(parts) {
	case 11:
		m = manifest{store: id(parts[5]), key: id(parts[9])}
	case 15:
		m = manifest{store: id(parts[5]), key: id(parts[9]), pinned: true, provider: parts[13]}
	}
	ok = m.store.valid() && m.key.valid() && isProviderName(m.provider) && string(m.encode()) == text
	return m, ok
}
