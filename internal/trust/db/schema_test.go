package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
)

func TestMigrateAppliesWhatIsMissing(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		owner := dbtest.Owner(t, d)
		missing, err := d.SchemaState(ctx, timeline())
		must(t, err)
		if fmt.Sprint(missing) != "[1 2 12]" {
			t.Fatalf("missing %v", missing)
		}
		must(t, owner.Migrate(ctx, timeline()[1:2]))
		missing, err = d.SchemaState(ctx, timeline())
		must(t, err)
		if fmt.Sprint(missing) != "[2 12]" {
			t.Fatalf("missing %v", missing)
		}
		// The lower number 2 comes after 12 was applied, as when a room adds a step.
		must(t, owner.Migrate(ctx, append(timeline()[1:2:2], timeline()[2])))
		must(t, owner.Migrate(ctx, timeline()))
		must(t, owner.Migrate(ctx, timeline()))
		missing, err = d.SchemaState(ctx, timeline())
		must(t, err)
		if missing != nil {
			t.Fatalf("missing %v", missing)
		}
		states, err := d.MigrationStates(ctx, timeline())
		must(t, err)
		if states[1] != db.FeatureOn || states[12] != db.Applied {
			t.Errorf("states %v", states)
		}
		must(t, owner.SwitchOn(ctx, 12))
		wantErr(t, owner.SwitchOn(ctx, 99), db.ErrNoRows)
		states, err = d.MigrationStates(ctx, timeline())
		must(t, err)
		if states[12] != db.FeatureOn {
			t.Errorf("states %v", states)
		}
	}, dbtest.Empty, dbtest.NoSync)
}

func TestMigrateRefusesAnotherTimeline(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		owner := dbtest.Owner(t, d)
		older := timeline()[1:]
		wantErr(t, owner.Migrate(ctx, older), db.ErrSchemaNewer)
		_, err := d.SchemaState(ctx, older)
		wantErr(t, err, db.ErrSchemaNewer)
		for name, change := range map[string]func(*db.Table){
			"class":  func(t *db.Table) { t.Columns[1].Class = db.SmallKind },
			"type":   func(t *db.Table) { t.Columns[1].Type = db.Bytes },
			"column": func(t *db.Table) { t.Columns = append(t.Columns, column("more", db.Text, db.SmallKind)) },
			"index":  func(t *db.Table) { t.Index = [][]string{{"n"}} },
			"unique": func(t *db.Table) { t.Unique = [][]string{{"n"}} },
			"append": func(t *db.Table) { t.AppendOnly = true },
			"key":    func(t *db.Table) { t.Key = []string{"name", "n"} },
		} {
			changed := timeline()
			change(&changed[1].Tables[0])
			wantErr(t, owner.Migrate(ctx, changed), db.ErrSchemaChanged)
			_, err := d.MigrationStates(ctx, changed)
			if !errors.Is(err, db.ErrSchemaChanged) {
				t.Errorf("%s: %v", name, err)
			}
		}
		reworded := timeline()
		reworded[1].Tables[0].Purpose = "said better"
		reworded[1].Tables[0].Columns[0].Retention = "a year"
		must(t, owner.Migrate(ctx, reworded))
		if err := owner.Migrate(ctx, append(timeline(), db.Migration{})); err == nil {
			t.Error("an invalid timeline was applied")
		}
	}, dbtest.NoSync)
}

func TestTwoNodesMigrateAtOnce(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		a, b := dbtest.Owner(t, d), dbtest.Owner(t, d)
		done := make(chan error, 2)
		for _, node := range []*db.DB{a, b} {
			go func() { done <- node.Migrate(t.Context(), timeline()) }()
		}
		must(t, errors.Join(<-done, <-done))
	}, dbtest.Empty, dbtest.NoSync)
}

func TestTheSchemaIsAsDeclared(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		actual, err := d.Columns(ctx)
		must(t, err)
		must(t, db.CompareSchema(timeline(), actual))
		raw := dbtest.Raw(d)
		raw.Script(t, "ALTER TABLE thing ADD COLUMN diagnosis TEXT; ALTER TABLE counter DROP COLUMN extra; DROP TABLE pair")
		raw.Script(t, "CREATE TABLE pair (a TEXT PRIMARY KEY, b BIGINT)")
		actual, err = d.Columns(ctx)
		must(t, err)
		err = db.CompareSchema(timeline(), actual)
		for _, want := range []string{"thing.diagnosis is not declared", "counter.extra is missing", "pair.a differs", "pair.b differs"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in %v", want, err)
			}
		}
	}, dbtest.NoSync)
}

