package web_test

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// someone imports a small chart: a name, a birth date, a record number, a clinical
// finding that no list may show, and visits with their status.
func (h *house) someone(t *testing.T, id, given, family, born string, visits ...string) person.PatientID {
	t.Helper()
	entries := []string{fmt.Sprintf(`{"resourceType":"Patient","id":%q,"identifier":[{"type":{"coding":[{"code":"MR"}]},"system":"https://c.example/mrn","value":"RC-%s"}],
		"name":[{"family":%q,"given":[%q]}],"birthDate":%q,"telecom":[{"system":"phone","value":"+1 503 555 01%s"},{"system":"email","value":"%s@mail.example"}],"address":[{"city":"Salem"}]}`,
		id, strings.ToUpper(id), family, given, born, fmt.Sprintf("%02d", len(given)), id),
		fmt.Sprintf(`{"resourceType":"Condition","id":"c-%s","code":{"text":"Hepatitis C"},"subject":{"reference":"Patient/%s"}}`, id, id)}
	for i, v := range visits {
		at, status, _ := strings.Cut(v, " ")
		entries = append(entries, fmt.Sprintf(`{"resourceType":"Appointment","id":"a-%s-%d","status":%q,"start":%q,"reasonCode":[{"text":"Blood pressure check"}],"participant":[{"actor":{"reference":"Patient/%s"},"status":"accepted"}]}`,
			id, i, status, at, id))
	}
	return h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":`+strings.Join(entries, `},{"resource":`)+`}]}`))
}

// at is a time of the clinic's day, as a schedule writes it.
func (h *house) at(t *testing.T, days, hour, minute int) string {
	t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	must(t, err)
	now := h.Clock.Now().In(zone)
	return time.Date(now.Year(), now.Month(), now.Day()+days, hour, minute, 0, 0, zone).Format(time.RFC3339)
}

// unbase64 is what a sealed query holds, when it is not sealed.
func unbase64(s string) string {
	b, _ := base64.RawURLEncoding.DecodeString(s)
	return string(b)
}

// row is the line of a patient in the page that was fetched last.
func (b *browser) row(t *testing.T, name string) string {
	t.Helper()
	for _, tr := range regexp.MustCompile(`(?s)<tr.*?</tr>`).FindAllString(b.last.Body.String(), -1) {
		if strings.Contains(tr, name) {
			return tr
		}
	}
	t.Fatalf("%s is on no list:\n%s", name, mainOf(b.last.Body.Bytes()))
	return ""
}

// Who comes today stands first, in the order of the day on the clinic's clock, and opens
// with one click for that visit. Whoever does not come is asked about.
func TestTodaysPatientsComeFirst(t *testing.T) {
	covers.Covers(t, "HC-9a")
	h := lite(t)
	nurse := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	charts := map[string]person.PatientID{}
	for id, c := range map[string][]string{
		"zoe":  {"Zoe", h.at(t, 0, 9, 15) + " arrived"},
		"adam": {"Adam", h.at(t, 0, 23, 45) + " booked", h.at(t, 7, 9, 0) + " booked"}, // on the next day of UTC
		"carl": {"Carl", h.at(t, 0, 9, 30) + " cancelled", h.at(t, 1, 0, 10) + " booked", h.at(t, -1, 23, 50) + " fulfilled"},
		"dora": {"Dora"},
	} {
		charts[id] = h.someone(t, id, c[0], "Field", "1980-02-03", c[1:]...)
		h.assign(t, nurse, charts[id])
	}
	page := nurse.get("/clinic").Body.String()
	for _, id := range []string{"zoe", "adam", "carl", "dora"} {
		name := strings.ToUpper(id[:1]) + id[1:] + " Field"
		row, today := nurse.row(t, name), id == "zoe" || id == "adam"
		open := strings.Contains(row, `name="purpose" value="TREAT"`)
		if open != today {
			t.Errorf("%s: a purpose is prefilled: %v, a visit today: %v\n%s", name, open, today, row)
		}
		if today != strings.Contains(row, "Blood pressure check") {
			t.Errorf("%s: the reason:\n%s", name, row)
		}
		if !today && !strings.Contains(row, `href="/clinic/`+charts[id].String()+`"`) {
			t.Errorf("%s: does not lead to the question\n%s", name, row)
		}
	}
	order := []string{"Zoe Field", "Adam Field", "Carl Field", "Dora Field"}
	for i := 1; i < len(order); i++ {
		if strings.Index(page, order[i-1]) > strings.Index(page, order[i]) {
			t.Errorf("%s stands before %s", order[i], order[i-1])
		}
	}
	if row := nurse.row(t, "Zoe Field"); !strings.Contains(row, "9:15\u00a0am") || !strings.Contains(row, "is here") {
		t.Errorf("the first visit:\n%s", row)
	}
	want(t, "one click", nurse.post("/clinic/"+charts["zoe"].String(), "purpose", "TREAT"), http.StatusOK, "Zoe Field", "For today’s visit at 9:15", "Blood pressure check", "Hepatitis C")
	want(t, "asked", nurse.get("/clinic/"+charts["dora"].String()), http.StatusOK, "I am treating this patient")
}

