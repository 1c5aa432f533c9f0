package deid

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func sum(b []byte) string { d := sha256.Sum256(b); return hex.EncodeToString(d[:8]) }

func TestGolden(t *testing.T) {
	want := map[string]string{
		"big":        "1d9150de209a174a",
		"child":      "b571855e69a569c7",
		"chronic":    "035b22998301d96f",
		"daughter":   "ebf78f5b275d95c4",
		"elder":      "f1fca33a62e8a204",
		"mother":     "af3990c36b85851e",
		"population": "8c56d3ab2b3367ac",
		"teen":       "08275082fe592a44",
	}
	got := map[string]string{}
	for _, p := range Family(day()) {
		if p.HasChart {
			got[p.ID] = sum(write(t, p))
			if again := sum(write(t, p)); again != got[p.ID] {
				t.Errorf("%s: the second writing differs", p.ID)
			}
		}
	}
	all := sha256.New()
	for p := range Population(PopulationConfig{Seed: 1, Patients: 20, Today: day()}) {
		all.Write(write(t, p))
	}
	got["population"] = hex.EncodeToString(all.Sum(nil)[:8])
	got["big"] = sum(write(t, BigChart(1, day(), 2000)))
	for k, v := range got {
		if want[k] != v {
			t.Errorf("%q: %q, // want %q", k, v, want[k])
		}
	}
}

func TestHourOfTheDayDoesNotMatter(t *testing.T) {
	a, b := Family(day()), Family(day().Add(9*time.Hour))
	if !bytes.Equal(write(t, a[0]), write(t, b[0])) {
		t.Fatal("the same day gave two charts")
	}
}

func TestCast(t *testing.T) {
	var ids []string
	cast := Family(day())
	for _, p := range cast {
		ids = append(ids, p.ID)
	}
	if want := []string{"mother", "teen", "child", "chronic", "elder", "daughter", "doctor", "nurse", "admin", "officer"}; !slices.Equal(ids, want) {
		t.Fatalf("cast %v, want %v", ids, want)
	}
	for _, p := range cast {
		if p.DisplayName == "" || p.Relation == "" || p.Story == "" || p.Language == "" || len(p.Roles) != 1 {
			t.Errorf("%s is incomplete: %+v", p.ID, p)
		}
		if p.HasAccount != (p.ID != "child") {
			t.Errorf("%s: account %v", p.ID, p.HasAccount)
		}
		if p.HasChart != (p.Kind == KindPatient) || p.HasChart != (p.Roles[0] == "patient") || p.HasChart != (p.PatientURL != "") {
			t.Errorf("%s: kind %s, roles %v, chart %v", p.ID, p.Kind, p.Roles, p.HasChart)
		}
		if err := p.WriteBundle(io.Discard); !p.HasChart && !errors.Is(err, ErrNoChart) {
			t.Errorf("%s: %v, want ErrNoChart", p.ID, err)
		}
		for _, id := range p.Assigned {
			if q, ok := Find(cast, id); !ok || q.AssignedTo != p.ID {
				t.Errorf("%s is assigned %s, who says %q", p.ID, id, q.AssignedTo)
			}
		}
		if by, ok := Find(cast, p.AssignedTo); p.AssignedTo != "" && (!ok || !slices.Contains(by.Assigned, p.ID)) {
			t.Errorf("%s names %s, who does not know", p.ID, p.AssignedTo)
		}
	}
	if _, ok := Find(cast, "stranger"); ok {
		t.Error("found a stranger")
	}
}

// Ages and relationships are the stories; they must hold whenever a demo starts.
func TestAgesAndKinOnAnyDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		today := anyDay().Draw(t, "today")
		cast := Family(today)
		want := map[string]int{"mother": 41, "teen": 15, "child": 6, "chronic": 62, "elder": 91, "daughter": 58}
		inverse := map[string][]string{"DAU": {"MTH", "FTH"}, "SON": {"MTH", "FTH"}, "MTH": {"DAU", "SON"}, "FTH": {"DAU", "SON"}, "BRO": {"SIS"}, "SIS": {"BRO"}}
		for _, p := range cast {
			if p.HasChart && age(p.BirthDate, midnight(today)) != want[p.ID] {
				t.Fatalf("%s is %d on %s", p.ID, age(p.BirthDate, today), today)
			}
			for _, k := range p.Kin {
				q, ok := Find(cast, k.ID)
				if !ok || !slices.ContainsFunc(q.Kin, func(b Kin) bool { return b.ID == p.ID && slices.Contains(inverse[k.Code], b.Code) }) {
					t.Fatalf("%s says %s of %s, who answers %v", p.ID, k.Code, k.ID, q.Kin)
				}
				if k.Code == "SON" || k.Code == "DAU" {
					if years := age(p.BirthDate, q.BirthDate); years < 18 || years > 45 {
						t.Fatalf("%s was %d when %s was born", p.ID, years, q.ID)
					}
				}
				if female := k.Code == "DAU" || k.Code == "MTH" || k.Code == "SIS"; female != (q.Gender == "female") {
					t.Fatalf("%s is %s's %s and %s", q.ID, p.ID, k.Code, q.Gender)
				}
			}
		}
	})
}

