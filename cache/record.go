package cache

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// A sealed record:
//
//	 0  6  "stsgnd"
//	 6  2  format version, and its complement
//	 8 32  salt, random for every write
//	40 16  id of the key
//	56 12  nonce
//	68  n  ciphertext
//	   16  tag
//
// The key of a record is HKDF-SHA256(key, salt), so that one key seals any
// number of records: the 2^32 messages that NIST SP 800-38D section 8.3 allows
// a key with random nonces are counted for each record anew, and each is one
// message. What comes before the nonce, the id of the store and the name of
// the record are authenticated too: a record that is copied over another
// person's, or into another store of the same key, does not open.
const (
	recordMagic   = "stsgnd"
	recordVersion = 1
	saltAt        = 8
	keyIDAt       = 40
	headerLen     = 56
	overhead      = headerLen + 12 + 16

	// maxRecord bounds what is read into memory: a session takes some
	// kilobytes, and nothing else has any business here.
	maxRecord = 16 << 20

	keyLen = 32
)

var (
	errDamaged = errors.New("the record is damaged")
	errNewer   = errors.New("the record was written by a newer version")
)

// id names a key or a store: 16 bytes in lower-case hexadecimal.
type id string

func newID() id {
	var b [16]byte
	rand.Read(b[:])
	return id(hex.EncodeToString(b[:]))
}

// keyID is a fingerprint. Whatever keeps the keys cannot pass off another one
// under its name: not by a mix-up, not by an item that shadows ours.
func keyID(key []byte) id {
	h := sha256.New()
	h.Write([]byte("staysigned key id 1\x00"))
	h.Write(key)
	return id(hex.EncodeToString(h.Sum(nil)[:16]))
}

func (i id) valid() bool {
	b, err := hex.DecodeString(string(i))
	return err == nil && len(b) == 16 && hex.EncodeToString(b) == string(i)
}

func (i id) bytes() []byte {
	b, _ := hex.DecodeString(string(i)) // valid by construction
	return b
}

// sealRecord seals plain as the record of name.
func sealRecord(key []byte, store id, name string, plain []byte) ([]byte, error) {
	header := make([]byte, headerLen, overhead+len(plain))
	copy(header, recordMagic)
	header[6], header[7] = recordVersion, ^byte(recordVersion)
	rand.Read(header[saltAt:keyIDAt])
	copy(header[keyIDAt:], keyID(key).bytes())
	aead, err := recordAEAD(key, header)
	if err != nil {
		return nil, err
	}
	// No nonce is given: this AEAD takes a random one and puts it in front.
	return aead.Seal(header, nil, plain, recordAAD(header, store, name)), nil //nolint:gosec // G407: see above
}

// recordKeyID tells which key opens data. That a newer version wrote it is
// believed only if the complement agrees: a flipped bit is damage, and damage
// may be overwritten, what a newer version wrote may not.
func recordKeyID(data []byte) (id, error) {
	switch {
	case len(data) < overhead || !bytes.HasPrefix(data, []byte(recordMagic)) || data[6] != ^data[7]:
		return "", errDamaged
	case data[6] > recordVersion:
		return "", errNewer
	case data[6] != recordVersion:
		return "", errDamaged
	}
	return id(hex.EncodeToString(data[keyIDAt:headerLen])), nil
}

// openRecord undoes sealRecord.
func openRecord(key []byte, store id, name string, data []byte) ([]byte, error) {
	if _, err := recordKeyID(data); err != nil {
		return nil, err
	}
	header, body := data[:headerLen], data[headerLen:]
	aead, err := recordAEAD(key, header)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, body, recordAAD(header, store, name))
	if err != nil {
		return nil, errDamaged
	}
	return plain, nil
}

func recordAEAD(key, header []byte) (cipher.AEAD, error) {
	sub, err := hkdf.Key(sha256.New, key, header[saltAt:keyIDAt], "staysigned record 1", keyLen)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// recordAAD is unambiguous: all but the name has a fixed length.
func recordAAD(header []byte, store id, name string) []byte {
	aad := make([]byte, 0, headerLen+16+len(name))
	aad = append(aad, header[:headerLen]...)
	aad = append(aad, store.bytes()...)
	return append(aad, name...)
}
