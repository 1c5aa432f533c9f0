package app_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// tableDrill is what somebody who writes the database does to one table, and what the
// next start and the uses after it say. Exactly one of start, alarm and quiet is set.
type tableDrill struct {
	table, name string
	sql         string // %[1]s is the table; its argument is mother's account or chart, where it has one
	whose       string
	start       string // the start is refused with these words
	alarm       string // an alarm with these words
	refused     string // the uses that are refused, in order
	quiet       string // nothing is refused and nobody alarmed then: why that is no harm, or who finds it
	engine      db.Engine
	staff       bool // a doctor looks at the list of patients as well
}

const (
	deleteAll = `DELETE FROM %[1]s`
	putBack   = `DELETE FROM %[1]s; INSERT INTO %[1]s SELECT * FROM older_%[1]s`
	notHere   = "the embedded engine keeps the log in files: the table is empty"
)

// tableDrills says for every table what happens when every row or one row is deleted,
// and, where rows have versions, when older ones are put back. A new table is not
// complete without its lines.
func tableDrills() []tableDrill {
	return []tableDrill{
		{table: "account_row", name: "all", sql: deleteAll, alarm: "account rows do not match the head", refused: "api enter"},
		{table: "account_row", name: "one", sql: `DELETE FROM %[1]s WHERE account = ? AND kind = 6`, whose: "account", alarm: "account rows do not match the head", refused: "api enter"},
		{table: "account_row", name: "older", sql: putBack, alarm: "account rows do not match the head", refused: "api enter"},
		{table: "session_row", name: "all", sql: deleteAll, alarm: "session rows do not match the head", refused: "api enter"},
		{table: "session_row", name: "one", sql: `DELETE FROM %[1]s WHERE account = ? AND kind = 2`, whose: "account", alarm: "session rows do not match the head", refused: "api enter"},
		{table: "session_row", name: "older", sql: putBack, alarm: "session rows do not match the head", refused: "api enter"},
		{table: "chart_row", name: "all", sql: deleteAll, alarm: "chart row is missing although the index names it", refused: "api import"},
		{table: "chart_row", name: "older", sql: putBack, alarm: "chart row is missing although the index names it", refused: "api import"},
		{table: "chart_part", name: "all", sql: deleteAll, alarm: "index is missing", refused: "api import"},
		{table: "chart_part", name: "older", sql: putBack, alarm: "chart does not match its head", refused: "api import"},
		{table: "chart_manifest", name: "all", sql: deleteAll, alarm: "manifest is missing", refused: "api import"},
		{table: "chart_manifest", name: "one", sql: `DELETE FROM %[1]s WHERE owner = ?`, whose: "chart", alarm: "manifest is missing", refused: "api import"},
		{table: "chart_manifest", name: "older", sql: putBack, alarm: "manifest is older than its head", refused: "api import"},
		{table: "chart_source", name: "all", sql: deleteAll, alarm: "in chart_source was deleted", refused: "import"},
		{table: "chart_source", name: "older", sql: putBack, alarm: "in chart_source was deleted", refused: "import"},
		{table: "chart_lookup", name: "all", sql: deleteAll, staff: true, alarm: "rows for looking a patient up do not match the chart"},
		{table: "chart_lookup", name: "one", sql: `DELETE FROM %[1]s WHERE owner = ?`, whose: "chart", staff: true, alarm: "rows for looking a patient up do not match the chart"},
		{table: "chart_lookup", name: "older", sql: putBack, staff: true, alarm: "rows for looking a patient up do not match the chart"},
		{table: "chart_register", name: "all", sql: deleteAll, alarm: "register of sources does not match its head", refused: "import"},
		{table: "chart_register", name: "one", sql: `DELETE FROM %[1]s WHERE bucket = (SELECT min(bucket) FROM %[1]s)`, alarm: "register of sources does not match its head", refused: "import"},
		{table: "chart_register", name: "older", sql: putBack, alarm: "register of sources does not match its head", refused: "import"},
		{table: "chart_rework", name: "all", sql: deleteAll, quiet: "the job looks at every chart again, an entry each, and finds nothing stale"},
		{table: "chart_rework", name: "older", sql: putBack, quiet: "the row says how far a job is; whatever it says, a stale index is refused or made anew when it is used"},
		{table: "key_kek", name: "all", sql: deleteAll, start: "all are missing"},
		{table: "key_subject", name: "all", sql: deleteAll, start: "no such key"},
		{table: "key_subject", name: "one", sql: `DELETE FROM %[1]s WHERE owner = ?`, whose: "chart", alarm: "a key of the patient is missing and nobody erased it", refused: "api import"},
		{table: "key_subject", name: "older", sql: putBack, quiet: "keys have no versions but the key that wraps them: an older wrapping holds the same key"},
		{table: "key_erased", name: "all", sql: deleteAll, quiet: "nobody is erased here; package vault tries it (TestKeyRowDrills): the head says it too"},
		{table: "key_installation", name: "all", sql: deleteAll, start: "never initialized"},
		{table: "vault_head", name: "all", sql: deleteAll, alarm: "head", refused: "api enter import"},
		{table: "vault_head", name: "one", sql: `DELETE FROM %[1]s WHERE owner = ?`, whose: "chart", alarm: "head", refused: "api import"},
		{table: "vault_head", name: "older", sql: putBack, alarm: "head does not match the log", refused: "api enter import"},
		{table: "vault_node", name: "all", sql: deleteAll, alarm: "head does not match the log", refused: "api enter import"},
		{table: "vault_node", name: "older", sql: putBack, alarm: "head does not match the log", refused: "api enter import"},
		{table: "vault_root", name: "all", sql: deleteAll, start: "older or other than the log's newest anchor"},
		{table: "vault_root", name: "older", sql: putBack, start: "older or other than the log's newest anchor"},
		{table: "schema_migration", name: "all", sql: deleteAll, start: "migration"},
		{table: "schema_migration", name: "one", sql: `DELETE FROM %[1]s WHERE number = 50`, start: "migration"},
		{table: "log_entry", name: "all", sql: deleteAll, quiet: notHere, engine: db.SQLite},
		{table: "log_entry", name: "all", sql: deleteAll, start: "log", engine: db.Postgres},
		{table: "log_entry", name: "the newest", sql: `DELETE FROM %[1]s WHERE seq = (SELECT max(seq) FROM %[1]s)`, start: "log", engine: db.Postgres},
		{table: "log_entry", name: "one", sql: `DELETE FROM %[1]s WHERE seq = 3`, refused: "verify", engine: db.Postgres},
		{table: "log_checkpoint", name: "all", sql: deleteAll, quiet: notHere, engine: db.SQLite},
		{table: "log_checkpoint", name: "all", sql: deleteAll, quiet: "the log is compared with the checkpoint that stands outside, and signs a new one", engine: db.Postgres},
		{table: "log_subject_position", name: "all", sql: deleteAll, quiet: "the index is built again from the log, and what it has is left as it is"},
		{table: "log_subject_position", name: "older", sql: putBack, quiet: "what follows is indexed again, and what it has is left as it is"},
		{table: "log_subject", name: "one", sql: `DELETE FROM %[1]s WHERE patient = ? AND n = (SELECT max(o.n) - 1 FROM %[1]s o WHERE o.patient = %[1]s.patient)`, whose: "patient", alarm: "Who looked", refused: "look"},
		{table: "log_subject", name: "all of one", sql: `DELETE FROM %[1]s WHERE patient = ?`, whose: "patient",
			quiet: "not at the next look: the scrub compares the index with the log, 250 entries in five seconds, and alarms (audit TestSubjectDrills); docs/roadmap.md"},
	}
}

