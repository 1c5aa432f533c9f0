package matrix

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/app/demo"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/person"
)

// absent is an identifier in its right form that nobody has.
const absent = "buonwgpz7nesu7gb4anlv6kgza"

// target is where a route is attacked, and whose thing that is.
type target struct {
	whose string // -, own, assigned, other, none, shared
	path  string // with query
	form  []string
}

// routes are those of every door, as the program prints them.
func (w *world) routes() []app.RouteRow {
	rows, err := app.RouteTable(demo.Routes())
	must(w.t, err)
	return rows
}

// harvest follows what the pages of a persona link to, and keeps the first path of
// every pattern: the identifiers that somebody honestly comes by.
type harvest struct {
	paths map[string]string         // by pattern
	forms map[string][]string       // by pattern of the action: fields and their values
	fhir  map[string]string         // id by type
	token string                    // of the same persona
	fresh *apptest.Browser          // the other session, which the page of sessions offers to end
	pages map[string]apptest.Answer // by path
}

var stories = []string{"mother", "teen", "chronic", "elder", "daughter", "doctor", "nurse", "admin", "officer"}

// gather harvests for every story.
func (w *world) gather(rows []app.RouteRow) map[string]*harvest {
	out := map[string]*harvest{}
	for _, story := range stories {
		h := &harvest{paths: map[string]string{}, forms: map[string][]string{}, fhir: map[string]string{}, pages: map[string]apptest.Answer{}}
		h.fresh = w.Enter(w.t, story) // so that the page of sessions has one to end
		b := w.Enter(w.t, story)
		todo := []string{"/"}
		for _, r := range rows {
			if r.Method == http.MethodGet && r.Door == "web" && !strings.Contains(r.Path, "{") {
				todo = append(todo, r.Path)
			}
		}
		for i := 0; i < len(todo) && i < 60; i++ {
			got := b.Get(w.t, todo[i])
			h.pages[todo[i]] = got
			if to := got.Header.Get("Location"); to != "" && !slices.Contains(todo, to) {
				todo = append(todo, to)
			}
			for _, path := range h.read(got.Body, rows) {
				if !slices.Contains(todo, path) {
					todo = append(todo, path)
				}
			}
		}
		if !slices.Contains([]string{"admin", "officer"}, story) {
			h.token = w.Token(w.t, story)
			w.search(h)
		}
		out[story] = h
	}
	return out
}

