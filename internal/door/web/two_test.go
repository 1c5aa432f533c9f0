package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// desk is a clinic with a patient who lost her phone and two administrators.
type desk struct {
	*house
	maya, ana, ben *browser
	chart          person.PatientID
}

func newDesk(t *testing.T) *desk {
	d := &desk{house: lite(t)}
	d.maya, d.chart = d.patient(t, "mother")
	d.ana = d.account(t, "Ana Ito", nobody, person.RoleAdministrator)
	d.ben = d.account(t, "Ben Marsh", nobody, person.RoleAdministrator)
	return d
}

var actLink = regexp.MustCompile(`href="(/approve/[0-9a-f]{32})"`)

// ask proposes a new link for the patient and returns the path of the act.
func (d *desk) ask(t *testing.T) string {
	t.Helper()
	d.ana.get("/admin")
	goes(t, "ask", d.ana.post("/admin/accounts/"+d.maya.id.String()+"/renew", "reason", "lost her phone"), "/admin/waiting")
	want(t, "what waits", d.ben.get("/admin/waiting"), http.StatusOK, "Maya Tran", "Ana Ito", "lost her phone", "Waits until")
	path := actLink.FindStringSubmatch(d.ben.last.Body.String())
	if path == nil {
		t.Fatal("no way to the act")
	}
	return path[1]
}

// stop suspends who, as by asks and the officer confirms.
func (d *desk) stop(t *testing.T, who, by *browser) {
	t.Helper()
	officer := d.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	by.get("/admin")
	goes(t, "ask", by.post("/admin/accounts/"+who.id.String()+"/suspend", "reason", "device stolen"), "/admin/waiting")
	path := actLink.FindStringSubmatch(officer.get("/admin/waiting").Body.String())[1]
	officer.get(path)
	want(t, "confirm", officer.ceremony(t, path, false, nil), http.StatusOK)
}

