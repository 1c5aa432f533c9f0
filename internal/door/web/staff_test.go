package web_test

import (
	"archive/tar"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// Each role lands on the page of its work and is refused the others'.
func TestRolesLandOnTheirPages(t *testing.T) {
	covers.Covers(t, "CH-1")
	h := lite(t)
	pages := map[person.Role]string{person.RoleClinician: "/clinic", person.RoleNurse: "/clinic", person.RoleAdministrator: "/admin",
		person.RoleCompliance: "/officer", person.RoleFrontDesk: "/security"}
	for role, own := range pages {
		b := h.account(t, "Ada Finch", nobody, role)
		goes(t, string(role), b.get("/"), own)
		want(t, string(role), b.get(own), http.StatusOK, "Ada Finch")
		for _, other := range []string{"/clinic", "/admin", "/officer"} {
			if other != own {
				want(t, string(role)+" at "+other, b.get(other), http.StatusForbidden, "so it stayed closed")
			}
		}
		for _, chart := range []string{"/results", "/conditions", "/access-log"} {
			want(t, string(role)+" at "+chart, b.get(chart), http.StatusNotFound)
		}
	}
	p, _ := h.patient(t, "mother")
	for _, other := range []string{"/clinic", "/clinic/pat-buonwgpz7nesu7gb4anlv6kgza", "/admin", "/officer"} {
		want(t, "patient at "+other, p.get(other), http.StatusForbidden)
	}
}

// A doctor says why before a chart opens, and opens the assigned ones alone.
func TestADoctorOpensAssignedChartsForAPurpose(t *testing.T) {
	h := lite(t)
	mother, elder := h.chart(t, "mother"), h.chart(t, "elder")
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	want(t, "no patients yet", doctor.get("/clinic"), http.StatusOK)
	h.assign(t, doctor, mother)
	want(t, "my patients", doctor.get("/clinic"), http.StatusOK, "Maya Tran", "/clinic/"+mother.String(), "RC-1", "years")

	path := "/clinic/" + mother.String()
	want(t, "before the purpose", doctor.get(path), http.StatusOK, "I am treating this patient")
	if strings.Contains(doctor.last.Body.String(), "Maya") {
		t.Error("the page that asks for a purpose shows the chart")
	}
	want(t, "no purpose", doctor.post(path), http.StatusOK, "Please say why")
	want(t, "another purpose", doctor.post(path, "purpose", "HOPERAT"), http.StatusNotFound)
	want(t, "treatment", doctor.post(path, "purpose", "TREAT"), http.StatusOK, "Maya Tran", "Latex", "Migraine", "Blood pressure", "Opened for", "Chart of Maya Tran</h1>")
	link := staffLink.FindStringSubmatch(doctor.last.Body.String())[1]
	// Whose result it is stands on its page, and the way back opens the chart, for the same reason.
	want(t, "one result", doctor.get(link), http.StatusOK, "Maya Tran", `action="`+path+`"`, `name="purpose" value="TREAT"`)
	want(t, "my patients", doctor.get("/clinic"), http.StatusOK, `action="`+path+`"`, `name="purpose" value="TREAT">Open to treat`)

	for _, foreign := range []string{elder.String(), "pat-buonwgpz7nesu7gb4anlv6kgza", "pat-x"} {
		want(t, "foreign "+foreign, doctor.post("/clinic/"+foreign, "purpose", "TREAT"), http.StatusNotFound)
	}
	want(t, "malformed", doctor.get("/clinic/pat-x"), http.StatusNotFound)
}

// One damaged chart does not hide the other patients.
func TestADamagedChartHidesNobodyElse(t *testing.T) {
	h := lite(t)
	mother, elder := h.chart(t, "mother"), h.chart(t, "elder")
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, mother)
	h.assign(t, doctor, elder)
	dbtest.Raw(h.DB).Exec(t, `DELETE FROM chart_manifest WHERE owner = ?`, person.Patient(mother).Bytes())
	want(t, "my patients", doctor.get("/clinic"), http.StatusOK, "Ernesto", mother.String())
	want(t, "the damaged one", doctor.post("/clinic/"+mother.String(), "purpose", "TREAT"), http.StatusServiceUnavailable, "did not pass its check")
}