// read keeps links and forms of a page, and returns those of patterns not yet met.
func (h *harvest) read(page []byte, rows []app.RouteRow) (found []string) {
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return nil
	}
	for n := range doc.Descendants() {
		switch n.Data {
		case "a":
			path := attr(n, "href")
			if pattern := match(rows, http.MethodGet, path); pattern != "" && h.paths[pattern] == "" {
				h.paths[pattern] = path
				found = append(found, path)
			}
		case "form":
			path := attr(n, "action")
			pattern := match(rows, http.MethodPost, path)
			if pattern == "" || h.paths["POST "+pattern] != "" {
				continue
			}
			h.paths["POST "+pattern] = path
			h.forms[pattern] = fields(n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// fields are the names and values of a form as it stands, without its token.
func fields(form *html.Node) (out []string) {
	for n := range form.Descendants() {
		name := attr(n, "name")
		if name == "" || name == "form_token" || slices.Contains(out, name) {
			continue
		}
		value := attr(n, "value")
		if n.Data == "select" {
			for o := range n.Descendants() {
				if o.Data == "option" && attr(o, "value") != "" {
					value = attr(o, "value")
					break
				}
			}
		}
		out = append(out, name, value)
	}
	return out
}

// match is the pattern with parameters that the path fits, of one method.
func match(rows []app.RouteRow, method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	for _, r := range rows {
		if r.Method == method && strings.Contains(r.Path, "{") && r.Door == "web" && fits(r.Path, path) {
			return r.Path
		}
	}
	return ""
}

func fits(pattern, path string) bool {
	a, b := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !strings.HasPrefix(a[i], "{") {
			return false
		}
	}
	return true
}

// types are the resource types that have definitions.
func types() (out []string) {
	for _, d := range records.Definitions() {
		out = append(out, d.Type)
	}
	return out
}

// search keeps an id of every type that the token finds.
func (w *world) search(h *harvest) {
	for _, typ := range types() {
		var found struct {
			Entry []struct{ Resource struct{ ID string } }
		}
		got := w.API(w.t, h.token, "/"+typ)
		if got.Status == http.StatusOK && json.Unmarshal(got.Body, &found) == nil && len(found.Entry) > 0 {
			h.fhir[typ] = found.Entry[0].Resource.ID
		}
	}
}

// whoOf names the stories whose things are the persona's own, assigned and foreign.
func whoOf(p *persona) map[string]string {
	switch p.story {
	case "mother", "elder", "teen":
		return map[string]string{"own": p.story, "other": "daughter"}
	case "doctor", "suspended-doctor":
		return map[string]string{"assigned": "mother", "other": "daughter"}
	case "nurse":
		return map[string]string{"assigned": "teen", "other": "daughter"}
	default:
		return map[string]string{"other": "daughter"}
	}
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// targets are where p attacks a route.
func (a *attack) targets(p *persona, r app.RouteRow) []target {
	if r.Path == "/clinic/look-up" && r.Method == http.MethodPost {
		return a.lookUps(p)
	}
	if r.Path == "/record/{type}" { // a type is nobody's
		return []target{{whose: "-", path: "/record/condition"}, {whose: "-", path: "/record/encounter"}}
	}
	if !strings.Contains(r.Path, "{") {
		if r.Path == "/admin/assignments" || r.Path == "/admin/assignments/end" {
			return a.assignments(p)
		}
		return []target{{whose: "-", path: r.Path}}
	}
	switch {
	case r.Door == "fhirapi":
		return a.programs(p, r)
	case strings.Contains(r.Path, "{patient}"):
		return a.patients(p, r)
	case strings.Contains(r.Path, "{seq}"):
		return a.looks(p, r)
	case strings.HasPrefix(r.Path, "/admin/accounts/"):
		other := a.w.spare
		if strings.HasSuffix(r.Path, "/renew") {
			other = a.w.accountOf("mother")
		}
		return a.with(r, []target{{"own", ifSet(p.account), nil}, {"other", other.String(), nil}, {"none", "acc-" + absent, nil}})
	case strings.HasPrefix(r.Path, "/approve/"):
		act := a.w.act
		if strings.HasSuffix(r.Path, "/decline") && p.name == "admin" {
			act = a.w.declined
		}
		return a.with(r, []target{{"other", act, nil}, {"none", strings.Repeat("0", len(act)), nil}})
	default:
		return a.things(p, r)
	}
}

func ifSet(id person.AccountID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// with puts identifiers into the pattern; an empty one is no target.
func (a *attack) with(r app.RouteRow, list []target) (out []target) {
	for _, t := range list {
		if t.path != "" {
			t.path = parameter.ReplaceAllString(r.Path, t.path)
			out = append(out, t)
		}
	}
	return out
}

func (a *attack) assignments(p *persona) (out []target) {
	child := a.w.charts["child"].String()
	path := "/admin/assignments"
	for whose, id := range map[string]string{"own": ifSet(p.account), "other": a.w.spare.String(), "none": "acc-" + absent} {
		if id != "" {
			out = append(out, target{whose, path, []string{"clinician", id, "patient", child}})
		}
	}
	return out
}

// lookUps look for somebody by the number of the record.
func (a *attack) lookUps(p *persona) []target {
	out := []target{{"none", "/clinic/look-up", []string{"known", "MRN-0-0-0", "family", "", "born", ""}}}
	for whose, story := range whoOf(p) {
		who, _ := deid.Find(a.w.cast, story)
		out = append(out, target{whose, "/clinic/look-up", []string{"known", who.RecordNumber, "family", "", "born", ""}})
	}
	return out
}

func (a *attack) patients(p *persona, r app.RouteRow) (out []target) {
	list := []target{{"none", "pat-" + absent, nil}}
	for whose, story := range whoOf(p) {
		list = append(list, target{whose, a.w.charts[story].String(), nil})
	}
	return a.with(r, list)
}

// looks are lines of Who looked.
func (a *attack) looks(p *persona, r app.RouteRow) []target {
	list := []target{{"none", "999999999999", nil}}
	for whose, story := range whoOf(p) {
		for _, e := range a.log {
			if e.Patient == a.w.charts[story] {
				list = append(list, target{whose, strconv.FormatInt(e.Seq, 10), nil})
				break
			}
		}
	}
	return a.with(r, list)
}

// things are whatever the pages link to: results, visits, passkeys, sessions.
func (a *attack) things(p *persona, r app.RouteRow) (out []target) {
	key := r.Path
	if r.Method == http.MethodPost {
		key = "POST " + key
	}
	who := whoOf(p)
	if h := a.found[p.story]; h != nil && who["own"] == "" {
		who["own"] = p.story
	}
	if who["own"] == who["other"] {
		who["other"] = "elder"
	}
	for whose, story := range who {
		h := a.found[story]
		if h == nil || h.paths[key] == "" {
			continue
		}
		path, _, _ := strings.Cut(h.paths[key], "?")
		if whose == "assigned" && strings.HasPrefix(path, "/security/") {
			whose = "other" // a patient's account is nobody's but the patient's
		}
		out = append(out, target{whose: whose, path: path})
	}
	if strings.Contains(r.Path, "{hash}") {
		return []target{{whose: "-", path: a.asset}}
	}
	none := absent
	if len(out) > 0 { // in the form of what is there
		last := out[0].path[strings.LastIndexByte(out[0].path, '/')+1:]
		if i := strings.LastIndexByte(last, '-'); i >= 0 {
			none = last[:i+1] + absent
		}
	}
	return append(out, target{whose: "none", path: parameter.ReplaceAllString(strings.ReplaceAll(r.Path, "{type}", "condition"), none)})
}

// programs are the FHIR door's targets: searches of every type and reads of one of each.
func (a *attack) programs(p *persona, r app.RouteRow) (out []target) {
	list := types()
	if p.token == "" || !p.living {
		list = list[:2]
	}
	for _, typ := range list {
		base := strings.ReplaceAll(r.Path, "{type}", typ)
		if !strings.Contains(base, "{") {
			out = append(out, a.searches(p, r, base)...)
			continue
		}
		ids := map[string]string{"none": absent}
		for whose, story := range whoOf(p) {
			if id := a.found[story].fhir[typ]; id != "" && !slices.Contains(shared, typ) {
				ids[whose] = id
			}
		}
		for whose, id := range ids {
			path := strings.NewReplacer("{id}", id, "{vid}", "1", "{version}", "1").Replace(base)
			out = append(out, target{whose: whose, path: path})
		}
	}
	return out
}

// shared are the types of the clinic, which everybody who has signed in may read.
var shared = []string{"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"}

func (a *attack) searches(p *persona, r app.RouteRow, base string) (out []target) {
	add := func(whose, patient string) {
		q := url.Values{}
		if patient != "" {
			q.Set("patient", patient)
		}
		if r.Method == http.MethodPost {
			t := target{whose: whose, path: base, form: []string{}}
			if patient != "" {
				t.form = []string{"patient", patient}
			}
			out = append(out, t)
			return
		}
		if len(q) > 0 {
			base := base + "?" + q.Encode()
			out = append(out, target{whose: whose, path: base})
			return
		}
		out = append(out, target{whose: whose, path: base})
	}
	typ := strings.Split(strings.TrimPrefix(base, "/fhir/R4/"), "/")[0]
	if slices.Contains(shared, typ) {
		add("shared", "")
		return out
	}
	add("-", "")
	if typ == "Patient" {
		return out
	}
	add("none", absent)
	for whose, story := range whoOf(p) {
		id := person.PatientResource(a.w.charts[story]).String()
		add(whose, id)
		if whose == "other" { // by reference too, and by the whole address
			add(whose, "Patient/"+id)
			add(whose, a.w.Origin+"/fhir/R4/Patient/"+id)
		}
	}
	return out
}