// Who keeps watch is suspended by two: another administrator or the officer confirms.
func TestSuspendingWhoKeepsWatchTakesTwo(t *testing.T) {
	covers.Covers(t, "HC-6a", "HC-7c")
	d := newDesk(t)
	officer := d.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	suspend := func(b *browser) string { return "/admin/accounts/" + b.id.String() + "/suspend" }
	want(t, "the page asks why", d.ana.get("/admin"), http.StatusOK, "Ask to suspend Ben Marsh", "Ask to suspend Dalia Rahman", "Suspend Maya Tran")
	want(t, "without a reason", d.ana.post(suspend(officer)), http.StatusOK, "note-bad")
	want(t, "the officer works on", officer.get("/officer"), http.StatusOK)
	goes(t, "ask", d.ana.post(suspend(officer), "reason", "device stolen"), "/admin/waiting")
	want(t, "told", d.ana.get("/admin/waiting"), http.StatusOK, "works as before", "Suspend the account")
	goes(t, "and ben", d.ana.post(suspend(d.ben), "reason", "has left"), "/admin/waiting")
	want(t, "twice", d.ana.post(suspend(d.ben), "reason", "x"), http.StatusOK, "A suspension of this account waits already")
	want(t, "both work on", officer.get("/officer"), http.StatusOK)
	want(t, "both work on", d.ben.get("/admin"), http.StatusOK)
	acts := map[string]string{}
	page := d.ana.get("/admin/waiting").Body.String()
	for _, m := range actLink.FindAllStringSubmatch(page, -1) {
		for _, name := range []string{"Ben Marsh", "Dalia Rahman"} {
			if strings.Contains(d.ana.get(m[1]).Body.String(), name) {
				acts[name] = m[1]
			}
		}
	}
	// To its target a suspension is not there: nobody is warned, and nobody confirms or stops the own one.
	for name, b := range map[string]*browser{"Ben Marsh": d.ben, "Dalia Rahman": officer} {
		b.get("/security")
		want(t, name+" herself", b.ceremony(t, acts[name], false, nil), http.StatusNotFound)
		want(t, name+" stops it", b.post(acts[name]+"/decline"), http.StatusNotFound)
		if b.sees("/admin/waiting", acts[name]) || shape(b, acts[name]) != shape(b, "/approve/"+strings.Repeat("0", 32)) {
			t.Errorf("%s is warned", name)
		}
	}
	want(t, "the one who asked", d.ana.get(acts["Ben Marsh"]), http.StatusOK, "Your request for a suspension", "Withdraw")
	want(t, "nor does she", d.ana.ceremony(t, acts["Ben Marsh"], false, nil), http.StatusForbidden)

	// The officer confirms or lets it lapse, and declines nothing.
	want(t, "the officer sees", officer.get(acts["Ben Marsh"]), http.StatusOK, "Confirm a suspension", "Ana Ito", "has left", "Confirm with my passkey")
	if strings.Contains(officer.last.Body.String(), "/decline") {
		t.Error("the officer is offered to decline")
	}
	want(t, "and declines nothing", officer.post(acts["Ben Marsh"]+"/decline"), http.StatusNotFound)
	officer.post("/language", "lang", "es", "next", "officer")
	want(t, "in Spanish", officer.get(acts["Ben Marsh"]), http.StatusOK, "Confirmar una suspensión", "Solo si sabe por qué")
	officer.post("/language", "lang", "en", "next", "officer")
	officer.get(acts["Ben Marsh"])
	from := d.Log.Size()
	want(t, "confirm", officer.ceremony(t, acts["Ben Marsh"], false, nil), http.StatusOK)
	want(t, "done", officer.get(acts["Ben Marsh"]), http.StatusOK, "Confirmed.", "All its sessions were ended")
	goes(t, "ben is out", d.ben.get("/admin"), "/sign-in")
	want(t, "and stays out", d.ben.signIn(t), http.StatusUnauthorized)
	confirmed := 0
	for _, e := range d.entries(t, from) {
		if e.Action == string(access.SuspendOverseer) && e.Outcome == audit.Success && e.Caller.Account == officer.id && strings.Contains(e.Reason, d.ana.id.String()) {
			confirmed++
		}
	}
	if confirmed != 1 {
		t.Errorf("%d entries name both", confirmed)
	}
	want(t, "told", d.ana.get(acts["Ben Marsh"]), http.StatusOK, "the account is suspended")
	goes(t, "one restores", d.ana.post("/admin/accounts/"+d.ben.id.String()+"/restore"), "/admin")
	want(t, "back", d.ben.signIn(t), http.StatusOK)
	d.ben.get(acts["Dalia Rahman"])
	goes(t, "an administrator declines", d.ben.post(acts["Dalia Rahman"]+"/decline"), acts["Dalia Rahman"])
	want(t, "not suspended", d.ben.get(acts["Dalia Rahman"]), http.StatusOK, "The account was not suspended")
	want(t, "the officer reads on", officer.get("/officer"), http.StatusOK)
}

func (b *browser) sees(path, text string) bool {
	return strings.Contains(b.get(path).Body.String(), text)
}

