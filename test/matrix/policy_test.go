package matrix

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
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

// asker is somebody whom the gate knows, beside the personas at the door: each role
// in each situation that the policies tell apart, and commands and jobs.
type asker struct {
	name   string
	caller person.Caller
	active bool
	role   person.Role
}

var (
	askNow     = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	myAccount  = person.Owner{Kind: person.OwnerAccount, ID: [16]byte{1}}
	itsAccount = person.Owner{Kind: person.OwnerAccount, ID: [16]byte{2}}
	myChart    = person.Owner{Kind: person.OwnerPatient, ID: [16]byte{1}}
	itsChart   = person.Owner{Kind: person.OwnerPatient, ID: [16]byte{2}}
	theClinic  = person.Owner{Kind: person.OwnerClinic}
)

// roles are the personas' roles and the purpose that each has by itself.
var roles = []struct {
	name    string
	role    person.Role
	purpose person.Purpose
}{
	{"mother", person.RolePatient, person.PurposePatientRequest}, {"doctor", person.RoleClinician, person.PurposeTreatment},
	{"nurse", person.RoleNurse, person.PurposeTreatment}, {"admin", person.RoleAdministrator, person.PurposeOperations},
	{"officer", person.RoleCompliance, person.PurposeAudit}, {"frontdesk", person.RoleFrontDesk, person.PurposeOperations},
	{"records", person.RoleRecordsOffice, person.PurposeRecords}, {"billing", person.RoleBilling, person.PurposeOperations},
	{"auditor", person.RoleAuditor, person.PurposeAudit},
}

func askers() (out []asker) {
	account, _ := myAccount.AsAccount()
	fresh, old := person.Proof{Method: "passkey", At: askNow}, person.Proof{Method: "passkey", At: askNow.Add(-time.Hour)}
	for _, r := range roles {
		c := person.PersonConfig{Account: account, Role: r.role, Purpose: r.purpose, Proof: fresh}
		add := func(situation string, active bool, change func(*person.PersonConfig)) {
			c := c
			change(&c)
			out = append(out, asker{r.name + situation, person.NewPerson(c), active, r.role})
		}
		add("", true, func(*person.PersonConfig) {})
		add(":suspended", false, func(*person.PersonConfig) {})
		add(":stale", true, func(c *person.PersonConfig) { c.Proof = old })
		add(":unproven", true, func(c *person.PersonConfig) { c.Proof = person.Proof{} })
		add(":token", true, func(c *person.PersonConfig) { c.Token = true })
		add(":for-research", true, func(c *person.PersonConfig) { c.Purpose = "HRESCH" })
	}
	out = append(out, asker{"stranger", person.Stranger(person.Request{}), true, ""},
		asker{"stranger:suspended", person.Stranger(person.Request{}), false, ""})
	for _, p := range []person.Purpose{person.PurposeSystemAdmin, person.PurposeRecords} {
		for _, job := range []string{"init", "reindex", "nightly"} {
			out = append(out, asker{"job:" + job + ":" + string(p), person.NewSystem(job, p, person.Request{}), true, ""})
		}
		out = append(out, asker{"command:" + string(p), person.NewOperator("any", account, p, person.Request{}), true, person.RoleAdministrator},
			asker{"command:" + string(p) + ":unapproved", person.NewOperator("any", person.AccountID{}, p, person.Request{}), false, person.RoleAdministrator})
	}
	return out
}

// standings is the clinic's directory for one question.
type standings struct {
	standing access.Standing
	assigned bool
}

func (s *standings) Standing(context.Context, person.AccountID) (access.Standing, error) {
	return s.standing, nil
}

func (s *standings) Assigned(context.Context, person.AccountID, person.PatientID) (bool, error) {
	return s.assigned, nil
}

// uncounted takes refusals and forgets them: the gate is asked thousands of times.
type uncounted struct{}

func (uncounted) Refuse(context.Context, string, audit.Entry) error { return nil }

