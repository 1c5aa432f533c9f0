package access_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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

func TestAGrantIsBoundToOwnerKindActionAndRequest(t *testing.T) {
	covers.Covers(t, "HC-7b")
	k := newKit(t, options{})
	mine, other := patientID(t), patientID(t)
	owner := person.Patient(mine)
	c := k.person(t, mine, person.RolePatient)
	kinds := []string{"Observation", "Condition"}
	ctx, cancel := context.WithCancel(t.Context())
	g, err := k.Decide(ctx, access.Ask{Caller: c, Action: access.SearchChart, Owner: owner, Kinds: kinds, Query: "code=718-7",
		Object: "Observation/x"})
	if err != nil {
		t.Fatal(err)
	}
	kinds[0] = "Procedure" // a caller that changes its list afterwards gains nothing
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"kind":          {g.Check(owner, "Observation"), true},
		"other kind":    {g.Check(owner, "Procedure"), false},
		"other owner":   {g.Check(person.Patient(other), "Observation"), false},
		"action":        {g.Covers(access.SearchChart, owner), true},
		"other action":  {g.Covers(access.ReadChart, owner), false},
		"other's chart": {g.Covers(access.SearchChart, person.Patient(other)), false},
	} {
		if (c.err == nil) != c.want || c.err != nil && !fault.Is(c.err, fault.Denied) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if g.Caller() != c || g.Action() != access.SearchChart || g.Owner() != owner {
		t.Errorf("the grant names %v %v %v", g.Caller(), g.Action(), g.Owner())
	}
	e := k.entry(t, g.Seq())
	if e.Patient != mine || e.Caller.Account != c.Account() || e.Query != "code=718-7" || e.Event != audit.EventSearch ||
		len(e.Policy) != 1 || e.Policy[0] != "patient.reads-own-chart" || e.Objects[0] != "Observation/x" || e.Kinds[0] != "Observation" {
		t.Errorf("entry %+v", e)
	}
	cancel()
	for name, err := range map[string]error{"alive": g.Alive(), "check": g.Check(owner, "Condition"), "covers": g.Covers(access.SearchChart, owner)} {
		if !fault.Is(err, fault.Denied) {
			t.Errorf("%s after the request: %v", name, err)
		}
	}
}