var linkOf = regexp.MustCompile(`value="(` + regexp.QuoteMeta(origin) + `/enrol#[^"]+)"`)

// An administrator adds an account, hands over its link, assigns and suspends.
func TestAnAdministratorManagesAccounts(t *testing.T) {
	h := lite(t)
	chart := h.chart(t, "mother")
	admin := h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	admin.get("/admin")
	want(t, "add", admin.post("/admin/accounts", "name", "Samuel Brooks", "role", "nurse", "patient", ""), http.StatusOK, "One-time link for Samuel Brooks", "The account was added")
	link := linkOf.FindStringSubmatch(admin.last.Body.String())
	if link == nil {
		t.Fatal("no one-time link on the page")
	}
	if strings.Contains(admin.get("/admin").Body.String(), "/enrol#") {
		t.Error("the link is shown twice")
	}
	nurse := h.stranger()
	nurse.enrol(t, link[1])
	goes(t, "the nurse lands", nurse.get("/"), "/clinic")
	again := h.stranger()
	w := again.json("/enrol/options", map[string]any{"link": strings.Split(link[1], "#")[1], "name": ""})
	want(t, "the link again", w, http.StatusUnauthorized, `"error":"error.sign-in"`)

	id := idNear(t, admin.last.Body.String(), "Samuel Brooks")
	goes(t, "assign", admin.post("/admin/assignments", "clinician", id, "patient", chart.String()), "/admin")
	want(t, "assigned", admin.get("/admin"), http.StatusOK, "The patient is assigned", chart.String())
	if strings.Contains(admin.get("/admin").Body.String(), "The patient is assigned") {
		t.Error("the message comes back")
	}
	want(t, "her patients", nurse.get("/clinic"), http.StatusOK, "Maya Tran")
	goes(t, "unassign", admin.post("/admin/assignments/end", "clinician", id, "patient", chart.String()), "/admin")
	if strings.Contains(nurse.get("/clinic").Body.String(), "Maya Tran") {
		t.Error("an assignment that ended")
	}
	goes(t, "suspend", admin.post("/admin/accounts/"+id+"/suspend"), "/admin")
	goes(t, "the nurse is out", nurse.get("/clinic"), "/sign-in")
	want(t, "and stays out", nurse.signIn(t), http.StatusUnauthorized)
	goes(t, "restore", admin.post("/admin/accounts/"+id+"/restore"), "/admin")
	want(t, "the nurse is back", nurse.signIn(t), http.StatusOK)
	want(t, "a new link", admin.post("/admin/accounts/"+id+"/link"), http.StatusForbidden)
}

// idNear is the account id in the row of a name.
func idNear(t *testing.T, page, name string) string {
	t.Helper()
	_, after, _ := strings.Cut(page, "<bdi>"+name+"</bdi>")
	id := regexp.MustCompile(`acc-[a-z2-7]{26}`).FindString(after)
	if id == "" {
		t.Fatalf("no account of %s on the page", name)
	}
	return id
}

