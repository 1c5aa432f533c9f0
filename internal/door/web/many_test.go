package web_test

import (
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// One result with many values of one kind is a page of as many values, not of as many
// trends with as many points: a file must not take the memory of the server.
func TestManyPartsCostLittle(t *testing.T) {
	h := lite(t)
	part := `{"code":{"text":"a"},"valueQuantity":{"value":1}}`
	p := h.load(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"x","name":[{"family":"A","given":["B"]}],"birthDate":"1980-01-01"}},
		{"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"t"},"effectiveDateTime":"2020-01-01","subject":{"reference":"Patient/x"},"component":[`+strings.Repeat(part+",", 255)+part+`]}}]}`))
	b := h.account(t, "A", p, person.RolePatient)
	to := regexp.MustCompile(`/results/[a-z0-9]{26}`).FindString(b.get("/results").Body.String())
	if w := b.get(to); w.Code != 200 || w.Body.Len() > 1<<20 {
		t.Fatalf("%s: %d, a page of %d KiB", to, w.Code, w.Body.Len()>>10)
	}
}
