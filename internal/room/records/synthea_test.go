package records

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/synthea"
)

// eachBundle calls f with the plan and the text of each Synthea bundle.
func eachBundle(t *testing.T, f func(t *testing.T, p *Plan, text []byte)) {
	t.Helper()
	for _, file := range synthea.Files(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPlan(context.Background(), PlanConfig{Catalogue: catalogue(t)}, File{Name: file, Data: bytes.NewReader(text), Size: int64(len(text))})
		if err != nil {
			t.Fatal(err)
		}
		f(t, p, text)
	}
}

func TestSyntheaBundlesAreStoredWhole(t *testing.T) {
	counts, total := map[string]int{}, 0
	eachBundle(t, func(t *testing.T, p *Plan, text []byte) {
		if len(p.Listed()) != 0 {
			t.Errorf("%d resources are not stored", len(p.Listed()))
		}
		total += p.Len()
		for typ, n := range p.Counts() {
			counts[typ] += n
		}
		checkStored(t, p, text)
	})
	if total != 6148 {
		t.Errorf("%d resources planned, want 6148", total)
	}
	if got := fmt.Sprint(counts); got != "map[AllergyIntolerance:37 CarePlan:58 Claim:722 Condition:128 DiagnosticReport:223 Encounter:543 ExplanationOfBenefit:543 Goal:38 ImagingStudy:10 Immunization:264 MedicationRequest:179 Observation:3034 Organization:30 Patient:17 Practitioner:30 Procedure:292]" {
		t.Errorf("counts are %s", got)
	}
}

var refText = regexp.MustCompile(`"reference":"([^"]*)"`)

// checkStored compares stored resources with the source's: same content but for
// id, references and whitespace, every reference led to a stored resource, and
// a second run gives the same bytes.
func checkStored(t *testing.T, p *Plan, text []byte) {
	t.Helper()
	var src struct {
		Entry []struct{ Resource json.RawMessage }
	}
	if err := json.Unmarshal(text, &src); err != nil {
		t.Fatal(err)
	}
	first, second := storeAll(t, p), storeAll(t, p)
	known := map[string]bool{}
	for _, k := range first {
		known[k.Type+"/"+k.Record.ID.String()] = true
	}
	for i, k := range first {
		if k.json != second[i].json || k.Record.Digest != second[i].Record.Digest {
			t.Fatalf("a second import changes entry %d", k.Entry)
		}
		for _, m := range refText.FindAllStringSubmatch(k.json, -1) {
			if !known[m[1]] && !strings.HasPrefix(m[1], "#") {
				t.Fatalf("entry %d keeps a reference that leads nowhere", k.Entry)
			}
		}
		if got, want := tokensOf(t, []byte(k.json)), tokensOf(t, src.Entry[k.Entry].Resource); got != want {
			t.Fatalf("entry %d changed its content:\n%s\n%s", k.Entry, got, want)
		}
		if k.Record.Flags&^FlagNarrative != 0 {
			t.Errorf("entry %d has flags %b", k.Entry, k.Record.Flags)
		}
	}
}