func TestAnAdministratorIsToldWhatIsWrong(t *testing.T) {
	h := lite(t)
	admin := h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	for _, c := range []struct{ name, role, patient, says string }{
		{" ", "nurse", "", "Please type a name"},
		{strings.Repeat("x", 121), "nurse", "", "too long"},
		{"Bo", "system", "", "choose a role"},
		{"Bo", "king", "", "choose a role"},
		{"Bo", "patient", "pat-x", "no chart with this id"},
		{"Bo", "nurse", "pat-buonwgpz7nesu7gb4anlv6kgza", "no chart with this id"},
	} {
		want(t, c.says, admin.post("/admin/accounts", "name", c.name, "role", c.role, "patient", c.patient), http.StatusOK, c.says)
	}
	own := admin.id.String()
	want(t, "suspend oneself", admin.post("/admin/accounts/"+own+"/suspend", "reason", "x"), http.StatusForbidden)
	want(t, "nobody", admin.post("/admin/accounts/acc-x/suspend"), http.StatusNotFound)
	want(t, "assign to nobody", admin.post("/admin/assignments", "clinician", "x", "patient", "y"), http.StatusOK, "note-bad")
	want(t, "assign nobody", admin.post("/admin/assignments", "clinician", own, "patient", "y"), http.StatusOK, "note-bad")
	want(t, "end nothing", admin.post("/admin/assignments/end", "clinician", "x", "patient", "y"), http.StatusOK, "note-bad")
	nurse := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	for _, path := range []string{"/admin/accounts/" + own + "/suspend", "/admin/accounts/" + own + "/link", "/admin/accounts/" + own + "/restore"} {
		want(t, "nurse at "+path, nurse.post(path), http.StatusForbidden)
	}
	h.damage(t, nurse)
	want(t, "a damaged account is listed", admin.get("/admin"), http.StatusOK, nurse.id.String())
}

func (h *house) damage(t *testing.T, b *browser) {
	t.Helper()
	dbtest.Raw(h.DB).Exec(t, `UPDATE account_row SET version = version + 1 WHERE account = ? AND kind = 1`, b.id.Bytes())
}

// The officer's log has words for every action, says a change once and does not call
// a line of a list an opened chart.
func TestTheLogIsSaidInWords(t *testing.T) {
	h := lite(t)
	words, err := catalog.Load()
	must(t, err)
	for _, a := range access.Actions() {
		if !words.Language("en").Has("act." + string(a.Action)) { // Load compares the languages
			t.Errorf("no words for %s", a.Action)
		}
	}
	for _, e := range []audit.Event{audit.EventStart, audit.EventStop, audit.EventAlarm, audit.EventOutcome, audit.EventRecovery} { // entries without an action
		if !words.Language("en").Has("act." + string(e)) {
			t.Errorf("no words for %s", e)
		}
	}
	_, chart := h.patient(t, "mother")
	doctor, officer := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician), h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	h.assign(t, doctor, chart)
	doctor.get("/clinic")
	want(t, "the log", officer.get("/officer"), http.StatusOK, "Saw this patient on a list", "(change stored)")
	page := officer.last.Body.String()
	if strings.Contains(page, "Something else") || strings.Contains(page, `"Action">Opened a chart`) {
		t.Errorf("the log says\n%s", mainOf([]byte(page)))
	}
	changes := strings.Count(page, "assignPatient</span>")
	if stored := strings.Count(page, `Changed an assignment <span class="soft">(change stored)`); stored == 0 || changes != 2*stored {
		t.Errorf("%d entries, %d of them of stored changes", changes, stored)
	}
}

