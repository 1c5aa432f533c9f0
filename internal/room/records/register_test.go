package records

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// numbered is a bundle about a person with a record number, a doctor and one value.
func numbered(id, number, value string) string {
	p := strings.Replace(patientJSON(id, "Field|Rosa|1984-05-01|female"), `"name"`, `"identifier":[{"system":"https://h.example","value":"`+number+`"}],"name"`, 1)
	o := strings.Replace(observe(`,"valueString":"`+value+`"`), `"obs"`, `"obs-`+id+`"`, 1)
	return bundleOf(p, strings.Replace(o, "Patient/rosa", "Patient/"+id, 1), `{"resourceType":"Practitioner","id":"doc","name":[{"family":"Okoro"}]}`)
}

func (k *clinicKit) take(t testing.TB, text string) error {
	t.Helper()
	_, err := k.store.Import(t.Context(), vaulttest.Importer(), asFile(text), Limits{}, "test")
	return err
}

// What somebody who writes the database does to the names of sources, and what the next
// import of the same file, or the claim of the same number, says. Each is tried on a
// server that knows the register, and on one that was just started.
func TestSourceDrills(t *testing.T) {
	const name = `DELETE FROM chart_source WHERE token = ?`
	one, another := numbered("1", "RC-1", "x"), numbered("9", "RC-1", "y")
	for title, c := range map[string]struct {
		sql   string
		which string // whose token is the argument; empty for none
		load  string
		says  string
	}{
		"the patient's name deleted": {name, "1", one, "the name of a patient in chart_source was deleted"},
		"the number's name deleted":  {name, "RC-1", one, "the name of a record number in chart_source was deleted"},
		"and the number claimed":     {name, "RC-1", another, "the name of a record number in chart_source was deleted"},
		"a resource's name deleted":  {name, "obs-1", one, "the name of a stored resource in chart_source was deleted"},
		"a shared one's deleted":     {name, "doc", numbered("9", "RC-9", "y"), "the name of a stored resource in chart_source was deleted"},
		"all names deleted":          {`DELETE FROM chart_source`, "", one, "in chart_source was deleted"},
		"names swapped": {`UPDATE chart_source SET body = (SELECT o.body FROM chart_source o WHERE o.token <> chart_source.token ORDER BY o.token LIMIT 1) WHERE token = ?`,
			"1", one, "sealed bytes do not belong to this row"},
		"an older name put back": {`UPDATE chart_source SET body = (SELECT o.body FROM kept_source o WHERE o.token = chart_source.token) WHERE token = ?`, "1", one, "chart_source was exchanged"},
		"a name put in":          {`UPDATE chart_source SET token = (SELECT token FROM kept_source), body = (SELECT body FROM kept_source) WHERE token = ?`, "doc", numbered("7", "RC-7", "z"), "chart_source was put in"},
		"the register deleted":   {`DELETE FROM chart_register`, "", one, "register of sources does not match its head"},
		"an older register":      {`DELETE FROM chart_register WHERE bucket NOT IN (SELECT bucket FROM kept_register)`, "", one, "register of sources does not match its head"},
		"a register of nothing":  {`UPDATE chart_register SET body = CAST('' AS ` + "%bytes%" + `)`, "", one, "register of sources does not match its head"},
		"a bucket that is none":  {`UPDATE chart_register SET bucket = bucket - 70000`, "", one, "register of sources does not match its head"},
		"its head deleted":       {`DELETE FROM vault_head WHERE kind = 4`, "", one, "register of sources has no head"},
	} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, started %v", title, restarted), func(t *testing.T) {
				eachStore(t, func(t *testing.T, k *clinicKit) {
					raw := dbtest.Raw(k.DB)
					keepOlder(t, k, raw, map[bool]string{true: "7", false: "1"}[title == "a name put in"])
					if err := k.take(t, one); err != nil {
						t.Fatal(err)
					}
					if restarted {
						k = k.restart(t)
					}
					before := len(raw.Query(t, `SELECT DISTINCT owner FROM chart_manifest`))
					do(t, k, raw, c.sql, c.which)
					if err := k.take(t, c.load); !fault.Is(err, fault.Tampered) {
						t.Fatalf("next import: %v, want tampered", err)
					}
					if a := fmt.Sprint(k.Alarms.Take()); !strings.Contains(a, c.says) {
						t.Errorf("alarms %s, want %q", a, c.says)
					}
					if n := len(raw.Query(t, `SELECT DISTINCT owner FROM chart_manifest`)); n != before {
						t.Errorf("%d charts, before %d", n, before)
					}
				})
			})
		}
	}
}