// drilled is an installation whose tables are tried one after the other.
type drilled struct {
	*apptest.Installation
	raw            *dbtest.RawDB
	token          string
	account, chart []byte
	bundle         []byte
}

// Whoever deletes rows, or puts older ones back, gains nothing, whatever the table.
func TestEveryTableIsDrilled(t *testing.T) {
	covers.Covers(t, "HC-8b")
	drills := tableDrills()
	t.Run("complete", func(t *testing.T) {
		tables := []string{"schema_migration"}
		for _, m := range app.Migrations() {
			for _, tab := range m.Tables {
				tables = append(tables, tab.Name)
			}
		}
		for _, e := range []db.Engine{db.SQLite, db.Postgres} {
			for _, tab := range tables {
				if !slices.ContainsFunc(drills, func(d tableDrill) bool { return d.table == tab && (d.engine == 0 || d.engine == e) }) {
					t.Errorf("%v: nobody has said what happens when rows of %s are deleted", e, tab)
				}
			}
		}
	})
	for name, o := range map[string]apptest.Options{"sqlite": {Fill: true, Plain: true}, "postgres": {Fill: true, Postgres: true}} {
		t.Run(name, func(t *testing.T) {
			in := prepareDrills(t, o)
			for _, d := range drills {
				if d.engine == 0 || d.engine.String() == name {
					t.Run(d.table+" "+d.name, func(t *testing.T) { in.try(t, d) })
				}
			}
		})
	}
}

