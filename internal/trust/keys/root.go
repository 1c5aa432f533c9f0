package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Errors of the root file.
var (
	// ErrProtector means that the passphrase, credential or flag does not open the root file.
	ErrProtector = errors.New("keys: the root key file does not open with what was given")
	// ErrPlain means that a plain root key was met without its flag, or on production data.
	ErrPlain = errors.New("keys: a plain root key is not allowed here")
)

// Protection says how the root file is sealed.
type Protection string

// The protections.
const (
	ByPassphrase Protection = "passphrase" // PBKDF2-HMAC-SHA512 over a passphrase
	ByCredential Protection = "credential" // a systemd credential of at least 32 bytes
	Plain        Protection = "plain"      // not sealed at all: demo and test data only
)

// iterations is the work factor of PBKDF2-HMAC-SHA512; OWASP's minimum is 210,000.
const iterations = 600_000

// Environments. They are bound into every key, so that one never opens another's data.
const (
	Production = "production"
	Test       = "test"
	Demo       = "demo"
)

// Protector opens or creates a root file.
type Protector struct {
	How    Protection
	Secret []byte // passphrase or credential; empty for Plain
	Work   int    // PBKDF2 iterations when creating; 0 means the built-in number
}

// rootFile is the file's content. It is JSON so that an operator can see what
// protects it without a tool.
type rootFile struct {
	Format      string     `json:"format"`
	Environment string     `json:"environment"`
	Protection  Protection `json:"protection"`
	Salt        string     `json:"salt,omitempty"`
	Iterations  int        `json:"iterations,omitempty"`
	Root        string     `json:"root"`
}

const rootFormat = "postern-root-v1"

// Root is the root key in memory. It leaves this package only through
// derivations; the one that must hand out bytes is named Risky.
type Root struct {
	env  string
	how  Protection
	root []byte
}

// CreateRoot draws a root key and writes it to path, which must not exist. The
// file is durable when CreateRoot returns.
func CreateRoot(path, env string, p Protector, random io.Reader) (*Root, error) {
	if p.How == Plain && env == Production {
		return nil, ErrPlain
	}
	r := &Root{env: env, how: p.How, root: make([]byte, KeySize)}
	if _, err := io.ReadFull(random, r.root); err != nil {
		return nil, fmt.Errorf("draw root key: %w", err)
	}
	f := rootFile{Format: rootFormat, Environment: env, Protection: p.How, Root: base64.StdEncoding.EncodeToString(r.root)}
	if p.How != Plain {
		salt := make([]byte, 32)
		if _, err := io.ReadFull(random, salt); err != nil {
			return nil, fmt.Errorf("draw salt: %w", err)
		}
		f.Salt = base64.StdEncoding.EncodeToString(salt)
		if p.How == ByPassphrase {
			f.Iterations = iterations
			if p.Work > 0 {
				f.Iterations = p.Work
			}
		}
		wrap, err := p.key(f)
		if err != nil {
			return nil, err
		}
		sealed, err := wrap.Seal(r.root, f.associated())
		if err != nil {
			return nil, fmt.Errorf("seal root key: %w", err)
		}
		f.Root = base64.StdEncoding.EncodeToString(sealed)
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode root file: %w", err)
	}
	return r, writeNew(path, append(b, '\n'))
}

// OpenRoot reads the root file. It refuses a plain key unless p says Plain, and
// a plain key for production always. A file whose environment was edited does
// not open, because the environment is bound to the sealed root.
func OpenRoot(path string, p Protector) (*Root, error) {
	b, err := os.ReadFile(path) //#nosec G304 -- the operator names the file in the configuration
	if err != nil {
		return nil, fmt.Errorf("read root file: %w", err)
	}
	var f rootFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || f.Format != rootFormat {
		return nil, fmt.Errorf("decode root file: %w", ErrFormat)
	}
	raw, err := base64.StdEncoding.DecodeString(f.Root)
	if err != nil {
		return nil, fmt.Errorf("decode root file: %w", ErrFormat)
	}
	if f.Protection == Plain {
		if p.How != Plain || f.Environment == Production {
			return nil, ErrPlain
		}
		if len(raw) != KeySize {
			return nil, fmt.Errorf("decode root file: %w", ErrFormat)
		}
		return &Root{env: f.Environment, how: Plain, root: raw}, nil
	}
	if p.How != f.Protection {
		return nil, fmt.Errorf("open root file protected by %s: %w", f.Protection, ErrProtector)
	}
	wrap, err := p.key(f)
	if err != nil {
		return nil, err
	}
	root, err := wrap.Open(raw, f.associated())
	if err != nil || len(root) != KeySize {
		return nil, ErrProtector
	}
	return &Root{env: f.Environment, how: f.Protection, root: root}, nil
}

