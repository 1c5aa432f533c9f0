package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/room/risk"
	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Options are what a test or command may change about an App.
type Options struct {
	Clock func() time.Time // nil is the system's clock
	Log   *slog.Logger     // nil discards
	// DB opens the database in another way than the configuration says; tests only.
	DB func(ctx context.Context, c db.Config) (*db.DB, error)
	// Definitions of the resource types, to see what a changed one does; tests only.
	Definitions []records.Definition
	// RefusalSpread is how many different refusals of one account within a minute have
	// entries of their own; 0 means audit.RefusalSpread. Measurements raise it.
	RefusalSpread int
	// FreeSpace is the free space of the data folder's disk; nil asks the system.
	FreeSpace func() (int64, error)
	// Reserve is the space that the log sets aside for care, and Marks the free space below
	// which others are refused; zero means the defaults. Tests only.
	Reserve int64
	Marks   audit.Marks
	// NoHold leaves the folder lock to the caller, who has it.
	NoHold bool
}

// App is an open installation.
type App struct {
	Config   Config
	Clinic   person.ClinicID
	Identity *identity.Room
	Sessions *session.Room
	Records  *records.Store
	Gate     *access.Gate
	Log      *audit.Log

	opt      Options
	slog     *slog.Logger
	root     *keys.Root
	held     *db.Held
	db       *db.DB
	ring     *keys.Ring
	vault    *vault.Vault
	limiter  *risk.Limiter
	store    audit.Store
	refusals *audit.Refusals
	follower *audit.Follower
	stop     context.CancelFunc
	running  sync.WaitGroup
	started  bool

	catalogue *records.Catalogue // of resource types
}

// installation is what init fixed for ever.
type installation struct {
	Clinic string `json:"clinic"`
	Origin string `json:"origin"`
	RPID   string `json:"rp_id"`
}

// Migrations is the one timeline.
func Migrations() []db.Migration {
	return slices.Concat(keys.Migrations(), audit.Migrations(), vault.Migrations(), identity.Migrations(),
		session.Migrations(), records.Migrations())
}

// Open opens the installation that c describes. It holds the data folder until
// Close. An error leaves nothing open.
func Open(ctx context.Context, c Config, p keys.Protector, o Options) (*App, error) {
	a := &App{Config: c, opt: o}
	if a.opt.Clock == nil {
		a.opt.Clock = time.Now
	}
	if a.slog = o.Log; a.slog == nil {
		a.slog = slog.New(slog.DiscardHandler)
	}
	if err := a.open(ctx, p); err != nil {
		return nil, errors.Join(err, a.release())
	}
	return a, nil
}

func (a *App) open(ctx context.Context, p keys.Protector) (err error) {
	if !a.opt.NoHold {
		if a.held, err = db.Hold(a.Config.dir); err != nil {
			return err
		}
	}
	// An export that was on its way when the process was killed.
	left, err := filepath.Glob(filepath.Join(a.Config.dir, exportPattern))
	if err != nil {
		return err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove a broken export: %w", err)
		}
	}
	if err := a.openBase(ctx, p); err != nil {
		return err
	}
	if err := a.installed(ctx); err != nil {
		return err
	}
	return a.openRooms(ctx)
}

// exportPattern names the folders in which exports are made.
const exportPattern = "export-*"

// openBase opens root key, database and key ring.
func (a *App) openBase(ctx context.Context, p keys.Protector) (err error) {
	if a.root, err = keys.OpenRoot(a.Config.rootKey(), p); err != nil {
		return err
	}
	if a.root.Environment() != a.Config.env() {
		return fmt.Errorf("open installation: the configuration says %s, the root key is for %s", a.Config.env(), a.root.Environment())
	}
	if a.db, err = a.openDatabase(ctx, a.Config.Database.URL, a.Config.Database.PasswordFile); err != nil {
		return err
	}
	if a.Config.Database.URL == "" {
		err = a.db.Migrate(ctx, Migrations())
	} else {
		err = a.current(ctx)
	}
	if err != nil {
		return err
	}
	a.ring, err = keys.Open(ctx, keys.Config{DB: a.db, Root: a.root, Random: rand.Reader})
	return err
}

// current refuses a PostgreSQL schema that a migration is missing from: the
// serving role cannot migrate, by design.
func (a *App) current(ctx context.Context) error {
	missing, err := a.db.SchemaState(ctx, Migrations())
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("open database: the schema is older than this binary (migrations %v are missing); run postern migrate --config FILE", missing)
	}
	return a.db.CheckServing(ctx, Migrations())
}

