package sentinels

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patient is a known patient. Every value holds random letters or digits, so that
// it can come from nowhere else: the files of a cluster are those of many tests.
type patient struct {
	id, family, given, birth, phone, street, city, zip, mrn string
	code, display, value, note, drug, dose, substance       string
}

func draw(n int, alphabet string) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

const letters, digits = "abcdefghijkmnopqrstuvwxyz", "123456789"

func newPatient(id string) patient {
	word := func() string { return strings.ToUpper(draw(1, letters)) + draw(9, letters) }
	return patient{id: id, family: word(), given: word(), birth: fmt.Sprintf("19%s-0%s-1%s", draw(2, digits[:8]), draw(1, digits), draw(1, digits)),
		phone: "555-" + draw(3, digits) + "-" + draw(5, digits), street: draw(4, digits) + " " + word() + " Lane", city: word(),
		zip: draw(5, digits) + "-" + draw(4, digits), mrn: "MRN" + draw(8, digits), code: draw(7, digits) + "-" + draw(1, digits),
		display: word() + " level", value: draw(6, digits) + "." + draw(3, digits), note: "Said " + word() + " about " + word(),
		drug: word() + " 20 mg", dose: "Take with " + word(), substance: word() + " pollen"}
}

// needles are everything that nobody may find. The birth date as it is written,
// and as some system would write it without dashes.
func (p patient) needles() []string {
	return []string{p.family, p.given, p.birth, p.phone, p.street, p.city, p.zip, p.mrn, p.code, p.display, p.value, p.note, p.drug, p.dose, p.substance}
}

// bundle is the chart as FHIR.
func (p patient) bundle(t *testing.T) []byte {
	t.Helper()
	url := func(n int) string {
		return fmt.Sprintf("urn:uuid:%08x-0000-4000-8000-%012x", n, len(p.id)+int(p.id[len(p.id)-1]))
	}
	subject := map[string]any{"reference": url(1)}
	coded := func(code, display string) map[string]any {
		return map[string]any{"coding": []any{map[string]any{"system": "http://loinc.org", "code": code, "display": display}}, "text": display}
	}
	category := []any{map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}}}}
	resources := []map[string]any{
		{"resourceType": "Patient", "name": []any{map[string]any{"family": p.family, "given": []string{p.given}}}, "birthDate": p.birth, "gender": "female",
			"telecom":    []any{map[string]any{"system": "phone", "value": p.phone}},
			"address":    []any{map[string]any{"line": []string{p.street}, "city": p.city, "postalCode": p.zip}},
			"identifier": []any{map[string]any{"system": "urn:clinic", "value": p.mrn}}},
		{"resourceType": "Observation", "status": "final", "category": category, "code": coded(p.code, p.display), "subject": subject,
			"effectiveDateTime": "2026-03-04T10:00:00Z", "valueQuantity": map[string]any{"value": json.Number(p.value), "unit": "mg/dL"},
			"note": []any{map[string]any{"text": p.note}}},
		{"resourceType": "Condition", "code": coded(p.code, p.display), "subject": subject, "note": []any{map[string]any{"text": p.note}},
			"clinicalStatus": map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}}}},
		{"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": subject,
			"medicationCodeableConcept": map[string]any{"text": p.drug}, "dosageInstruction": []any{map[string]any{"text": p.dose}}},
		{"resourceType": "AllergyIntolerance", "patient": subject, "code": map[string]any{"text": p.substance}},
		{"resourceType": "Immunization", "status": "completed", "patient": subject, "vaccineCode": coded(p.code, p.display), "occurrenceDateTime": "2025-10-01"},
	}
	var entries []any
	for i, r := range resources {
		entries = append(entries, map[string]any{"fullUrl": url(i + 1), "resource": r,
			"request": map[string]any{"method": "POST", "url": r["resourceType"]}})
	}
	b, err := json.Marshal(map[string]any{"resourceType": "Bundle", "type": "transaction", "entry": entries})
	must(t, err)
	return b
}