// Protected reads how the root file at path is protected and for which
// environment, without opening it. An edited file is found by OpenRoot.
func Protected(path string) (Protection, string, error) {
	b, err := os.ReadFile(path) //#nosec G304 -- the operator names the file in the configuration
	if err != nil {
		return "", "", fmt.Errorf("read root file: %w", err)
	}
	var f rootFile
	if err := json.Unmarshal(b, &f); err != nil || f.Format != rootFormat {
		return "", "", fmt.Errorf("decode root file: %w", ErrFormat)
	}
	return f.Protection, f.Environment, nil
}

func (f rootFile) associated() []byte {
	return appendParts(nil, []byte(f.Format), []byte(f.Environment), []byte(f.Protection), []byte(f.Salt))
}

// minCredential is the least length of a systemd credential: it gets no slow
// derivation, so it must be a key and not a word.
const minCredential = 32

// maxIterations bounds the work that an edited file can ask for.
const maxIterations = 10_000_000

// key derives the key that wraps the root.
func (p Protector) key(f rootFile) (Key, error) {
	salt, err := base64.StdEncoding.DecodeString(f.Salt)
	if err != nil || len(salt) != 32 {
		return Key{}, fmt.Errorf("decode root file: %w", ErrFormat)
	}
	secret := p.Secret
	var k []byte
	switch p.How {
	case ByPassphrase:
		// An editor ends the file with a newline that is no part of the words. A
		// credential is taken as it is: it may be random bytes.
		secret = bytes.TrimRight(secret, "\r\n")
		if len(secret) == 0 || f.Iterations < 1 || f.Iterations > maxIterations {
			return Key{}, ErrProtector
		}
		k, err = pbkdf2.Key(sha512.New, string(secret), salt, f.Iterations, KeySize)
	case ByCredential:
		if len(secret) < minCredential {
			return Key{}, fmt.Errorf("read credential of %d bytes, need %d: %w", len(secret), minCredential, ErrProtector)
		}
		k, err = hkdf.Key(sha256.New, secret, salt, "postern root credential v1", KeySize)
	default:
		return Key{}, ErrProtector
	}
	if err != nil {
		return Key{}, fmt.Errorf("derive root wrapping key: %w", err)
	}
	return newKey(f.Environment, 1, k)
}

// Environment is demo, test or production.
func (r *Root) Environment() string { return r.env }

// Protection says how the root file is sealed.
func (r *Root) Protection() Protection { return r.how }

// derive makes the bytes for one purpose, bound to the environment.
func (r *Root) derive(purpose string, n int) ([]byte, error) {
	b, err := hkdf.Key(sha256.New, r.root, []byte("postern "+r.env), purpose, n)
	if err != nil {
		return nil, fmt.Errorf("derive %s: %w", purpose, err)
	}
	return b, nil
}

// RiskyPageKey hands out the 64-byte AES-256-XTS key of the embedded database
// file; the database library takes bytes. Walled: package app.
func (r *Root) RiskyPageKey() ([]byte, error) { return r.derive("page key v1", 64) }

// Service names a key that belongs to the installation rather than to a subject.
type Service string

// The service keys, each for one purpose.
const (
	ServiceWrap   Service = "wrap"       // wraps key-encryption keys
	ServiceErased Service = "erased"     // MACs of what the erasure of a key leaves
	ServiceSource Service = "source"     // blind index of import sources
	ServiceHandle Service = "handle"     // stored form of session, token and enrolment secrets
	ServiceForm   Service = "form"       // form tokens
	ServiceLog    Service = "log-signer" // the log's Ed25519 key
)

// Service derives the key of one purpose.
func (r *Root) Service(s Service) (Key, error) {
	b, err := r.derive("service "+string(s), KeySize)
	if err != nil {
		return Key{}, err
	}
	return newKey(r.env, 1, b)
}

// Ephemeral makes a key that lives as long as the process: what it sealed is void
// after a restart, which also forgets what was used up.
func (r *Root) Ephemeral(random io.Reader) (Key, error) {
	b := make([]byte, KeySize)
	if _, err := io.ReadFull(random, b); err != nil {
		return Key{}, fmt.Errorf("draw key: %w", err)
	}
	return newKey(r.env, 1, b)
}

// Signer signs the log's checkpoints with Ed25519.
type Signer struct{ key ed25519.PrivateKey }

// LogSigner derives the log's signing key.
func (r *Root) LogSigner() (Signer, error) {
	seed, err := r.derive("service "+string(ServiceLog), ed25519.SeedSize)
	if err != nil {
		return Signer{}, err
	}
	return Signer{ed25519.NewKeyFromSeed(seed)}, nil
}

// Public is the verification key.
func (s Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Sign signs msg (RFC 8032, pure Ed25519).
func (s Signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// String keeps the key out of logs.
func (s Signer) String() string { return "log signer" }

// GoString keeps the key out of %#v.
func (s Signer) GoString() string { return s.String() }

// writeNew writes b to a new file readable by its owner alone, and makes file
// and folder entry durable before it returns.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //#nosec G304 -- the operator names the file
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open key folder: %w", err)
	}
	defer dir.Close() //nolint:errcheck // read-only handle
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync key folder: %w", err)
	}
	return nil
}
