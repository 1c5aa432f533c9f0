package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/identity/identitytest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
	"postern.example/postern/test/covers"
)

// Whoever is not let in learns no reason, and is counted.
func TestAFailedSignInSaysNothing(t *testing.T) {
	h := lite(t)
	b := h.account(t, "Ada Finch", nobody, person.RoleAdministrator)
	s := h.stranger()
	o := parsed(t, s.json("/sign-in/options", nil))
	b.device.CrossOrigin = true
	credential := b.device.Get(t, o.PublicKey, b.device.Passkeys[0])
	for what, body := range map[string]map[string]any{
		"framed":        {"state": o.State, "credential": credential},
		"state of ours": {"state": "AAAA", "credential": credential},
		"no credential": {"state": o.State, "credential": json.RawMessage(`{}`)},
	} {
		w := s.json("/sign-in/finish", body)
		want(t, what, w, http.StatusUnauthorized, "That did not work, and nothing was changed")
		if s.cookies["__Host-postern"] != "" {
			t.Errorf("%s: a session", what)
		}
	}
	if len(h.refused) != 3 {
		t.Errorf("refusals counted: %v", h.refused)
	}
}

// A session does not outlive its limits, and the next page is the sign-in page.
func TestSessionsEndByThemselves(t *testing.T) {
	covers.Covers(t, "AC-8b")
	h := lite(t)
	b, _ := h.patient(t, "mother")
	h.Clock.Add(14 * time.Minute)
	want(t, "in use", b.get("/"), http.StatusOK)
	h.Clock.Add(16 * time.Minute)
	goes(t, "idle", b.get("/"), "/sign-in")
	if b.cookies["__Host-postern"] != "" {
		t.Error("the cookie stays")
	}
	w := b.post("/sign-out")
	want(t, "sign out too late", w, http.StatusUnauthorized, "Please sign in")
	if w.Header().Get("Clear-Site-Data") == "" {
		t.Error("signing out too late leaves what the browser keeps")
	}
}

// A fixed cookie is worth nothing: signing in gives a new secret, and the old
// session of the same browser ends, whoever's it was.
func TestSignInReplacesTheSession(t *testing.T) {
	covers.Covers(t, "AC-8b")
	h := lite(t)
	a := h.account(t, "Ada Finch", nobody, person.RoleAdministrator)
	b := h.account(t, "Bo Marsh", nobody, person.RoleNurse)
	old := a.cookies["__Host-postern"]
	a.device = b.device // two people, one browser
	want(t, "sign in", a.signIn(t), http.StatusOK)
	goes(t, "as the other", a.get("/"), "/clinic")
	ghost := h.stranger()
	ghost.cookies["__Host-postern"] = old
	goes(t, "the session before", ghost.get("/"), "/sign-in")

	planted := h.stranger()
	planted.cookies["__Host-postern"] = strings.Repeat("A", 43)
	planted.device = b.device
	want(t, "over a planted cookie", planted.signIn(t), http.StatusOK)
	if planted.cookies["__Host-postern"] == strings.Repeat("A", 43) {
		t.Error("the planted secret became a session")
	}
}

// An act that matters asks for presence again and comes back to its page.
func TestStepUp(t *testing.T) {
	covers.Covers(t, "AC-8b")
	h := lite(t)
	b := h.account(t, "Ingrid Halvorsen", nobody, person.RoleAdministrator)
	h.Clock.Add(6 * time.Minute)
	w := b.post("/admin/accounts", "name", "Bo", "role", "nurse", "patient", "")
	goes(t, "stale", w, "/step-up?next=admin")
	want(t, "the question", b.get("/step-up?next=admin"), http.StatusOK, "has not been done yet", "Show once more that it is you", `data-options="/step-up/options"`, `data-field="next" value="admin"`)
	old := b.cookies["__Host-postern"]
	w = b.ceremony(t, "/step-up", false, map[string]any{"next": "admin", "next_id": ""})
	want(t, "step up", w, http.StatusOK, `{"go":"/admin"}`)
	if b.cookies["__Host-postern"] == old {
		t.Error("the secret was not renewed")
	}
	b.get("/admin")
	want(t, "fresh", b.post("/admin/accounts", "name", "Bo", "role", "nurse", "patient", ""), http.StatusOK, "One-time link")
	ghost := h.stranger()
	ghost.cookies["__Host-postern"] = old
	goes(t, "the secret before", ghost.get("/admin"), "/sign-in")

	h.Clock.Add(6 * time.Minute)
	b.get("/security")
	w = b.json("/security/passkeys/options", map[string]any{"name": "x"})
	want(t, "a passkey needs it too", w, http.StatusForbidden, `"go":"/step-up?next=security"`)
	want(t, "its page", b.get("/step-up?next=security"), http.StatusOK, `data-field="next" value="security"`)
	want(t, "no URL", b.get("/step-up?next=https://evil.example&next_id=../x"), http.StatusOK, `data-field="next" value=""`, `data-field="next_id" value=""`)
	want(t, "nowhere else", b.ceremony(t, "/step-up", false, map[string]any{"next": "//evil.example", "next_id": "x"}), http.StatusOK, `{"go":"/"}`)
}

