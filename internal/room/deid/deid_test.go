package deid

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// day is the fixed day of the golden digests.
func day() time.Time { return time.Date(2026, time.November, 22, 13, 5, 0, 0, time.UTC) }

func write(t testing.TB, p interface{ WriteBundle(io.Writer) error }) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := p.WriteBundle(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tree is a JSON value whose numbers keep their text.
type tree = map[string]any

// strict parses JSON and fails on a duplicate key or anything after the value.
func strict(t testing.TB, b []byte) tree {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := strictValue(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Fatal("something stands after the bundle")
	}
	return v.(tree)
}

func strictValue(d *json.Decoder) (any, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		out := tree{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := out[key.(string)]; twice {
				return nil, fmt.Errorf("key %q twice", key)
			}
			if out[key.(string)], err = strictValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return out, err
	case json.Delim('['):
		var out []any
		for d.More() {
			v, err := strictValue(d)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err = d.Token()
		return out, err
	}
	return tok, nil
}

// leaf visits every value with its path.
func leaf(v any, path string, visit func(path string, v any)) {
	switch v := v.(type) {
	case tree:
		for k, x := range v {
			leaf(x, path+"."+k, visit)
		}
		if len(v) == 0 {
			visit(path, v)
		}
	case []any:
		for _, x := range v {
			leaf(x, path, visit)
		}
		if len(v) == 0 {
			visit(path, v)
		}
	default:
		visit(path, v)
	}
}

var (
	uuidShape  = regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	dateShape  = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$`)
	phoneShape = regexp.MustCompile(`^[2-9]\d\d-555-01\d\d$`)
	datePath   = regexp.MustCompile(`(DateTime|Date|issued|start|end|authoredOn)$`)
)

// checkBundle holds for every bundle that this package writes; it returns the resources.
func checkBundle(t testing.TB, b []byte, today time.Time, patient string) []tree {
	t.Helper()
	bundle := strict(t, b)
	if bundle["resourceType"] != "Bundle" || bundle["type"] != "transaction" {
		t.Fatalf("not a transaction: %v %v", bundle["resourceType"], bundle["type"])
	}
	here, patients := map[string]bool{}, 0
	var resources []tree
	for _, e := range bundle["entry"].([]any) {
		e := e.(tree)
		r, full := e["resource"].(tree), e["fullUrl"].(string)
		if !uuidShape.MatchString(full) || full != "urn:uuid:"+r["id"].(string) {
			t.Fatalf("fullUrl %s of %s", full, r["id"])
		}
		if here[full] {
			t.Fatalf("%s twice", full)
		}
		here[full] = true
		if q := e["request"].(tree); q["method"] != "POST" || q["url"] != r["resourceType"] {
			t.Fatalf("request %v of a %v", q, r["resourceType"])
		}
		if r["resourceType"] == "Patient" {
			if patients++; full != patient {
				t.Fatalf("Patient %s, want %s", full, patient)
			}
		}
		if tag := fmt.Sprint(r["meta"]); !strings.Contains(tag, "HTEST") {
			t.Fatalf("%s without the test data tag", full)
		}
		resources = append(resources, r)
	}
	if patients != 1 {
		t.Fatalf("%d Patients", patients)
	}
	for _, r := range resources {
		leaf(r, r["resourceType"].(string), func(path string, v any) { checkLeaf(t, path, v, here, today) })
	}
	return resources
}

func checkLeaf(t testing.TB, path string, v any, here map[string]bool, today time.Time) {
	t.Helper()
	switch x := v.(type) {
	case nil, tree, []any:
		t.Fatalf("%s is empty, which FHIR forbids", path)
	case string:
		if x == "" {
			t.Fatalf("%s is empty, which FHIR forbids", path)
		}
		if strings.HasSuffix(path, ".reference") && !here[x] && x != "#medicine" {
			t.Fatalf("%s: %s does not resolve", path, x)
		}
		if dateShape.MatchString(x) {
			day, err := time.Parse(time.DateOnly, x[:10])
			if err != nil || !day.Before(midnight(today)) {
				t.Fatalf("%s: %s is not before %s", path, x, today.Format(time.DateOnly))
			}
		} else if datePath.MatchString(path) {
			t.Fatalf("%s: %q is no date", path, x)
		}
		if strings.Contains(path, ".telecom.value") && !strings.Contains(x, "@") && !phoneShape.MatchString(x) {
			t.Fatalf("%s: %s is not fictional", path, x)
		}
	}
}

func anyDay() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		year := rapid.IntRange(2024, 2060).Draw(t, "year")
		if rapid.IntRange(0, 3).Draw(t, "leap") == 0 {
			return time.Date(year-year%4, time.February, 29, 12, 0, 0, 0, time.UTC)
		}
		return time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 365).Draw(t, "day"))
	})
}

func sum(b []byte) string { d := sha256.Sum256(b); return hex.EncodeToString(d[:8]) }

func TestGolden(t *testing.T) {
	want := map[string]string{
		"big":        "417ef485b958c37e",
		"child":      "af35550aa1c8fd0f",
		"chronic":    "70684ffa6910d90c",
		"daughter":   "92f029c56b77fc8c",
		"elder":      "d90738083bb6582a",
		"mother":     "005fa750c6d3dda1",
		"population": "b8f7b9370342ce7c",
		"teen":       "320adc87bdcf3bb9",
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

// number reads a quantity of an observation, range or component.
func number(t testing.TB, q any) (float64, bool) {
	t.Helper()
	m, ok := q.(tree)
	if !ok {
		return 0, false
	}
	f, err := m["value"].(json.Number).Float64()
	if err != nil {
		t.Fatal(err)
	}
	return f, true
}

// checkJudgement compares value, range and interpretation of an observation and of its components.
func checkJudgement(t testing.TB, r tree) {
	t.Helper()
	if parts, ok := r["component"].([]any); ok {
		for _, p := range parts {
			checkJudgement(t, p.(tree))
		}
	}
	v, ok := number(t, r["valueQuantity"])
	ranges, ranged := r["referenceRange"].([]any)
	if !ok || !ranged {
		return
	}
	want := "N"
	if low, ok := number(t, ranges[0].(tree)["low"]); ok && v < low {
		want = "L"
	}
	if high, ok := number(t, ranges[0].(tree)["high"]); ok && v > high {
		want = "H"
	}
	if got := fmt.Sprint(r["interpretation"]); !strings.Contains(got, "code:"+want+" ") {
		t.Fatalf("%v: %v in %v is judged %s", r["code"], v, ranges[0], got)
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