// The Grant of a job that seals anew is no good for an answer, and a Grant for an
// answer opens nothing for sealing anew.
func TestAGrantForReworkAnswersNothing(t *testing.T) {
	k := newKit(t, options{env: keys.Test})
	mine, kind := patientID(t), "Observation"
	owner := person.Patient(mine)
	job := person.NewSystem("reindex", person.PurposeSystemAdmin, person.Request{})
	rework, err := k.Decide(t.Context(), access.Ask{Caller: job, Action: access.ReindexChart, Owner: owner, Kinds: []string{kind}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := k.Decide(t.Context(), access.Ask{Caller: k.person(t, mine, person.RolePatient), Action: access.ReadChart, Owner: owner, Kinds: []string{kind}})
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		err error
		ok  bool
	}{
		"rework for rework": {rework.CheckRework(owner, kind), true},
		"answer for answer": {answer.Check(owner, kind), true},
		"rework for answer": {rework.Check(owner, kind), false},
		"answer for rework": {answer.CheckRework(owner, kind), false},
		"of another chart":  {rework.CheckRework(person.Patient(patientID(t)), kind), false},
		"of another kind":   {rework.CheckRework(owner, "Condition"), false},
		"no Grant at all":   {access.Grant{}.CheckRework(owner, kind), false},
	} {
		if (c.err == nil) != c.ok || !c.ok && !fault.Is(c.err, fault.Denied) {
			t.Errorf("%s: %v", what, c.err)
		}
	}
}

// Whatever a job may do with a chart, it gets no answer from it.
func TestNoJobGetsAnAnswerFromAChart(t *testing.T) {
	k := newKit(t, options{})
	owner := person.Patient(patientID(t))
	granted := 0
	for _, d := range access.Actions() {
		for _, name := range []string{"init", "reindex"} {
			job := person.NewSystem(name, person.PurposeSystemAdmin, person.Request{})
			g, err := k.Decide(t.Context(), access.Ask{Caller: job, Action: d.Action, Owner: owner, Kinds: []string{"Observation"}})
			if err != nil || !d.OnChart() {
				continue
			}
			if granted++; !fault.Is(g.Check(owner, "Observation"), fault.Denied) {
				t.Errorf("job %s: %s opens for an answer", name, d.Action)
			}
		}
	}
	if granted != 1 {
		t.Errorf("%d Grants, want that of reindex", granted)
	}
}

// A Grant changes the sets of rows that its action stands for, of whom it is about.
func TestAGrantChangesWhatItsActionStandsFor(t *testing.T) {
	k := newKit(t, options{env: keys.Test})
	chart, account, born := person.Patient(patientID(t)), person.Account(accountID(t)), person.Account(accountID(t))
	clinic := person.Owner{Kind: person.OwnerClinic, ID: [16]byte{1}}
	grant := func(ctx context.Context, a access.Ask) access.Grant {
		t.Helper()
		g, err := k.Decide(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	office, records := vaulttest.Operator(), vaulttest.Importer()
	imports := grant(t.Context(), access.Ask{Caller: records, Action: access.ImportChart, Owner: chart})
	assigns := grant(t.Context(), access.Ask{Caller: office, Action: access.AssignPatient, Owner: account})
	adds := grant(t.Context(), access.Ask{Caller: office, Action: access.AddAccount, Owner: clinic, New: born, Object: "Account/" + born.String()})
	lists := grant(t.Context(), access.Ask{Caller: office, Action: access.ListAccounts, Owner: clinic})
	ctx, cancel := context.WithCancel(t.Context())
	ended := grant(ctx, access.Ask{Caller: records, Action: access.ImportChart, Owner: chart})
	cancel()
	for what, c := range map[string]struct {
		err error
		ok  bool
	}{
		"the own chart":            {imports.CheckChange(chart, access.ChartSet), true},
		"any set of it":            {imports.CheckChange(chart, 0), true},
		"another set of it":        {imports.CheckChange(chart, access.AccountSet), false},
		"one set too many":         {imports.CheckChange(chart, access.ChartSet|access.SessionSet), false},
		"another chart":            {imports.CheckChange(person.Patient(patientID(t)), access.ChartSet), false},
		"an account by its Grant":  {assigns.CheckChange(account, access.AccountSet), true},
		"its sessions":             {assigns.CheckChange(account, access.SessionSet), false},
		"whom the action makes":    {adds.CheckChange(born, access.AccountSet|access.SessionSet), true},
		"where it is made":         {adds.CheckChange(clinic, access.AccountSet), false},
		"who is there already":     {adds.CheckChange(account, access.AccountSet), false},
		"by a Grant for a read":    {lists.CheckChange(clinic, access.ChartSet), false},
		"without a Grant":          {access.Grant{}.CheckChange(person.Owner{}, 0), false},
		"after the request":        {ended.CheckChange(chart, access.ChartSet), false},
		"make the own chart":       {imports.CheckMake(chart), true},
		"make another chart":       {imports.CheckMake(person.Patient(patientID(t))), false},
		"make whom it names":       {adds.CheckMake(born), true},
		"make the clinic":          {adds.CheckMake(clinic), false},
		"make an assigned account": {assigns.CheckMake(account), false},
		"make after the request":   {ended.CheckMake(chart), false},
	} {
		if (c.err == nil) != c.ok || !c.ok && !fault.Is(c.err, fault.Denied) {
			t.Errorf("%s: %v", what, c.err)
		}
	}
	if imports.Changes() != access.ChartSet || lists.Changes() != 0 {
		t.Errorf("changes %b and %b", imports.Changes(), lists.Changes())
	}
	for what, a := range map[string]access.Ask{
		"of an action that makes nobody": {Caller: office, Action: access.ListAccounts, Owner: clinic, New: born, Object: "Account/" + born.String()},
		"whom the entry does not name":   {Caller: office, Action: access.AddAccount, Owner: clinic, New: born, Object: "Account/" + account.String()},
	} {
		if _, err := k.Decide(t.Context(), a); err == nil {
			t.Errorf("somebody new %s", what)
		}
	}
}

// What each action changes, in words of its own: an action that is added here and
// there changes nothing until somebody says so in both places.
func TestWhatActionsChange(t *testing.T) {
	want := map[access.Sets][]access.Action{
		access.ChartSet:                      {access.ImportChart, access.ReindexChart, access.ReindexShared},
		access.ChartSet | access.RegisterSet: {access.ImportShared},
		access.AccountSet: {access.AddPasskey, access.AssignPatient, access.ChooseLanguage, access.IssueEnrolment,
			access.RenamePasskey, access.RenewEnrolment, access.ResumeAccount},
		access.SessionSet: {access.EndSession, access.EnterPersona, access.MintToken, access.SignOut},
		access.AccountSet | access.SessionSet: {access.AddAccount, access.EnrolPasskey, access.RemovePasskey, access.SignIn,
			access.SuspendAccount, access.SuspendOverseer},
	}
	for _, d := range access.Actions() {
		if listed := slices.Contains(want[d.Changes], d.Action); listed != (d.Changes != 0) {
			t.Errorf("%s changes %b", d.Action, d.Changes)
		}
		if d.Makes != (d.Action == access.AddAccount || d.Action == access.ImportChart || d.Action == access.ImportShared) {
			t.Errorf("%s makes: %v", d.Action, d.Makes)
		}
		if d.OnAccount() && d.Changes&access.ChartSet != 0 || d.OnChart() && d.Changes&^access.ChartSet != 0 {
			t.Errorf("%s changes what its owner does not have", d.Action)
		}
	}
}

func TestTheZeroGrantOpensNothing(t *testing.T) {
	var g access.Grant
	if g.Alive() == nil || g.Check(person.Owner{}, "") == nil || g.Covers("", person.Owner{}) == nil || g.Changes() != 0 || g.CheckMake(person.Owner{}) == nil {
		t.Error("it opens something")
	}
	if g.Seq() != -1 || g.Action() != "" || !g.Owner().IsZero() || g.Caller() != (person.Caller{}) {
		t.Error("it names something")
	}
}

// gateway is a store whose appends wait until the test lets them pass.
type gateway struct {
	audit.Store
	hold chan struct{}
}

func (s *gateway) Append(ctx context.Context, b audit.Batch) error {
	<-s.hold
	return s.Store.Append(ctx, b)
}

// Neither a Grant nor the first refusal is out before its entry is on the disk.
func TestNothingIsAnsweredBeforeItIsDurable(t *testing.T) {
	covers.Covers(t, "HC-7a", "HC-7b")
	for name, own := range map[string]bool{"grant": true, "refusal": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hold := make(chan struct{})
				k := newKit(t, options{store: &gateway{&audittest.Memory{}, hold}})
				mine, owner := patientID(t), patientID(t)
				if own {
					owner = mine
				}
				c := k.person(t, mine, person.RolePatient)
				answer := make(chan error, 1)
				go func() {
					_, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(owner)})
					answer <- err
				}()
				synctest.Wait()
				select {
				case err := <-answer:
					t.Fatalf("answered (%v) while the entry waits for the disk", err)
				default:
				}
				close(hold)
				if err := <-answer; own != (err == nil) {
					t.Fatalf("then: %v", err)
				}
				if e := k.newest(t); e.Patient != owner || (e.Event == audit.EventRefused) == own {
					t.Fatalf("entry %+v", e)
				}
				synctest.Wait()
			})
		})
	}
}

