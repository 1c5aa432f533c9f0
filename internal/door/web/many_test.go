package web_test

import (
	"bytes"
	"fmt"
	"net/http"
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

// A chart with more products than one search takes opens, with their names, also for
// who treats the patient.
func TestManyProductsAreNamed(t *testing.T) {
	const products = 120
	h := lite(t)
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"x","name":[{"family":"A","given":["B"]}],"birthDate":"1980-01-01"}}`)
	for i := range products {
		fmt.Fprintf(&b, `,{"resource":{"resourceType":"Medication","id":"m%d","code":{"text":"drug %d"}}},{"resource":{"resourceType":"MedicationRequest","id":"r%d","status":"active","intent":"order","medicationReference":{"reference":"Medication/m%d"},"subject":{"reference":"Patient/x"}}}`, i, i, i, i)
	}
	b.WriteString(`]}`)
	p := h.load(t, b.Bytes())
	patient, doctor := h.account(t, "A", p, person.RolePatient), h.account(t, "Dr. Lillian Chen", nobody, person.RoleClinician)
	h.assign(t, doctor, p)
	for what, w := range map[string]func() []byte{
		"medications": func() []byte { return patient.get("/medications").Body.Bytes() },
		"chart":       func() []byte { return doctor.post("/clinic/"+p.String(), "purpose", "TREAT").Body.Bytes() },
	} {
		if n := bytes.Count(w(), []byte("drug ")); n < products {
			t.Errorf("%s: %d products are named", what, n)
		}
	}
	want(t, "the chart", doctor.last, http.StatusOK)
}
