package deid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
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
	phoneShape = regexp.MustCompile(`^[2-9]\d\d-555-01\d\d$`)
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
		if isDate(path) {
			d, err := time.ParseInLocation(time.DateOnly, x, today.Location())
			if len(x) > len(time.DateOnly) {
				d, err = time.Parse(time.RFC3339, x)
			}
			y, m, day := today.Date()
			if err != nil || !d.Before(time.Date(y, m, day, 0, 0, 0, 0, today.Location())) && !mayLieAhead(path) {
				t.Fatalf("%s: %q is no date before %s", path, x, today.Format(time.DateOnly))
			}
		} else if len(x) >= 10 && x[4] == '-' && x[7] == '-' && x[0] <= '9' {
			t.Fatalf("%s: %q looks like a date that nobody checks", path, x)
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

// isDate says by its name whether an element holds a date or an instant.
func isDate(path string) bool {
	_, name, _ := strings.Cut(path, ".")
	for _, end := range []string{"Date", "DateTime", "issued", "Period.start", "Period.end", "period.start", "period.end", "authoredOn",
		"authored", "start", "end", "created", "recorded", "started", "date", "receivedTime", "ReceivedTime"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// mayLieAhead names the elements that the package's contract lets lie after the given day.
func mayLieAhead(path string) bool {
	switch path {
	case "Appointment.start", "Appointment.end", "CarePlan.period.end", "Goal.target.dueDate", "Coverage.period.end":
		return true
	}
	return false
}