// A look-up finds the nurse's own patients by each of the four ways. Of everybody else it
// says what it says of nobody.
func TestALookUpOnThePage(t *testing.T) {
	covers.Covers(t, "HC-9a", "SD-3")
	h := lite(t)
	nurse := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	zoe := h.someone(t, "zoe", "Zoé", "Fields López", "1980-02-03", h.at(t, 0, 9, 15)+" booked")
	h.someone(t, "carl", "Carla", "Winter", "1980-02-03")
	h.assign(t, nurse, zoe)
	nurse.get("/clinic")
	for what, fields := range map[string][]string{
		"record number": {"known", "rc zoe"}, "phone": {"known", "503-555-0104"}, "e-mail": {"known", "ZOE@mail.example"},
		"name": {"family", "lopez", "born", "1980-02-03"}, "all": {"known", "RC-ZOE", "family", "Fields", "born", "1980-02-03"},
	} {
		want(t, what, nurse.post("/clinic/look-up", fields...), http.StatusOK, "1 patient found", "Zoé Fields López", "RC-ZOE", `name="purpose" value="TREAT"`)
		if strings.Contains(nurse.last.Body.String(), "Hepatitis") {
			t.Errorf("%s: the list says more than it should", what)
		}
	}
	dora := h.someone(t, "dora", "Dora", "Summer", "1980-02-03")
	h.assign(t, nurse, dora)
	want(t, "without a visit", nurse.post("/clinic/look-up", "known", "RC-DORA"), http.StatusOK, "Dora Summer", "No visit today", `href="/clinic/`+dora.String()+`"`)
	if strings.Contains(nurse.last.Body.String(), `value="TREAT"`) {
		t.Error("a purpose is prefilled for a patient without a visit")
	}
	typed := regexp.MustCompile(`value="[^"]*"|q=[^"]+|pr-[a-z2-7]+|nonce="[^"]+"|<span class="request">.*?</span>`)
	answers, whole := map[string]bool{}, map[string]bool{}
	for _, family := range []string{"Winter", "Nobody", "Wintre"} {
		from := h.Log.Size()
		w := nurse.post("/clinic/look-up", "family", family, "born", "1980-02-03")
		want(t, family, w, http.StatusOK, "Nobody found among your patients")
		answers[typed.ReplaceAllString(string(mainOf(w.Body.Bytes())), "")] = true
		whole[strings.Replace(sameEachTime(w.Body.String()), `value="`+family+`"`, "", 1)] = true
		refused := 0
		for _, e := range h.entries(t, from) {
			if e.Outcome == "refused" {
				refused++
			}
		}
		if refused != 1 {
			t.Errorf("%s: %d refusals in the log", family, refused)
		}
	}
	if len(answers) != 1 || len(whole) != 1 {
		t.Errorf("somebody else's patient and nobody: %d different answers, %d different pages", len(answers), len(whole))
	}
	officer := h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	officer.get("/officer")
	want(t, "an officer", officer.post("/clinic/look-up", "known", "RC-ZOE"), http.StatusForbidden)
}