// do runs a statement of an attacker, with the token of a name that is meant.
func do(t *testing.T, k *clinicKit, raw *dbtest.RawDB, sql, which string) {
	t.Helper()
	kind := "bytea"
	if k.DB.Engine() == db.SQLite {
		kind = "blob"
	}
	sql = strings.ReplaceAll(sql, "%bytes%", kind)
	var args []any
	if strings.HasPrefix(which, "RC-") {
		args = []any{k.Vault.Blind("number", "https://h.example", which)}
	} else if which != "" {
		args = []any{k.tokenOf(t, which)}
	}
	if n := raw.Exec(t, sql, args...); n == 0 {
		t.Fatal("the drill changed nothing")
	}
}

// tokenOf is the token of the resource with this id in the test's bundles.
func (k *clinicKit) tokenOf(t *testing.T, id string) []byte {
	t.Helper()
	typ, whose := "Patient", id
	if id == "doc" {
		typ, whose = "Practitioner", "1"
	} else if rest, ok := strings.CutPrefix(id, "obs-"); ok {
		typ, whose = "Observation", rest
	}
	plan, err := planText(t, numbered(whose, "RC-1", "x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range plan.stored {
		if plan.source(i).Type == typ {
			return (&sources{s: k.store}).token(plan.source(i))
		}
	}
	t.Fatalf("no %s in the bundle", id)
	return nil
}

// keepOlder keeps a name and a register that an attacker has of other times: the name
// of a Patient in an import that another one took the place of.
func keepOlder(t *testing.T, k *clinicKit, raw *dbtest.RawDB, kept string) {
	t.Helper()
	if err := k.take(t, numbered("4", "RC-4", "x")); err != nil {
		t.Fatal(err)
	}
	raw.Exec(t, `CREATE TABLE kept_register AS SELECT * FROM chart_register`)
	raw.Exec(t, `CREATE TABLE kept_source AS SELECT token, body FROM chart_source LIMIT 0`)
	owner, err := person.NewPatientID(bytes.NewReader(bytes.Repeat([]byte{7}, 16)))
	if err != nil {
		t.Fatal(err)
	}
	token, names := k.tokenOf(t, kept), &sources{s: k.store}
	plain, err := known{owner: person.Patient(owner), typ: "Patient", id: person.PatientResource(owner)}.encode()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Vault.Seal(t.Context(), names.sealRow(token), plain)
	if err != nil {
		t.Fatal(err)
	}
	raw.Exec(t, `INSERT INTO kept_source (token, body) VALUES (?, ?)`, token, sealed)
}

// A damaged row of the register stops the imports whose names are in it, and no other, on
// a server that knows the register. After a start nobody can tell which row it is
// (decision 22), and all are refused.
func TestADamagedBucketStopsItsOwnNames(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		if err := k.take(t, numbered("1", "RC-1", "x")); err != nil {
			t.Fatal(err)
		}
		bad := bucketOf(k.tokenOf(t, "1"))
		var others []string
		for n := 10; len(others) < 2; n++ { // whose names lie elsewhere
			id := fmt.Sprint(n)
			if bucketOf(k.tokenOf(t, id)) != bad && bucketOf(k.Vault.Blind("number", "https://h.example", "RC-"+id)) != bad {
				others = append(others, id)
			}
		}
		known, fresh := others[0], others[1]
		if err := k.take(t, numbered(known, "RC-"+known, "x")); err != nil {
			t.Fatal(err)
		}
		raw := dbtest.Raw(k.DB)
		if n := raw.Exec(t, `UPDATE chart_register SET body = ? WHERE bucket = ?`, make([]byte, registerSize), int64(bad)); n != 1 {
			t.Fatal("nothing was damaged")
		}
		if err := k.take(t, numbered("1", "RC-1", "y")); !fault.Is(err, fault.Tampered) {
			t.Errorf("a name in the damaged row: %v, want tampered", err)
		}
		if a := fmt.Sprint(k.Alarms.Take()); !strings.Contains(a, "register of sources does not match its head") {
			t.Errorf("alarms: %s", a)
		}
		for _, id := range []string{known, fresh} {
			if err := k.take(t, numbered(id, "RC-"+id, "y")); err != nil {
				t.Errorf("names in other rows: %v", err)
			}
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms: %v", a)
		}
		k = k.restart(t)
		if err := k.take(t, numbered(known, "RC-"+known, "z")); !fault.Is(err, fault.Tampered) {
			t.Errorf("after a start: %v, want tampered", err)
		}
	})
}

