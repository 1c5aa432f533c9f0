package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// InitOptions are the flags of postern init.
type InitOptions struct {
	Dir, Origin          string
	DatabaseURL          string
	MigrateURL           string
	DatabasePasswordFile string
	MigratePasswordFile  string
	Environment          string
	CheckpointFile       string
	PassphraseFile       string
	PlainKey             bool
	ClinicName           string
	ClinicPhone          string
	Listen               string
	RenewLink            bool
	Limits               Limits // zero means the defaults; measurements raise them
	Warn                 func(string)
}

// Init creates an installation in an absent or empty folder and returns the
// one-time enrolment link of its first administrator. What it made is removed
// again when it fails. With RenewLink it voids that link and returns a new one,
// until the first administrator has enrolled.
func Init(ctx context.Context, o InitOptions) (link string, err error) {
	if o.RenewLink {
		return renewLink(ctx, o)
	}
	if o.Environment == keys.Production && o.PlainKey {
		return "", ExitError{2, errors.New("--plain-key needs --env test: a plain root key is refused for production")}
	}
	protector, err := newProtector(o.PassphraseFile, o.PlainKey)
	if err != nil {
		return "", err
	}
	a, err := Create(ctx, o, protector, Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.Close(ctx)) }()
	if o.Warn != nil {
		for _, w := range a.Config.warnings(time.Now()) {
			o.Warn(w)
		}
	}
	return a.firstAdministrator(ctx)
}

// Create makes the folder, its configuration, keys, database and log, and opens
// it. Only init and demo call it.
func Create(ctx context.Context, o InitOptions, p keys.Protector, opt Options) (*App, error) {
	c, made, err := prepare(o)
	if err != nil {
		return nil, err
	}
	held, err := db.Hold(c.dir)
	if err != nil {
		return nil, err
	}
	opt.NoHold = true
	a, err := create(ctx, c, p, opt)
	if err != nil {
		return nil, errors.Join(err, held.Release(), removeMade(c.dir, made))
	}
	a.held = held
	return a, nil
}

func create(ctx context.Context, c Config, p keys.Protector, opt Options) (*App, error) {
	if err := found(ctx, c, p, opt); err != nil {
		return nil, err
	}
	a, err := Open(ctx, c, p, opt)
	if err != nil {
		return nil, err
	}
	if err := a.Records.CreateClinic(ctx, founder()); err != nil {
		return nil, errors.Join(err, a.Close(ctx))
	}
	return a, nil
}

// founder is the Caller of init: the job that makes the clinic and its first
// administrator, before anybody can approve anything.
func founder() person.Caller {
	return person.NewSystem("init", person.PurposeSystemAdmin, person.Request{ID: requestID(), Client: "init"})
}

// prepare checks the folder and writes the configuration.
func prepare(o InitOptions) (c Config, made bool, err error) {
	c = Config{Environment: o.Environment, Origin: o.Origin, Clinic: Clinic{Name: o.ClinicName, Phone: o.ClinicPhone},
		Listen: o.Listen, AllowPlainKey: o.PlainKey, Log: Log{Checkpoint: o.CheckpointFile}, Limits: o.Limits,
		Database: Database{URL: o.DatabaseURL, MigrateURL: o.MigrateURL, PasswordFile: absolute(o.DatabasePasswordFile), MigratePasswordFile: absolute(o.MigratePasswordFile)}}
	c.Log.Checkpoint = absolute(c.Log.Checkpoint)
	if c.dir, err = filepath.Abs(o.Dir); err != nil {
		return c, false, ExitError{2, err}
	}
	if err := checkOrigin(o.Origin); err != nil {
		return c, false, ExitError{2, fmt.Errorf("--origin: %w", err)}
	}
	switch entries, err := os.ReadDir(c.dir); {
	case errors.Is(err, fs.ErrNotExist):
		made = true
	case err != nil:
		return c, false, ExitError{2, err}
	case len(entries) > 0:
		return c, false, fmt.Errorf("init: %s is not empty; an installation is made in an absent or empty folder", o.Dir)
	}
	written, err := c.write()
	if err != nil {
		return c, made, errors.Join(err, removeMade(c.dir, made))
	}
	return written, made, nil
}

// write makes the folders and the configuration file, and reads it back: what
// serve will see must be valid now.
func (c Config) write() (Config, error) {
	if err := os.MkdirAll(c.logDir(), 0o700); err != nil {
		return c, fmt.Errorf("init: %w", err)
	}
	// An existing empty folder may have been readable to others.
	if err := os.Chmod(c.dir, 0o700); err != nil { //#nosec G302 -- a folder needs its x bit
		return c, fmt.Errorf("init: %w", err)
	}
	b, err := yaml.Marshal(c)
	if err != nil {
		return c, fmt.Errorf("init: write configuration: %w", err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, ConfigFile), b, 0o600); err != nil {
		return c, fmt.Errorf("init: %w", err)
	}
	read, err := ReadConfig(filepath.Join(c.dir, ConfigFile))
	if err != nil {
		return c, ExitError{2, err}
	}
	return read, nil
}