// Samuel has a patient on the phone and sends the form half filled in. It comes back with
// what he typed and says at each field what is missing. Nothing of it stands readable in an
// address, in a cookie, the log or the next page, and nobody is looked for.
func TestAHalfFilledLookUpKeepsWhatWasTyped(t *testing.T) {
	covers.Covers(t, "HC-9a", "SD-13c")
	var said strings.Builder
	h := open(t, dbtest.New(t, db.SQLite, migrations(), dbtest.NoSync), func(c *web.Config) { c.Log = slog.New(slog.NewTextHandler(&said, nil)) })
	nurse := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	h.assign(t, nurse, h.someone(t, "zoe", "Zoe", "Fieldway", "1980-02-03"))
	h.someone(t, "carl", "Carla", "Winter", "1980-02-03")
	nurse.get("/clinic")
	bad := func(field, message string) []string {
		return []string{`<a href="#` + field + `">` + message, `id="` + field + `-bad">` + message, `aria-invalid="true" aria-describedby="` + field + `-bad"`}
	}
	// Whether the name is that of an own patient, of another's or of nobody: nothing was compared.
	pages := map[string]bool{}
	for _, name := range []string{"Fieldway", "Winter", "Quimby"} {
		from := h.Log.Size()
		sent := nurse.sendForm("/clinic/look-up", "family", name)
		to := sent.Header().Get("Location")
		carried := []string{fmt.Sprint(sent.Result().Header), sent.Body.String(), unbase64(to[strings.Index(to, "=")+1:]), fmt.Sprint(nurse.cookies)}
		w := nurse.get(to)
		want(t, name, w, http.StatusOK, append(bad("born", "Type the whole birth date"), `value="`+name+`"`, `role="alert" tabindex="-1" autofocus`)...)
		if strings.Contains(w.Body.String(), `id="known-bad"`) || strings.Contains(w.Body.String(), `id="family-bad"`) {
			t.Error("a field that is well is marked")
		}
		pages[strings.Replace(sameEachTime(w.Body.String()), `value="`+name+`"`, "", 1)] = true
		carried = append(carried, fmt.Sprint(w.Result().Header), fmt.Sprint(nurse.cookies), said.String(), fmt.Sprintf("%+v", h.entries(t, from)),
			nurse.get("/clinic/look-up?family="+name[:1]).Body.String())
		for _, text := range carried {
			if strings.Contains(text, name) {
				t.Errorf("%q was carried into %q", name, text)
			}
		}
		for _, e := range h.entries(t, from) {
			if e.Action == string(access.SearchChart) {
				t.Errorf("%q was looked for", name)
			}
		}
	}
	if len(pages) != 1 {
		t.Errorf("%d different pages for names alone", len(pages))
	}
	for _, c := range []struct {
		what       string
		typed, bad []string
	}{
		{"nothing", nil, bad("known", "Type a record number")},
		{"a birth date", []string{"born", "1980-02-03"}, append(bad("family", "Type the family name"), `value="1980-02-03"`)},
		{"a year", []string{"family", "Winter", "born", "1980"}, append(bad("born", "Type the whole birth date"), `value="1980"`, `value="Winter"`)},
		{"no number", []string{"known", "--", "born", "1980-02-03"}, append(append(bad("known", "This is no record number"), bad("family", "Type the family name")...), `value="--"`)},
		{"markup", []string{"family", `"><b>Lee`}, []string{`value="&#34;&gt;&lt;b&gt;Lee"`}},
	} {
		want(t, c.what, nurse.post("/clinic/look-up", c.typed...), http.StatusOK, c.bad...)
	}
	want(t, "the same form, whole", nurse.post("/clinic/look-up", "known", "", "family", "Fieldway", "born", "1980-02-03"), http.StatusOK, "1 patient found")
	officer := h.account(t, "Dalia Rahman", nobody, person.RoleCompliance)
	officer.get("/officer")
	want(t, "an officer", officer.post("/clinic/look-up", "family", "Quimby"), http.StatusForbidden)
}

