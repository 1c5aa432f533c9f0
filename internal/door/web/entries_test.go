package web_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/internal/word/route"
	"postern.example/postern/test/covers"
)

// visitOf says who may use a route, with what, and what it logs.
type visitOf struct {
	by     string // patient, doctor, admin, officer
	fields []string
	status int
	more   int // entries beside the one of the route's own action
}

// touching lists the routes that show or change something of a person. A route
// of the table that is neither here nor in silent fails the test.
func touching() map[string]visitOf {
	return map[string]visitOf{
		"GET /":                               {by: "patient"},
		"GET /access-log":                     {by: "patient"},
		"POST /access-log":                    {by: "patient", fields: []string{"period", "year", "kind", "others"}},
		"GET /access-log/{seq}/proof":         {by: "patient"},
		"GET /allergies":                      {by: "patient"},
		"GET /compare":                        {by: "patient"},
		"POST /compare":                       {by: "patient", fields: []string{"panel", "kind-laboratory"}},
		"GET /conditions":                     {by: "patient"},
		"GET /imaging":                        {by: "patient"},
		"GET /imaging/{id}":                   {by: "patient"},
		"GET /imaging/studies/{id}":           {by: "patient"},
		"GET /visits":                         {by: "patient"},
		"POST /visits":                        {by: "patient", fields: []string{"older", "0"}},
		"GET /visits/{id}":                    {by: "patient"},
		"GET /appointments":                   {by: "patient"},
		"GET /bills":                          {by: "patient"},
		"GET /documents":                      {by: "patient"},
		"GET /documents/{id}":                 {by: "patient"},
		"GET /documents/{id}/file":            {by: "patient"},
		"GET /plan":                           {by: "patient"},
		"GET /record":                         {by: "patient"},
		"GET /record/file":                    {by: "patient", more: 3}, // the doctors, the places and the clinics that it names
		"GET /record/{type}":                  {by: "patient"},
		"GET /record/{type}/{id}":             {by: "patient"},
		"GET /immunizations":                  {by: "patient"},
		"GET /immunizations/card":             {by: "patient"},
		"GET /profile":                        {by: "patient"},
		"GET /medications":                    {by: "patient"},
		"GET /results":                        {by: "patient"},
		"GET /results/file":                   {by: "patient"},
		"POST /results":                       {by: "patient", fields: []string{"category", "laboratory"}},
		"GET /results/{id}":                   {by: "patient"},
		"GET /security":                       {by: "patient"},
		"POST /security/passkeys/{id}/rename": {by: "patient", fields: []string{"name", "tablet"}, status: 303},
		"POST /security/sessions/end-others":  {by: "patient", status: 303},
		"POST /security/sessions/{id}/end":    {by: "patient", status: 303},
		"POST /language":                      {by: "patient", fields: []string{"lang", "es"}, status: 303},
		"GET /clinic":                         {by: "doctor", more: 1},                                         // one patient on the list: one look at that chart
		"GET /clinic/look-up":                 {by: "doctor", more: 1},                                         // and the list of the doctor's patients
		"POST /clinic/look-up":                {by: "doctor", fields: []string{"known", "RC-100201"}, more: 1}, // the page that it leads to has the entry
		"GET /clinic/{patient}":               {by: "doctor"},
		"POST /clinic/{patient}":              {by: "doctor", fields: []string{"purpose", "TREAT"}}, // the page that it leads to has the entry, like the other two that choose
		"GET /clinic/{patient}/chart":         {by: "doctor"},
		"GET /admin":                          {by: "admin"},
		"POST /admin/accounts":                {by: "admin", fields: []string{"name", "Bo", "role", "nurse"}, more: 2}, // its link, and the page
		"POST /admin/accounts/{id}/link":      {by: "admin", more: 1},
		"POST /admin/accounts/{id}/renew":     {by: "admin", fields: []string{"reason", "lost phone"}, status: 303},
		"GET /admin/waiting":                  {by: "admin"},
		"GET /approve/{id}":                   {by: "admin"},
		"POST /admin/accounts/{id}/suspend":   {by: "admin", status: 303},
		"POST /admin/accounts/{id}/restore":   {by: "admin", status: 303},
		"POST /admin/assignments":             {by: "admin", fields: []string{"clinician", "DOCTOR", "patient", "PATIENT"}, status: 303},
		"POST /admin/assignments/end":         {by: "admin", fields: []string{"clinician", "DOCTOR", "patient", "PATIENT"}, status: 303},
		"GET /officer":                        {by: "officer"},
		"POST /officer":                       {by: "officer"},
		"POST /officer/verify":                {by: "officer", more: 1}, // the page that it leads to
		"POST /officer/export":                {by: "officer"},
		"POST /sign-out":                      {by: "patient", status: 303},
		"POST /approve/{id}/decline":          {by: "admin", status: 303, more: 1}, // and the look at the act
		"POST /security/passkeys/{id}/remove": {by: "patient", more: 1},            // it is the last one, as the page that it leads to says
	}
}