// channel collects what leaves the server but is no body: headers and URLs.
type channel struct {
	mu            sync.Mutex
	headers, urls bytes.Buffer
	answers       int
	shown         bytes.Buffer // bodies, to see that the session met the needles at all
}

var links = regexp.MustCompile(`(?:href|src|action|formaction|srcset|poster|cite|data-options|data-finish)="([^"]*)"|"(?:fullUrl|url|reference)":"([^"]*)"`)

func (c *channel) seen(r *http.Response, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers++
	_ = r.Header.Write(&c.headers)
	c.shown.Write(body)
	for _, m := range links.FindAllSubmatch(body, -1) {
		fmt.Fprintf(&c.urls, "%s %s\n", html.UnescapeString(string(m[1])), m[2])
	}
}

// clinic is an installation with known patients and people who look at them.
type clinic struct {
	*apptest.Installation
	patients []patient
	channel  *channel
	dir      string // everything that the process wrote is below it
}

func fill(t *testing.T, o apptest.Options) *clinic {
	t.Helper()
	c := &clinic{channel: &channel{}, patients: []patient{newPatient("sentinel-a"), newPatient("sentinel-b")}}
	var err error
	c.dir, err = os.MkdirTemp("", "sn")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(c.dir)) })
	t.Setenv("TMPDIR", c.dir)
	o.Fill, o.Seen = true, c.channel.seen
	c.Installation = apptest.Start(t, o)
	var sources []string
	for _, p := range c.patients {
		b := p.bundle(t)
		must(t, c.ImportBundle(t.Context(), p.id, b))
		var parsed struct{ Entry []struct{ FullURL string } }
		must(t, json.Unmarshal(b, &parsed))
		sources = append(sources, parsed.Entry[0].FullURL)
		must(t, c.AddPersona(t.Context(), app.Persona{Handle: p.id, Name: p.given + " " + p.family, Roles: []person.Role{person.RolePatient}, Source: sources[len(sources)-1]}))
		// A bundle that is refused must not be quoted either.
		if err := c.ImportBundle(t.Context(), "bad", b[:len(b)-9]); err == nil {
			t.Fatal("a torn bundle was taken")
		}
	}
	must(t, c.AddPersona(t.Context(), app.Persona{Handle: "sentinel-doctor", Name: "Dr. Sentinel", Roles: []person.Role{person.RoleClinician}, Assigned: sources}))
	must(t, c.AddPersona(t.Context(), app.Persona{Handle: "sentinel-nurse", Name: "Nurse Sentinel", Roles: []person.Role{person.RoleNurse}, Assigned: sources}))
	return c
}

var local = regexp.MustCompile(`(?:href|action)="(/[^"#?]*)`)

// walk opens every page that a page of b leads to.
func (c *clinic) walk(t *testing.T, b *apptest.Browser, from ...string) {
	t.Helper()
	seen := map[string]bool{"/sign-out": true, "/language": true, "/demo": true}
	for queue := from; len(queue) > 0; queue = queue[1:] {
		if seen[queue[0]] || strings.HasPrefix(queue[0], "/assets/") || len(seen) > 60 {
			continue
		}
		seen[queue[0]] = true
		for _, m := range local.FindAllSubmatch(b.Get(t, queue[0]).Body, -1) {
			queue = append(queue, html.UnescapeString(string(m[1])))
		}
	}
}

