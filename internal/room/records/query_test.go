package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

func TestParseSearch(t *testing.T) {
	c := catalogue(t)
	id := numberedID(7)
	q, err := c.ParseSearch("Observation", "patient=Patient/"+id.String()+"&code=http://loinc.org%7C8302-2,8867-4&date=ge2020&date=lt2021-06&_count=50&_sort=date&_id="+id.String())
	if err != nil {
		t.Fatal(err)
	}
	if q.Patient != person.PatientOf(id) || !q.ByChart || q.Count != 50 || !q.Oldest || len(q.tokens[0]) != 2 || len(q.dates) != 2 || len(q.ids[0]) != 1 {
		t.Errorf("parsed %+v", q)
	}
	if got := strings.Join(q.Names, " "); got != "_count _id _sort code date patient" {
		t.Errorf("names are %s", got)
	}
	q, err = c.ParseSearch("Observation", "patient=no-such&_id=no-such")
	if err != nil || !q.ByChart || q.Patient != (person.PatientID{}) || len(q.ids) != 1 || len(q.ids[0]) != 0 {
		t.Errorf("an impossible identifier must name nobody: %+v, %v", q, err)
	}
	if q, err = c.ParseSearch("Observation", ""); err != nil || q.Count != UsualCount || q.Oldest {
		t.Errorf("defaults are %+v, %v", q, err)
	}
	if q, err = c.ParseSearch("Observation", "_count=100000"); err != nil || q.Count != MaxCount {
		t.Errorf("count is %d, %v", q.Count, err)
	}
	if _, err = c.ParseSearch("Observation", "date=2020-01-01T10:00:00+02:00"); err != nil {
		t.Errorf("an unescaped + in a time zone: %v", err)
	}
	if _, err := c.ParseSearch("Nonsense", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown type: %v", err)
	}
}

func TestParseSearchRefuses(t *testing.T) {
	c := catalogue(t)
	for _, text := range []string{"foo=1", "code:in=x", "code:not=x", "code:text=x", "subject.name=x", "subject:Patient.name=x", "_has:x=1", "_has:Observation:subject:code=1",
		"_include=*", "_include=Observation", "_include=Observation:code", "_include=Observation:no", "_include:iterate=Observation:encounter", "_include=Encounter:location", "_include=Observation:encounter:Patient",
		"_revinclude=x", "_revinclude=*", "_revinclude=Observation:encounter", "_revinclude=Nonsense:target", "_include=a:b:c:d", strings.Repeat("_include=Observation:encounter&", 9),
		"encounter=http://other.example/Encounter/1", "encounter=Patient/1", "encounter:Encounter=1", "encounter=a/b/c", "_total=all", "_summary=true", "_summary=data", "_elements=code", "_contained=true", "_pretty=true",
		"_query=x", "_filter=x", "_text=x", "_content=x", "_tag=x", "_profile=x", "_security=R", "_source=x", "_type=Patient", "_page=x", "_lastUpdated=yesterday", "_since=2020", "patient:Patient=1", "Patient=1", "PATIENT=1", "code=", "code=a,,b", "code=|", "code=a|b|c", "_count=", "_count=x", "_count=-1", "_count=1&_count=2",
		"_count=99999999999999999999", "_sort=code", "_sort=-date,code", "_sort=date&_sort=-date", "patient=a&patient=b", "date=", "date=x2020", "date=ap2020", "_sort=-code", "_sort=status", "_sort=-_id", "subject=a&patient=b", "_format=json&_format=json", "date=202",
		"date=2020-13", "date=ge", "code=%ff", "code=%zz", "a;b", "code=" + strings.Repeat("a", 9000), strings.Repeat("code=a&", 40), "code=" + strings.Repeat("a,", 70) + "a"} {
		if _, err := c.ParseSearch("Observation", text); !fault.Is(err, fault.Invalid) {
			t.Errorf("search %.50s: %v, want invalid", text, err)
		}
	}
	if _, err := c.ParseSearch("Observation", "_format=xml"); !fault.Is(err, fault.NotAcceptable) {
		t.Errorf("XML: %v", err)
	}
	for typ, text := range map[string]string{"Organization": "patient=x", "Claim": "name=x", "Practitioner": "_sort=date"} {
		if _, err := c.ParseSearch(typ, text); !fault.Is(err, fault.Invalid) {
			t.Errorf("search %s?%s: %v, want invalid", typ, text, err)
		}
	}
}