// silent lists the routes that disclose nothing of anybody, and the ceremonies,
// whose entries the tests of sign-in count.
func silent() []string {
	return []string{"GET /.well-known/security.txt", "GET /assets/{hash}/{name}", "GET /healthz", "GET /sharing", "GET /sign-in", "GET /enrol", "GET /step-up",
		"POST /approve/{id}/finish", "POST /approve/{id}/options", "POST /enrol/finish", "POST /enrol/options",
		"POST /security/passkeys/finish", "POST /security/passkeys/options", "POST /sign-in/finish", "POST /sign-in/options",
		"POST /step-up/finish", "POST /step-up/options"}
}

// Every route that touches somebody's data leaves exactly one entry of its own
// action, whose event is the declared one, and a refusal leaves one too.
func TestOneEntryPerRequest(t *testing.T) {
	covers.Covers(t, "CH-13")
	left := touching()
	for _, name := range silent() {
		left[name] = visitOf{}
	}
	for _, r := range web.Routes() {
		name := r.Method + " " + r.Pattern
		c, listed := left[name]
		if !listed {
			t.Errorf("%s: neither touching nor silent", name)
		}
		delete(left, name)
		if c.by != "" {
			t.Run(name, func(t *testing.T) { oneEntry(t, r, c) })
		}
	}
	for name := range left {
		t.Errorf("%s: no such route", name)
	}
}

func oneEntry(t *testing.T, r route.Route, c visitOf) {
	h := lite(t)
	story := "mother"
	if strings.HasPrefix(r.Pattern, "/imaging") {
		story = "chronic" // she has no images
	}
	patient, chart := h.patient(t, story)
	people := map[string]*browser{"patient": patient}
	people["doctor"] = h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	people["admin"] = h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	people["officer"] = h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	h.assign(t, people["doctor"], chart)
	b := people[c.by]
	path := h.target(t, r, patient, people["doctor"], chart)
	if c := "/clinic/" + chart.String(); path == c+"/chart" {
		path = b.sendForm(c, "purpose", "TREAT").Header().Get("Location")
	}
	if path == "/clinic/look-up" {
		path = b.sendForm(path, "known", "RC-100201").Header().Get("Location")
	}
	fields := append([]string(nil), c.fields...)
	for i := range fields {
		fields[i] = strings.NewReplacer("DOCTOR", people["doctor"].id.String(), "PATIENT", chart.String()).Replace(fields[i])
	}
	from := h.Log.Size()
	var w *httptest.ResponseRecorder
	if r.Method == "GET" {
		w = b.get(path)
	} else {
		w = b.post(path, fields...)
	}
	status := c.status
	if status == 0 {
		status = http.StatusOK
	}
	want(t, r.Pattern, w, status)
	checkEntries(t, h.entries(t, from), r, c)
}

func checkEntries(t *testing.T, entries []audit.Entry, r route.Route, c visitOf) {
	t.Helper()
	own, client := 0, "web"
	if strings.HasSuffix(r.Pattern, "/file") {
		client = "web-text" // Who looked tells a file to keep from a look
	}
	for _, e := range entries {
		if r.Action == route.PublicAction || e.Action == r.Action {
			own++
			if string(e.Event) != r.Audit || e.Outcome != audit.Success || e.Caller.Client != client || e.Caller.Source != "192.0.2.7" || e.Txn == "" {
				t.Errorf("entry %+v, declared %s", e, r.Audit)
			}
		}
	}
	if own != 1 || len(entries) != 1+c.more {
		t.Errorf("%d entries, %d of %s; want %d and 1", len(entries), own, r.Action, 1+c.more)
	}
}

// target is the path of r on things that exist.
func (h *house) target(t *testing.T, r route.Route, patient, doctor *browser, chart person.PatientID) string {
	t.Helper()
	id := ""
	switch {
	case strings.HasPrefix(r.Pattern, "/results/"):
		id = strings.TrimPrefix(resultLink.FindStringSubmatch(patient.get("/results").Body.String())[1], "/results/")
	case strings.HasPrefix(r.Pattern, "/documents/"):
		id = h.anyID(t, patient, chart, "DocumentReference")
	case strings.HasPrefix(r.Pattern, "/record/"):
		id = h.anyID(t, patient, chart, "CarePlan")
	case strings.HasPrefix(r.Pattern, "/visits/"):
		id = h.firstOf(t, patient, chart, "Encounter")
	case strings.HasPrefix(r.Pattern, "/imaging/studies/"):
		id = h.firstOf(t, patient, chart, "ImagingStudy")
	case strings.HasPrefix(r.Pattern, "/imaging/"):
		id = between(t, patient.get("/imaging").Body.String(), `href="/imaging/`, `"`)
	case strings.HasPrefix(r.Pattern, "/approve/"):
		id = h.propose(t).ID
	case strings.HasSuffix(r.Pattern, "/{id}/link"):
		p, err := h.identity.PlanCreate(t.Context(), identity.NewAccount{Name: phi.NewText("Bo Marsh"), Roles: []person.Role{person.RoleNurse}})
		h.apply(t, p, err)
		id = p.Account().String()
	case strings.HasPrefix(r.Pattern, "/admin/"):
		id = doctor.id.String()
	case strings.Contains(r.Pattern, "/passkeys/{id}"):
		id = between(t, patient.get("/security").Body.String(), `action="/security/passkeys/`, `/rename"`)
	case strings.Contains(r.Pattern, "/sessions/{id}"):
		second := h.stranger()
		second.device = patient.device
		second.signIn(t)
		id = between(t, patient.get("/security").Body.String(), `action="/security/sessions/`, `/end"`)
	}
	seq := "0"
	for _, e := range h.entries(t, 0) {
		if e.Patient == chart {
			seq = between(t, patient.get("/access-log").Body.String(), `href="/access-log/`, `/proof"`)
			break
		}
	}
	return strings.NewReplacer("{id}", id, "{type}", "care-plan", "{patient}", chart.String(), "{seq}", seq).Replace(r.Pattern)
}