func TestWithoutALogThereIsNoGrant(t *testing.T) {
	k := newKit(t, options{})
	mine := patientID(t)
	c := k.person(t, mine, person.RolePatient)
	if err := k.log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, owner := range map[string]person.PatientID{"allowed": mine, "refused": patientID(t)} {
		g, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(owner)})
		if !fault.Is(err, fault.Unavailable) || g.Alive() == nil {
			t.Errorf("%s: %v, want unavailable", what, err)
		}
	}
}

// What a Grant allowed and the room refused all the same stands in the log, about
// the same owner, with the message's id and nothing of the file.
func TestARoomsRefusalIsLogged(t *testing.T) {
	k := newKit(t, options{env: keys.Test})
	mine := patientID(t)
	g, err := k.Decide(t.Context(), access.Ask{Caller: vaulttest.Importer(), Action: access.ImportChart, Owner: person.Patient(mine)})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Refused(t.Context(), g, fault.Conflict, "import.other-person"); err != nil {
		t.Fatal(err)
	}
	e := k.newest(t)
	if e.Event != audit.EventRefused || e.Outcome != audit.Refused || e.Fault != "conflict" || e.Action != "importChart" || e.Patient != mine ||
		e.Caller.Name != "import" || e.Reason != "import.other-person; decided by entry 0" || e.Seq != 1 {
		t.Errorf("entry %+v", e)
	}
	if err := k.Refused(t.Context(), access.Grant{}, fault.Conflict, "x"); !fault.Is(err, fault.Denied) {
		t.Errorf("without a Grant: %v", err)
	}
	if err := k.log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.Refused(t.Context(), g, fault.Conflict, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a log: %v", err)
	}
}

