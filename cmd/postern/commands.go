package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"postern.example/postern/internal/app"
)

// place says which installation a command works on.
type place struct {
	Data           string `xor:"place" placeholder:"DIR" help:"Data folder; its postern.yaml is the configuration."`
	Config         string `xor:"place" placeholder:"FILE" help:"Configuration file."`
	PassphraseFile string `placeholder:"FILE" help:"File with the root key's passphrase. A systemd credential named postern-root is used when present."`
}

func (p place) app() app.Place {
	return app.Place{Data: p.Data, Config: p.Config, PassphraseFile: p.PassphraseFile}
}

type initCmd struct {
	Data                 string `required:"" placeholder:"DIR" help:"Folder to create the installation in; absent or empty."`
	Origin               string `placeholder:"URL" help:"The one origin that browsers will use, such as https://portal.example."`
	Database             string `placeholder:"URL" help:"PostgreSQL URL of the serving role, without password. Default: the embedded encrypted database."`
	MigrateDatabase      string `placeholder:"URL" help:"PostgreSQL URL of the owning role, without password."`
	DatabasePasswordFile string `placeholder:"FILE" help:"File with the serving role's password."`
	MigratePasswordFile  string `placeholder:"FILE" help:"File with the owning role's password."`
	Env                  string `default:"production" enum:"production,test" help:"production or test; fixed for ever."`
	CheckpointFile       string `placeholder:"FILE" help:"Outside checkpoint, on another disk or host. Default: DIR/checkpoint, which anchors nothing."`
	PassphraseFile       string `xor:"protect" placeholder:"FILE" help:"File with a passphrase that seals the root key."`
	PlainKey             bool   `xor:"protect" help:"Leave the root key unsealed. Test data only."`
	ClinicName           string `default:"Our clinic" help:"The clinic's name, as pages show it."`
	ClinicPhone          string `default:"555-0100" help:"The number that people call for help."`
	RenewLink            bool   `help:"Void the first administrator's enrolment link and print a new one."`
}

func (c initCmd) Run(ctx context.Context, e env) error {
	link, err := app.Init(ctx, app.InitOptions{
		Dir: c.Data, Origin: c.Origin, DatabaseURL: c.Database, MigrateURL: c.MigrateDatabase,
		DatabasePasswordFile: c.DatabasePasswordFile, MigratePasswordFile: c.MigratePasswordFile,
		Environment: c.Env, CheckpointFile: c.CheckpointFile, PassphraseFile: c.PassphraseFile,
		PlainKey: c.PlainKey, ClinicName: c.ClinicName, ClinicPhone: c.ClinicPhone, RenewLink: c.RenewLink,
		Warn: func(s string) { fmt.Fprintln(e.stderr, "warning:", s) },
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "First administrator: open this link within 30 minutes. It works once and is shown once.\n%s\n", link)
	return nil
}

type migrateCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration file with database.migrate_url."`
}

func (c migrateCmd) Run(ctx context.Context, e env) error {
	m, err := app.Migrate(ctx, app.Place{Config: c.Config})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "The schema is up to date; %d migrations were applied. It has:\n", m.New)
	for _, s := range m.Steps {
		state := "on"
		if !s.On {
			state = "applied, not switched on"
		}
		fmt.Fprintf(e.stdout, "%4d  %s: %s\n", s.Number, s.Name, state)
	}
	return nil
}

type serveCmd struct {
	Config         string `required:"" placeholder:"FILE" help:"Configuration file."`
	PassphraseFile string `placeholder:"FILE" help:"File with the root key's passphrase. A systemd credential named postern-root is used when present."`
}

func (c serveCmd) Run(ctx context.Context, e env) error {
	return app.ServeCommand(ctx, app.Place{Config: c.Config, PassphraseFile: c.PassphraseFile}, e.stderr)
}

type checkCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration file."`
}

func (c checkCmd) Run(_ context.Context, e env) error {
	warnings, err := app.Check(c.Config)
	for _, w := range warnings {
		fmt.Fprintln(e.stderr, "warning:", w)
	}
	if err != nil {
		return app.ExitError{Code: 1, Err: err}
	}
	fmt.Fprintln(e.stdout, "The configuration is valid.")
	return nil
}

type importCmd struct {
	place
	JSON        bool     `name:"json" help:"Print the summary as JSON."`
	Files       []string `arg:"" name:"file" placeholder:"FILE" help:"FHIR R4 bundles."`
	MaxBundle   int64    `default:"67108864" help:"Most bytes of a bundle."`
	MaxResource int64    `default:"1048576" help:"Most bytes of a resource."`
	MaxDepth    int      `default:"64" help:"Deepest nesting of JSON."`
	Reason      string   `help:"Why, for the log. Asked for on production data."`
}