// Passkeys: one more, a name, and never the last one less.
func TestPasskeysAreManaged(t *testing.T) {
	h := lite(t)
	b, _ := h.patient(t, "mother")
	second := h.stranger()
	second.device = b.device
	second.signIn(t)
	laptop := &identitytest.Authenticator{Origin: origin}
	phone := b.device
	b.device = laptop
	h.Clock.Add(time.Minute) // passkeys are listed by age
	want(t, "add", b.ceremony(t, "/security/passkeys", true, map[string]any{"name": "laptop"}), http.StatusOK, `{"go":"/security"}`)
	page := b.get("/security")
	want(t, "added", page, http.StatusOK, "Your passkey was added", "laptop", "phone", "Firefox on Linux", "in use now", "This device", "Sign the other device out", "last used November 22, 2026<")
	ids := strings.Split(page.Body.String(), `action="/security/passkeys/`)
	first, _, _ := strings.Cut(ids[1], "/")
	want(t, "excluded", b.ceremony(t, "/security/passkeys", true, map[string]any{"name": " "}), http.StatusUnauthorized)
	want(t, "no name", b.post("/security/passkeys/"+first+"/rename", "name", "  "), http.StatusOK, "Please type a name")
	want(t, "long name", b.post("/security/passkeys/"+first+"/rename", "name", strings.Repeat("x", 61)), http.StatusOK, "too long")
	goes(t, "rename", b.post("/security/passkeys/"+first+"/rename", "name", "old phone"), "/security")
	want(t, "renamed", b.get("/security"), http.StatusOK, "old phone")
	goes(t, "remove", b.post("/security/passkeys/"+first+"/remove"), "/security")
	b.device = &identitytest.Authenticator{Origin: origin}
	h.Clock.Add(time.Minute)
	want(t, "without a name", b.ceremony(t, "/security/passkeys", true, map[string]any{"name": " "}), http.StatusOK)
	want(t, "is called after its day", b.get("/security"), http.StatusOK, "Passkey of November 22, 2026")
	goes(t, "remove that too", b.post("/security/passkeys/"+lastKey(t, b)+"/remove"), "/security")
	goes(t, "its session is over", second.get("/"), "/sign-in")
	want(t, "this one is not", b.get("/security"), http.StatusOK, "The passkey was removed")
	b.device = phone
	want(t, "the removed passkey", h.with(phone).signIn(t), http.StatusUnauthorized)
	id := between(t, b.get("/security").Body.String(), `action="/security/passkeys/`, "/")
	want(t, "the last one", b.post("/security/passkeys/"+id+"/remove"), http.StatusOK, "This is your only passkey")
	want(t, "no such passkey", b.post("/security/passkeys/x/remove"), http.StatusNotFound)
	goes(t, "a session that has ended", b.post("/security/sessions/00000000000000000000000000000000/end"), "/security")
	want(t, "no session at all", b.post("/security/sessions/X/end"), http.StatusNotFound)
}

// lastKey is the id of the newest passkey on the page.
func lastKey(t *testing.T, b *browser) string {
	t.Helper()
	parts := strings.Split(b.last.Body.String(), `action="/security/passkeys/`)
	id, _, _ := strings.Cut(parts[len(parts)-1], "/")
	return id
}

func (h *house) with(a *identitytest.Authenticator) *browser {
	s := h.stranger()
	s.device = a
	return s
}