func TestTokenEscapes(t *testing.T) {
	for in, want := range map[string]string{`a`: "a", `a\,b`: "a,b", `a\|b`: "a|b", `a\\`: `a\`, `a\$b`: "a$b", `a\`: `a\`} {
		parts, err := splitValues(in)
		if err != nil || len(parts) != 1 {
			t.Fatalf("%s splits into %q, %v", in, parts, err)
		}
		if got := splitEscaped(parts[0], '|'); len(got) != 1 || got[0] != want {
			t.Errorf("%s reads %q, want %q", in, got, want)
		}
	}
}

func FuzzParseSearch(f *testing.F) {
	c := catalogue(f)
	for _, s := range []string{"code=http://loinc.org|8302-2,x&date=ge2020", "_id=a&_count=3", `code=a\,b\|c`, "date=sa2020-01-01T10:00:00%2B02:00", "=x", "patient=a", "subject=Patient/a", "_include=Claim:patient", "_sort=-date&identifier=|a"} {
		f.Add(s)
	}
	b, err := c.EncodePart("Observation", []Record{{ID: numberedID(1), Dates: []Dates{{1, 2}, {1, 2}}, Tokens: []uint64{3}}})
	if err != nil {
		f.Fatal(err)
	}
	p, err := c.OpenPart("Observation", b)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, typ := range c.Types() {
			q, err := c.ParseSearch(typ, s)
			if err != nil {
				if k := fault.Of(err); k != fault.Invalid && k != fault.NotAcceptable {
					t.Fatalf("%s: refused as %v", typ, k)
				}
				continue
			}
			if q.Count < 0 || q.Count > MaxCount {
				t.Fatalf("%s: count %d", typ, q.Count)
			}
			if typ == "Observation" && p.Search(q).Total > 1 {
				t.Fatal("found more than there is")
			}
			v, err := url.ParseQuery(s)
			if err != nil || len(v) != len(q.Names) {
				t.Fatalf("%s: a parameter was dropped", typ)
			}
			if def := c.def(typ); v.Has("") || q.ByChart != (!def.Shared && (v.Has(PatientParam) || def.subject() != "" && v.Has(def.subject()))) {
				t.Fatalf("%s: about the chart of %v, by %q", typ, q.ByChart, q.Names)
			}
		}
	})
}

// A parameter without a name is none, in any type: where no other word for the patient is
// known, the empty one was taken for it.
func TestAParameterHasAName(t *testing.T) {
	c := catalogue(t)
	for _, typ := range c.Types() {
		for _, text := range []string{"=x", "=" + numberedID(7).String(), "&=x&_count=1", "%3D=", "="} {
			if q, err := c.ParseSearch(typ, text); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s?%s: about a chart: %v, %v", typ, text, q.ByChart, err)
			}
		}
	}
	for _, text := range []string{"=1", "_count=2&=1"} {
		if _, err := parseHistory(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("_history?%s: %v", text, err)
		}
	}
}

func TestPresent(t *testing.T) {
	id := numberedID(7)
	when := time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)
	for rest, want := range map[string]string{
		`},"active":true}`:                `{"versionId":"3","lastUpdated":"2026-11-22T12:00:00.123Z","security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"},{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}`,
		`"tag":[{"code":"a"}]},"n":1.10}`: `{"versionId":"3","lastUpdated":"2026-11-22T12:00:00.123Z","security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"},{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}],"tag":[{"code":"a"}]}`,
	} {
		doc, err := Present(phi.NewDoc([]byte(head("Patient", id)+rest)), "Patient", id, Meta{3, when, []phi.Label{phi.LabelNormal, phi.LabelRestricted}})
		if err != nil {
			t.Fatal(err)
		}
		var out struct{ Meta json.RawMessage }
		if err := json.Unmarshal(doc.Reveal(), &out); err != nil || string(out.Meta) != want {
			t.Errorf("meta is %s, want %s (%v)", out.Meta, want, err)
		}
	}
	for _, body := range []string{"", "{}", head("Observation", id) + "}}", head("Patient", numberedID(8)) + "}}"} {
		if _, err := Present(phi.NewDoc([]byte(body)), "Patient", id, Meta{Version: 1}); !fault.Is(err, fault.Tampered) {
			t.Errorf("%s was presented: %v", body, err)
		}
	}
}

func TestSearchset(t *testing.T) {
	id := numberedID(7)
	for n := range 3 {
		var buf bytes.Buffer
		s := NewSearchset(&buf, SearchsetConfig{Base: "http://localhost:8080/fhir/R4", Total: 9, Links: []BundleLink{{"self", "x?<y"}, {"next", "z"}}[:n]})
		for range n {
			if err := s.Add("Patient", id, phi.NewDoc([]byte(`{"resourceType":"Patient"}`))); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var out struct {
			ResourceType, Type string
			Total              int
			Entry              []struct {
				FullURL  string
				Resource struct{ ResourceType string }
			}
		}
		if err := json.Unmarshal(buf.Bytes(), &out); err != nil || out.ResourceType != "Bundle" || out.Type != "searchset" || out.Total != 9 || len(out.Entry) != n {
			t.Fatalf("wrote %s (%v)", buf.String(), err)
		}
		if n > 0 && out.Entry[0].FullURL != "http://localhost:8080/fhir/R4/Patient/"+id.String() {
			t.Errorf("fullUrl is %s", out.Entry[0].FullURL)
		}
	}
	broken := NewSearchset(failing{}, SearchsetConfig{})
	if err := broken.Add("Patient", id, phi.NewDoc([]byte("{}"))); err == nil {
		t.Error("a failed write went unnoticed")
	}
	if err := broken.Close(); err == nil {
		t.Error("a failed write went unnoticed at the end")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestOutcome(t *testing.T) {
	for _, k := range fault.Kinds() {
		b := Outcome(fault.New(k, "read secret chart"), `sign in "first"`)
		var out struct {
			ResourceType string
			Issue        []struct {
				Severity, Code string
				Details        struct {
					Text   string
					Coding []struct{ Code string }
				}
			}
		}
		if err := json.Unmarshal(b, &out); err != nil || len(out.Issue) != 1 || out.Issue[0].Code != k.Issue() || out.Issue[0].Details.Coding[0].Code != k.Message() {
			t.Errorf("outcome of %v is %s (%v)", k, b, err)
		}
		if bytes.Contains(b, []byte("secret")) {
			t.Error("the error's own words leaked")
		}
	}
}