func TestARefusalSaysWhatTheActionSays(t *testing.T) {
	k := newKit(t, options{})
	c := k.person(t, patientID(t), person.RolePatient)
	foreign, absent := patientID(t), patientID(t)
	k.person(t, foreign, person.RolePatient)
	var texts []string
	for _, p := range []person.PatientID{foreign, absent} {
		_, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(p)})
		if !fault.Is(err, fault.NotFound) {
			t.Fatalf("got %v, want not found", err)
		}
		texts = append(texts, err.Error())
		if e := k.newest(t); e.Event != audit.EventRefused || e.Outcome != audit.Refused || e.Patient != p || e.Fault != fault.NotFound.String() {
			t.Fatalf("entry %+v", e)
		}
	}
	if texts[0] != texts[1] {
		t.Errorf("a foreign chart and none differ: %v", texts)
	}
	for action, want := range map[access.Action]fault.Kind{access.ListAccounts: fault.Denied, access.ReadLog: fault.Denied} {
		if _, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: action}); !fault.Is(err, want) {
			t.Errorf("%s: %v, want %v", action, err, want)
		}
	}
	_, err := k.Decide(t.Context(), access.Ask{Caller: person.Stranger(person.Request{Source: "192.0.2.9"}), Action: access.SignIn, Owner: person.Account(accountID(t))})
	if !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("an unknown account signs in: %v", err)
	}
	if _, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: "shredChart"}); err == nil {
		t.Error("an unknown action was decided")
	}
}

// An account or clinic whose bits are those of the own chart is not the own chart.
func TestOnlyAPatientOwnsAChart(t *testing.T) {
	k := newKit(t, options{})
	mine := patientID(t)
	c := k.person(t, mine, person.RolePatient)
	doctor := k.person(t, person.PatientID{}, person.RoleClinician)
	k.people.Assign(doctor.Account(), mine)
	owner := person.Patient(mine)
	for _, kind := range []person.OwnerKind{person.OwnerAccount, person.OwnerClinic} {
		owner.Kind = kind
		for _, c := range []person.Caller{c, doctor} {
			if _, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.ReadChart, Owner: owner}); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s reads %v: %v", c.Role(), owner, err)
			}
		}
	}
}

// A persona of the demo cannot step up, so its entry counts however old it is; on
// other data it counts for nothing.
func TestAPersonaStaysFreshInTheDemoAlone(t *testing.T) {
	account, _ := me.AsAccount()
	for env, want := range map[string]byte{keys.Demo: 'A', keys.Test: 's', keys.Production: 's'} {
		w := newWorld(t, env)
		w.dir.standing = access.Standing{Active: true, Roles: person.Roles()}
		c := caller(row{who: "person patient", purpose: person.PurposePatientRequest}, account, person.Proof{Method: "demo", At: w.now.Add(-time.Hour)})
		if got := w.ask(c, def(t, access.AddPasskey), me); got != want {
			t.Errorf("%s: %c, want %c", env, got, want)
		}
	}
}

// A chart or clinic whose bits are those of the own account is not the own account.
func TestOnlyAnAccountIsTheOwnAccount(t *testing.T) {
	k := newKit(t, options{})
	c := k.person(t, patientID(t), person.RolePatient)
	owner := person.Account(c.Account())
	for _, kind := range []person.OwnerKind{person.OwnerPatient, person.OwnerClinic} {
		owner.Kind = kind
		if _, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.EndSession, Owner: owner}); !fault.Is(err, fault.Denied) {
			t.Errorf("%v: %v, want denied", owner, err)
		}
	}
}

// Whoever has no chart of the own does not own the chart without a patient.
func TestNoChartIsNobodysOwn(t *testing.T) {
	k := newKit(t, options{})
	c := k.person(t, person.PatientID{}, person.RolePatient)
	if _, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(person.PatientID{})}); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

