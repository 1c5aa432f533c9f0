package db

import (
	"bytes"
	"errors"
	"testing"
)

// keySize is two AES-256 keys, as XTS wants.
const keySize = 64

// validate refuses every Config that is ambiguous or unsafe.
func (c Config) validate() error {
	switch {
	case (c.Path == "") == (c.Postgres == ""):
		return errors.New("exactly one of a file path and a PostgreSQL URL is needed")
	case c.ReadConns < 0 || c.ReadConns > 64:
		return errors.New("read connections must be 1 to 64")
	case c.CacheKiB < 0 || c.CacheKiB > 1<<20:
		return errors.New("page cache must be at most 1 GiB")
	// A flag in a struct can be set by a bad configuration file; the linker's
	// mark of a test binary cannot.
	case (c.UnencryptedForTests || c.NoSyncForTests) && !testing.Testing():
		return errors.New("unencrypted or unsynchronised files exist only in test binaries")
	}
	if c.Path == "" {
		return nil
	}
	if c.UnencryptedForTests {
		if c.Key != nil {
			return errors.New("a key was given for an unencrypted file")
		}
		return nil
	}
	if len(c.Key) != keySize {
		return errors.New("the file key must be 64 bytes")
	}
	// NIST SP 800-38E by way of FIPS 140 IG C.I: the two XTS keys must differ.
	if bytes.Equal(c.Key[:keySize/2], c.Key[keySize/2:]) {
		return errors.New("the two halves of the file key must differ")
	}
	return nil
}