// prepareDrills makes an installation in which every table has rows that changed,
// keeps the older ones beside it, and stops it.
func prepareDrills(t *testing.T, o apptest.Options) *drilled {
	t.Helper()
	in := &drilled{Installation: apptest.Start(t, o)}
	in.token = in.Token(t, "mother")
	in.Enter(t, "mother").Get(t, "/access-log")
	account, err := in.Identity.FindPersona(t.Context(), "mother")
	must(t, err)
	standing, err := in.Identity.Standing(t.Context(), account)
	must(t, err)
	in.account, in.chart = account.Bytes(), standing.Chart.Bytes()
	if in.raw = dbtest.RawConfig(t, db.Config{Path: filepath.Join(in.Dir, "postern.db")}); o.Postgres {
		in.raw = dbtest.RawConfig(t, *in.Postgres)
	}
	for _, d := range tableDrills() {
		if d.sql == putBack {
			in.raw.Script(t, `CREATE TEMP TABLE older_`+d.table+` AS SELECT * FROM `+d.table)
		}
	}
	in.Enter(t, "mother").Get(t, "/access-log")
	p, err := in.Identity.Plan(t.Context(), account, identity.ChooseLanguage("es"))
	must(t, err)
	g, err := in.Gate.Decide(t.Context(), p.Ask(person.NewPerson(person.PersonConfig{Account: account, Role: person.RolePatient,
		Purpose: person.PurposePatientRequest, Proof: person.Proof{Method: "demo", At: time.Now()}, Request: vaulttest.Request()})))
	must(t, err)
	must(t, in.Identity.Apply(t.Context(), g, p))
	mother, _ := deid.Find(deid.Family(time.Now()), "mother")
	var b bytes.Buffer
	must(t, mother.WriteBundle(&b))
	in.bundle = bytes.Replace(b.Bytes(), []byte(`"status":"final"`), []byte(`"status":"amended"`), 1)
	in.bundle = bytes.Replace(in.bundle, []byte(`"identifier":[`), []byte(`"identifier":[{"system":"https://h.example","value":"RC-later"},`), 1)
	must(t, in.ImportBundle(t.Context(), "later", in.bundle))
	in.Stop(t)
	return in
}

