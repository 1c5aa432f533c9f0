package records

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

const (
	uuidRosa = "9d1b0f6e-0000-4000-8000-000000000001"
	uuidObs  = "9d1b0f6e-0000-4000-8000-000000000002"
)

func entryOf(fullURL, resource string) string {
	return `{"fullUrl":"` + fullURL + `","resource":` + resource + `,"request":{"method":"POST","url":"` + typeOf(resource) + `"}}`
}

func typeOf(resource string) string {
	var r struct{ ResourceType string }
	_ = json.Unmarshal([]byte(resource), &r)
	return r.ResourceType
}

func transaction(entries ...string) string {
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
}

// TestOneResourceManyNames writes the same story in each form that references
// may have; the stored chart is the same.
func TestOneResourceManyNames(t *testing.T) {
	patient := strings.Replace(rosa, `"id":"rosa",`, `"id":"`+uuidRosa+`",`, 1)
	obs := func(subject string) string {
		return strings.Replace(strings.Replace(observe(""), "Patient/rosa", subject, 1), `"id":"obs"`, `"id":"`+uuidObs+`"`, 1)
	}
	const base = "https://h.example/fhir/"
	var want string
	for _, text := range []string{
		transaction(entryOf("urn:uuid:"+uuidRosa, patient), entryOf("urn:uuid:"+uuidObs, obs("urn:uuid:"+uuidRosa))),
		transaction(entryOf("urn:uuid:"+uuidRosa, patient), entryOf("urn:uuid:"+uuidObs, obs("Patient/"+uuidRosa))),
		transaction(entryOf("urn:uuid:"+strings.ToUpper(uuidRosa), patient), entryOf("urn:uuid:"+uuidObs, obs("Patient/"+uuidRosa+"/_history/3"))),
		transaction(entryOf(base+"Patient/"+uuidRosa, patient), entryOf(base+"Observation/"+uuidObs, obs("Patient/"+uuidRosa))),
		transaction(entryOf(base+"Patient/"+uuidRosa, patient), entryOf(base+"Observation/"+uuidObs, obs(base+"Patient/"+uuidRosa))),
		transaction(entryOf(base+"Patient/"+uuidRosa, patient), entryOf(base+"Observation/"+uuidObs, obs(base+"Patient/"+uuidRosa+"/_history/1"))),
		bundleOf(obs("Patient/"+uuidRosa), patient), // the Patient may come last
	} {
		p, err := planText(t, text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range storeAll(t, p) {
			if k.Type == "Observation" {
				got = append(got, k.json)
			}
		}
		if want == "" {
			want = got[0]
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("stored %s, want %s", got, want)
		}
	}
}

// TestSmallIDsCountWithinTheirSource: two hospitals' Patient/1 are two people.
func TestSmallIDsCountWithinTheirSource(t *testing.T) {
	one := strings.Replace(rosa, `"rosa"`, `"1"`, 1)
	seen := map[string]bool{}
	for _, text := range []string{
		transaction(entryOf("https://a.example/fhir/Patient/1", one)),
		transaction(entryOf("https://b.example/fhir/Patient/1", one)),
		bundleOf(one),
	} {
		p, err := planText(t, text)
		if err != nil {
			t.Fatal(err)
		}
		seen[p.Owner().ID.Reveal()] = true
	}
	if len(seen) != 3 {
		t.Errorf("three sources give the owners %v", seen)
	}
	if s := fmt.Sprintf("%v %+v", newSource("Patient", "MRN-17"), newSource("Patient", "MRN-17")); strings.Contains(s, "MRN-17") {
		t.Errorf("a source id prints: %s", s)
	}
}

// book is a Resolver with a fixed content.
type book struct {
	types map[string]string // source id -> type
	asked []string
	err   error
}

func (b *book) Find(_ context.Context, owner, ref Source) (string, bool, error) {
	b.asked = append(b.asked, owner.ID.Reveal()+" -> "+ref.Type+" "+ref.ID.Reveal())
	typ, ok := b.types[ref.ID.Reveal()]
	return typ, ok, b.err
}

func planWith(t *testing.T, r Resolver, text string) (*Plan, error) {
	t.Helper()
	return NewPlan(t.Context(), PlanConfig{Catalogue: catalogue(t), Resolver: r}, asFile(text))
}

func TestReferencesToEarlierImports(t *testing.T) {
	text := obsBundle(`,"performer":[{"reference":"Practitioner/osei"},{"reference":"urn:uuid:` + uuidObs + `"},{"reference":"Practitioner/osei"}],"encounter":{"reference":"https://h.example/fhir/Encounter/1"}`)
	b := &book{types: map[string]string{"Practitioner/osei": "Practitioner", "urn:uuid:" + uuidObs: "Organization"}}
	p, err := planWith(t, b, text)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.asked, ", "); got != "Patient/rosa -> Practitioner Practitioner/osei, Patient/rosa ->  urn:uuid:"+uuidObs {
		t.Errorf("asked %s", got)
	}
	osei, _ := hashIDs(newSource("Practitioner", "Practitioner/osei"))
	org, _ := hashIDs(newSource("Organization", "urn:uuid:"+uuidObs))
	stored := storeAll(t, p)[1].json
	for _, want := range []string{`"Practitioner/` + osei.String() + `"`, `"Organization/` + org.String() + `"`, `"https://h.example/fhir/Encounter/1"`} {
		if !strings.Contains(stored, want) {
			t.Errorf("%s is missing in %s", want, stored)
		}
	}
	wrong := &book{types: map[string]string{"Practitioner/osei": "Encounter", "urn:uuid:" + uuidObs: "Organization"}}
	if _, err := planWith(t, wrong, text); importError(t, err).MessageID != MsgRefType {
		t.Errorf("a reference to another type: %v", err)
	}
	broken := &book{err: errors.New("no disk")}
	if _, err := planWith(t, broken, text); !errors.Is(err, broken.err) {
		t.Errorf("a failing resolver: %v", err)
	}
	chart := &book{types: map[string]string{"Encounter/e": "Encounter"}}
	if _, err := planWith(t, chart, bundleOf(rosa, `{"resourceType":"Organization","id":"o","extension":[{"url":"x","valueReference":{"reference":"Encounter/e"}}]}`)); importError(t, err).MessageID != MsgSharedRef {
		t.Errorf("a shared resource reaches into a stored chart: %v", err)
	}
	prov := bundleOf(rosa, `{"resourceType":"Provenance","id":"p","target":[{"reference":"Encounter/e"}],"recorded":"2026-01-01","agent":[{}]}`)
	if _, err := planWith(t, chart, prov); err != nil {
		t.Errorf("provenance of a stored visit: %v", err)
	}
	if _, err := planWith(t, &book{types: map[string]string{"Encounter/e": "Organization"}}, strings.ReplaceAll(prov, "Encounter/e", "urn:oid:1.2.3")); err == nil {
		t.Error("provenance of nothing was stored")
	}
	if _, err := planWith(t, &book{types: map[string]string{"Patient/eve": "Patient"}}, obsBundle(`,"performer":[{"reference":"Organization/none"}]`)); importError(t, err).MessageID != MsgDangling {
		t.Errorf("dangling: %v", err)
	}
}