// One administrator alone gets no link into an account that is in use; two do,
// the link is shown once to the one who confirmed, and the patient sees both.
func TestTwoAdministratorsMakeANewLink(t *testing.T) {
	covers.Covers(t, "HC-6a", "HC-7c")
	d := newDesk(t)
	id := d.maya.id.String()
	want(t, "alone", d.ana.post("/admin/accounts/"+id+"/link"), http.StatusForbidden)
	if strings.Contains(d.ana.last.Body.String(), "/enrol#") {
		t.Fatal("a link for one")
	}
	want(t, "the page offers what it takes", d.ana.get("/admin"), http.StatusOK, `action="/admin/accounts/`+id+`/renew"`)
	path := d.ask(t)
	from := d.Log.Size()

	want(t, "the proposer's page", d.ana.get(path), http.StatusOK, "You asked for this", "Withdraw")
	want(t, "the proposer confirms", d.ana.ceremony(t, path, false, nil), http.StatusForbidden)
	want(t, "the second sees", d.ben.get(path), http.StatusOK, "Maya Tran", "Ana Ito", "lost her phone", "Confirm with my passkey")
	d.Clock.Add(6 * time.Minute) // the confirmation itself is the fresh proof
	want(t, "confirm", d.ben.ceremony(t, path, false, nil), http.StatusOK, `"go":"`+path+`"`)

	if d.ana.sees(path, "/enrol#") {
		t.Error("the proposer has the link")
	}
	other := d.stranger() // the same administrator in another browser
	other.device = d.ben.device
	other.signIn(t)
	if other.sees(path, "/enrol#") {
		t.Error("another session has the link")
	}
	want(t, "the link", d.ben.get(path), http.StatusOK, "One-time link for Maya Tran")
	link := linkOf.FindStringSubmatch(d.ben.last.Body.String())
	if link == nil {
		t.Fatal("no link for the confirmer")
	}
	want(t, "once", d.ben.get(path), http.StatusOK, "Confirmed.")
	if strings.Contains(d.ben.last.Body.String(), "/enrol#") {
		t.Error("the link is shown twice")
	}
	want(t, "used up", d.ben.ceremony(t, path, false, nil), http.StatusNotFound)
	want(t, "nothing waits", d.ben.get("/admin/waiting"), http.StatusOK, "Nothing waits")

	phone := d.stranger()
	phone.enrol(t, link[1])
	want(t, "who looked", phone.get("/access-log"), http.StatusOK,
		"Ana Ito, administrator of the clinic’s accounts, asked on", "Ben Marsh, administrator of the clinic’s accounts, confirmed a new one-time link",
		"wanted a one-time link into your account", "a one-time link was used to add a passkey")
	confirmed := 0
	for _, e := range d.entries(t, from) {
		if e.Action == string(access.RenewEnrolment) && e.Outcome == audit.Success {
			confirmed++
			if e.Patient != d.chart || e.Caller.Account != d.ben.id || !strings.Contains(e.Reason, d.ana.id.String()) {
				t.Errorf("entry %+v", e)
			}
		}
	}
	if confirmed != 1 {
		t.Errorf("%d confirmations in the log", confirmed)
	}
}

// A link that nobody fetched is gone after two minutes.
func TestALinkWaitsForTheConfirmerAlone(t *testing.T) {
	d := newDesk(t)
	path := d.ask(t)
	d.ben.get(path)
	want(t, "confirm", d.ben.ceremony(t, path, false, nil), http.StatusOK)
	d.Clock.Add(2 * time.Minute)
	want(t, "late", d.ben.get(path), http.StatusOK, "Confirmed.")
	if strings.Contains(d.ben.last.Body.String(), "/enrol#") {
		t.Error("the link outlives its time")
	}
}

