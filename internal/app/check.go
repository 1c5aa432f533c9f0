package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"postern.example/postern/internal/trust/keys"
)

// Check validates the configuration file at path without starting anything and
// without opening a payload. It returns warnings beside the error.
func Check(path string) (warnings []string, err error) {
	c, err := ReadConfig(path)
	if err != nil {
		return nil, err
	}
	var errs []error
	errs = append(errs, c.checkRootFile()...)
	errs = append(errs, c.checkFiles()...)
	return c.warnings(time.Now()), errors.Join(errs...)
}

// checkRootFile compares the root file with the configuration.
func (c Config) checkRootFile() (errs []error) {
	how, env, err := keys.Protected(c.rootKey())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []error{errors.New("root_key: the file does not exist; run postern init")}
	case err != nil:
		return []error{fmt.Errorf("root_key: %w", err)}
	case env != c.env():
		errs = append(errs, fmt.Errorf("environment: is %s, but the root key is for %s", c.env(), env))
	case how == keys.Plain && !c.AllowPlainKey:
		errs = append(errs, errors.New("root_key: is not sealed, and allow_plain_key is not set"))
	}
	return append(errs, private("root_key", c.rootKey())...)
}

// checkFiles finds files that are missing or that others can read.
func (c Config) checkFiles() (errs []error) {
	errs = append(errs, private("data folder", c.dir)...)
	for name, path := range map[string]string{
		"database.password_file": c.Database.PasswordFile, "database.migrate_password_file": c.Database.MigratePasswordFile,
		"tls.key": c.TLS.Key,
	} {
		if path != "" {
			errs = append(errs, private(name, c.path(path, ""))...)
		}
	}
	if c.TLS.Certificate != "" {
		if _, err := tls.LoadX509KeyPair(c.path(c.TLS.Certificate, ""), c.path(c.TLS.Key, "")); err != nil {
			errs = append(errs, fmt.Errorf("tls: %w", err))
		}
	}
	if _, err := c.securityExpiry(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// private refuses a file or folder that other users of the machine can open.
func private(name, path string) []error {
	info, err := os.Stat(path)
	if err != nil {
		return []error{fmt.Errorf("%s: %w", name, err)}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return []error{fmt.Errorf("%s: other users of this machine can read it (mode %o); chmod it to %o", name, info.Mode().Perm(), info.Mode().Perm()&0o700)}
	}
	return nil
}

// What init writes when it was told neither name nor number. The number is of the
// block reserved for fiction.
const (
	placeholderName  = "Our clinic"
	placeholderPhone = "555-0100"
)

// warnings are what is allowed and should not stay.
func (c Config) warnings(now time.Time) (w []string) {
	if c.AllowPlainKey {
		w = append(w, "the root key is not sealed: whoever copies the data folder can read everything in it")
	}
	if c.Clinic.Name == placeholderName || c.Clinic.Phone == placeholderPhone {
		w = append(w, "clinic.name and clinic.phone are the placeholders of postern init: a person who cannot get in calls a number that nobody has")
	}
	if c.Log.Checkpoint == "" {
		w = append(w, "log.checkpoint is beside the data: it anchors the log only on another disk or host")
	}
	switch until, err := c.securityExpiry(); {
	case c.Security.Contact == "":
		w = append(w, "security.contact is empty: nobody who finds a weakness can tell you (RFC 9116)")
	case err == nil && !until.IsZero() && until.Before(now):
		w = append(w, "security.expires has passed: /.well-known/security.txt is stale")
	case err == nil && !until.IsZero() && until.Before(now.AddDate(0, 1, 0)):
		w = append(w, "security.expires is less than a month away")
	case err == nil && until.After(now.AddDate(1, 0, 1)):
		w = append(w, "security.expires is more than a year away; RFC 9116 recommends less")
	}
	return w
}

// securityExpiry is the date of security.expires, zero when empty.
func (c Config) securityExpiry() (time.Time, error) {
	if c.Security.Expires == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, c.Security.Expires)
	if err != nil {
		return time.Time{}, fmt.Errorf("security.expires: %q is not a date such as 2027-06-30", c.Security.Expires)
	}
	return t, nil
}
