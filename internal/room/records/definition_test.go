package records

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/word/phi"
)

var wordStart = regexp.MustCompile(`[A-Z]`)

func TestDefinitionsAreComplete(t *testing.T) {
	if err := CheckDefinitions(Definitions()); err != nil {
		t.Fatal(err)
	}
	// A type is one file and one line of the list: def_care_plan.go defines CarePlan.
	files, err := filepath.Glob("def_*.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, typ := range catalogue(t).Types() {
		want = append(want, "def"+strings.ToLower(wordStart.ReplaceAllString(typ, "_$0"))+".go")
	}
	slices.Sort(want)
	if !slices.Equal(files, want) {
		t.Errorf("the list defines %v\nthe files are     %v", want, files)
	}
	shared := ""
	for _, d := range Definitions() {
		if d.Shared {
			shared += d.Type + " "
		}
	}
	if shared != "Location Medication Organization Practitioner PractitionerRole " {
		t.Errorf("shared types are %s: adding one opens it to every chart", shared)
	}
}

// TestTypeWithoutCompartmentStopsTheStart is the structural defence against a
// type that misses the patient filter.
func TestTypeWithoutCompartmentStopsTheStart(t *testing.T) {
	good := func() Definition {
		return Definition{Type: "Flag", Compartment: Compartment{Paths: []string{"subject"}}, Example: "{}",
			Title: Title{Words{"Warning", "Aviso"}, Words{"Warnings", "Avisos"}}, Show: []Field{{"code", ShowCoded, Words{"Warning", "Aviso"}}}}
	}
	if err := CheckDefinitions([]Definition{good()}); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Definition){
		"no compartment":      func(d *Definition) { d.Compartment = Compartment{} },
		"both":                func(d *Definition) { d.Shared = true },
		"self":                func(d *Definition) { d.Compartment = Compartment{Self: true} },
		"no example":          func(d *Definition) { d.Example = "" },
		"bad path":            func(d *Definition) { d.Compartment.Paths = []string{"subject..x"} },
		"bad name":            func(d *Definition) { d.Type = "flag" },
		"bad parameter":       func(d *Definition) { d.Search = []Param{{Name: "code"}} },
		"reserved parameter":  func(d *Definition) { d.Search = []Param{{Name: "patient", Kind: TokenParam, Path: "x"}} },
		"no title":            func(d *Definition) { d.Title = Title{} },
		"title in English":    func(d *Definition) { d.Title.Many.ES = "" },
		"nothing to show":     func(d *Definition) { d.Show = nil },
		"shown without kind":  func(d *Definition) { d.Show[0].Kind = 0 },
		"shown in English":    func(d *Definition) { d.Show[0].Words.ES = "" },
		"shown path":          func(d *Definition) { d.Show[0].Path = "code..text" },
		"subject's parameter": func(d *Definition) { d.Search = []Param{{Name: "subject", Kind: ReferenceParam, Path: "subject"}} },
		"everybody's":         func(d *Definition) { d.Search = []Param{{Name: "_id", Kind: TokenParam, Path: "id"}} },
		"targets of a token": func(d *Definition) {
			d.Search = []Param{{Name: "code", Kind: TokenParam, Path: "code", Targets: []string{"Patient"}}}
		},
		"element": func(d *Definition) { d.Shape = []Element{{Path: "code"}} },
		"status":  func(d *Definition) { d.Status.Path = "status" },
	} {
		d := good()
		spoil(&d)
		if _, err := NewCatalogue([]Definition{d}); err == nil {
			t.Errorf("%s: the start was not stopped", name)
		}
	}
	if err := CheckDefinitions([]Definition{good(), good()}); err == nil {
		t.Error("a type twice was not found")
	}
}

// exampleBundle holds the example of a type and Rosa.
func exampleBundle(d Definition) string {
	if d.Type == "Patient" {
		return bundleOf(d.Example)
	}
	return bundleOf(rosa, d.Example)
}

func TestExamplesAreStoredIndexedAndViewed(t *testing.T) {
	c := catalogue(t)
	for _, d := range Definitions() {
		t.Run(d.Type, func(t *testing.T) {
			p, err := planText(t, exampleBundle(d))
			if err != nil {
				t.Fatal(err)
			}
			ks := storeAll(t, p)
			k := ks[len(ks)-1]
			if k.Type != d.Type || k.Shared != d.Shared {
				t.Fatalf("stored as %s, shared %v", k.Type, k.Shared)
			}
			b, err := c.EncodePart(d.Type, []Record{k.Record})
			if err != nil {
				t.Fatal(err)
			}
			part, err := c.OpenPart(d.Type, b)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range d.Search {
				checkExampleSearch(t, c, part, d, s, k.json)
			}
			if _, err := titleOf(phi.NewDoc([]byte(k.json)), k.Type); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkExampleSearch finds an example by each parameter that it has a value for.
func checkExampleSearch(t *testing.T, c *Catalogue, part Part, d Definition, s Param, body string) {
	t.Helper()
	if s.Kind == DateParam {
		q, err := c.ParseSearch(d.Type, s.Name+"=gt1900&"+s.Name+"=lt2100")
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if part.Record(0).Dates[q.dates[0][0].column] != (Dates{}) {
			want = 1
		}
		if got := part.Search(q).Total; got != want {
			t.Errorf("%s finds %d, want %d", s.Name, got, want)
		}
		return
	}
	q, err := c.ParseSearch(d.Type, s.Name+"=no-such-code")
	if s.Kind == ReferenceParam && len(s.Targets) > 0 {
		if _, wrong := c.ParseSearch(d.Type, s.Name+"=NoSuchType/1"); wrong == nil {
			t.Errorf("%s takes a reference to anything", s.Name)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if part.Search(q).Total != 0 {
		t.Errorf("%s finds what is not there", s.Name)
	}
	if _, rest, ok := strings.Cut(body, `"`+s.Path+`":"`); ok && s.System != "" {
		code, _, _ := strings.Cut(rest, `"`)
		if q, err = c.ParseSearch(d.Type, s.Name+"="+code); err != nil || part.Search(q).Total != 1 {
			t.Errorf("%s=%s finds nothing (%v)", s.Name, code, err)
		}
	}
}

// TestEveryTypeKeepsToItsChart gives each example to another patient: no type
// may be stored then, whatever its compartment path is.
func TestEveryTypeKeepsToItsChart(t *testing.T) {
	for _, d := range Definitions() {
		if d.Shared || d.Type == "Patient" {
			continue
		}
		for _, foreign := range []string{"Patient/eve", "https://h.example/fhir/Patient/rosa", "urn:uuid:9d1b0f6e-0000-4000-8000-000000000001", "#rosa", "Organization/hillside"} {
			text := bundleOf(rosa, `{"resourceType":"Organization","id":"hillside"}`, strings.ReplaceAll(d.Example, "Patient/rosa", foreign))
			if _, err := planText(t, text); err == nil {
				t.Errorf("%s about %s was taken into Rosa's chart", d.Type, foreign)
			}
		}
	}
}

func TestImportMessagesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range ImportMessages() {
		if m.ID == "" || m.English == "" || m.Kind == 0 || seen[m.ID] {
			t.Errorf("message %+v is incomplete or stands twice", m)
		}
		seen[m.ID] = true
	}
}