func TestAProposalEndsWithoutALink(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(t *testing.T, d *desk, path string)
		says string // on Who looked
	}{
		"withdrawn": {func(t *testing.T, d *desk, path string) {
			d.ana.get(path)
			goes(t, "withdraw", d.ana.post(path+"/decline"), path)
			want(t, "its end", d.ana.get(path), http.StatusOK, "Stopped.")
		}, "Ana Ito, administrator of the clinic’s accounts, stopped a request"},
		"declined": {func(t *testing.T, d *desk, path string) {
			d.ben.get(path)
			goes(t, "decline", d.ben.post(path+"/decline"), path)
			want(t, "its end", d.ben.get(path), http.StatusOK, "Declined.")
			want(t, "told", d.ana.get(path), http.StatusOK, "Stopped.")
		}, "Ben Marsh, administrator of the clinic’s accounts, stopped a request"},
		"expired": {func(t *testing.T, d *desk, path string) {
			for range 25 { // sessions rest at most ten minutes
				d.Clock.Add(10*time.Minute - time.Second)
				d.ben.get("/security")
			}
			d.Clock.Add(time.Minute)
		}, ""},
		"the proposer was suspended": {func(t *testing.T, d *desk, path string) {
			d.stop(t, d.ana, d.ben)
			d.ben.get(path)
			want(t, "confirm", d.ben.ceremony(t, path, false, nil), http.StatusForbidden)
		}, ""},
		"the confirmer was suspended": {func(t *testing.T, d *desk, path string) {
			d.ben.get(path)
			d.stop(t, d.ben, d.ana)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			path := d.ask(t)
			c.end(t, d, path)
			if w := d.ben.ceremony(t, path, false, nil); w.Code == http.StatusOK || d.ben.sees(path, "/enrol#") {
				t.Errorf("confirmed all the same: %d", w.Code)
			}
			if c.says != "" && !d.maya.sees("/access-log", c.says) {
				t.Errorf("the patient does not see %q\n%s", c.says, mainOf(d.maya.last.Body.Bytes()))
			}
		})
	}
}

// A challenge for one act confirms no other.
func TestAConfirmationIsForOneAct(t *testing.T) {
	d := newDesk(t)
	path := d.ask(t)
	elder, _ := d.patient(t, "elder")
	goes(t, "ask", d.ana.post("/admin/accounts/"+elder.id.String()+"/renew", "reason", "new phone"), "/admin/waiting")
	second := ""
	for _, m := range actLink.FindAllStringSubmatch(d.ben.get("/admin/waiting").Body.String(), -1) {
		if m[1] != path {
			second = m[1]
		}
	}
	o := parsed(t, d.ben.json(path+"/options", nil))
	body := map[string]any{"state": o.State, "credential": d.ben.device.Get(t, o.PublicKey, d.ben.device.Passkeys[0])}
	want(t, "for the other act", d.ben.json(second+"/finish", body), http.StatusUnauthorized)
	want(t, "for its own", d.ben.json(path+"/finish", body), http.StatusOK)
	d.ben.get("/security") // the session has a new secret
	want(t, "again", d.ben.json(path+"/finish", body), http.StatusNotFound)
}

// An administrator's own account cannot be a second self: its link needs two too.
func TestAThirdAdministratorIsMadeByTwo(t *testing.T) {
	d := newDesk(t)
	d.ana.get("/admin")
	goes(t, "add", d.ana.post("/admin/accounts", "name", "Carla Second", "role", "administrator", "patient", ""), "/admin/waiting")
	want(t, "waits", d.ana.get("/admin/waiting"), http.StatusOK, "Carla Second", "Its link waits for a second administrator")
	path := actLink.FindStringSubmatch(d.ana.last.Body.String())[1]
	id := idNear(t, d.ana.get("/admin").Body.String(), "Carla Second")
	want(t, "alone", d.ana.post("/admin/accounts/"+id+"/link"), http.StatusForbidden)
	want(t, "asked twice", d.ana.post("/admin/accounts/"+id+"/renew", "reason", "x"), http.StatusOK, "waits already")
	d.ben.get(path)
	want(t, "confirm", d.ben.ceremony(t, path, false, nil), http.StatusOK)
	want(t, "the link", d.ben.get(path), http.StatusOK, "One-time link for Carla Second")
}