func TestPlanTellsWhatItHolds(t *testing.T) {
	text := bundleOf(`{"resourceType":"Basic","id":"b"}`, rosa, `{"resourceType":"Organization","id":"o","name":"Hillside"}`, observe(""))
	p, err := planText(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if p.Len() != 3 || p.Counts()["Observation"] != 1 || p.Owner().Type != "Patient" || p.Owner().ID.Reveal() != "Patient/rosa" {
		t.Errorf("plan of %d, %v", p.Len(), p.Counts())
	}
	var got []string
	for s, shared := range p.Sources {
		got = append(got, fmt.Sprintf("%s %v", s.Type, shared))
	}
	if s := strings.Join(got, ", "); s != "Patient false, Organization true, Observation false" {
		t.Errorf("sources are %s", s)
	}
	for range p.Sources {
		break
	}
	if l := p.Listed(); len(l) != 1 || l[0].MessageID != MsgUnknownType || l[0].Line != 2 || text[l[0].Offset:][:24] != `{"resourceType":"Basic",` {
		t.Errorf("listed %+v", p.Listed())
	}
}

func TestPlanRefusesAChangedFile(t *testing.T) {
	text := []byte(obsBundle("") + strings.Repeat(" ", keepMost)) // a small one is read once
	f := File{Name: "x", Data: bytes.NewReader(text), Size: int64(len(text))}
	p, err := NewPlan(t.Context(), PlanConfig{Catalogue: catalogue(t)}, f)
	if err != nil {
		t.Fatal(err)
	}
	copy(text[bytes.Index(text, []byte("Glucose")):], "Sucrose")
	err = p.Each(t.Context(), hashIDs, func(Stored) error { return nil })
	if e := importError(t, err); e.MessageID != MsgFileChanged || e.Entry != 1 || !fault.Is(err, fault.Conflict) {
		t.Errorf("a file changed between readings: %v", err)
	}
}

// A small bundle is stored as it was when it was planned, whatever its file is by then.
func TestASmallPlanIsStoredAsItWasPlanned(t *testing.T) {
	text := []byte(obsBundle(""))
	p, err := NewPlan(t.Context(), PlanConfig{Catalogue: catalogue(t)}, File{Name: "x", Data: bytes.NewReader(text), Size: int64(len(text))})
	if err != nil {
		t.Fatal(err)
	}
	copy(text[bytes.Index(text, []byte("Glucose")):], "Sucrose")
	if ks := storeAll(t, p); !strings.Contains(ks[1].json, "Glucose") || strings.Contains(ks[1].json, "Sucrose") {
		t.Error("something was stored that was never checked")
	}
}

func TestPlanStops(t *testing.T) {
	p, err := planText(t, obsBundle(""))
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	if err := p.Each(t.Context(), hashIDs, func(Stored) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("the callback's error became %v", err)
	}
	if err := p.Each(t.Context(), func(Source) (person.ResourceID, error) { return person.ResourceID{}, gone }, func(Stored) error { return nil }); !errors.Is(err, gone) {
		t.Errorf("the assigner's error became %v", err)
	}
	onlyPatient := func(s Source) (id person.ResourceID, err error) {
		if s.Type != "Practitioner" {
			return hashIDs(s)
		}
		return id, gone
	}
	p2, err := planWith(t, &book{types: map[string]string{"Practitioner/osei": "Practitioner"}}, obsBundle(`,"performer":[{"reference":"Practitioner/osei"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if err := p2.Each(t.Context(), onlyPatient, func(Stored) error { return nil }); !errors.Is(err, gone) {
		t.Errorf("a failure inside a reference became %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Each(ctx, hashIDs, func(Stored) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled import: %v", err)
	}
	if _, err := NewPlan(ctx, PlanConfig{Catalogue: catalogue(t)}, asFile(obsBundle(""))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled plan: %v", err)
	}
}

func TestLimitsAreParameters(t *testing.T) {
	for message, lim := range map[string]Limits{
		MsgTooLarge: {Bundle: 100}, MsgResSize: {Resource: 100}, MsgDepth: {Depth: 5}, MsgTooMany: {Resources: 1},
	} {
		_, err := NewPlan(t.Context(), PlanConfig{Catalogue: catalogue(t), Limits: lim}, asFile(obsBundle("")))
		if e := importError(t, err); e.MessageID != message || !strings.HasPrefix(e.Detail, "limit ") {
			t.Errorf("limit %+v: %v", lim, err)
		}
	}
}

// FuzzPlan feeds arbitrary files. What is accepted must be JSON in stored form
// about one chart, the same each time.
func FuzzPlan(f *testing.F) {
	c := catalogue(f)
	for _, h := range hostileCorpus() {
		if len(h.text) < 10_000 {
			f.Add([]byte(h.text))
		}
	}
	for _, d := range Definitions() {
		f.Add([]byte(exampleBundle(d)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := NewPlan(t.Context(), PlanConfig{Catalogue: c}, File{Data: bytes.NewReader(in), Size: int64(len(in))})
		if err != nil {
			e := importError(t, err)
			if e.Offset < 0 || e.Offset > int64(len(in)) || e.Line < 1 || e.Col < 1 || importMessage(e.MessageID).Kind == fault.Internal {
				t.Fatalf("error without a place: %+v", e)
			}
			return
		}
		patients := 0
		for _, k := range storeAll(t, p) {
			if !json.Valid([]byte(k.json)) || !strings.HasPrefix(k.json, head(k.Type, k.Record.ID)) {
				t.Fatalf("stored %s", k.json)
			}
			if _, err := Present(phi.NewDoc([]byte(k.json)), k.Type, k.Record.ID, Meta{Version: 1}); err != nil {
				t.Fatal(err)
			}
			if _, err := titleOf(phi.NewDoc([]byte(k.json)), k.Type); err != nil {
				t.Fatal(err)
			}
			if k.Type == "Patient" {
				patients++
			}
			if k.Type == "Observation" {
				_ = view(t, k)
			}
		}
		if patients != 1 {
			t.Fatalf("%d patients in one plan", patients)
		}
	})
}
