package app_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/test/covers"
)

// fhirBundle is what a program reads of an answer.
type fhirBundle struct {
	Type  string
	Total int
	Link  []struct{ Relation, URL string }
	Entry []struct {
		Resource struct{ ResourceType, ID string }
	}
}

func bundleFrom(t *testing.T, a apptest.Answer) (b fhirBundle) {
	t.Helper()
	if a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	must(t, json.Unmarshal(a.Body, &b))
	return b
}

// link is the path of a link below the base.
func (b fhirBundle) link(relation string) string {
	for _, l := range b.Link {
		if _, path, ok := strings.Cut(l.URL, "/fhir/R4"); ok && l.Relation == relation {
			return path
		}
	}
	return ""
}

// Maya's program turns the pages of her results. Nobody else's token opens her
// links, not even another one of hers, and no address says what was asked.
func TestAnotherTokensLinkIsRefused(t *testing.T) {
	covers.Covers(t, "SD-3", "CH-11")
	in := apptest.Start(t, apptest.Options{Fill: true})
	mother, again, teen := in.Token(t, "mother"), in.Token(t, "mother"), in.Token(t, "teen")
	p := bundleFrom(t, in.API(t, mother, "/Observation?category=laboratory&_count=5"))
	first, n := p, len(p.Entry)
	for next := p.link("next"); next != "" && n <= first.Total; next = p.link("next") {
		if strings.Contains(next, "laboratory") {
			t.Errorf("%s says what was asked", next)
		}
		p = bundleFrom(t, in.API(t, mother, next))
		n += len(p.Entry)
	}
	if n != first.Total || n < 10 {
		t.Errorf("%d of %d", n, first.Total)
	}
	next := first.link("next")
	for who, a := range map[string]apptest.Answer{
		"the teen":       in.API(t, teen, next),
		"another token":  in.API(t, again, next),
		"another type":   in.API(t, mother, strings.Replace(next, "Observation", "Condition", 1)),
		"a changed link": in.API(t, mother, next[:len(next)-3]+"AAA"),
	} {
		if a.Status != 410 || !strings.Contains(string(a.Body), "error.page-link") || !strings.Contains(string(a.Body), "Search again") {
			t.Errorf("%s: %d %s", who, a.Status, a.Body)
		}
	}
	// Who asks the same with another token is given links of its own, also while the
	// first one's answer is kept.
	for range 2 {
		if p := bundleFrom(t, in.API(t, again, "/Observation?category=laboratory&_count=5")); in.API(t, again, p.link("next")).Status != 200 {
			t.Error("another token of hers was given links that do not open")
		}
	}
	// The process that starts next opens it still: the key is the installation's.
	in.Restart(t)
	if a := in.API(t, mother, next); a.Status != 200 {
		t.Errorf("after a restart: %d %s", a.Status, a.Body)
	}
}