// tokensOf lists all members and raw scalars of a resource in a fixed order,
// leaving out what an import changes.
func tokensOf(t *testing.T, b []byte) string {
	t.Helper()
	v, err := rawjson.Parse(b, rawjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var walk func(path string, v rawjson.Value)
	walk = func(path string, v rawjson.Value) {
		switch v.Type() {
		case rawjson.Object:
			for name, m := range v.Members() {
				if name == "reference" || path == "" && name == "id" {
					continue
				}
				walk(path+"."+name, m)
			}
		case rawjson.Array:
			for item := range v.Items() {
				walk(path, item)
			}
		default:
			out = append(out, path+"="+string(v.Raw()))
		}
	}
	walk("", v)
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func TestSyntheaViews(t *testing.T) {
	eachBundle(t, func(t *testing.T, p *Plan, _ []byte) {
		for _, k := range storeAll(t, p) {
			doc := phi.NewDoc([]byte(k.json))
			if err := checkView(k.Type, doc); err != nil {
				t.Fatalf("%s, entry %d: %v", k.Type, k.Entry, err)
			}
			if _, common, err := open(doc, k.Type); err != nil || common.ID != k.Record.ID {
				t.Fatalf("%s, entry %d: %v", k.Type, k.Entry, err)
			}
		}
	})
}

// checkView reads one resource by its view and says what is missing.
func checkView(typ string, doc phi.Doc) error {
	complete := func(err error, parts ...bool) error {
		if err == nil && slices.Contains(parts, false) {
			err = fmt.Errorf("parts present: %v", parts)
		}
		return err
	}
	switch typ {
	case "Observation":
		o, err := ViewObservation(doc)
		value := !o.Quantity.IsZero() || !o.Value.IsZero() || len(o.Components) > 0
		_, number := o.Quantity.Number()
		return complete(err, !o.Name.IsZero(), value, o.Status == "final", !o.Effective.IsZero(), len(o.Categories) == 1, number || o.Quantity.IsZero())
	case "Condition":
		c, err := ViewCondition(doc)
		return complete(err, !c.Name.IsZero(), c.Clinical != "", c.Verification != "", !c.Onset.IsZero())
	case "MedicationRequest":
		m, err := ViewMedicationRequest(doc)
		return complete(err, !m.Name.IsZero(), m.Status != "", m.Sense == Plain, !m.Authored.IsZero(), m.Requester.Type == "Practitioner")
	case "AllergyIntolerance":
		a, err := ViewAllergyIntolerance(doc)
		return complete(err, !a.Name.IsZero(), a.Clinical != "", a.Criticality != "", len(a.Categories) == 1)
	case "Immunization":
		i, err := ViewImmunization(doc)
		return complete(err, !i.Vaccine.IsZero(), i.Status == "completed", !i.Given.IsZero())
	case "Patient":
		p, err := ViewPatient(doc)
		return complete(err, len(p.Names) > 0, p.Gender != "", !p.Born.IsZero(), len(p.Addresses) > 0, len(p.Contacts) > 0)
	default:
		return nil
	}
}

// TestSyntheaSearch holds the index against a plain reading of the resources.
func TestSyntheaSearch(t *testing.T) {
	c := catalogue(t)
	eachBundle(t, func(t *testing.T, p *Plan, _ []byte) {
		byType := map[string][]Record{}
		glucose := 0
		for _, k := range storeAll(t, p) {
			k.Record.Version = 1
			byType[k.Type] = append(byType[k.Type], k.Record)
			if k.Type == "Observation" && strings.Contains(k.json, `"code":"8302-2"`) {
				glucose++
			}
		}
		for typ, recs := range byType {
			b, err := c.EncodePart(typ, recs)
			if err != nil {
				t.Fatal(err)
			}
			part, err := c.OpenPart(typ, b)
			if err != nil || part.Len() != len(recs) {
				t.Fatalf("%s: %d records, want %d (%v)", typ, part.Len(), len(recs), err)
			}
			if typ != "Observation" {
				continue
			}
			for _, text := range []string{"code=8302-2", "code=http://loinc.org|8302-2", "code=http://loinc.org|8302-2&category=vital-signs&status=final&date=lt2100"} {
				q, err := c.ParseSearch(typ, text)
				if err != nil {
					t.Fatal(err)
				}
				if got := part.Search(q).Total; got != glucose {
					t.Errorf("search %s finds %d, want %d", text, got, glucose)
				}
			}
		}
	})
}

// TestLargeBundleNeedsLittleMemory plans and rewrites a bundle at the size limit.
func TestLargeBundleNeedsLittleMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	size, n := 0, 0
	put := func(s string) { m, _ := f.WriteString(s); size += m }
	put(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + rosa + `}`)
	for ; size < 63<<20; n++ {
		put(",\n" + fmt.Sprintf(`{"fullUrl":"urn:uuid:9d1b0f6e-0000-4000-8000-%012x","resource":`, n) + strings.Replace(observe(fmt.Sprintf(`,"valueInteger":%d,"note":[{"text":"%s"}]`, n, strings.Repeat("calm ", 100))), `"id":"obs",`, "", 1) + `}`)
	}
	put(`]}`)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = data.Close() }()
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := NewPlan(context.Background(), PlanConfig{Catalogue: catalogue(t)}, File{Name: path, Data: data, Size: int64(size)})
	if err != nil {
		t.Fatal(err)
	}
	peak, stored := uint64(0), 0
	err = p.Each(context.Background(), hashIDs, func(Stored) error {
		if stored++; stored%1000 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
		return nil
	})
	if err != nil || stored != n+1 {
		t.Fatalf("%d of %d resources stored (%v)", stored, n+1, err)
	}
	if used := (peak - min(peak, before.HeapAlloc)) >> 20; used > 120 {
		t.Errorf("a bundle of %d MiB with %d resources took %d MiB of heap", size>>20, n, used)
	} else {
		t.Logf("a bundle of %d MiB with %d resources took %d MiB of heap", size>>20, n, used)
	}
	if _, err := NewPlan(context.Background(), PlanConfig{Catalogue: catalogue(t)}, File{Name: path, Data: data, Size: 64<<20 + 1}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a bundle over the limit: %v", err)
	}
}
