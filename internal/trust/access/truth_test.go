package access_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

var update = flag.Bool("update", false, "write the golden file anew")

const truthHead = `# Who may do what: every caller, action, relation and purpose, asked of the real gate.
# Generated; a line that is missing is refused everywhere. Columns: action, caller, relation to the
# owner, purpose, then for each environment what happens without proof of presence, with an old
# passkey, with a fresh passkey, with a fresh step into a demo persona:
# A allowed, s step up first, . refused. Of an action that needs two people: who may propose it.
`

// nothing is a list of refusals that forgets: the table asks a hundred thousand times.
type nothing struct{}

func (nothing) Refuse(context.Context, string, audit.Entry) error { return nil }

// world is a gate of one environment whose log takes nothing, so that only the
// decision counts, and a directory that answers what the cell says.
type world struct {
	gate *access.Gate
	dir  *answers
	now  time.Time
}

// answers is a Directory that gives one answer.
type answers struct {
	standing access.Standing
	assigned bool
}

func (a *answers) Standing(context.Context, person.AccountID) (access.Standing, error) {
	return a.standing, nil
}

func (a *answers) Assigned(context.Context, person.AccountID, person.PatientID) (bool, error) {
	return a.assigned, nil
}

func newWorld(t *testing.T, env string) *world {
	t.Helper()
	log := audittest.New(t)
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := &world{dir: &answers{}, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	var err error
	w.gate, err = access.New(access.Config{Log: log, Refusals: nothing{}, Directory: w.dir, Volume: vaulttest.Endless{}, Environment: env, Server: "test",
		Clock: func() time.Time { return w.now }, Random: strings.NewReader(""),
		Alert: func(_ context.Context, what string) { t.Error(what) }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ask is the verdict on one cell: Begin stops short of the log. What needs two people
// nobody begins alone: there the cell says who may propose it, which stops short of
// drawing its number, because this world has no randomness.
func (w *world) ask(c person.Caller, a access.ActionDef, owner person.Owner) byte {
	ask := access.Ask{Caller: c, Action: a.Action, Owner: owner}
	_, err := w.gate.Begin(context.Background(), ask)
	if a.TwoPerson && err != nil && c.Kind() != person.KindOperator {
		if _, err = w.gate.Propose(context.Background(), ask, "for the table"); fault.Is(err, fault.Unavailable) {
			err = nil
		}
	}
	switch {
	case err == nil:
		return 'A'
	case fault.Is(err, fault.StepUp):
		return 's'
	default:
		return '.'
	}
}

// proofs are the ways in which somebody may have proved presence.
func (w *world) proofs() []person.Proof {
	return []person.Proof{{}, {Method: "passkey", At: w.now.Add(-time.Hour)}, {Method: "passkey", At: w.now}, {Method: "demo", At: w.now}}
}

// row is one line of the table before its verdicts.
type row struct {
	action   access.ActionDef
	who      string
	relation string
	purpose  person.Purpose
}

func (r row) String() string {
	return fmt.Sprintf("%-14s %-24s %-8s %-9s", r.action.Action, r.who, r.relation, r.purpose)
}

var me, other = person.Owner{Kind: person.OwnerAccount, ID: [16]byte{1}}, person.Owner{Kind: person.OwnerAccount, ID: [16]byte{2}}

// set prepares the directory for the relation and returns the owner to ask about.
func (w *world) set(r row) person.Owner {
	mine, theirs := person.Owner{Kind: person.OwnerPatient, ID: [16]byte{1}}, person.Owner{Kind: person.OwnerPatient, ID: [16]byte{2}}
	chart, _ := mine.AsPatient()
	w.dir.standing = access.Standing{Active: true, Roles: person.Roles(), Chart: chart, Person: [16]byte{1}}
	w.dir.assigned = r.relation == "assigned"
	switch {
	case r.action.OnChart() && r.relation == "own":
		return mine
	case r.action.OnChart():
		return theirs
	case r.action.OnAccount() && r.relation == "own":
		return me
	case r.action.OnAccount():
		return other
	default:
		return person.Owner{Kind: person.OwnerClinic}
	}
}

// verdicts are the four letters of one row in one environment.
func (w *world) verdicts(r row) string {
	owner := w.set(r)
	account, _ := me.AsAccount()
	var out []byte
	for _, proof := range w.proofs() {
		out = append(out, w.ask(caller(r, account, proof), r.action, owner))
	}
	return string(out)
}

func caller(r row, account person.AccountID, proof person.Proof) person.Caller {
	kind, name, _ := strings.Cut(r.who, " ")
	switch kind {
	case "stranger":
		return person.Stranger(person.Request{})
	case "job":
		return person.NewSystem(name, r.purpose, person.Request{})
	case "command":
		if name == "alone" {
			account = person.AccountID{}
		}
		return person.NewOperator("any", account, r.purpose, person.Request{})
	default:
		return person.NewPerson(person.PersonConfig{Account: account, Role: person.Role(name), Purpose: r.purpose,
			Proof: proof, Token: kind == "token"})
	}
}

func rows() []row {
	who := []string{"stranger", "job init", "job reindex", "job another", "command approved"}
	for _, r := range person.Roles() {
		who = append(who, "person "+string(r), "token "+string(r))
	}
	var out []row
	for _, d := range access.Actions() {
		relations := []string{"own", "other"}
		if d.OnChart() {
			relations = append(relations, "assigned")
		} else if !d.OnAccount() {
			relations = []string{"-"}
		}
		for _, w := range who {
			for _, rel := range relations {
				for _, p := range person.Purposes() {
					out = append(out, row{d, w, rel, p})
				}
			}
		}
	}
	return out
}

func table(t *testing.T) string {
	all := rows()
	cells := make([][3]string, len(all))
	var wg sync.WaitGroup
	for n, env := range []string{keys.Production, keys.Test, keys.Demo} {
		w := newWorld(t, env)
		wg.Go(func() {
			for i, r := range all {
				cells[i][n] = w.verdicts(r)
			}
		})
	}
	wg.Wait()
	var b strings.Builder
	b.WriteString(truthHead)
	for i := 0; i < len(all); i++ {
		r, c := all[i], cells[i]
		if n := i + len(person.Purposes()); i%len(person.Purposes()) == 0 && !slices.ContainsFunc(cells[i:n], func(o [3]string) bool { return o != c }) {
			r.purpose, i = "any", n-1
		}
		if c != [3]string{"....", "....", "...."} {
			fmt.Fprintf(&b, "%s production %s  test %s  demo %s\n", r, c[0], c[1], c[2])
		}
	}
	return b.String()
}

func TestTruthTable(t *testing.T) {
	covers.Covers(t, "HC-6a")
	got := table(t)
	file := filepath.Join("testdata", "truth.golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range access.Actions() {
		if !strings.Contains(got, "\n"+string(d.Action)+" ") {
			t.Errorf("no policy lets anybody do %s", d.Action)
		}
	}
	have, wanted := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(have), len(wanted)) {
		var h, w string
		if i < len(have) {
			h = have[i]
		}
		if i < len(wanted) {
			w = wanted[i]
		}
		if h != w {
			t.Fatalf("line %d of the table of decisions has changed (-update writes it anew; read the difference):\n got  %s\n want %s", i+1, h, w)
		}
	}
}

// The cells that carry the promises, written by hand: the golden file follows the
// policies, these do not.
func TestDecisionsThatMatter(t *testing.T) {
	worlds := map[string]*world{keys.Production: newWorld(t, keys.Production), keys.Demo: newWorld(t, keys.Demo)}
	for _, c := range []struct {
		what, who, relation string
		action              access.Action
		purpose             person.Purpose
		production, demo    string
	}{
		{"a patient reads the own chart", "person patient", "own", access.ReadChart, person.PurposePatientRequest, "AAAA", "AAAA"},
		{"by token too", "token patient", "own", access.SearchChart, person.PurposePatientRequest, "AAAA", "AAAA"},
		{"and no other chart", "person patient", "other", access.ReadChart, person.PurposePatientRequest, "....", "...."},
		{"not even an assigned one", "person patient", "assigned", access.ReadChart, person.PurposePatientRequest, "....", "...."},
		{"nor for treatment", "person patient", "own", access.ReadChart, person.PurposeTreatment, "....", "...."},
		{"a patient sees who looked", "person patient", "own", access.ReadAccessLog, person.PurposePatientRequest, "AAAA", "AAAA"},
		{"and keeps a proof", "person patient", "own", access.ProveAccess, person.PurposePatientRequest, "AAAA", "AAAA"},
		{"of the own chart only", "person patient", "other", access.ProveAccess, person.PurposePatientRequest, "....", "...."},
		{"a clinician reads an assigned chart, by passkey", "person clinician", "assigned", access.ReadChart, person.PurposeTreatment, ".AA.", "AAAA"},
		{"a nurse too", "person nurse", "assigned", access.ReadChart, person.PurposeTreatment, ".AA.", "AAAA"},
		{"for no other purpose", "person clinician", "assigned", access.ReadChart, person.PurposeOperations, "....", "...."},
		{"and no other chart", "person clinician", "other", access.ReadChart, person.PurposeTreatment, "....", "...."},
		{"nor who looked at it", "person clinician", "assigned", access.ReadAccessLog, person.PurposeTreatment, "....", "...."},
		{"the own chart is for the patient's role", "person clinician", "own", access.ReadChart, person.PurposeTreatment, "....", "...."},
		{"an administrator sees no chart", "person administrator", "assigned", access.ReadChart, person.PurposeTreatment, "....", "...."},
		{"the officer neither", "person compliance", "assigned", access.SearchChart, person.PurposeTreatment, "....", "...."},
		{"billing neither", "person billing", "assigned", access.ReadChart, person.PurposeTreatment, "....", "...."},
		{"the officer reads the log, by passkey", "person compliance", "-", access.ReadLog, person.PurposeAudit, ".AA.", "AAAA"},
		{"not by token", "token compliance", "-", access.ExportLog, person.PurposeAudit, "....", "...."},
		{"the administrator does not", "person administrator", "-", access.ReadLog, person.PurposeOperations, "....", "...."},
		{"an administrator adds accounts with fresh presence", "person administrator", "-", access.AddAccount, person.PurposeOperations, ".sA.", "ssAA"},
		{"and not by token", "token administrator", "-", access.AddAccount, person.PurposeOperations, "....", "...."},
		{"assigns others", "person administrator", "other", access.AssignPatient, person.PurposeOperations, ".sA.", "ssAA"},
		{"and never the own account", "person administrator", "own", access.AssignPatient, person.PurposeOperations, "....", "...."},
		{"a clinician assigns nobody", "person clinician", "other", access.AssignPatient, person.PurposeTreatment, "....", "...."},
		{"a nurse resumes nobody", "person nurse", "other", access.ResumeAccount, person.PurposeOperations, "....", "...."},
		{"a new passkey needs fresh presence", "person patient", "own", access.AddPasskey, person.PurposePatientRequest, "ssAs", "ssAA"},
		{"and the own account", "person patient", "other", access.AddPasskey, person.PurposePatientRequest, "....", "...."},
		{"a token adds no passkey", "token patient", "own", access.AddPasskey, person.PurposePatientRequest, "....", "...."},
		{"an act is approved with a fresh passkey", "person administrator", "own", access.ApproveAct, person.PurposeOperations, ".sA.", "ssAA"},
		{"a stranger signs in", "stranger", "other", access.SignIn, person.PurposeOperations, "AAAA", "AAAA"},
		{"and steps into a persona of the demo alone", "stranger", "other", access.EnterPersona, person.PurposeOperations, "....", "AAAA"},
		{"a stranger reads nothing", "stranger", "own", access.ReadChart, person.PurposePatientRequest, "....", "...."},
		{"nor shared data", "stranger", "-", access.ReadShared, person.PurposePatientRequest, "....", "...."},
		{"the job of the indexes touches charts", "job reindex", "other", access.ReindexChart, person.PurposeSystemAdmin, "AAAA", "AAAA"},
		{"and reads none", "job reindex", "other", access.ReadChart, person.PurposeSystemAdmin, "....", "...."},
		{"another job does not", "job another", "other", access.ReindexChart, person.PurposeSystemAdmin, "....", "...."},
		{"tokens are not minted on production data", "command approved", "other", access.MintToken, person.PurposeSystemAdmin, "....", "AAAA"},
		{"an approved command imports", "command approved", "other", access.ImportChart, person.PurposeRecords, "AAAA", "AAAA"},
		{"one that nobody approved does not", "command alone", "other", access.ImportChart, person.PurposeRecords, "....", "AAAA"},
		{"a command reads no chart", "command approved", "other", access.ReadChart, person.PurposeRecords, "....", "...."},
		{"nor the log", "command approved", "-", access.ReadLog, person.PurposeAudit, "....", "...."},
	} {
		for env, want := range map[string]string{keys.Production: c.production, keys.Demo: c.demo} {
			w := worlds[env]
			if c.who == "command alone" {
				w.dir.standing = access.Standing{} // what the directory says of no account
				owner := person.Owner{Kind: person.OwnerPatient}
				if got := w.ask(caller(row{who: c.who, purpose: c.purpose}, person.AccountID{}, person.Proof{}), def(t, c.action), owner); got != want[0] {
					t.Errorf("%s, %s: %c, want %c", c.what, env, got, want[0])
				}
				continue
			}
			if got := w.verdicts(row{def(t, c.action), c.who, c.relation, c.purpose}); got != want {
				t.Errorf("%s, %s: %s, want %s", c.what, env, got, want)
			}
		}
	}
}

func def(t *testing.T, a access.Action) access.ActionDef {
	for _, d := range access.Actions() {
		if d.Action == a {
			return d
		}
	}
	t.Fatalf("no action %s", a)
	return access.ActionDef{}
}

// An account that is suspended, or that does not hold the role it acts in, may
// sign out and nothing else.
func TestTheSuspendedMayLeaveAndNothingElse(t *testing.T) {
	w := newWorld(t, keys.Demo)
	account, _ := me.AsAccount()
	for name, change := range map[string]func(*access.Standing){
		"suspended":     func(s *access.Standing) { s.Active = false },
		"role was lost": func(s *access.Standing) { s.Roles = nil },
		"unknown":       func(s *access.Standing) { *s = access.Standing{} },
	} {
		for _, r := range rows() {
			kind, _, _ := strings.Cut(r.who, " ")
			if kind != "person" && kind != "token" && (kind != "stranger" || name == "role was lost") {
				continue
			}
			owner := w.set(r)
			change(&w.dir.standing)
			got := w.ask(caller(r, account, person.Proof{Method: "passkey", At: w.now}), r.action, owner)
			if leaves := r.action.Action == access.SignOut && r.relation == "own" && kind != "stranger"; (got == 'A') != leaves {
				t.Errorf("%s: %s: %c", name, r, got)
			}
		}
	}
}