// session is what people do in a day.
func (c *clinic) session(t *testing.T) {
	t.Helper()
	for _, p := range c.patients {
		b := c.Enter(t, p.id)
		c.walk(t, b, "/", "/results", "/conditions", "/medications", "/allergies", "/immunizations", "/security", "/access-log", "/clinic", "/admin", "/nowhere")
		follow(t, b, b.Post(t, "/results", "category", p.display))
		b.Post(t, "/language", "lang", "es", "next", "results")
		b.Get(t, "/results")
		token := c.Token(t, p.id)
		for _, path := range []string{"/Patient", "/Observation", "/Observation?code=" + p.code, "/Patient?birthdate=" + p.birth, "/Condition",
			"/MedicationRequest", "/AllergyIntolerance", "/Immunization", "/Patient/" + p.mrn, "/Observation?" + p.family + "=x", "/" + p.family} {
			c.API(t, token, path)
		}
		b.Post(t, "/sign-out")
	}
	doctor := c.Enter(t, "sentinel-doctor")
	c.walk(t, doctor, "/clinic")
	for _, m := range regexp.MustCompile(`href="(/clinic/[^"]+)"`).FindAllSubmatch(doctor.Get(t, "/clinic").Body, -1) {
		follow(t, doctor, doctor.Post(t, string(m[1]), "purpose", "TREAT"))
	}
	admin := c.Enter(t, "admin")
	c.walk(t, admin, "/admin")
	admin.Post(t, "/admin/accounts", "name", c.patients[0].given+" "+c.patients[0].family, "role", "nurse", "patient", "")
	admin.Post(t, "/admin/accounts", "name", c.patients[0].note, "role", "wizard", "patient", c.patients[0].mrn)
	officer := c.Enter(t, "officer")
	c.walk(t, officer, "/officer")
	follow(t, officer, officer.Post(t, "/officer", "who", c.patients[0].family, "patient", c.patients[0].mrn))
	officer.Post(t, "/officer/verify")
	officer.Post(t, "/officer/export")
}

// follow goes where a form leads.
func follow(t *testing.T, b *apptest.Browser, got apptest.Answer) {
	t.Helper()
	if got.Status != http.StatusSeeOther {
		t.Fatalf("the form leads nowhere: status %d", got.Status)
	}
	b.Get(t, got.Header.Get("Location"))
}

// needles of all known patients.
func (c *clinic) needles() (out []string) {
	for _, p := range c.patients {
		out = append(out, p.needles()...)
	}
	return out
}

// files are all that could hold plaintext: below the folder of the process, and
// of PostgreSQL everything.
func (c *clinic) files(t *testing.T, cluster *db.DB) (out []string) {
	t.Helper()
	must(t, filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, path)
		}
		return err
	}))
	if cluster != nil {
		out = append(out, dbtest.Files(t, cluster)...)
	}
	return out
}

func report(t *testing.T, where string, h Hits) {
	t.Helper()
	for needle, forms := range h {
		t.Errorf("%s holds %q as %v", where, needle, slices.Sorted(func(yield func(string) bool) {
			for f := range forms {
				if !yield(f) {
					return
				}
			}
		}))
	}
}

func searchFiles(t *testing.T, s *Searcher, files []string) {
	t.Helper()
	var bytes int64
	for _, path := range files {
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		must(t, err)
		bytes += int64(len(b))
		report(t, path, s.Search(b))
	}
	t.Logf("%d files, %d MiB", len(files), bytes>>20)
}

// Covers ED-3a, ED-4, ED-15, SD-13c, HC-8a: known patients are nowhere but in the
// pages that are meant to show them: on PostgreSQL, on SQLite without page
// encryption, and as shipped.
func TestSentinels(t *testing.T) {
	covers.Covers(t, "ED-3a", "ED-4", "ED-15", "SD-13c", "HC-8a")
	for name, o := range map[string]apptest.Options{"postgres": {Postgres: true}, "plain pages": {Plain: true}, "shipped": {}} {
		t.Run(name, func(t *testing.T) {
			var cluster *db.DB
			if o.Postgres {
				cluster = dbtest.New(t, db.Postgres, nil, dbtest.Empty)
			}
			c := fill(t, o)
			s := NewSearcher(c.needles())
			c.inChromium(t, s)
			c.session(t)
			searchFiles(t, s, c.files(t, cluster)) // while it runs: WAL, temporary files
			report(t, "the process log", s.Search([]byte(c.Process.String())))
			report(t, "a header", s.Search(c.channel.headers.Bytes()))
			for line := range bytes.Lines(c.channel.urls.Bytes()) {
				report(t, "the URL "+string(line), s.Search(line))
			}
			// The pages do show them: the session was a real one.
			shown := s.Search(c.channel.shown.Bytes())
			for _, p := range c.patients {
				for _, n := range []string{p.family, p.display, p.drug, p.substance, p.value} {
					if !shown[n]["plain"] {
						t.Errorf("no page showed %q", n)
					}
				}
			}
			t.Logf("%d answers", c.channel.answers)
			c.Stop(t)
			searchFiles(t, s, c.files(t, cluster))
		})
	}
}