// On production data a command is worth what its approver is at this moment.
func TestACommandIsWorthItsApprover(t *testing.T) {
	covers.Covers(t, "HC-6a")
	w := newWorld(t, keys.Production)
	account, _ := me.AsAccount()
	c := person.NewOperator("import", account, person.PurposeRecords, person.Request{})
	for who, s := range map[string]struct {
		standing access.Standing
		want     byte
	}{
		"an administrator":                      {access.Standing{Active: true, Roles: []person.Role{person.RoleAdministrator}}, 'A'},
		"one who was suspended since":           {access.Standing{Roles: []person.Role{person.RoleAdministrator}}, '.'},
		"one who is a clinician by now":         {access.Standing{Active: true, Roles: []person.Role{person.RoleClinician}}, '.'},
		"an account that is not there any more": {access.Standing{}, '.'},
	} {
		w.dir.standing = s.standing
		if got := w.ask(c, def(t, access.ImportChart), person.Owner{Kind: person.OwnerPatient, ID: [16]byte{2}}); got != s.want {
			t.Errorf("%s: %c, want %c", who, got, s.want)
		}
	}
}

func TestStepUpIsAskedForOnlyWhenItHelps(t *testing.T) {
	covers.Covers(t, "AC-4")
	k := newKit(t, options{})
	c := k.person(t, patientID(t), person.RolePatient)
	own := person.Account(c.Account())
	ask := func(c person.Caller, owner person.Owner) error {
		_, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.AddPasskey, Owner: owner})
		return err
	}
	k.clock.Add(5 * time.Minute)
	if err := ask(c, own); err != nil {
		t.Fatalf("at the window's edge: %v", err)
	}
	k.clock.Add(time.Second)
	if err := ask(c, own); !fault.Is(err, fault.StepUp) {
		t.Fatalf("after the window: %v, want step-up", err)
	}
	if e := k.newest(t); e.Fault != fault.StepUp.String() {
		t.Fatalf("entry %+v", e)
	}
	if err := ask(c, person.Account(accountID(t))); !fault.Is(err, fault.Denied) {
		t.Fatalf("somebody else's passkeys: %v, want denied", err)
	}
	k.clock.Add(-6 * time.Hour)
	if err := ask(c, own); !fault.Is(err, fault.StepUp) {
		t.Fatalf("the clock was set back behind the proof: %v, want step-up", err)
	}
}

func TestFactsThatCannotBeFetchedCloseTheGate(t *testing.T) {
	k := newKit(t, options{})
	mine := patientID(t)
	callers := map[string]person.Caller{
		"person":   k.person(t, mine, person.RolePatient),
		"stranger": person.Stranger(person.Request{}),
		"command":  person.NewOperator("import", accountID(t), person.PurposeRecords, person.Request{}),
	}
	k.people.Fail(errors.New("no directory"))
	for who, c := range callers {
		_, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(mine)})
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v, want unavailable", who, err)
		}
		if a := k.takeAlerts(); len(a) != 1 {
			t.Errorf("%s: alerts %v", who, a)
		}
	}
}