func (c importCmd) Run(ctx context.Context, e env) error {
	o := app.ImportOptions{Place: c.app(), Files: c.Files, MaxBundle: c.MaxBundle, MaxResource: c.MaxResource, MaxDepth: c.MaxDepth, Reason: c.Reason,
		Say: func(s string) { fmt.Fprintln(e.stderr, s) }}
	if e.terminal {
		o.Progress = func(done, total int, file string) { fmt.Fprintf(e.stderr, "\r\x1b[K%d of %d: %s", done, total, file) }
	}
	sum, err := app.Import(ctx, o)
	if e.terminal {
		fmt.Fprint(e.stderr, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(e.stdout).Encode(sum); err != nil {
			return fmt.Errorf("print summary: %w", err)
		}
	} else {
		sum.Print(e.stdout)
	}
	if !sum.OK {
		return app.ExitError{Code: 1}
	}
	return nil
}

type accountCmd struct {
	Add    accountAddCmd    `cmd:"" help:"Add an account and print its one-time enrolment link."`
	List   accountListCmd   `cmd:"" help:"List accounts."`
	Assign accountAssignCmd `cmd:"" help:"Assign a patient to a clinician or nurse."`
}

type accountAddCmd struct {
	place
	Role    string `required:"" help:"Role: patient, clinician, nurse, front-desk, records-office, billing, administrator, compliance, auditor."`
	Patient string `placeholder:"ID" help:"The own chart of a person with the role patient."`
	Name    string `help:"The person's name, as pages show it."`
	Reason  string `help:"Why, for the log. Asked for on production data."`
}

func (c accountAddCmd) Run(ctx context.Context, e env) error {
	out, err := app.AccountAdd(ctx, app.AccountAddOptions{Place: c.app(), Role: c.Role, Patient: c.Patient, Name: c.Name, Reason: c.Reason,
		Say: func(s string) { fmt.Fprintln(e.stderr, s) }})
	if err != nil {
		return err
	}
	if out.Link == "" {
		fmt.Fprintln(e.stderr, "Two administrators make this account's link: ask for it on the page Accounts.")
		_, err = fmt.Fprintln(e.stdout, out.Account)
		return err
	}
	fmt.Fprintf(e.stdout, "%s\n%s\n", out.Account, out.Link)
	return nil
}

type accountListCmd struct {
	place
	Reason string `help:"Why, for the log. Asked for on production data."`
}

func (c accountListCmd) Run(ctx context.Context, e env) error {
	list, err := app.AccountList(ctx, app.AccountListOptions{Place: c.app(), Reason: c.Reason,
		Say: func(s string) { fmt.Fprintln(e.stderr, s) }})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ACCOUNT\tROLES\tSTATE\tPASSKEYS\tCHART")
	for _, a := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", a.Account, a.Roles, a.State, a.Passkeys, a.Chart)
	}
	return w.Flush()
}

type accountAssignCmd struct {
	place
	Clinician string `required:"" placeholder:"ID" help:"Account of the clinician or nurse."`
	Patient   string `required:"" placeholder:"ID" help:"Chart of the patient."`
	Reason    string `help:"Why, for the log. Asked for on production data."`
}

func (c accountAssignCmd) Run(ctx context.Context, e env) error {
	err := app.AccountAssign(ctx, app.AccountAssignOptions{Place: c.app(), Clinician: c.Clinician, Patient: c.Patient, Reason: c.Reason,
		Say: func(s string) { fmt.Fprintln(e.stderr, s) }})
	if err == nil {
		fmt.Fprintln(e.stdout, "Assigned.")
	}
	return err
}

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Verify the log, an export or a proof. Opens no entry and appends nothing. Exit codes: 0 ok, 1 not ok, 2 cannot read."`
	Export auditExportCmd `cmd:"" help:"Write the log as C2SP tiles with its checkpoint and sealed entries."`
}

type auditVerifyCmd struct {
	Data           string   `xor:"what" placeholder:"DIR" help:"Data folder of an installation."`
	Config         string   `xor:"what" placeholder:"FILE" help:"Configuration of an installation."`
	Export         string   `xor:"what" placeholder:"DIR" help:"Folder that audit export wrote."`
	Proof          string   `xor:"what" placeholder:"FILE" help:"Proof of one entry, as a patient downloads it."`
	Key            string   `placeholder:"VKEY" help:"The log's key, or a file that holds it. A verifier trusts no other."`
	Checkpoint     []string `placeholder:"FILE" help:"A checkpoint or proof kept outside: the log must contain it."`
	JSON           bool     `name:"json" help:"Print the result as JSON, alone on standard output."`
	PassphraseFile string   `hidden:"" help:"Accepted for uniformity; verification opens nothing."`
}

func (c auditVerifyCmd) Run(ctx context.Context, e env) error {
	r, err := app.AuditVerify(ctx, app.AuditVerifyOptions{Place: app.Place{Data: c.Data, Config: c.Config}, Export: c.Export,
		Proof: c.Proof, Key: c.Key, Checkpoints: c.Checkpoint})
	if err != nil {
		return app.ExitError{Code: 2, Err: err}
	}
	if c.JSON {
		if err := json.NewEncoder(e.stdout).Encode(r); err != nil {
			return app.ExitError{Code: 2, Err: err}
		}
	} else {
		r.Print(e.stdout)
	}
	if !r.OK {
		return app.ExitError{Code: 1}
	}
	return nil
}

type auditExportCmd struct {
	place
	Out string `required:"" placeholder:"DIR" help:"Folder to write; absent or empty."`
}

func (c auditExportCmd) Run(ctx context.Context, e env) error {
	n, err := app.AuditExport(ctx, app.AuditExportOptions{Place: c.app(), Out: c.Out})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "Exported %d entries, up to the newest checkpoint.\n", n)
	return nil
}

type routesCmd struct {
	JSON bool `name:"json" help:"Print a JSON array."`
}

func (c routesCmd) Run(e env) error {
	rows, err := app.RouteTable(demoRoutes())
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(rows)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "METHOD\tPATH\tDOOR\tACTION\tAUDIT")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Method, r.Path, r.Door, r.Action, r.Audit)
	}
	return w.Flush()
}

type tokenCmd struct {
	place
	Account string `required:"" placeholder:"ID|PERSONA" help:"Account id, or a persona of the demo."`
	Minutes int    `default:"15" help:"Life of the token, at most 60."`
}

func (c tokenCmd) Run(ctx context.Context, e env) error {
	t, err := app.Token(ctx, app.TokenOptions{Place: c.app(), Account: c.Account, Minutes: c.Minutes})
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, t)
	return nil
}