// The store knows patients by their sources through the register too.
func TestPatientBySourceAsksTheRegister(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.rosa(t, "7.1")
		const id = "urn:uuid:11111111-1111-4111-8111-111111111111"
		if p, err := k.store.PatientBySource(t.Context(), vaulttest.Importer(), id); err != nil || p != rosa {
			t.Fatalf("%v, %v", p, err)
		}
		if _, err := k.store.PatientBySource(t.Context(), vaulttest.Importer(), "urn:uuid:none"); !fault.Is(err, fault.NotFound) {
			t.Errorf("one who never was: %v", err)
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms: %v", a)
		}
		dbtest.Raw(k.DB).Exec(t, `DELETE FROM chart_source`)
		if _, err := k.store.PatientBySource(t.Context(), vaulttest.Importer(), id); !fault.Is(err, fault.Tampered) {
			t.Errorf("a deleted name: %v", err)
		}
		if a := fmt.Sprint(k.Alarms.Take()); !strings.Contains(a, "the name of a patient in chart_source was deleted") {
			t.Errorf("alarms %s", a)
		}
	})
}

// A reference to a resource of an earlier bundle whose name was deleted is not quietly
// left out.
func TestADeletedNameBehindAReferenceIsMissed(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		if err := k.take(t, numbered("1", "RC-1", "x")); err != nil {
			t.Fatal(err)
		}
		next := bundleOf(patientJSON("1", "Field|Rosa|1984-05-01|female"),
			`{"resourceType":"Observation","id":"later","status":"final","code":{"text":"Glucose"},"subject":{"reference":"Patient/1"},"hasMember":[{"reference":"Observation/obs-1"}]}`)
		dbtest.Raw(k.DB).Exec(t, `DELETE FROM chart_source WHERE token = ?`, k.tokenOf(t, "obs-1"))
		if err := k.take(t, next); !fault.Is(err, fault.Tampered) {
			t.Errorf("got %v, want tampered", err)
		}
	})
}

// Name and row deleted: the index still names the resource.
func TestADeletedResourceWithItsNameIsMissed(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		if err := k.take(t, numbered("1", "RC-1", "x")); err != nil {
			t.Fatal(err)
		}
		raw := dbtest.Raw(k.DB)
		raw.Exec(t, `DELETE FROM chart_source WHERE token = ?`, k.tokenOf(t, "obs-1"))
		raw.Exec(t, `DELETE FROM chart_row WHERE id = ?`, (&sources{s: k.store}).resourceID(k.tokenOf(t, "obs-1")).Bytes())
		if err := k.take(t, numbered("1", "RC-1", "x")); !fault.Is(err, fault.Tampered) {
			t.Errorf("got %v, want tampered", err)
		}
	})
}