// The control: nothing in the product can switch sealing off, so the test puts
// the same charts unsealed into a table beside the product's (storage EXTERNAL,
// no compression), in every form, and the same search finds every needle.
func TestControlFindsEverything(t *testing.T) {
	for name, o := range map[string]apptest.Options{"postgres": {Postgres: true}, "plain pages": {Plain: true}} {
		t.Run(name, func(t *testing.T) {
			var cluster *db.DB
			if o.Postgres {
				cluster = dbtest.New(t, db.Postgres, nil, dbtest.Empty)
			}
			c := fill(t, o)
			raw := db.Config{Path: filepath.Join(c.Dir, "postern.db")}
			column := "BLOB"
			if o.Postgres {
				raw, column = *c.Postgres, "BYTEA"
			}
			hand := dbtest.RawConfig(t, raw)
			hand.Exec(t, "CREATE TABLE unsealed (body "+column+")")
			if o.Postgres {
				hand.Exec(t, "ALTER TABLE unsealed ALTER COLUMN body SET STORAGE EXTERNAL")
			}
			for _, p := range c.patients {
				for _, body := range encodings(t, p.bundle(t)) {
					hand.Exec(t, "INSERT INTO unsealed VALUES (?)", body)
				}
			}
			s := NewSearcher(c.needles())
			found := Hits{}
			for _, path := range c.files(t, cluster) {
				b, err := os.ReadFile(path)
				if err != nil {
					continue // PostgreSQL removes files while we look
				}
				for n, forms := range s.Search(b) {
					for f := range forms {
						found.add(n, f)
					}
				}
			}
			for _, n := range c.needles() {
				for _, form := range []string{"plain", "hex", "utf-16", "base64", "gzip plain"} {
					if !found[n][form] {
						t.Errorf("%q as %s was not found", n, form)
					}
				}
			}
		})
	}
}

// encodings of a body: as it is, and in each form, in pieces that a page holds
// whole, because a page boundary would split what we look for.
func encodings(t *testing.T, body []byte) (out [][]byte) {
	t.Helper()
	var parsed struct{ Entry []json.RawMessage }
	must(t, json.Unmarshal(body, &parsed))
	for _, e := range parsed.Entry {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, err := w.Write(e)
		must(t, err)
		must(t, w.Close())
		wide := make([]byte, 0, 2*len(e))
		for _, c := range e {
			wide = append(wide, c, 0)
		}
		out = append(out, e, []byte(base64.StdEncoding.EncodeToString(e)), []byte(hex.EncodeToString(e)), wide, z.Bytes())
	}
	return out
}

// Every form of every needle is found wherever it begins.
func TestSearchFindsForms(t *testing.T) {
	p := newPatient("x")
	s := NewSearcher(p.needles())
	for _, n := range p.needles() {
		for pad := range 4 {
			text := append([]byte("abcd"[:pad]), n+"xyz"...)
			for form, b := range map[string][]byte{"plain": text, "base64": []byte(base64.StdEncoding.EncodeToString(text)), "hex": []byte(hex.EncodeToString(text))} {
				if h := s.Search(b); !h[n][form] {
					t.Errorf("%q at %d as %s: %v", n, pad, form, h)
				}
			}
		}
	}
	if h := s.Search([]byte("nothing of interest")); len(h) != 0 {
		t.Errorf("%v", h)
	}
}