// Nothing that a chart or a person can say becomes markup, and a changed order of
// characters is shown.
func TestHostileTextIsShownAsText(t *testing.T) {
	covers.Covers(t, "SD-4")
	h := lite(t)
	bad := `<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{.}}`
	quoted, _ := json.Marshal(bad)
	text := string(quoted)
	bundle := `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join([]string{
		`{"resource":{"resourceType":"Patient","id":"p","name":[{"text":` + text + `}],"birthDate":"1984-05-01"}}`,
		`{"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":` + text + `},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-05-01","valueString":` + text + `,"note":[{"text":` + text + `}],"category":[{"coding":[{"code":` + text + `}]}]}}`,
		`{"resource":{"resourceType":"Observation","id":"q","status":"final","code":{"text":"Q"},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1.10,"unit":` + text + `},"referenceRange":[{"text":` + text + `}]}}`,
		`{"resource":{"resourceType":"Condition","id":"c","code":{"text":` + text + `},"subject":{"reference":"Patient/p"},"note":[{"text":` + text + `}]}}`,
		`{"resource":{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","medicationCodeableConcept":{"text":` + text + `},"subject":{"reference":"Patient/p"},"dosageInstruction":[{"text":` + text + `}]}}`,
		`{"resource":{"resourceType":"AllergyIntolerance","id":"a","code":{"text":` + text + `},"patient":{"reference":"Patient/p"},"reaction":[{"manifestation":[{"text":` + text + `}]}]}}`,
		`{"resource":{"resourceType":"Immunization","id":"i","status":"completed","vaccineCode":{"text":` + text + `},"patient":{"reference":"Patient/p"},"occurrenceDateTime":"2026-05-01","lotNumber":` + text + `}}`,
	}, ",") + `]}`
	chart := h.load(t, []byte(bundle))
	b := h.account(t, bad, chart, person.RolePatient)
	doctor := h.account(t, bad, nobody, person.RoleClinician)
	h.assign(t, doctor, chart)
	doctor.get("/clinic")
	pages := []*browserPage{{doctor, "/clinic"}}
	for _, place := range (&view.Base{Menu: view.MenuPatient}).Places() {
		pages = append(pages, &browserPage{b, string(place)})
	}
	for _, p := range pages {
		checkHarmless(t, p.path, p.b.get(p.path).Body.String(), bad)
	}
	checkHarmless(t, "chart", doctor.post("/clinic/"+chart.String(), "purpose", "TREAT").Body.String(), bad)
	for _, link := range resultLink.FindAllStringSubmatch(b.get("/results").Body.String(), -1) {
		checkHarmless(t, "result", b.get(link[1]).Body.String(), bad)
	}
}

type browserPage struct {
	b    *browser
	path string
}

func checkHarmless(t *testing.T, name, page, bad string) {
	t.Helper()
	if strings.Contains(page, bad) || strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") {
		t.Errorf("%s: markup of the chart in the page", name)
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Errorf("%s: the text is missing\n%s", name, mainOf([]byte(page)))
	}
}

// An extra endpoint stands under the same guards as the door's own.
func TestExtraEndpointsAreGuarded(t *testing.T) {
	extra := web.Endpoint{Route: route.Route{Method: "POST", Pattern: "/demo/enter", Door: route.Demo, Auth: route.Public, Action: route.PublicAction,
		Audit: "sign-in", Body: 1 << 10, OneTime: true}, Fields: []string{"persona"}, Serve: func(v *web.Visit) error {
		if v.Field("persona") != "mother" || v.SignedIn() || v.Request().Client != "web" || v.Caller().Kind() != person.KindStranger {
			t.Error("the visit is not what was sent")
		}
		return v.Redirect("/")
	}}
	h := open(t, dbtest.New(t, db.SQLite, migrations(), dbtest.NoSync), func(c *web.Config) { c.Extra = []web.Endpoint{extra} })
	s := h.stranger()
	goes(t, "enter", s.post("/demo/enter", "persona", "mother"), "/")
	r := raw("/demo/enter", "application/x-www-form-urlencoded", "persona=mother")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	want(t, "from elsewhere", s.send(r), http.StatusForbidden)
	if n := len(h.door.Routes()); n != len(web.Routes())+1 {
		t.Errorf("%d routes", n)
	}
}

// A modifier extension may turn the meaning around: no page shows the resource as
// if it were not there.
func TestAModifiedResourceIsMarked(t *testing.T) {
	h := lite(t)
	modified := `"modifierExtension":[{"url":"http://clinic.example/not","valueBoolean":true}],"subject":{"reference":"Patient/p"}`
	chart := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[`+strings.Join([]string{
		`{"resource":{"resourceType":"Patient","id":"p","name":[{"text":"Rosa Field"}]}}`,
		`{"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"Iron"},"valueInteger":7,` + modified + `}}`,
		`{"resource":{"resourceType":"Condition","id":"c","code":{"text":"Asthma"},` + modified + `}}`,
		`{"resource":{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","medicationReference":{"reference":"Medication/d"},` + modified + `}}`,
		`{"resource":{"resourceType":"Medication","id":"d","code":{"text":"Salbutamol"}}}`,
	}, ",")+`]}`))
	b := h.account(t, "Rosa Field", chart, person.RolePatient)
	for path, name := range map[string]string{"/results": "Iron", "/conditions": "Asthma", "/medications": "Salbutamol"} {
		want(t, path, b.get(path), http.StatusOK, name+" (carries a remark that this page cannot show")
	}
}
