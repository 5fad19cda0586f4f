package cache

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// KeyID returns the id under which a sealed store asks [Keys] for key: its
// fingerprint, 32 lower-case hexadecimal digits. It says nothing about the key
// itself. Keys that has several finds the right one by it.
func KeyID(key []byte) string { return string(keyID(key)) }

// ParseKey reads a key as people and programs write it down: 32 bytes, raw or
// in standard base64; a trailing newline is ignored. All else is
// ErrUnavailable; the error shows nothing of it.
func ParseKey(text []byte) ([]byte, error) {
	if key := parseKey(string(text)); key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("not a key, which is 32 bytes, raw or in standard base64: %w", ErrUnavailable)
}

// parseKey returns nil for what is not a key. Raw comes first: 32 bytes may
// end in what looks like a newline.
func parseKey(text string) []byte {
	if len(text) == keyLen {
		return []byte(text)
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if len(text) == keyLen {
		return []byte(text)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(key) != keyLen || strings.ContainsAny(text, "\r\n") {
		return nil
	}
	return key
}