// firstOf is the newest resource of a type in the own chart.
func (h *house) firstOf(t *testing.T, b *browser, chart person.PatientID, typ string) string {
	t.Helper()
	me := person.NewPerson(person.PersonConfig{Account: b.id, Role: person.RolePatient, Purpose: person.PurposePatientRequest, Proof: person.Proof{Method: "passkey", At: h.Clock.Now()}})
	c, err := h.records.View(t.Context(), me, chart, "test", typ)
	must(t, err)
	if len(c.Resources(typ)) == 0 {
		t.Fatalf("the chart has no %s", typ)
	}
	return c.Resources(typ)[0].ID.String()
}

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, after, ok := strings.Cut(s, from)
	out, _, ok2 := strings.Cut(after, to)
	if !ok || !ok2 {
		t.Fatalf("no %s...%s on the page", from, to)
	}
	return out
}

// A foreign identifier and one that does not exist give the same answer, and a
// refusal is in the log before it.
func TestForeignIsLikeAbsent(t *testing.T) {
	covers.Covers(t, "CH-13", "SD-3")
	h := lite(t)
	b, chart := h.patient(t, "mother")
	elder, _ := h.patient(t, "elder")
	foreign := resultLink.FindStringSubmatch(elder.get("/results").Body.String())[1]
	own := resultLink.FindStringSubmatch(b.get("/results").Body.String())[1]
	want(t, "own", b.get(own), http.StatusOK)

	from := h.Log.Size()
	b.get(foreign)
	es := h.entries(t, from)
	if len(es) != 1 || es[0].Outcome != audit.Refused || es[0].Action != string(access.ReadChart) || es[0].Fault != "not-found" {
		t.Errorf("the refusal in the log: %+v", es)
	}
	absent := "/results/buonwgpz7nesu7gb4anlv6kgza"
	condition := "/results/" + h.anyID(t, b, chart, "Condition")
	plain := shape(b, absent)
	for _, path := range []string{foreign, condition, "/results/x", "/results/" + strings.Repeat("a", 200), "/results/%00", "/results/BUONWGPZ7NESU7GB4ANLV6KGZA"} {
		if got := shape(b, path); got != plain {
			t.Errorf("%s differs from an absent one:\n%s\n%s", path, got, plain)
		}
	}
	// The same for staff and charts.
	doctor := h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	open := func(id string) string {
		doctor.post("/clinic/"+id, "purpose", "TREAT")
		return told(doctor)
	}
	if a, b := open(chart.String()), open("pat-buonwgpz7nesu7gb4anlv6kgza"); a != b {
		t.Errorf("foreign and absent chart differ:\n%s\n%s", a, b)
	}
}

// anyID is the id of a resource of b's own chart.
func (h *house) anyID(t *testing.T, b *browser, chart person.PatientID, typ string) string {
	t.Helper()
	caller := person.NewPerson(person.PersonConfig{Account: b.id, Role: person.RolePatient, Purpose: person.PurposePatientRequest})
	c, err := h.records.View(t.Context(), caller, chart, "test", typ)
	must(t, err)
	return c.Resources(typ)[0].ID.String()
}

func shape(b *browser, path string) string {
	b.get(path)
	return told(b)
}

// told is everything that the last answer told, without what differs on purpose:
// request id and nonce.
func told(b *browser) string {
	w := b.last
	page := w.Body.String()
	for _, mark := range [][2]string{{`<span class="request">`, `</span>`}, {`<b class="mono">`, `</b>`}} {
		if before, after, ok := strings.Cut(page, mark[0]); ok {
			_, rest, _ := strings.Cut(after, mark[1])
			page = before + rest
		}
	}
	head := w.Header().Clone()
	csp := head.Get("Content-Security-Policy")
	if i := strings.Index(csp, "'nonce-"); i >= 0 {
		csp = csp[:i] + csp[i+len("'nonce-")+23:]
	}
	head.Del("Content-Security-Policy")
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(head)) {
		lines = append(lines, k+": "+strings.Join(head[k], ","))
	}
	return http.StatusText(w.Code) + csp + strings.Join(lines, "\n") + page
}
