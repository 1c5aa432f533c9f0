package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// The sealed format: version | suite | key id | nonce | ciphertext | tag.
const (
	formatVersion = 1
	suiteAES256   = 1 // AES-256-GCM, 96-bit random nonce, 128-bit tag
	headerSize    = 1 + 1 + 4
	nonceSize     = 12
	tagSize       = 16

	// Overhead is how much longer sealed bytes are than the plaintext.
	Overhead = headerSize + nonceSize + tagSize
	// KeySize is the length of every symmetric key, in bytes.
	KeySize = 32
)

// Errors of Open. Callers must treat each as tampering or loss, never as "no data".
var (
	// ErrFormat means the bytes are not in a sealed format that this binary knows.
	ErrFormat = errors.New("keys: unknown sealed format")
	// ErrKey means that no such key exists: it never was, or somebody deleted it. A key
	// that was destroyed on purpose is ErrErased.
	ErrKey = errors.New("keys: no such key")
	// ErrOpen means that the bytes were changed, or belong to another row, owner,
	// version, field or environment.
	ErrOpen = errors.New("keys: sealed bytes do not belong here")
)

// material is the key bytes of one key id, split by HKDF so that sealing and
// MACs never share a key.
type material struct {
	aead cipher.AEAD
	macs *sync.Pool // of *macState, keyed: setting one up costs as much as using it
}

func newMaterial(key []byte) (material, error) {
	sealKey, err := hkdf.Key(sha256.New, key, nil, "postern seal v1", KeySize)
	if err != nil {
		return material{}, fmt.Errorf("derive seal key: %w", err)
	}
	macKey, err := hkdf.Key(sha256.New, key, nil, "postern mac v1", KeySize)
	if err != nil {
		return material{}, fmt.Errorf("derive mac key: %w", err)
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		return material{}, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return material{}, fmt.Errorf("make aead: %w", err)
	}
	return material{aead: aead, macs: &sync.Pool{New: func() any { return &macState{hash: hmac.New(sha256.New, macKey)} }}}, nil
}

// Key seals, opens and authenticates for one subject and use. It may hold
// several key ids: it seals under the newest and opens under any. The zero Key
// opens nothing.
type Key struct {
	env     string
	current uint32
	set     map[uint32]material
}

// newKey makes a Key of one id, for derived keys.
func newKey(env string, id uint32, key []byte) (Key, error) {
	m, err := newMaterial(key)
	if err != nil {
		return Key{}, err
	}
	return Key{env: env, current: id, set: map[uint32]material{id: m}}, nil
}

// ID is the key id that Seal uses.
func (k Key) ID() uint32 { return k.current }

// Seal encrypts plain, bound to ad and the environment.
func (k Key) Seal(plain, ad []byte) ([]byte, error) {
	return k.AppendSeal(make([]byte, 0, Overhead+len(plain)), plain, ad)
}

// AppendSeal is Seal into the spare capacity of dst, which must not overlap plain.
func (k Key) AppendSeal(dst, plain, ad []byte) ([]byte, error) {
	m, ok := k.set[k.current]
	if !ok {
		return nil, ErrKey
	}
	n := len(dst)
	dst = binary.BigEndian.AppendUint32(append(dst, formatVersion, suiteAES256), k.current)
	return m.aead.Seal(dst, nil, plain, k.associated(dst[n:], ad)), nil //#nosec G407 -- the cipher draws a random nonce itself and wants nil
}

// Open decrypts what Seal made with the same ad and environment. An unknown
// format version or suite fails closed.
func (k Key) Open(sealed, ad []byte) ([]byte, error) { return k.AppendOpen(nil, sealed, ad) }

// AppendOpen is Open into the spare capacity of dst, which must not overlap sealed.
func (k Key) AppendOpen(dst, sealed, ad []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != formatVersion || sealed[1] != suiteAES256 {
		return nil, ErrFormat
	}
	m, ok := k.set[binary.BigEndian.Uint32(sealed[2:])]
	if !ok {
		return nil, ErrKey
	}
	plain, err := m.aead.Open(dst, nil, sealed[headerSize:], k.associated(sealed[:headerSize], ad))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// associated binds header, environment and the caller's data, each with its
// length so that no two splits give the same bytes.
func (k Key) associated(header, ad []byte) []byte {
	return appendParts(make([]byte, 0, 32+len(header)+len(k.env)+len(ad)), header, []byte(k.env), ad)
}

// MAC authenticates parts, each with its length, under the newest key id. It must not
// be called on the zero Key, which has none.
func (k Key) MAC(parts ...[]byte) [32]byte {
	return authenticate(k.set[k.current].macs, parts)
}

// MACText is MAC of parts that are text.
func (k Key) MACText(parts ...string) [32]byte {
	return authenticate(k.set[k.current].macs, parts)
}

// macState is what one MAC needs: the parts are put together in buf, because what is
// given to a hash piece by piece costs an allocation each.
type macState struct {
	hash hash.Hash
	buf  []byte
}

func authenticate[T string | []byte](pool *sync.Pool, parts []T) (out [32]byte) {
	s, _ := pool.Get().(*macState)
	defer pool.Put(s)
	s.buf = s.buf[:0]
	for _, p := range parts {
		s.buf = append(binary.BigEndian.AppendUint64(s.buf, uint64(len(p))), p...)
	}
	s.hash.Reset()
	s.hash.Write(s.buf)
	clear(s.buf) // parts may be secrets
	copy(out[:], s.hash.Sum(s.buf[:0]))
	return out
}

// appendParts appends each part with its length as 32 bits.
func appendParts(b []byte, parts ...[]byte) []byte {
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p))) //#nosec G115 -- parts are headers and row names, far below 4 GiB
		b = append(b, p...)
	}
	return b
}

// String keeps a Key out of logs.
func (k Key) String() string { return fmt.Sprintf("key %d", k.current) }

// GoString keeps a Key out of %#v.
func (k Key) GoString() string { return k.String() }