func (a *App) openDatabase(ctx context.Context, url, passwordFile string) (*db.DB, error) {
	c := db.Config{Path: a.Config.databaseFile(), Random: rand.Reader}
	if url != "" {
		password, err := readSecret(a.Config, passwordFile)
		if err != nil {
			return nil, err
		}
		c = db.Config{Postgres: url, Password: password, ServingRole: a.Config.servingRole(), Random: rand.Reader}
	} else {
		key, err := a.root.RiskyPageKey()
		if err != nil {
			return nil, err
		}
		c.Key = key
	}
	open := db.Open
	if a.opt.DB != nil {
		open = a.opt.DB
	}
	d, err := open(ctx, c)
	if err != nil && strings.HasPrefix(db.Code(err), "28") { // SQLSTATE class 28: invalid authorization
		err = fmt.Errorf("the database did not let the role in; check its password, and the file that the configuration names for it: %w", err)
	}
	return d, err
}

func readSecret(c Config, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	// Every command that opens the database comes through here, not only serve.
	if errs := private("database password file", c.path(file, "")); len(errs) > 0 {
		return "", errors.Join(errs...)
	}
	b, err := os.ReadFile(c.path(file, ""))
	if err != nil {
		return "", fmt.Errorf("read database password: %w", err)
	}
	password := strings.TrimRight(string(b), "\r\n")
	if password == "" {
		return "", fmt.Errorf("read database password: %s is empty", filepath.Base(file))
	}
	return password, nil
}

func (c Config) servingRole() string {
	if c.Database.ServingRole != "" {
		return c.Database.ServingRole
	}
	u, err := url.Parse(c.Database.URL)
	if err != nil {
		return ""
	}
	return u.User.Username()
}

// installed reads what init fixed and compares it with the configuration.
func (a *App) installed(ctx context.Context) error {
	b, err := a.ring.Installation(ctx)
	if errors.Is(err, db.ErrNoRows) {
		return errors.New("open installation: it was never initialized; run postern init")
	}
	if err != nil {
		return err
	}
	var in installation
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("read installation: %w", err)
	}
	if in.Origin != a.Config.Origin || in.RPID != a.Config.relyingParty() {
		return fmt.Errorf("open installation: it was made for the origin %s; passkeys are bound to it and it cannot be changed to %s", in.Origin, a.Config.Origin)
	}
	a.Clinic, err = person.ParseClinicID(in.Clinic)
	return err
}

// logConfig describes the log: in files beside the embedded database, in tables
// on PostgreSQL.
func (a *App) logConfig(ctx context.Context) (audit.Config, error) {
	key, err := a.ring.Subject(ctx, person.Clinic(a.Clinic), keys.UseAudit)
	if err != nil {
		return audit.Config{}, fmt.Errorf("open log key: %w", err)
	}
	signer, err := newLogSigner(a.root, audit.Origin(a.Clinic.String()))
	if err != nil {
		return audit.Config{}, err
	}
	c := audit.Config{Store: a.logStore(), Sealer: key, Signer: signer, VKey: signer.vkey,
		Outside: audit.NewOutsideFile(a.Config.checkpoint()), Clock: a.opt.Clock, Random: rand.Reader,
		Alarm: func(err error) { a.slog.Error("log", "error", err) }}
	return c, nil
}

func (a *App) logStore() audit.Store {
	if a.Config.Database.URL != "" {
		c := a.Config.logTable(a.db)
		c.Size = a.opt.Reserve
		return audit.NewOverflow(c)
	}
	return audit.NewFileStore(audit.FileConfig{Dir: a.Config.logDir(), Reserve: a.opt.Reserve, Marks: a.opt.Marks})
}

// logTable is the log of an installation on PostgreSQL: the table, and the file for
// care when the database's disk is full.
func (c Config) logTable(d *db.DB) audit.OverflowConfig {
	return audit.OverflowConfig{Store: audit.NewDBStore(d), Dir: c.logDir()}
}

// logSigner is the log's key in the form of package note.
type logSigner struct {
	keys.Signer
	name string
	hash uint32
	vkey string
}