func absolute(path string) string {
	if path == "" {
		return ""
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// removeMade removes what a failed init made.
func removeMade(dir string, folder bool) error {
	if folder {
		return os.RemoveAll(dir)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// found makes root key, schema, settings and the empty log.
func found(ctx context.Context, c Config, p keys.Protector, opt Options) (err error) {
	root, err := keys.CreateRoot(c.rootKey(), c.env(), p, rand.Reader)
	if err != nil {
		return err
	}
	a := &App{Config: c, opt: opt, root: root}
	if a.opt.Clock == nil {
		a.opt.Clock = time.Now
	}
	defer func() { err = errors.Join(err, a.release()) }()
	if c.Database.MigrateURL != "" {
		if _, err := migrate(ctx, c, opt); err != nil {
			return err
		}
	}
	if a.db, err = a.openDatabase(ctx, c.Database.URL, c.Database.PasswordFile); err != nil {
		return err
	}
	if c.Database.URL == "" {
		if err := a.db.Migrate(ctx, Migrations()); err != nil {
			return err
		}
	}
	if a.ring, err = keys.Open(ctx, keys.Config{DB: a.db, Root: root, Random: rand.Reader}); err != nil {
		return err
	}
	if a.Clinic, err = person.NewClinicID(rand.Reader); err != nil {
		return err
	}
	in, err := json.Marshal(installation{Clinic: a.Clinic.String(), Origin: c.Origin, RPID: c.relyingParty()})
	if err != nil {
		return fmt.Errorf("init: encode settings: %w", err)
	}
	if err := a.ring.SetInstallation(ctx, in); err != nil {
		if errors.Is(err, db.ErrConflict) {
			return errors.New("init: the database holds an installation already")
		}
		return err
	}
	return a.foundLog(ctx)
}

// foundLog makes the log's payload key, the empty log, its outside checkpoint and
// the file with its verification key.
func (a *App) foundLog(ctx context.Context) error {
	if err := a.db.Write(ctx, func(tx *db.Tx) error {
		_, err := a.ring.Create(ctx, tx, person.Clinic(a.Clinic), keys.UseAudit)
		return err
	}); err != nil {
		return err
	}
	c, err := a.logConfig(ctx)
	if err != nil {
		return err
	}
	if err := audit.Create(ctx, c); err != nil {
		return err
	}
	if err := os.WriteFile(a.Config.vkeyFile(), []byte(c.VKey+"\n"), 0o600); err != nil {
		return fmt.Errorf("init: write the log's key: %w", err)
	}
	return nil
}

// firstAdministrator creates the first account and returns its link.
func (a *App) firstAdministrator(ctx context.Context) (string, error) {
	plan, err := a.Identity.PlanCreate(ctx, identity.NewAccount{Name: phi.NewText("First administrator"), Roles: []person.Role{person.RoleAdministrator}})
	if err != nil {
		return "", err
	}
	if err := a.apply(ctx, founder(), plan); err != nil {
		return "", err
	}
	return a.enrolment(ctx, founder(), plan.Account())
}

// apply asks the gate and makes the change.
func (a *App) apply(ctx context.Context, c person.Caller, plan *identity.Plan) error {
	g, err := a.Gate.Decide(ctx, plan.Ask(c))
	if err != nil {
		return err
	}
	return a.Identity.Apply(ctx, g, plan)
}

func (a *App) enrolment(ctx context.Context, c person.Caller, account person.AccountID) (string, error) {
	plan, err := a.Identity.PlanEnrolment(ctx, account)
	if err != nil {
		return "", err
	}
	if err := a.apply(ctx, c, plan); err != nil {
		return "", err
	}
	return plan.Link(), nil
}

// renewLink voids the first administrator's link and makes a new one. The first
// account is the only one there is before anybody has enrolled.
func renewLink(ctx context.Context, o InitOptions) (link string, err error) {
	place := Place{Data: o.Dir, PassphraseFile: o.PassphraseFile}
	c, err := place.config()
	if err != nil {
		return "", err
	}
	p, err := place.protector(c)
	if err != nil {
		return "", err
	}
	a, err := Open(ctx, c, p, Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.Close(ctx)) }()
	g, err := a.Gate.Decide(ctx, access.Ask{Caller: founder(), Action: access.ListAccounts, Owner: person.Clinic(a.Clinic), Reason: "renew the first enrolment link"})
	if err != nil {
		return "", err
	}
	list, err := a.Identity.List(ctx, g, person.AccountID{}, 2)
	if err != nil {
		return "", err
	}
	if len(list) != 1 || list[0].Passkeys > 0 {
		return "", errors.New("init: the first administrator has enrolled; administrators make further links")
	}
	return a.enrolment(ctx, founder(), list[0].ID)
}

// Migrated is what a database has after Migrate.
type Migrated struct {
	New   int         // how many migrations this call applied
	Steps []Migration // every one, in order
}

// Migration is one step of the schema's timeline in one database.
type Migration struct {
	Number int
	Name   string // room and what it made
	On     bool   // false: the columns are there, and what needs them is switched off
}

// Migrate brings a PostgreSQL schema up to date as the owning role, and says what
// the database has then.
func Migrate(ctx context.Context, p Place) (Migrated, error) {
	c, err := p.config()
	if err != nil {
		return Migrated{}, err
	}
	if c.Database.MigrateURL == "" {
		return Migrated{}, ExitError{2, errors.New("migrate: database.migrate_url is empty; the embedded database migrates itself when it is served")}
	}
	return migrate(ctx, c, Options{})
}

func migrate(ctx context.Context, c Config, opt Options) (out Migrated, err error) {
	a := &App{Config: c, opt: opt}
	d, err := a.openDatabase(ctx, c.Database.MigrateURL, c.Database.MigratePasswordFile)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	missing, err := d.SchemaState(ctx, Migrations())
	if err == nil {
		err = d.Migrate(ctx, Migrations())
	}
	if err != nil {
		return out, err
	}
	states, err := d.MigrationStates(ctx, Migrations())
	out.New = len(missing)
	for _, m := range Migrations() {
		out.Steps = append(out.Steps, Migration{m.Number, m.Room + " " + m.Name, states[m.Number] == db.FeatureOn})
	}
	slices.SortFunc(out.Steps, func(a, b Migration) int { return a.Number - b.Number })
	return out, err
}