// The officer reads, filters, verifies and takes a copy; each reading is logged.
func TestAnOfficerReadsTheLog(t *testing.T) {
	covers.Covers(t, "CH-13")
	h := lite(t)
	maya, chart := h.patient(t, "mother")
	officer := h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	maya.get("/results")
	want(t, "the log", officer.get("/officer"), http.StatusOK, "Maya Tran", "readChart", "patient.reads-own-chart", chart.String())
	for _, c := range []struct{ what, in, out string }{
		{"who", "Maya Tran", "Dalia Rahman</bdi>"}, {"act", "readLog", "readChart</span>"}, {"outcome", "refused", "patient.reads-own-chart"},
	} {
		want(t, c.what, officer.post("/officer", c.what, c.in), http.StatusOK)
		if strings.Contains(officer.last.Body.String(), c.out) {
			t.Errorf("filter %s=%s shows %s", c.what, c.in, c.out)
		}
	}
	want(t, "patient", officer.post("/officer", "patient", chart.String(), "from", "2026-11-22", "to", "2026-11-22"), http.StatusOK, "readChart</span>")
	for _, who := range []string{maya.id.String(), "patient", "maya"} {
		want(t, who, officer.post("/officer", "who", who), http.StatusOK, "Maya Tran</bdi>")
	}
	want(t, "import by name", officer.post("/officer", "who", "import"), http.StatusOK, "importChart")
	want(t, "yesterday", officer.post("/officer", "to", "2026-11-21"), http.StatusOK, "No entry matches")
	for _, bad := range [][2]string{{"from", "x"}, {"to", "2026-02-30"}, {"older", "0"}} {
		want(t, bad[0], officer.post("/officer", bad[0], bad[1]), http.StatusBadRequest, "could not be read")
	}
	want(t, "older", officer.post("/officer", "older", "5"), http.StatusOK)
	want(t, "verify", officer.post("/officer/verify"), http.StatusOK, "complete and unchanged", "agrees with the checkpoint")
	size := h.Log.Size()
	w := officer.post("/officer/export")
	want(t, "export", w, http.StatusOK)
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="postern-log-2026-11-22.tar"` {
		t.Errorf("disposition %s", got)
	}
	files := 0
	for r := tar.NewReader(w.Body); ; files++ {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if files < 2 || h.Log.Size() <= size {
		t.Errorf("%d files, %d entries for it", files, h.Log.Size()-size)
	}
}

// An operator sees what a command would do and approves exactly that.
func TestAnActIsApprovedOnce(t *testing.T) {
	h := lite(t)
	admin := h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	act := h.propose(t)
	path := "/approve/" + act.ID
	want(t, "asked", admin.get(path), http.StatusOK, "Import bundle.json", "postern test")
	h.Clock.Add(6 * time.Minute) // the approval itself is the fresh proof
	w := admin.ceremony(t, path, false, nil)
	want(t, "approve", w, http.StatusOK, `"go":"`+path+`"`)
	if len(h.acts) != 1 || h.acts[0].ID != act.ID {
		t.Fatalf("acts told: %v", len(h.acts))
	}
	want(t, "done", admin.get(path), http.StatusOK, "Approved")
	want(t, "again", admin.ceremony(t, path, false, nil), http.StatusNotFound)
	other := h.account(t, "Bo Marsh", nobody, person.RoleAdministrator)
	want(t, "not the other's business", other.get(path), http.StatusNotFound)
	want(t, "no such act", admin.get("/approve/x"), http.StatusNotFound)
}

func TestAnActIsDeclined(t *testing.T) {
	h := lite(t)
	admin := h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	act := h.propose(t)
	path := "/approve/" + act.ID
	admin.get(path)
	goes(t, "decline", admin.post(path+"/decline"), path)
	want(t, "declined", admin.get(path), http.StatusOK, "Refused.")
	want(t, "too late", admin.json(path+"/options", nil), http.StatusNotFound)
	if len(h.acts) != 1 {
		t.Error("nobody was told")
	}
}

// An approval that the waiting command cannot use is not called done.
func TestAFailedApprovalIsTold(t *testing.T) {
	h := lite(t)
	admin := h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	h.fail = func() error { return fault.New(fault.Gone, "run act: the command has left") }
	act := h.propose(t)
	admin.get("/approve/" + act.ID)
	want(t, "approve", admin.ceremony(t, "/approve/"+act.ID, false, nil), http.StatusGone, `"error":"error.gone"`)
}

func (h *house) propose(t *testing.T) access.Act {
	t.Helper()
	act, err := h.gate.Propose(t.Context(), access.Ask{Caller: vaulttest.Operator(), Action: access.ListAccounts,
		Owner: person.Clinic(h.Clinic)}, "Import bundle.json")
	must(t, err)
	return act
}

// Who looked names what was read: each type of a chart has words, also those that only
// programs read. Without them a line says "a part of your record".
func TestEveryTypeOfAChartHasWords(t *testing.T) {
	words, err := catalog.Load()
	must(t, err)
	for _, d := range records.Definitions() {
		if !d.Shared && !words.Language("en").Has("thing."+d.Type) { // Load compares the languages
			t.Errorf("no words for %s", d.Type)
		}
	}
}