// The declared order of the disk that fills up: strangers, apps, patients, office
// roles, and care last (design.md promise 7).
func TestAFullDiskStopsStrangersFirstAndCareLast(t *testing.T) {
	k := newKit(t, options{env: keys.Test})
	mine := patientID(t)
	patient := k.person(t, mine, person.RolePatient)
	doctor, idle, officer := k.person(t, person.PatientID{}, person.RoleClinician), k.person(t, person.PatientID{}, person.RoleNurse), k.person(t, person.PatientID{}, person.RoleCompliance)
	nurse := k.person(t, person.PatientID{}, person.RoleNurse)
	k.people.Assign(doctor.Account(), mine)
	k.people.Assign(nurse.Account(), mine)
	suspended := k.person(t, person.PatientID{}, person.RoleClinician)
	k.people.Assign(suspended.Account(), mine)
	k.people.Set(suspended.Account(), access.Standing{Roles: []person.Role{person.RoleClinician}})
	app := as(patient, func(p *person.PersonConfig) { p.Token = true })
	chart := access.Ask{Action: access.ReadChart, Owner: person.Patient(mine)}
	list := func(c person.Caller) access.Ask {
		return access.Ask{Action: access.ListMyPatients, Owner: person.Account(c.Account())}
	}
	for _, c := range []struct {
		who   string
		c     person.Caller
		ask   access.Ask
		class audit.Class
	}{
		{"stranger", person.Stranger(person.Request{}), access.Ask{Action: access.SignIn, Owner: person.Account(patient.Account())}, audit.ClassStranger},
		{"app", app, chart, audit.ClassApp},
		{"patient", patient, chart, audit.ClassPatient},
		{"officer", officer, access.Ask{Action: access.ReadLog}, audit.ClassOffice},
		{"nurse without the patient", idle, chart, audit.ClassOffice},
		{"suspended doctor", suspended, chart, audit.ClassOffice},
		{"doctor", doctor, chart, audit.ClassCare},
		{"nurse", nurse, chart, audit.ClassCare},
		{"doctor's list", doctor, list(doctor), audit.ClassCare},
		{"doctor's look at shared names", doctor, access.Ask{Action: access.ReadShared}, audit.ClassCare},
		{"suspended doctor's look at shared names", suspended, access.Ask{Action: access.ReadShared}, audit.ClassOffice},
		{"somebody else's list", doctor, list(nurse), audit.ClassOffice},
		{"suspended doctor's list", suspended, list(suspended), audit.ClassOffice},
		{"doctor's passkeys", doctor, access.Ask{Action: access.ViewSecurity, Owner: person.Account(doctor.Account())}, audit.ClassOffice},
	} {
		c.ask.Caller = c.c
		for full := audit.ClassStranger; full <= audit.ClassCare; full++ {
			k.store.Full(func(class audit.Class) bool { return class <= full })
			c.ask.Object = fmt.Sprint(full) // else the refusals after the first are only counted
			_, err := k.Decide(t.Context(), c.ask)
			if stopped := fault.Is(err, fault.Unavailable); stopped != (c.class <= full) {
				t.Errorf("%s with class %d full: %v", c.who, full, err)
			}
		}
		k.store.Full(nil)
	}
}

func TestEntriesNameOwnersThatAreNoChart(t *testing.T) {
	k := newKit(t, options{env: keys.Test})
	admin := k.person(t, person.PatientID{}, person.RoleAdministrator)
	clinician, patient := accountID(t), patientID(t)
	g, err := k.Decide(t.Context(), access.Ask{Caller: admin, Action: access.AssignPatient, Owner: person.Account(clinician),
		Reason: "joins the practice", Detail: access.Detail{Patient: patient, Before: audit.Digest{1}, After: audit.Digest{2}, File: audit.Digest{3}}})
	if err != nil {
		t.Fatal(err)
	}
	e := k.entry(t, g.Seq())
	if e.Owner != clinician.String() || e.Patient != patient || e.Reason != "joins the practice" ||
		e.Before != (audit.Digest{1}) || e.After != (audit.Digest{2}) || e.File != (audit.Digest{3}) || e.Server != "test" {
		t.Fatalf("entry %+v", e)
	}
}

func TestAnIncompleteGateDoesNotOpen(t *testing.T) {
	if _, err := access.New(access.Config{}); err == nil || !strings.Contains(err.Error(), "incomplete") {
		t.Fatalf("got %v", err)
	}
}

// Whoever is refused too many different things is slowed down. The charts that
// exist and those that do not stay alike, and what one may do still works.
func TestTooManyDifferentRefusalsSlowDown(t *testing.T) {
	covers.Covers(t, "HC-7b")
	k := newKit(t, options{})
	mine := patientID(t)
	c := k.person(t, mine, person.RolePatient)
	there := patientID(t)
	k.person(t, there, person.RolePatient)
	read := func(owner person.PatientID) error {
		_, err := k.Decide(t.Context(), access.Ask{Caller: c, Action: access.ReadChart, Owner: person.Patient(owner)})
		return err
	}
	for n := range audit.RefusalSpread {
		if err := read(patientID(t)); !fault.Is(err, fault.NotFound) {
			t.Fatalf("refusal %d: %v", n, err)
		}
	}
	size := k.log.Size()
	missing, foreign := read(patientID(t)), read(there)
	if !fault.Is(missing, fault.Throttled) || !fault.Is(foreign, fault.Throttled) || missing.Error() != foreign.Error() {
		t.Errorf("then: %v and %v", missing, foreign)
	}
	if e := k.newest(t); k.log.Size() != size+1 || e.Event != audit.EventRefused || e.Fault != "throttled" {
		t.Errorf("%d entries more, the newest %+v", k.log.Size()-size, e)
	}
	if err := read(mine); err != nil {
		t.Errorf("the own chart: %v", err)
	}
}
