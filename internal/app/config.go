package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"postern.example/postern/internal/trust/keys"
)

// Config is the content of postern.yaml. Relative paths are relative to the
// file's own folder. Unknown keys are errors; secrets appear only as file paths.
type Config struct {
	// Environment is "production" (default when empty), "test" or "demo". It
	// is bound into every key; data of one never opens as another.
	Environment string `yaml:"environment,omitempty"`
	// Origin is the one origin that browsers use, "https://portal.example".
	// Required. Links, cookies and the passkeys' relying party come from it.
	Origin string `yaml:"origin,omitempty"`
	// Clinic is how the clinic presents itself.
	Clinic Clinic `yaml:"clinic,omitempty"`
	// Listen is the address to serve on. Empty means 127.0.0.1:8443.
	Listen string `yaml:"listen,omitempty"`
	// TLS is how the listener encrypts. Empty is allowed on loopback only,
	// behind the operator's own TLS proxy on the same host.
	TLS TLS `yaml:"tls,omitempty"`
	// Database is where rows are kept. Empty means the embedded encrypted file.
	Database Database `yaml:"database,omitempty"`
	// RootKey is the sealed root key file. Empty means root.key beside the configuration.
	RootKey string `yaml:"root_key,omitempty"`
	// AllowPlainKey permits an unsealed root key; refused for production.
	AllowPlainKey bool `yaml:"allow_plain_key,omitempty"`
	// Log is where the log of all accesses is kept.
	Log Log `yaml:"log,omitempty"`
	// Sessions are the limits of browser sessions.
	Sessions Sessions `yaml:"sessions,omitempty"`
	// Limits bound what strangers can make the server hold.
	Limits Limits `yaml:"limits,omitempty"`
	// Security is the contact in /.well-known/security.txt (RFC 9116).
	Security Security `yaml:"security,omitempty"`

	dir string
}

// Clinic is how the clinic presents itself.
type Clinic struct {
	Name  string `yaml:"name,omitempty"`  // shown on every page. Required.
	Phone string `yaml:"phone,omitempty"` // the number that a person calls for help. Required.
}

// TLS configures the listener: certificate files or ACME, not both.
type TLS struct {
	Certificate string `yaml:"certificate,omitempty"` // PEM file with the chain; read again when it changes
	Key         string `yaml:"key,omitempty"`         // PEM file with the private key
	ACME        ACME   `yaml:"acme,omitempty"`
}

// ACME obtains certificates by RFC 8555.
type ACME struct {
	Email     string `yaml:"email,omitempty"`     // contact; setting it turns ACME on
	Directory string `yaml:"directory,omitempty"` // directory URL. Empty means the library's default authority.
	Storage   string `yaml:"storage,omitempty"`   // folder for certificates. Empty means acme/ beside the configuration.
}

// Database configures PostgreSQL. All empty means the embedded database.
type Database struct {
	URL                 string `yaml:"url,omitempty"`                   // the serving role's URL, without password
	PasswordFile        string `yaml:"password_file,omitempty"`         // holds the serving role's password. Empty means none is needed.
	MigrateURL          string `yaml:"migrate_url,omitempty"`           // the owning role's URL, for `postern migrate`
	MigratePasswordFile string `yaml:"migrate_password_file,omitempty"` // holds the owning role's password
	ServingRole         string `yaml:"serving_role,omitempty"`          // name of the serving role. Empty means the user in url.
}

// Log configures the log of all accesses.
type Log struct {
	Directory  string `yaml:"directory,omitempty"`  // Empty means log/ beside the configuration.
	Checkpoint string `yaml:"checkpoint,omitempty"` // the outside checkpoint. Empty means the file checkpoint beside the configuration, which anchors nothing.
}

// Sessions are limits of browser sessions, as durations such as "15m".
type Sessions struct {
	PatientIdle     Duration `yaml:"patient_idle,omitempty"`     // Empty means 15m.
	PatientAbsolute Duration `yaml:"patient_absolute,omitempty"` // Empty means 12h.
	StaffIdle       Duration `yaml:"staff_idle,omitempty"`       // Empty means 10m.
	StaffAbsolute   Duration `yaml:"staff_absolute,omitempty"`   // Empty means 8h.
}

// Security is the contact for people who find a weakness.
type Security struct {
	Contact string `yaml:"contact,omitempty"` // a mailto: or https: URL. Empty means that no security.txt is served, with a warning.
	Policy  string `yaml:"policy,omitempty"`  // URL of the disclosure policy. Empty leaves it out.
	Expires string `yaml:"expires,omitempty"` // date, 2027-06-30, at most a year ahead. Required with contact.
}

// Duration is a time.Duration in YAML's text form.
type Duration time.Duration

// UnmarshalYAML reads a duration such as "15m".
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v <= 0 {
		return fmt.Errorf("line %d: %q is not a positive duration such as 15m", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML writes the text form.
func (d Duration) MarshalYAML() (any, error) {
	if d == 0 {
		return nil, nil
	}
	return time.Duration(d).String(), nil
}

// ConfigFile is the name of the configuration in a data folder.
const ConfigFile = "postern.yaml"

// ReadConfig reads and validates the configuration at path. Unknown keys, wrong
// types and a second document are errors that name the line.
func ReadConfig(path string) (Config, error) {
	b, err := os.ReadFile(path) //#nosec G304 -- the operator names the file
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	var c Config
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("read configuration %s: %w", filepath.Base(path), err)
	}
	// What follows need not be valid to be too much.
	if err := d.Decode(new(Config)); !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("read configuration %s: it holds more than one document", filepath.Base(path))
	}
	if c.dir, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("check configuration %s: %w", filepath.Base(path), err)
	}
	return c, nil
}

