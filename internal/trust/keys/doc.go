// Package keys owns the key hierarchy: the root key (one sealed file), the
// key-encryption keys with their epochs, and one key set per subject and use.
//
//	root file -> root -> key-encryption key (epoch) -> Subject(owner, use) -> sealed bytes
//	                 \-> page key of the embedded database, service keys, the log's signer
//
// It guarantees that a Key never shows its bytes: it seals, opens and makes
// MACs. Subject keys are random and stored wrapped, so destroying the wrapped
// rows destroys what they sealed (crypto-shredding); everything derived from
// the root is bound to the environment, so that a key of demo data opens
// nothing of production.
//
// Only primitives of the Go FIPS 140-3 module are used: AES-256-GCM with random
// nonces (at most 2^32 messages per key, SP 800-38D 8.3), HKDF and HMAC with
// SHA-256, PBKDF2 with SHA-512, Ed25519.
//
// It never decides who may open what (package access does) and knows no table
// but its own.
package keys
