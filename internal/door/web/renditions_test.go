package web_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
)

// A hospital sends Rosa's letter three times: as a structured file for programs, as a
// PDF that is elsewhere, and as one that is here. She gets the one that she can open; and
// where plain text is among them she reads it in the page.
func TestADocumentIsTakenInAFormForPeople(t *testing.T) {
	type form struct{ media, data string }
	pdf, xml, words := form{"application/pdf", "%PDF-1.7"}, form{"application/xml", "<ClinicalDocument/>"}, form{"text/plain", "Rest for a week."}
	for what, c := range map[string]struct {
		forms       []form
		file, shown string
	}{
		"structured first":  {[]form{xml, pdf}, "%PDF-1.7", "Download the file"},
		"elsewhere first":   {[]form{{"application/pdf", ""}, xml, pdf}, "%PDF-1.7", "Download the file"},
		"text behind":       {[]form{xml, pdf, words}, "%PDF-1.7", "Rest for a week."},
		"text first":        {[]form{words, pdf}, "Rest for a week.", "Rest for a week."},
		"only structured":   {[]form{xml}, "", "cannot be opened here"},
		"and one elsewhere": {[]form{{"application/pdf", ""}, xml}, "", "cannot be opened here"},
		"all elsewhere":     {[]form{{"application/pdf", ""}, {"image/png", ""}}, "", "The file is not here"},
	} {
		var content []string
		for _, f := range c.forms {
			data := ""
			if f.data != "" {
				data = `,"data":"` + base64.StdEncoding.EncodeToString([]byte(f.data)) + `"`
			}
			content = append(content, `{"attachment":{"contentType":"`+f.media+`","url":"https://hospital.example/letter"`+data+`}}`)
		}
		h := lite(t)
		rosa := h.account(t, "Rosa Field", h.load(t, bundle(entry("DocumentReference", "d", `"status":"current","type":{"text":"Letter"},"content":[`+strings.Join(content, ",")+`]`))), person.RolePatient)
		rosa.get("/documents")
		one := ownLinks(rosa, "/documents/")[0]
		if page := rosa.get(one).Body.String(); !strings.Contains(page, c.shown) {
			t.Errorf("%s: no %q: %s", what, c.shown, mainOf([]byte(page)))
		}
		code := http.StatusOK
		if c.file == "" {
			code = http.StatusNotFound
		}
		if w := rosa.get(one + "/file"); w.Code != code || code == http.StatusOK && w.Body.String() != c.file {
			t.Errorf("%s: %d %q", what, w.Code, w.Body)
		}
	}
}