// gateOf is a gate over other policies, in one environment.
func gateOf(log access.Log, s *standings, environment string, policies fs.FS) (*access.Gate, error) {
	return access.New(access.Config{Log: log, Refusals: uncounted{}, Directory: s, Volume: vaulttest.Endless{}, Environment: environment, Policies: policies,
		Clock: func() time.Time { return askNow }, Random: strings.NewReader(""), Alert: func(context.Context, string) {}})
}

var appliesTo = regexp.MustCompile(`(?m)^action ([a-zA-Z, ]+?)\s+appliesTo \{ principal: \[[^]]*\], resource: ([A-Za-z]+)`)

// resources say what each action is about, from the schema.
func resources(t *testing.T) map[string]string {
	t.Helper()
	b, err := fs.ReadFile(repository(t).FS(), "internal/trust/access/policies/schema.cedarschema")
	must(t, err)
	out := map[string]string{}
	for _, m := range appliesTo.FindAllSubmatch(b, -1) {
		for _, action := range strings.Split(string(m[1]), ",") {
			out[strings.TrimSpace(action)] = string(m[2])
		}
	}
	for _, d := range access.Actions() {
		if out[string(d.Action)] == "" {
			t.Fatalf("the schema does not say what %s is about", d.Action)
		}
	}
	return out
}

// owners are whose things an action can be about.
func owners(resource string) map[string]person.Owner {
	switch resource {
	case "Chart":
		return map[string]person.Owner{"own": myChart, "other": itsChart, "assigned": itsChart}
	case "Account":
		return map[string]person.Owner{"own": myAccount, "other": itsAccount}
	case "Log":
		return map[string]person.Owner{"-": access.LogOwner()}
	default:
		return map[string]person.Owner{"-": theClinic}
	}
}

// decided is what the gate says to one question, in the words of expect.tsv. It stops
// before the log: this part is about the policies alone.
func decided(g *access.Gate, s *standings, a asker, d access.ActionDef, whose string, owner person.Owner) string {
	chart, _ := myChart.AsPatient()
	s.standing = access.Standing{Active: a.active, Roles: []person.Role{a.role}, Person: [16]byte{1}}
	if a.role == person.RolePatient || whose == "own" && owner == myChart {
		s.standing.Chart = chart // staff may have a chart too; their role does not open it
	}
	s.assigned = whose == "assigned"
	ask := access.Ask{Caller: a.caller, Action: d.Action, Owner: owner, Reason: "why"}
	_, err := g.Begin(context.Background(), ask)
	if d.TwoPerson && (a.caller.Kind() == person.KindPerson || a.caller.Kind() == person.KindToken) {
		if _, err = g.Propose(context.Background(), ask, "what"); fault.Is(err, fault.Unavailable) {
			err = nil // it stops at drawing a number: it may be proposed
		}
	}
	switch {
	case err == nil:
		return "ok"
	case fault.Is(err, fault.Unauthenticated):
		return "sign-in"
	default:
		return strings.ReplaceAll(fault.Of(err).String(), "unauthenticated", "sign-in")
	}
}

// gateProblems asks every question of the gate over these policies and returns where
// it disagrees with expect.tsv, at most so many.
func gateProblems(x *expectations, about map[string]string, log access.Log, policies fs.FS, most int) (out []string, cells int, err error) {
	everybody := askers()
	for _, environment := range []string{keys.Production, keys.Demo} {
		s := &standings{}
		g, err := gateOf(log, s, environment, policies)
		if err != nil {
			return nil, 0, err
		}
		for _, d := range access.Actions() {
			for whose, owner := range owners(about[string(d.Action)]) {
				for _, a := range everybody {
					want, n := x.want(a.name, string(d.Action), whose, "gate "+environment)
					got := decided(g, s, a, d, whose, owner)
					cells++
					if got != want {
						out = append(out, fmt.Sprintf("%s: %s %s on %s: %s, expect.tsv:%d says %q", environment, a.name, d.Action, whose, got, n, want))
						if len(out) == most {
							return out, cells, nil
						}
					}
				}
			}
		}
	}
	return out, cells, nil
}