// An act that waits and one that does not exist are the same to whoever may
// approve nothing, at every door of the page; the look is in the log.
func TestAnActIsNobodyElsesBusiness(t *testing.T) {
	covers.Covers(t, "CH-13", "SD-3")
	h := lite(t)
	act := h.propose(t)
	there, absent := "/approve/"+act.ID, "/approve/"+strings.Repeat("0", 32)
	maya, _ := h.patient(t, "mother")
	for name, b := range map[string]*browser{
		"nurse": h.account(t, "Samuel Brooks", nobody, person.RoleNurse), "patient": maya,
		"officer": h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)} {
		from := h.Log.Size()
		plain := shape(b, absent)
		if got := shape(b, there); got != plain {
			t.Errorf("%s tells them apart:\n%s\n%s", name, got, plain)
		}
		if strings.Contains(plain, "bundle.json") || !strings.Contains(plain, "There is nothing here") {
			t.Errorf("%s sees\n%s", name, plain)
		}
		looks := 0
		for _, e := range h.entries(t, from) {
			if e.Action == string(access.ReviewActs) && e.Outcome == audit.Refused ||
				name == "officer" && e.Action == string(access.ReviewSuspensions) { // who may look at another kind of act
				looks++
			}
		}
		if looks != 2 {
			t.Errorf("%s: %d looks in the log", name, looks)
		}
		posted := func(path string) string { b.post(path); return told(b) }
		if posted(there+"/decline") != posted(absent+"/decline") {
			t.Errorf("%s tells them apart by declining", name)
		}
		for _, end := range []string{"/options", "/finish"} {
			sent := map[string]any{"state": "x", "credential": map[string]any{"id": "x"}}
			one, two := b.json(there+end, sent), b.json(absent+end, sent)
			if one.Code != http.StatusNotFound || two.Code != http.StatusNotFound || parsed(t, one).Text != parsed(t, two).Text {
				t.Errorf("%s at %s: %d and %d", name, end, one.Code, two.Code)
			}
		}
		if name == "officer" {
			want(t, name+" lists", b.get("/admin/waiting"), http.StatusOK, "Nothing waits")
			continue
		}
		want(t, name+" lists", b.get("/admin/waiting"), http.StatusNotFound)
	}
	admin := h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	from := h.Log.Size()
	want(t, "the administrator", admin.get(there), http.StatusOK, "bundle.json")
	if es := h.entries(t, from); len(es) != 1 || es[0].Action != string(access.ReviewActs) || len(es[0].Objects) != 1 || es[0].Objects[0] != "act/"+act.ID {
		t.Errorf("entries of the look: %+v", es)
	}
	want(t, "an odd id", admin.get("/approve/"+strings.Repeat("X", 40)), http.StatusNotFound)
}

func TestReasonsAreChecked(t *testing.T) {
	d := newDesk(t)
	path := "/admin/accounts/" + d.maya.id.String() + "/renew"
	for reason, says := range map[string]string{"  ": "Please say why", strings.Repeat("x", 201): "too long",
		"turn\u202earound": "not text", "two\nlines": "not text", "nul\x00": "not text"} {
		want(t, says, d.ana.post(path, "reason", reason), http.StatusOK, says)
	}
	want(t, "for nobody", d.ana.post("/admin/accounts/acc-x/renew", "reason", "x"), http.StatusBadRequest)
	want(t, "for a new account", d.ana.post("/admin/accounts/"+d.fresh(t, "Bo").String()+"/renew", "reason", "x"), http.StatusBadRequest)
	want(t, "nothing waits", d.ben.get("/admin/waiting"), http.StatusOK, "Nothing waits")
}

// fresh makes an account that nobody uses yet.
func (h *house) fresh(t *testing.T, name string) person.AccountID {
	t.Helper()
	p, err := h.identity.PlanCreate(t.Context(), identity.NewAccount{Name: phi.NewText(name), Roles: []person.Role{person.RoleNurse}})
	h.apply(t, p, err)
	return p.Account()
}