// sameEachTime is a page without what differs from request to request.
func sameEachTime(page string) string {
	return regexp.MustCompile(`nonce="[^"]+"|next_query" value="[^"]+"|<span class="request">.*?</span>`).ReplaceAllString(page, "")
}

// What somebody looks for stands in no address, no log line and no error page.
func TestWhatIsLookedUpStaysOutOfAddresses(t *testing.T) {
	covers.Covers(t, "HC-9a", "SD-13c")
	h := lite(t)
	nurse := h.account(t, "Samuel Brooks", nobody, person.RoleNurse)
	nurse.get("/clinic")
	w := nurse.sendForm("/clinic/look-up", "known", "QUIMBY", "family", "Quimby", "born", "1980-02-03")
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/clinic/look-up?q=") {
		t.Fatalf("%d to %q", w.Code, to)
	}
	path, sealed, _ := strings.Cut(to, "?q=")
	for _, text := range []string{to, unbase64(sealed), fmt.Sprint(w.Result().Header), w.Body.String()} {
		if l := strings.ToLower(text); strings.Contains(l, "quimby") || strings.Contains(l, "1980") {
			t.Errorf("the search is in %q", text)
		}
	}
	goes(t, "without the seal", nurse.get(path+"?known=QUIMBY"), "/clinic")
	other := h.account(t, "Ada Finch", nobody, person.RoleNurse)
	goes(t, "in another session", other.get(to), "/clinic")
	want(t, "not a form", nurse.post("/clinic/look-up", "knows", "QUIMBY"), http.StatusBadRequest)
	if strings.Contains(nurse.last.Body.String(), "QUIMBY") {
		t.Error("the error repeats the search")
	}
}

// What each role reads on the clinic's pages, to the word. Before a chart is open it is
// name, birth date, record number and the visit of today; roles without a rule read nothing.
func TestFieldsOfRoles(t *testing.T) {
	covers.Covers(t, "HC-9a")
	h := lite(t)
	zoe := h.someone(t, "zoe", "Zoe", "Field", "1980-02-03", h.at(t, 0, 9, 15)+" booked")
	carl := h.someone(t, "carl", "Carl", "Winter", "1950-06-07")
	var out strings.Builder
	for _, role := range []person.Role{person.RoleClinician, person.RoleNurse, person.RoleFrontDesk, person.RoleBilling, person.RoleAdministrator, person.RoleCompliance} {
		b := h.account(t, "Ada Finch", nobody, role)
		if role == person.RoleClinician || role == person.RoleNurse {
			h.assign(t, b, zoe)
			h.assign(t, b, carl)
		}
		b.get("/security")
		show := func(what string, code int, body []byte) {
			text := regexp.MustCompile(`(?s)<form[^>]*action="/clinic/look-up".*?</form>|<ul data-words.*?</ul>`).ReplaceAllString(string(mainOf(body)), "")
			text = regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(text, " ")
			text = strings.NewReplacer(zoe.String(), "PATIENT", carl.String(), "PATIENT").Replace(text)
			fmt.Fprintf(&out, "== %s, %s: %d\n%s\n", role, what, code, regexp.MustCompile(`this code: \w+`).ReplaceAllString(strings.Join(strings.Fields(text[strings.Index(text, ">")+1:]), " "), "this code: CODE"))
		}
		w := b.get("/clinic")
		show("list", w.Code, w.Body.Bytes())
		w = b.post("/clinic/look-up", "known", "RC-CARL")
		show("look-up", w.Code, w.Body.Bytes())
		w = b.get("/clinic/" + zoe.String())
		show("before the purpose", w.Code, w.Body.Bytes())
		w = b.post("/clinic/"+zoe.String(), "purpose", "TREAT")
		show("chart", w.Code, w.Body.Bytes())
	}
	file := filepath.Join("testdata", "fields.golden")
	if *update {
		must(t, os.WriteFile(file, []byte(out.String()), 0o644)) //nolint:gosec // a file of the repository
	}
	golden, err := os.ReadFile(file)
	must(t, err)
	if out.String() != string(golden) {
		t.Errorf("the fields differ from %s:\n%s", file, out.String())
	}
}