func (c Config) path(p, otherwise string) string {
	if p == "" {
		p = otherwise
	}
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// env is the environment, production when nothing was said.
func (c Config) env() string {
	if c.Environment == "" {
		return keys.Production
	}
	return c.Environment
}

func (c Config) rootKey() string      { return c.path(c.RootKey, "root.key") }
func (c Config) logDir() string       { return c.path(c.Log.Directory, "log") }
func (c Config) checkpoint() string   { return c.path(c.Log.Checkpoint, "checkpoint") }
func (c Config) databaseFile() string { return filepath.Join(c.dir, "postern.db") }
func (c Config) listen() string {
	if c.Listen == "" {
		return "127.0.0.1:8443"
	}
	return c.Listen
}

// check finds what is missing or unsafe, all of it at once.
func (c Config) check() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch c.env() {
	case keys.Production, keys.Test, keys.Demo:
	default:
		add("environment: %q is not production, test or demo", c.Environment)
	}
	if err := checkOrigin(c.Origin); err != nil {
		add("origin: %w", err)
	}
	if c.Clinic.Name == "" {
		add("clinic.name: is required")
	}
	if c.Clinic.Phone == "" {
		add("clinic.phone: is required: a person who cannot get in must know whom to call")
	}
	if c.AllowPlainKey && c.env() == keys.Production {
		add("allow_plain_key: a plain root key is refused for production")
	}
	if c.Security.Contact != "" && c.Security.Expires == "" {
		add("security.expires: is required with security.contact (RFC 9116)")
	}
	errs = append(errs, c.checkListener()...)
	errs = append(errs, c.checkDatabase()...)
	errs = append(errs, c.checkSessions()...)
	errs = append(errs, c.checkLimits()...)
	return errors.Join(errs...)
}

func (c Config) checkListener() (errs []error) {
	host, _, err := net.SplitHostPort(c.listen())
	if err != nil {
		return []error{fmt.Errorf("listen: %q is not host:port", c.Listen)}
	}
	encrypted := c.encrypted()
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		errs = append(errs, errors.New("tls: certificate and key go together"))
	}
	if c.TLS.Certificate != "" && c.TLS.ACME.Email != "" {
		errs = append(errs, errors.New("tls: certificate files or acme, not both"))
	}
	if d := c.TLS.ACME.Directory; d != "" {
		// In the clear an account could be taken over; on this host alone it is a test.
		u, err := url.Parse(d)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
			errs = append(errs, fmt.Errorf("tls.acme.directory: %q is not an https:// URL", d))
		}
	}
	if !encrypted && !loopback(host) {
		errs = append(errs, errors.New("listen: plain HTTP is refused off loopback; set tls.certificate and tls.key, or tls.acme"))
	}
	if encrypted && !strings.HasPrefix(c.Origin, "https://") {
		errs = append(errs, errors.New("origin: must begin with https:// when the listener uses TLS"))
	}
	return errs
}

func (c Config) checkDatabase() (errs []error) {
	for name, u := range map[string]string{"database.url": c.Database.URL, "database.migrate_url": c.Database.MigrateURL} {
		if u == "" {
			continue
		}
		parsed, err := url.Parse(u)
		if err != nil || (parsed.Scheme != "postgres" && parsed.Scheme != "postgresql") {
			errs = append(errs, fmt.Errorf("%s: is not a postgres:// URL", name))
			continue
		}
		if _, has := parsed.User.Password(); has || parsed.Query().Has("password") {
			errs = append(errs, fmt.Errorf("%s: holds a password; put it in a file and name the file", name))
		}
	}
	if (c.Database.URL == "") != (c.Database.MigrateURL == "") {
		errs = append(errs, errors.New("database: url and migrate_url go together; the serving role must not own the tables"))
	}
	return errs
}

func (c Config) checkSessions() (errs []error) {
	for name, pair := range map[string][2]Duration{
		"sessions.patient": {c.Sessions.PatientIdle, c.Sessions.PatientAbsolute},
		"sessions.staff":   {c.Sessions.StaffIdle, c.Sessions.StaffAbsolute},
	} {
		if pair[0] > 0 && pair[1] > 0 && pair[0] > pair[1] {
			errs = append(errs, fmt.Errorf("%s_idle: is longer than %s_absolute", name, name))
		}
		if time.Duration(pair[0]) > time.Hour || time.Duration(pair[1]) > 24*time.Hour {
			errs = append(errs, fmt.Errorf("%s: idle is at most 1h and absolute at most 24h", name))
		}
	}
	return errs
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// checkOrigin accepts https://host[:port], and http:// for localhost alone.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case origin == "":
		return errors.New("is required")
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme+"://"+u.Host != origin:
		return fmt.Errorf("%q is not scheme://host[:port]", origin)
	case u.Scheme == "http" && u.Hostname() != "localhost":
		return errors.New("http is for localhost only")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must begin with https://")
	case strings.ToLower(u.Host) != u.Host:
		return errors.New("the host must be in lower case")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return errors.New("needs a name, not an address: a passkey is bound to a domain name")
	}
	return nil
}

// relyingParty is the WebAuthn RP id: the origin's host name.
func (c Config) relyingParty() string {
	u, err := url.Parse(c.Origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