// Accounts come in pages, with ways back and forth; a change returns to its page,
// and a chart has one account.
func TestAccountsComeInPages(t *testing.T) {
	h := lite(t)
	maya, chart := h.patient(t, "mother")
	admin := h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	nurse := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	h.assign(t, nurse, chart)
	if !maya.sees("/access-log", "which clinician or nurse looks after you") {
		t.Error("the patient does not see who was assigned")
	}
	one := admin.get("/admin").Body.String()
	if strings.Contains(one, "/admin?") {
		t.Error("one page offers another")
	}
	want(t, "a second account for a chart", admin.post("/admin/accounts", "name", "Maya Too", "role", "patient", "patient", chart.String()), http.StatusOK, "has an account already")
	for n := range 210 {
		h.fresh(t, fmt.Sprintf("Nurse %03d", n))
	}
	rows := regexp.MustCompile(`<br><span class="mono soft">(acc-[a-z2-7]{26})</span>`)
	next, before := regexp.MustCompile(`href="(/admin\?after=acc-[a-z2-7]{26})"`), regexp.MustCompile(`href="(/admin\?before=acc-[a-z2-7]{26})"`)
	seen, paths := map[string]bool{}, []string{"/admin"}
	for {
		page := admin.get(paths[len(paths)-1]).Body.String()
		for _, m := range rows.FindAllStringSubmatch(page, -1) {
			if seen[m[1]] {
				t.Errorf("%s stands twice", m[1])
			}
			seen[m[1]] = true
		}
		if strings.Contains(page, `soft">`+nurse.id.String()) && !strings.Contains(mainText(page), "Maya Tran") { // the id alone may be where the page begins
			t.Errorf("an assignment to a patient of another page has no name:\n%s", mainText(page))
		}
		m := next.FindStringSubmatch(page)
		if m == nil {
			break
		}
		paths = append(paths, m[1])
	}
	if len(seen) != 213 || len(paths) != 3 {
		t.Errorf("%d accounts on %d pages", len(seen), len(paths))
	}
	back := before.FindStringSubmatch(admin.last.Body.String())
	want(t, "back", admin.get(back[1]), http.StatusOK, "Page before", "Next page")
	here := strings.TrimPrefix(back[1], "/admin?")
	id := rows.FindStringSubmatch(admin.last.Body.String())[1]
	if id == admin.id.String() || id == maya.id.String() {
		id = rows.FindAllStringSubmatch(admin.last.Body.String(), -1)[3][1]
	}
	goes(t, "suspend", admin.post("/admin/accounts/"+id+"/suspend", "page", here), "/admin?"+here)
	first := before.FindStringSubmatch(admin.get(back[1]).Body.String())
	if page := admin.get(first[1]).Body.String(); before.MatchString(page) || !next.MatchString(page) {
		t.Error("the first page, from behind, is not the first")
	}
	want(t, "behind the last", admin.get("/admin?after=acc-77777777777777777777777774"), http.StatusOK, "Page before")
	want(t, "before the first", admin.get("/admin?before=acc-aaaaaaaaaaaaaaaaaaaaaaaaaa"), http.StatusOK, "Next page")
	want(t, "malformed", admin.get("/admin?after=x&before=y"), http.StatusOK, "Next page")
	goes(t, "malformed in a form", admin.post("/admin/accounts/"+id+"/restore", "page", "after=%zz;//evil.example"), "/admin")
	w := admin.post("/admin/accounts", "name", "Zed", "role", "nurse", "patient", "", "page", here)
	want(t, "the link of an account on another page", w, http.StatusOK, "One-time link for Zed")
}

func mainText(page string) string { return string(mainOf([]byte(page))) }

// Whoever adds an action for two people learns here what else it takes: the page that
// confirms does each in its own way, and the pages that tell what waits have words for it.
func TestEveryActionForTwoHasItsPages(t *testing.T) {
	taught := []access.Action{access.RenewEnrolment, access.SuspendOverseer}
	for _, a := range access.Actions() {
		if a.TwoPerson && !slices.Contains(taught, a.Action) {
			t.Errorf("%s: teach it to Visit.confirm and the templates approve and waiting, and list it here", a.Action)
		}
	}
}