func newLogSigner(r *keys.Root, name string) (logSigner, error) {
	s, err := r.LogSigner()
	if err != nil {
		return logSigner{}, err
	}
	vkey, err := note.NewEd25519VerifierKey(name, s.Public())
	if err != nil {
		return logSigner{}, fmt.Errorf("name log key: %w", err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return logSigner{}, fmt.Errorf("name log key: %w", err)
	}
	return logSigner{s, name, v.KeyHash(), vkey}, nil
}

// Name is the origin of the log.
func (s logSigner) Name() string { return s.name }

// KeyHash is the hash that notes name the key by.
func (s logSigner) KeyHash() uint32 { return s.hash }

// openRooms opens log, vault and rooms and plugs them together.
func (a *App) openRooms(ctx context.Context) error {
	logConfig, err := a.logConfig(ctx)
	if err != nil {
		return err
	}
	a.store = logConfig.Store
	if a.Log, err = audit.Open(ctx, logConfig); err != nil {
		return err
	}
	a.refusals = audit.NewRefusals(audit.RefusalsConfig{Log: a.Log, Spread: a.opt.RefusalSpread, Alarm: func(err error) { a.slog.Error("refusals", "error", err) }})
	a.vault, err = vault.New(ctx, vault.Config{DB: a.db, Ring: a.ring, Root: a.root, Log: a.Log, Alarm: a.alarm})
	if err != nil {
		return err
	}
	if err := a.openPeople(); err != nil {
		return err
	}
	index := audit.NewSubjects(a.db, logConfig.Sealer)
	a.follower = audit.NewFollower(audit.FollowerConfig{Log: a.Log, Index: index})
	a.Gate, err = access.New(access.Config{Log: a.Log, Refusals: a.refusals, Directory: a.Identity, Volume: a.volume(), Environment: a.Config.env(),
		Server: a.Config.serverName(), Clock: a.opt.Clock, Random: rand.Reader,
		Alert: func(ctx context.Context, what string) { a.alarm(ctx, what, person.Owner{}) },
		Ledger: access.NewLedger(access.LedgerConfig{Log: a.Log, Store: logConfig.Store, Outside: logConfig.Outside,
			Follower: a.follower, Index: index, TempDir: a.exportFolder, Alarm: a.alarm})})
	if err != nil {
		return err
	}
	definitions := records.Definitions()
	if a.opt.Definitions != nil {
		definitions = a.opt.Definitions
	}
	if a.catalogue, err = records.NewCatalogue(definitions); err != nil {
		return err
	}
	a.Records, err = records.NewStore(records.StoreConfig{DB: a.db, Vault: a.vault, Gate: a.Gate, Standings: a.Identity,
		Catalogue: a.catalogue, Clinic: a.Clinic, Ready: a.readyForPatients, Job: reindexJob, Links: links{a}, Clock: a.opt.Clock, Random: rand.Reader})
	return err
}

// openPeople opens the rooms of accounts and sessions.
func (a *App) openPeople() error {
	// A key of this process alone: a restart forgets which challenges were used,
	// so it must also void those that were given out.
	ceremonies, err := a.root.Ephemeral(rand.Reader)
	if err != nil {
		return err
	}
	forms, err := a.root.Service(keys.ServiceForm)
	if err != nil {
		return err
	}
	a.Identity, err = identity.New(identity.Config{DB: a.db, Vault: a.vault, Ceremonies: ceremonies, Alarm: a.alarm,
		Clock: a.opt.Clock, Random: rand.Reader, Clinic: a.Clinic, Environment: a.Config.env(), Origin: a.Config.Origin,
		RPID: a.Config.relyingParty(), RPName: a.Config.Clinic.Name})
	if err != nil {
		return err
	}
	rates, errs := a.Config.rates()
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	rates.Clock = a.opt.Clock
	a.limiter = risk.NewLimiter(rates)
	s := a.Config.Sessions
	a.Sessions, err = session.New(session.Config{DB: a.db, Vault: a.vault, People: a.Identity, Forms: forms, Watch: a.limiter, Clock: a.opt.Clock,
		Random: rand.Reader, Environment: a.Config.env(), Limits: session.Limits{
			PatientIdle: time.Duration(s.PatientIdle), PatientLife: time.Duration(s.PatientAbsolute),
			StaffIdle: time.Duration(s.StaffIdle), StaffLife: time.Duration(s.StaffAbsolute)}})
	return err
}

func (a *App) readyForPatients(ctx context.Context) error {
	ready, err := a.Identity.ReadyForPatients(ctx)
	if err == nil && !ready {
		err = fault.Say(fault.Conflict, "error.not-ready", "import: no patients before two administrators and a compliance officer have enrolled")
	}
	return err
}

func (c Config) serverName() string {
	u, err := url.Parse(c.Origin)
	if err != nil {
		return "postern"
	}
	return u.Hostname()
}

// alarm writes an alarm to the log of all accesses and to the process's own.
// Identical alarms within a minute are counted like refusals.
func (a *App) alarm(ctx context.Context, what string, owner person.Owner) {
	a.slog.Error("alarm", "what", what, "owner", owner.String())
	e := audit.Entry{Event: audit.EventAlarm, Outcome: audit.Failed, Reason: what, Server: a.Config.serverName(), Class: audit.ClassCare}
	e.Caller.Kind, e.Caller.Name, e.LastAnchor, e.Settled = "system", "integrity", -1, -1
	if p, ok := owner.AsPatient(); ok {
		e.Patient = p
	} else if !owner.IsZero() {
		e.Owner = owner.String()
	}
	if err := a.refusals.Refuse(context.WithoutCancel(ctx), "alarm "+what+" "+owner.String(), e); err != nil {
		a.slog.Error("alarm could not be logged", "error", err)
	}
}

// Start begins the background work of a serving process: the index of Who
// looked, the clock's watch, the scrub, and indexes of changed definitions.
func (a *App) Start(ctx context.Context) error {
	if _, err := a.Log.Append(ctx, a.own(audit.EventStart)); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop, a.started = stop, true
	clock := audit.NewClockMonitor(audit.ClockConfig{Log: a.Log, Clock: a.opt.Clock, Server: a.Config.serverName(),
		Alarm: func(id string, by time.Duration, err error) {
			a.slog.Warn("clock", "alarm", id, "by", by, "error", err)
		}})
	for _, job := range []func(context.Context){a.follower.Run, a.scrub, a.reindex, func(ctx context.Context) { clock.Run(ctx, clockInterval) }} {
		a.running.Go(func() { job(run) })
	}
	return nil
}

// Maintain does the log's upkeep now; an open log does it by itself every few seconds.
func (a *App) Maintain(ctx context.Context) error { return a.store.Maintain(ctx) }

// How often the clock is compared, and how long the scrub rests between blocks.
const (
	clockInterval = 30 * time.Second
	scrubInterval = 5 * time.Second
)

// scrub walks over the log again and again, a block at a time.
func (a *App) scrub(ctx context.Context) {
	s, err := audit.NewScrub(a.store, a.Log.VKey())
	if err != nil {
		a.slog.Error("scrub", "error", err)
		return
	}
	var indexed int64
	t := time.NewTicker(scrubInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if _, err := s.Step(ctx); err != nil && ctx.Err() == nil {
			a.alarm(ctx, "log scrub: "+err.Error(), person.Owner{})
		}
		indexed = a.scrubIndex(ctx, indexed)
	}
}

// scrubIndexBlock is how many entries are compared with the index of Who looked
// at a time: four million a day. Each is opened and looked up, some 50 us together.
const scrubIndexBlock = 250

// scrubIndex compares the next entries with the index of Who looked, which finds
// rows cut from the end of a patient's list, and returns where to go on.
func (a *App) scrubIndex(ctx context.Context, from int64) int64 {
	to := min(from+scrubIndexBlock, a.Log.Size())
	switch err := a.follower.Check(ctx, from, to); {
	case err == nil || ctx.Err() != nil:
	case fault.Is(err, fault.Unavailable): // a database that is full or away is not tampered with
		a.slog.Error("index of Who looked", "error", err)
	default:
		a.alarm(ctx, "index of Who looked: "+err.Error(), person.Owner{})
	}
	if to == a.Log.Size() {
		return 0
	}
	return to
}

// own is an entry about the process itself.
func (a *App) own(event audit.Event) audit.Entry {
	e := audit.Entry{Event: event, Outcome: audit.Success, Server: a.Config.serverName(), Class: audit.ClassCare}
	e.Caller.Kind, e.Caller.Name = "system", "postern"
	return e
}

// Close drains: background work ends, counts and the last checkpoint are
// written, the database closes, the folder is free.
func (a *App) Close(ctx context.Context) error {
	var errs []error
	if a.started {
		a.stop()
		a.running.Wait()
		_, err := a.Log.Append(ctx, a.own(audit.EventStop))
		errs = append(errs, err)
	}
	return errors.Join(append(errs, a.release())...)
}

func (a *App) release() error {
	var errs []error
	if a.refusals != nil {
		errs = append(errs, a.refusals.Close(context.Background()))
		a.refusals = nil
	}
	if a.Log != nil {
		errs = append(errs, a.Log.Close(context.Background()))
		a.Log = nil
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
		a.db = nil
	}
	if a.held != nil {
		errs = append(errs, a.held.Release())
		a.held = nil
	}
	return errors.Join(errs...)
}

// VKeyFile is the name of the log's key in the data folder.
const VKeyFile = "log.vkey"

func (c Config) vkeyFile() string { return filepath.Join(c.dir, VKeyFile) }