// A change that did not commit leaves nothing in memory that the next one builds on.
func TestTheRegisterForgetsAChangeThatFailed(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		if err := k.take(t, numbered("1", "RC-1", "x")); err != nil {
			t.Fatal(err)
		}
		fails := errors.New("fails after the register")
		g := vaulttest.Grant(t, k.gate, access.Ask{Caller: vaulttest.Importer(), Action: access.ImportShared, Owner: person.Clinic(k.Clinic)})
		add := func(end error) error {
			return k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
				r := k.store.registry(tx)
				return errors.Join(r.add(t.Context(), k.Vault.Blind("number", "lost"), []byte("sealed")), r.flush(t.Context()), end)
			})
		}
		if err := add(fails); !errors.Is(err, fails) {
			t.Fatal(err)
		}
		for _, id := range []string{"2", "3"} {
			if err := k.take(t, numbered(id, "RC-"+id, "x")); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.restart(t).take(t, numbered("4", "RC-4", "x")); err != nil {
			t.Fatal(err)
		}
	})
}

// The digest in memory is that of the stored buckets, whatever changed in which order.
func TestLeavesAreADigest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, all := newLeaves(), map[int][32]byte{}
		for range rapid.IntRange(1, 8).Draw(rt, "changes") {
			changed := map[int][32]byte{}
			for range rapid.IntRange(0, 4).Draw(rt, "buckets") {
				n := rapid.IntRange(0, buckets-1).Draw(rt, "bucket")
				changed[n] = leaf(n, rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(rt, "body"))
				all[n] = changed[n]
			}
			root := l.rootWith(changed)
			if l.set(changed); l.root != root {
				rt.Fatal("what was announced is not what came")
			}
		}
		whole := newLeaves()
		if whole.set(all); whole.root != l.root || whole.leaf != l.leaf {
			rt.Fatal("the order counts")
		}
	})
	if leaf(1, []byte("x")) == leaf(2, []byte("x")) {
		t.Error("a bucket is as good in another's place")
	}
}

// What is stored for years must mean the same to the next version: digests and entries
// of the register, and the identifier that follows from a name. One that changes has
// every import refused as tampered with, or makes each resource a second time.
func TestTheRegisterKeepsItsForm(t *testing.T) {
	token := bytes.Repeat([]byte{0x12, 0x34, 0x56, 0x78}, 8)
	l := newLeaves()
	l.set(map[int][32]byte{bucketOf(token): leaf(bucketOf(token), []byte("a body"))})
	for what, c := range map[string]struct{ got, want string }{
		"bucket": {fmt.Sprint(bucketOf(token), bucketOf([]byte{0xff, 0xff})), "4660 16383"},
		"leaf":   {fmt.Sprintf("%x", leaf(0x1234, []byte("a body"))), "d750b49c096643741564815d2a0c80c5af5736a157c69729f912f2bb80f90970"},
		"empty":  {fmt.Sprintf("%x", newLeaves().root), "85ef660acb8332087a085d58fb1eefacb9923d48ce19848a1da1cf716dde2fa0"},
		"root":   {fmt.Sprintf("%x", l.root), "863de0a68b861f838813b98df71f5142a0088d1c69740b248147360a2151c428"},
		"entry":  {fmt.Sprintf("%x", registerEntry(token, []byte("sealed"))), "12345678123456781234567812345678c9d0036bed6744bcdf692fc980d8717d"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", what, c.got, c.want)
		}
	}
	k := openStore(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(Migrations()...), dbtest.NoSync))
	names := &sources{s: k.store}
	if got := names.resourceID(token).Bytes(); !bytes.Equal(got, k.Vault.Blind("resource", string(token))[:16]) {
		t.Errorf("identifier %x", got)
	}
	if leaf(1, nil) != ([32]byte{}) {
		t.Error("a bucket that holds nothing is not as one that is not there")
	}
}