func TestEveryBundleIsSoundOnAnyDay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		today := anyDay().Draw(rt, "today")
		// The chronic chart is a megabyte; its days stand in the next test.
		checkPersona(t, Family(today)[rapid.SampledFrom([]int{0, 1, 2, 4, 5}).Draw(rt, "persona")], today)
	})
}

func TestChronicBundleIsSoundOnAwkwardDays(t *testing.T) {
	for _, s := range []string{"2026-11-22", "2028-02-29", "2028-03-01", "2027-02-20", "2027-02-19", "2031-12-31", "2032-01-01"} {
		today, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		checkPersona(t, Family(today)[3], today)
	}
}

func checkPersona(t testing.TB, p Persona, today time.Time) {
	t.Helper()
	labs := 0
	for _, r := range checkBundle(t, write(t, p), today, p.PatientURL) {
		if r["resourceType"] == "Patient" && r["birthDate"] != date(p.BirthDate) {
			t.Fatalf("%s: born %v, want %s", p.ID, r["birthDate"], date(p.BirthDate))
		}
		for _, key := range []string{"effectiveDateTime", "occurrenceDateTime", "performedDateTime", "authoredOn", "onsetDateTime"} {
			if d, ok := r[key].(string); ok && d[:10] < date(workday(p.BirthDate)) {
				t.Fatalf("%s: %s %s before birth on %s", p.ID, r["resourceType"], d, date(p.BirthDate))
			}
		}
		if r["resourceType"] == "Observation" {
			labs++
			checkJudgement(t, r)
		}
	}
	if labs < 20 {
		t.Fatalf("%s has %d observations", p.ID, labs)
	}
}

// Shared resources must be the same bytes in every bundle, and nothing else may be shared.
func TestSharedResourcesAreIdentical(t *testing.T) {
	isShared := map[string]bool{"Practitioner": true, "PractitionerRole": true, "Organization": true, "Location": true}
	seen := map[string]string{}
	for i, p := range Family(day()) {
		if !p.HasChart {
			if p.PractitionerURL != "" && seen[p.PractitionerURL[len("urn:uuid:"):]] == "" {
				t.Errorf("%s is no Practitioner of the bundles", p.ID)
			}
			continue
		}
		count := 0
		for _, r := range checkBundle(t, write(t, p), day(), p.PatientURL) {
			id := r["id"].(string)
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			old, known := seen[id]
			switch kind := r["resourceType"].(string); {
			case isShared[kind]:
				if count++; i > 0 && old != string(b) {
					t.Errorf("%s %s differs in the bundle of %s", kind, id, p.ID)
				}
			case known:
				t.Errorf("%s %s of %s stands in two bundles", kind, id, p.ID)
			}
			seen[id] = string(b)
		}
		if i == 0 {
			for q := range Population(PopulationConfig{Patients: 1, Resources: -1, Today: day()}) {
				b, err := json.Marshal(checkBundle(t, write(t, q), day(), q.PatientURL)[1])
				if err != nil || seen[uuid(shared, orgClinic)] != string(b) {
					t.Errorf("the clinic differs in a population: %s, %v", b, err)
				}
			}
		}
		if count != 11 {
			t.Errorf("%s: %d shared resources, want 11", p.ID, count)
		}
	}
}

// failing is a writer that runs full.
type failing struct{ left int }

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestFullDiskIsReported(t *testing.T) {
	for _, room := range []int{0, 10_000, 100_000} {
		if err := Family(day())[3].WriteBundle(&failing{room}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		n      int64
		places int
		want   json.Number
	}{{710, 2, "7.10"}, {40, 1, "4.0"}, {5, 2, "0.05"}, {-5, 1, "-0.5"}, {139, 0, "139"}, {0, 2, "0.00"}} {
		if got := decimal(c.n, c.places); got != c.want {
			t.Errorf("decimal(%d, %d) = %s, want %s", c.n, c.places, got, c.want)
		}
	}
}