func TestClearColumnsAreListed(t *testing.T) {
	var got []string
	for _, c := range db.ClearColumns(timeline()) {
		got = append(got, c.Table+"."+c.Name+" "+c.Class.String())
	}
	want := "counter.n version,counter.name small kind,journal.seq sequence,pair.a small kind,pair.b small kind," +
		"schema_migration.name small kind,schema_migration.number small kind,schema_migration.state small kind," +
		"thing.id random id,thing.kind small kind,thing.note small kind,thing.owner random id"
	if strings.Join(got, ",") != want {
		t.Errorf("clear columns %v", got)
	}
	for c := range db.Class(20) {
		if sealed := c == db.Sealed || c == db.BlindToken || c == db.Digest || c == db.WrappedKey; c.Clear() == sealed {
			t.Errorf("class %v: clear = %v", c, c.Clear())
		}
	}
	if db.Class(0).String() != "unknown" || db.Class(200).String() != "unknown" || db.ColumnType(9).String() != "unknown" ||
		db.Engine(9).String() != "unknown" {
		t.Error("an unknown value has a name")
	}
}

func TestMistakesInATimelineAreFound(t *testing.T) {
	must(t, db.CheckMigrations(timeline()))
	for want, change := range map[string]func(m []db.Migration){
		"unique":                       func(m []db.Migration) { m[0].Number = 1 },
		"positive":                     func(m []db.Migration) { m[0].Number = 0 },
		"room, name":                   func(m []db.Migration) { m[0].Room = "" },
		"known state":                  func(m []db.Migration) { m[0].State = 7 },
		"declared twice":               func(m []db.Migration) { m[0].Tables[0].Name = "counter" },
		"lower-case name, a purpose":   func(m []db.Migration) { m[0].Tables[0].Name = "Journal; DROP" },
		"and a key":                    func(m []db.Migration) { m[0].Tables[0].Key = nil },
		"is nullable":                  func(m []db.Migration) { m[0].Tables[0].Columns[0].Nullable = true },
		"a lower-case name of its":     func(m []db.Migration) { m[0].Tables[0].Columns[1].Name = "seq" },
		"type and a class":             func(m []db.Migration) { m[0].Tables[0].Columns[1].Class = 0 },
		"purpose and a retention":      func(m []db.Migration) { m[0].Tables[0].Columns[1].Retention = "" },
		"unknown column":               func(m []db.Migration) { m[0].Tables[0].Index = [][]string{{"x"}} },
		"index without columns":        func(m []db.Migration) { m[0].Tables[0].Unique = [][]string{{}} },
		"no such table yet":            func(m []db.Migration) { m[2].Add[0].Table = "nowhere" },
		"must be nullable":             func(m []db.Migration) { m[2].Add[0].Columns[0].Nullable = false },
		"column n exists":              func(m []db.Migration) { m[2].Add[0].Columns[0].Name = "n" },
		"index over unknown column \"": func(m []db.Migration) { m[2].Add[0].Index = [][]string{{"y"}} },
	} {
		m := timeline()
		change(m)
		if err := db.CheckMigrations(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestLongIndexNamesAreCut(t *testing.T) {
	long := strings.Repeat("x", 40)
	name := db.IndexName(long, "index", []string{long, "a"})
	if len(name) > 63 || name == db.IndexName(long, "index", []string{long, "b"}) {
		t.Errorf("name %q", name)
	}
}

func TestAppendOnlyTablesRefuseChange(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		insert := func(d *db.DB, seq int) {
			write(t, d, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO journal (seq, leaf) VALUES (?, ?)", seq, []byte{1})
				return err
			})
		}
		insert(d, 1)
		for _, verb := range []func(*db.Tx) (int64, error){
			func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "UPDATE journal SET leaf = ?", []byte{2}) },
			func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "DELETE FROM journal") },
			func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "DELETE FROM journal WHERE seq = ?", 1) },
		} {
			err := d.Write(ctx, func(tx *db.Tx) error { _, err := verb(tx); return err })
			wantErr(t, err, db.ErrDenied)
		}
		// REPLACE, which deletes, is SQLite's alone.
		if d.Engine() == db.SQLite {
			err := d.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, "REPLACE INTO journal (seq, leaf) VALUES (?, ?)", 1, []byte{3})
				return err
			})
			wantErr(t, err, db.ErrDenied)
		}
		insert(d, 2)
		// The drill's hand is not held back.
		if n := dbtest.Raw(d).Exec(t, "UPDATE journal SET leaf = ? WHERE seq = ?", []byte{9}, 1); n != 1 {
			t.Errorf("raw changed %d rows", n)
		}
		var leaf []byte
		must(t, d.QueryRow(ctx, "SELECT leaf FROM journal WHERE seq = 1").Scan(&leaf))
		if leaf[0] != 9 {
			t.Errorf("leaf %x", leaf)
		}
	}, dbtest.NoSync)
}