// houseDiet is a type that nobody has, not even FHIR: what one definition with one example
// is good for.
func houseDiet() records.Definition {
	return records.Definition{
		Type:        "HouseDiet",
		Compartment: records.Compartment{Paths: []string{"patient"}},
		Status:      records.Codes{Path: "status", System: "http://hl7.org/fhir/request-status", Codes: []string{"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}},
		Search: []records.Param{
			{Name: "datetime", Kind: records.DateParam, Path: "dateTime"},
			{Name: "encounter", Kind: records.ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "status", Kind: records.TokenParam, Path: "status", System: "http://hl7.org/fhir/request-status"},
		},
		Order: "dateTime",
		Shape: []records.Element{
			{Path: "status", Kind: records.KindCode, Required: true},
			{Path: "patient", Kind: records.KindReference, Required: true},
			{Path: "dateTime", Kind: records.KindDate, Required: true},
		},
		Title: records.Title{One: records.Words{EN: "Diet", ES: "Dieta"}, Many: records.Words{EN: "Diets", ES: "Dietas"}},
		Show: []records.Field{
			{Path: "oralDiet.type", Kind: records.ShowCoded, Words: records.Words{EN: "Diet", ES: "Dieta"}},
			{Path: "status", Kind: records.ShowStatus, Words: records.Words{EN: "Status", ES: "Estado"}},
		},
		Example: `{"resourceType":"HouseDiet","id":"rosa-house-diet","status":"active","intent":"order","patient":{"reference":"Patient/rosa"},"dateTime":"2026-03-02","oralDiet":{"type":[{"text":"Low salt"}]}}`,
	}
}

// A resource type is one definition with an example: its routes, its search, its
// place in the statement, its entries in the log and the refusal of strangers follow.
func TestATypeIsOneDefinition(t *testing.T) {
	covers.Covers(t, "SD-3", "CH-13")
	in := apptest.Start(t, apptest.Options{Fill: true})
	mother, teen := in.Token(t, "mother"), in.Token(t, "teen")
	if a := in.API(t, mother, "/HouseDiet"); a.Status != 404 {
		t.Fatalf("before: %d", a.Status)
	}
	in.Stop(t)
	defs := append(records.Definitions(), houseDiet())
	slices.SortFunc(defs, func(a, b records.Definition) int { return strings.Compare(a.Type, b.Type) })
	in.Definitions(defs)
	in.Listen(t, in.Address)
	in.Open(t)
	in.Serve(t)
	maya, ok := deid.Find(deid.Family(time.Now()), "mother")
	if !ok {
		t.Fatal("no mother")
	}
	var b bytes.Buffer
	must(t, maya.WriteBundle(&b))
	var whole struct {
		Entry []struct {
			FullURL  string          `json:"fullUrl"`
			Resource json.RawMessage `json:"resource"`
		}
	}
	must(t, json.Unmarshal(b.Bytes(), &whole))
	i := slices.IndexFunc(whole.Entry, func(e struct {
		FullURL  string          `json:"fullUrl"`
		Resource json.RawMessage `json:"resource"`
	}) bool {
		return bytes.Contains(e.Resource, []byte(`"resourceType":"Patient"`))
	})
	file := `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"` + whole.Entry[i].FullURL + `","resource":` + string(whole.Entry[i].Resource) + `},{"resource":` +
		strings.Replace(houseDiet().Example, "Patient/rosa", whole.Entry[i].FullURL, 1) + `}]}`
	if _, err := in.Records.Import(t.Context(), vaulttest.Importer(), records.File{Name: "diet.json", Data: strings.NewReader(file), Size: int64(len(file))}, records.Limits{}, "test"); err != nil {
		t.Fatal(err)
	}

	from := in.Log.Size()
	found := bundleFrom(t, in.API(t, mother, "/HouseDiet?status=active&datetime=2026-03&_sort=-datetime&_include=HouseDiet:patient"))
	if found.Total != 1 || len(found.Entry) != 2 || found.Entry[1].Resource.ResourceType != "Patient" {
		t.Fatalf("%+v", found)
	}
	id := found.Entry[0].Resource.ID
	for path, want := range map[string]int{"": 200, "/_history": 200, "/_history/1": 200, "/_history/2": 404} {
		if a := in.API(t, mother, "/HouseDiet/"+id+path); a.Status != want || want == 200 && !bytes.Contains(a.Body, []byte("Low salt")) {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
		if a := in.API(t, teen, "/HouseDiet/"+id+path); a.Status != 404 {
			t.Errorf("%s by the teen: %d", path, a.Status)
		}
	}
	if a := in.API(t, mother, "/HouseDiet?code=x"); a.Status != 400 {
		t.Errorf("a parameter that it does not have: %d", a.Status)
	}
	if n := bundleFrom(t, in.API(t, teen, "/HouseDiet")).Total; n != 0 {
		t.Errorf("the teen finds %d", n)
	}
	meta := in.API(t, "", "/metadata")
	if meta.Status != 200 || !bytes.Contains(meta.Body, []byte(`{"type":"HouseDiet"`)) || !bytes.Contains(meta.Body, []byte(`HouseDiet:encounter`)) {
		t.Errorf("metadata: %d %s", meta.Status, meta.Body)
	}
	reads, refusals := 0, 0
	for _, e := range entries(t, in.App, from) {
		switch {
		case e.Caller.Client != "fhirapi" || !slices.Contains(e.Kinds, "HouseDiet"): // a job makes the indexes anew meanwhile
		case e.Outcome == audit.Refused:
			refusals++
		default:
			reads++
		}
	}
	if reads != 6 || refusals == 0 {
		t.Errorf("the log has %d looks and %d refusals", reads, refusals)
	}
}