// The policies say what expect.tsv says, to everybody and about everything.
func TestPoliciesAsExpected(t *testing.T) {
	covers.Covers(t, "CH-4")
	x := readExpectations(t)
	problems, cells, err := gateProblems(x, resources(t), closedLog(t), nil, 1000)
	must(t, err)
	for _, p := range problems {
		t.Error(p)
	}
	x.idle(t, func(l *line) bool { return strings.HasPrefix(l.route, "gate") })
	t.Logf("matrix: gate: %d cells, unexpected = %d", cells, len(problems))
}

func closedLog(t *testing.T) access.Log {
	t.Helper()
	log := audittest.New(t)
	must(t, log.Close(t.Context()))
	return log
}

// mutant is the policies with one of them changed.
type mutant struct {
	name  string
	files fstest.MapFS
}

var (
	policyText = regexp.MustCompile(`(?s)@id\("([^"]+)"\)\s*(permit|forbid) \(.*?;\n`)
	conjunct   = regexp.MustCompile(`[{&] (context\.[a-z]+(?: [!=]= "[^"]*")?)`)
)

// mutants are all policies flipped, dropped, and each with each condition dropped or turned.
func mutants(t *testing.T) (out []mutant) {
	t.Helper()
	root := repository(t).FS()
	whole := fstest.MapFS{}
	names, err := fs.Glob(root, "internal/trust/access/policies/*")
	must(t, err)
	for _, name := range names {
		b, err := fs.ReadFile(root, name)
		must(t, err)
		whole[strings.TrimPrefix(name, "internal/trust/access/")] = &fstest.MapFile{Data: b}
	}
	policies := 0
	for name, file := range whole {
		for _, at := range policyText.FindAllSubmatchIndex(file.Data, -1) {
			policies++
			src, id := string(file.Data), string(file.Data[at[2]:at[3]])
			with := func(what string, from, to int, text string) {
				files := fstest.MapFS{}
				for n, f := range whole {
					files[n] = f
				}
				files[name] = &fstest.MapFile{Data: []byte(src[:from] + text + src[to:])}
				out = append(out, mutant{id + ": " + what, files})
			}
			flipped := "forbid"
			if src[at[4]:at[5]] == "forbid" {
				flipped = "permit"
			}
			with("flipped", at[4], at[5], flipped)
			with("dropped", at[0], at[1], "")
			for _, c := range conjunct.FindAllStringSubmatchIndex(src[at[0]:at[1]], -1) {
				from, to := at[0]+c[2], at[0]+c[3]
				with("without "+src[from:to], from, to, "true")
				with("with the contrary of "+src[from:to], from, to, "!("+src[from:to]+")")
			}
		}
	}
	// As many as the files have, or the pattern overlooks some.
	want := 0
	for name, file := range whole {
		if strings.HasSuffix(name, ".cedar") {
			want += strings.Count(string(file.Data), "@id(")
		}
	}
	if policies != want {
		t.Fatalf("%d of %d policies are understood", policies, want)
	}
	slices.SortFunc(out, func(a, b mutant) int { return strings.Compare(a.name, b.name) })
	return out
}

// Whoever turns a verdict in the policies, or lets a condition fall, turns the matrix red.
func TestEveryTurnedPolicyIsSeen(t *testing.T) {
	covers.Covers(t, "CH-4")
	x, about, log := readExpectations(t), resources(t), closedLog(t)
	all := mutants(t)
	for _, m := range all {
		problems, _, err := gateProblems(x, about, log, m.files, 1)
		if err != nil {
			continue // such policies stop the start
		}
		if len(problems) == 0 {
			t.Errorf("%s: the matrix does not see it", m.name)
		}
	}
	t.Logf("matrix: %d policies turned in memory", len(all))
}