func TestTheServingRoleAltersNeitherSchemaNorPast(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline(), dbtest.NoSync)
	ctx := t.Context()
	must(t, d.CheckServing(ctx, timeline()))
	for _, q := range []func(*db.Tx) (int64, error){
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "UPDATE journal SET seq = 1") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "DELETE FROM journal") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "TRUNCATE journal") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "TRUNCATE counter") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "DROP TABLE journal") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "DROP TABLE counter") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "CREATE TABLE mine (x BIGINT)") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "CREATE TEMPORARY TABLE counter (x BIGINT)") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "CREATE SCHEMA mine") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "ALTER TABLE counter ADD COLUMN x BIGINT") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "ALTER TABLE journal DISABLE TRIGGER ALL") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "CREATE INDEX mine ON counter (n)") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "SET ROLE postern_owner") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "UPDATE schema_migration SET state = 1") },
		func(tx *db.Tx) (int64, error) { return tx.Exec(ctx, "DELETE FROM schema_migration") },
	} {
		wantErr(t, d.Write(ctx, func(tx *db.Tx) error { _, err := q(tx); return err }), db.ErrDenied)
	}
	// PostgreSQL answers this one with a warning, and grants nothing.
	must(t, d.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "GRANT UPDATE ON journal TO postern_serving")
		return err
	}))
	must(t, d.CheckServing(ctx, timeline()))
	wantErr(t, d.Migrate(ctx, timeline()), db.ErrDenied)
}

func TestAServingRoleWithTooManyRightsIsRefused(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline(), dbtest.NoSync)
	ctx := t.Context()
	owner, raw := dbtest.Owner(t, d), dbtest.Raw(d)
	if err := owner.CheckServing(ctx, timeline()); err == nil {
		t.Error("the owner may serve")
	}
	for grant, undo := range map[string]string{
		"GRANT UPDATE ON journal TO postern_serving":          "REVOKE UPDATE ON journal FROM postern_serving",
		"GRANT UPDATE (leaf) ON journal TO postern_serving":   "REVOKE UPDATE (leaf) ON journal FROM postern_serving",
		"GRANT DELETE ON schema_migration TO postern_serving": "REVOKE DELETE ON schema_migration FROM postern_serving",
		"GRANT TRUNCATE ON counter TO postern_serving":        "REVOKE TRUNCATE ON counter FROM postern_serving",
		"GRANT CREATE ON SCHEMA public TO postern_serving":    "REVOKE CREATE ON SCHEMA public FROM postern_serving",
		"ALTER TABLE counter OWNER TO postern_serving":        "ALTER TABLE counter OWNER TO postern_owner",
		"GRANT postern_owner TO postern_serving":              "REVOKE postern_owner FROM postern_serving",
	} {
		raw.Exec(t, grant)
		errServe, errMigrate := d.CheckServing(ctx, timeline()), owner.Migrate(ctx, timeline())
		raw.Exec(t, undo)
		if errServe == nil || errMigrate == nil {
			t.Errorf("after %q: serve %v, migrate %v", grant, errServe, errMigrate)
		}
	}
	must(t, d.CheckServing(ctx, timeline()))
	// An older server's rights for everybody are taken back.
	raw.Exec(t, "GRANT CREATE ON SCHEMA public TO PUBLIC")
	must(t, owner.Migrate(ctx, timeline()))
	must(t, d.CheckServing(ctx, timeline()))
	// Without a serving role the owner only migrates; a bad name is refused.
	for role, ok := range map[string]bool{"": true, `x"; DROP TABLE counter; --`: false, "nobody_such": false} {
		c := dbtest.ConfigsOf(d).Owner
		c.ServingRole = role
		alone, err := db.Open(ctx, c)
		must(t, err)
		if err := alone.Migrate(ctx, timeline()); (err == nil) != ok {
			t.Errorf("role %q: %v", role, err)
		}
		must(t, alone.Close())
	}
	sqlite := dbtest.New(t, db.SQLite, timeline(), dbtest.NoSync)
	must(t, sqlite.CheckServing(ctx, timeline()))
}
