package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"postern.example/postern/internal/trust/keys"
)

// ExitError ends a command with a certain code. A nil Err prints nothing: the
// command has said what there is to say.
type ExitError struct {
	Code int
	Err  error
}

func (e ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the inner error.
func (e ExitError) Unwrap() error { return e.Err }

// Place says which installation a command works on: a data folder, whose
// postern.yaml is the configuration, or a configuration file.
type Place struct {
	Data           string
	Config         string
	PassphraseFile string // file with the root key's passphrase
}

// config reads the configuration. What cannot be read is exit code 2.
func (p Place) config() (Config, error) {
	path := p.Config
	switch {
	case p.Data != "" && p.Config != "":
		return Config{}, ExitError{2, errors.New("give --data or --config, not both")}
	case p.Data != "":
		path = filepath.Join(p.Data, ConfigFile)
	case p.Config == "":
		return Config{}, ExitError{2, errors.New("say which installation: --data DIR or --config FILE")}
	}
	c, err := ReadConfig(path)
	if err != nil {
		return Config{}, ExitError{2, err}
	}
	return c, nil
}

// credentialName is the systemd credential that opens the root key
// (LoadCredential= or LoadCredentialEncrypted=).
const credentialName = "postern-root"

// protector chooses what opens the root file: what the file says protects it.
func (p Place) protector(c Config) (keys.Protector, error) {
	how, _, err := keys.Protected(c.rootKey())
	if err != nil {
		return keys.Protector{}, ExitError{2, err}
	}
	switch how {
	case keys.Plain:
		if !c.AllowPlainKey {
			return keys.Protector{}, fmt.Errorf("open root key: %w; set allow_plain_key on test data, or seal it", keys.ErrPlain)
		}
		return keys.Protector{How: keys.Plain}, nil
	case keys.ByCredential:
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return keys.Protector{}, ExitError{2, errors.New("the root key is sealed with the systemd credential postern-root, and none was given")}
		}
		return secret(keys.ByCredential, filepath.Join(dir, credentialName))
	default:
		if p.PassphraseFile == "" {
			return keys.Protector{}, ExitError{2, errors.New("the root key is sealed with a passphrase: give --passphrase-file")}
		}
		return secret(keys.ByPassphrase, p.PassphraseFile)
	}
}

func secret(how keys.Protection, path string) (keys.Protector, error) {
	b, err := os.ReadFile(path) //#nosec G304 -- the operator names the file
	if err != nil {
		return keys.Protector{}, ExitError{2, fmt.Errorf("read what opens the root key: %w", err)}
	}
	return keys.Protector{How: how, Secret: b}, nil
}

// newProtector chooses how init seals a new root file.
func newProtector(passphraseFile string, plain bool) (keys.Protector, error) {
	switch dir := os.Getenv("CREDENTIALS_DIRECTORY"); {
	case plain:
		return keys.Protector{How: keys.Plain}, nil
	case passphraseFile != "":
		return secret(keys.ByPassphrase, passphraseFile)
	case dir != "":
		return secret(keys.ByCredential, filepath.Join(dir, credentialName))
	default:
		return keys.Protector{}, ExitError{2, errors.New("say what seals the root key: --passphrase-file FILE, a systemd credential postern-root, or --plain-key with --env test")}
	}
}