// try does one drill on the stopped installation and mends the table again.
func (in *drilled) try(t *testing.T, d tableDrill) {
	in.raw.Script(t, `DROP TABLE IF EXISTS kept; CREATE TEMP TABLE kept AS SELECT * FROM `+d.table)
	before := len(in.Process.String())
	in.hurt(t, d)
	err := in.reopen(t)
	refused := ""
	if err == nil {
		refused = in.uses(t, d.staff)
		in.Stop(t)
	}
	mend := `INSERT INTO %[1]s SELECT * FROM kept WHERE true ON CONFLICT DO NOTHING` // what the uses changed stays
	if d.sql == putBack {
		mend = `DELETE FROM %[1]s; INSERT INTO %[1]s SELECT * FROM kept`
	}
	in.raw.Script(t, fmt.Sprintf(mend, d.table))
	said := in.Process.String()[before:]
	alarmed := strings.Contains(said, "msg=alarm")
	switch {
	case d.start != "":
		if err == nil || !strings.Contains(err.Error(), d.start) {
			t.Errorf("start: %v, want %q (refused: %s)", err, d.start, refused)
		}
	case err != nil:
		t.Errorf("start: %v", err)
	case refused != d.refused:
		t.Errorf("refused: %q, want %q\n%s", refused, d.refused, said)
	case d.alarm != "" && !(alarmed && strings.Contains(said, d.alarm)):
		t.Errorf("no alarm says %q:\n%s", d.alarm, said)
	case d.alarm == "" && alarmed:
		t.Errorf("alarmed:\n%s", said)
	}
}

func (in *drilled) hurt(t *testing.T, d tableDrill) {
	t.Helper()
	sql := fmt.Sprintf(d.sql, d.table)
	switch d.whose {
	case "":
		in.raw.Script(t, sql)
		return
	case "account":
		in.raw.Exec(t, sql, in.account)
	case "patient":
		in.raw.Exec(t, sql, in.chart)
	case "chart":
		id, err := person.PatientIDFromBytes(in.chart)
		must(t, err)
		in.raw.Exec(t, sql, person.Patient(id).Bytes())
	}
}

// reopen opens and serves the installation, as a restart would, or says why not.
func (in *drilled) reopen(t *testing.T) error {
	t.Helper()
	c, err := app.ReadConfig(filepath.Join(in.Dir, app.ConfigFile))
	must(t, err)
	o := app.Options{Log: app.NewLogger(in.Process)}
	if in.Postgres == nil {
		o.DB = func(ctx context.Context, c db.Config) (*db.DB, error) {
			c.Key, c.UnencryptedForTests = nil, true
			return db.Open(ctx, c)
		}
	}
	if in.App, err = app.Open(t.Context(), c, keys.Protector{How: keys.Plain}, o); err != nil {
		in.App = nil
		return err
	}
	in.Listen(t, in.Address)
	in.Serve(t)
	return nil
}

// uses does what people do next and names what was refused.
func (in *drilled) uses(t *testing.T, staff bool) string {
	t.Helper()
	var out []string
	note := func(use string, good bool) {
		if !good {
			out = append(out, use)
		}
	}
	note("api", in.API(t, in.token, "/Observation").Status == http.StatusOK)
	b := in.Browser()
	entered := b.Post(t, "/demo/enter", "persona", "mother").Status == http.StatusSeeOther
	note("enter", entered)
	if entered {
		note("look", b.Get(t, "/access-log").Status == http.StatusOK)
		b.Get(t, "/security")  // any page with a form token
		b.Post(t, "/sign-out") // an account has few sessions, and the token is one
	}
	if staff {
		b := in.Enter(t, "doctor")
		note("list", b.Get(t, "/clinic").Status == http.StatusOK)
		b.Get(t, "/security")
		b.Post(t, "/sign-out")
	}
	note("import", in.ImportBundle(t.Context(), "again", in.bundle) == nil)
	r, err := app.AuditVerify(t.Context(), app.AuditVerifyOptions{Place: in.Place})
	note("verify", err == nil && r.OK)
	return strings.Join(out, " ")
}
