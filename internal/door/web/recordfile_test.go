package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/test/covers"
)

// James takes his whole record to another clinic: the file holds every kind of thing that
// the page lists and nothing of anybody else, by FHIR's rules for a collection.
func TestJamesTakesHisWholeRecordAlong(t *testing.T) {
	covers.Covers(t, "SD-4")
	h := lite(t)
	james, _ := h.patient(t, "chronic")
	_, other := h.patient(t, "mother")
	want(t, "page", james.get("/record"), http.StatusOK, `href="/record/file"`)
	file := james.get("/record/file")
	want(t, "file", file, http.StatusOK, `"type":"collection"`)
	head := file.Header()
	if head.Get("Content-Disposition") != `attachment; filename="postern-record.json"` || !strings.Contains(head.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("headers %v", head)
	}
	body := bytes.Clone(file.Body.Bytes())
	if bytes.Contains(body, []byte(other.String())) || bytes.Contains(body, []byte("Maya")) {
		t.Error("the file holds something of somebody else")
	}
	var bundle struct {
		ResourceType string
		Total        *int
		Entry        []struct {
			FullURL  string
			Resource struct{ ResourceType, ID string }
			Search   any
		}
	}
	if err := json.Unmarshal(body, &bundle); err != nil || bundle.ResourceType != "Bundle" || bundle.Total != nil {
		t.Fatalf("no collection: %v, total %v", err, bundle.Total)
	}
	refersInside(t, body)
	kinds := map[string]int{}
	for _, e := range bundle.Entry {
		kinds[e.Resource.ResourceType]++
		if !strings.HasSuffix(e.FullURL, "/fhir/R4/"+e.Resource.ResourceType+"/"+e.Resource.ID) || e.Search != nil {
			t.Fatalf("an entry is at %q with search %v", e.FullURL, e.Search)
		}
	}
	if kinds["Patient"] != 1 || kinds["Observation"] < 300 || len(kinds) < 18 || kinds["Practitioner"] == 0 {
		t.Errorf("the file holds %v", kinds)
	}
}

// refersInside checks that every reference of a file leads to one of its entries.
func refersInside(t *testing.T, body []byte) {
	t.Helper()
	has := map[string]bool{}
	for _, m := range regexp.MustCompile(`"fullUrl":"[^"]*/fhir/R4/([^"]+)"`).FindAllSubmatch(body, -1) {
		has[string(m[1])] = true
	}
	n, missing := 0, map[string]bool{}
	for _, m := range regexp.MustCompile(`"reference":"([A-Z][A-Za-z]+/[a-z0-9]{26})"`).FindAllSubmatch(body, -1) {
		if n++; !has[string(m[1])] {
			typ, _, _ := strings.Cut(string(m[1]), "/")
			missing[typ] = true
		}
	}
	if n == 0 || len(missing) > 0 {
		t.Errorf("of %d references some lead out of the file: %v", n, missing)
	}
}
