package web_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// attached is a document with attachments, each its media type and its text.
func attached(id, visit string, papers ...string) string {
	var list []string
	for i := 0; i < len(papers); i += 2 {
		list = append(list, `{"attachment":{"title":"paper `+id+`","contentType":"`+papers[i]+`","data":"`+base64.StdEncoding.EncodeToString([]byte(papers[i+1]))+`"}}`)
	}
	date := "2026-05-03"
	if len(papers[1]) > 1000 {
		date = "2026-05-04" // the long ones stand first
	}
	if visit != "" {
		visit = `,"context":{"encounter":[{"reference":"Encounter/` + visit + `"}]}`
	}
	return `,{"resource":{"resourceType":"DocumentReference","id":"` + id + `","status":"current","date":"` + date + `","subject":{"reference":"Patient/x"},"content":[` + strings.Join(list, ",") + `]` + visit + `}}`
}

// An office sends Nadia's chart with notes as long as a book, and more of them than anybody
// reads. Her pages stay as long as pages are, whatever is sent: what has no room leads to its own
// page or to the file, and nothing is left out silently.
func TestLongNotesDoNotMakeLongPages(t *testing.T) {
	covers.Covers(t, "SD-6")
	h := lite(t)
	book := "<p>The first line.</p>" + strings.Repeat("<p>a", 300<<10/4)
	long := "Dear Nadia,\n\n" + strings.Repeat("line é\n\n", 600<<10/9) + "the last line"
	text := `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"x","name":[{"family":"Haddad","given":["Nadia"]}],"birthDate":"1980-01-01"}},
		{"resource":{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"period":{"start":"2026-05-03"},"subject":{"reference":"Patient/x"},"text":{"status":"additional","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">` + strings.Repeat("<p>b</p>", 40<<10) + `</div>"}}}`
	for i := range 4 {
		text += attached(fmt.Sprintf("book%d", i), "e", "text/html", book) + attached(fmt.Sprintf("loose%d", i), "", "text/html", book)
	}
	for i := range 70 {
		text += attached(fmt.Sprintf("n%d", i), "e", "text/html", "<p>short</p>") + attached(fmt.Sprintf("l%d", i), "", "text/plain", "short")
	}
	p := h.load(t, []byte(text+attached("long", "", "text/plain", long, "text/html", "<p>an enclosure</p>")+`]}`))
	nadia := h.account(t, "Nadia Haddad", p, person.RolePatient)

	to := regexp.MustCompile(`/visits/[a-z0-9]{26}`).FindString(nadia.get("/visits").Body.String())
	own := regexp.MustCompile(`href="(/documents/[a-z0-9]{26})">`)
	for path, most := range map[string]int{"/": 64 << 10, "/visits": 256 << 10, to: 512 << 10} {
		w := nadia.get(path)
		if want(t, path, w, http.StatusOK); w.Body.Len() > most {
			t.Errorf("%s has %d KiB, more than %d", path, w.Body.Len()>>10, most>>10)
		}
		if path == "/" {
			continue
		}
		body := w.Body.String()
		if links := own.FindAllStringSubmatch(body, -1); len(links) != map[string]int{"/visits": 5, to: 4}[path] {
			t.Errorf("%s: %d notes lead to their own page, want the 4 books and for no visit the letter", path, len(links))
		} else if one := nadia.get(links[0][1]); one.Code != http.StatusOK || one.Body.Len() > 256<<10 || !regexp.MustCompile("The first line|Dear Nadia").MatchString(one.Body.String()) {
			t.Errorf("the note's own page: %d, %d KiB", one.Code, one.Body.Len()>>10)
		}
		if n := strings.Count(body, "short"); n < 40 || n > 50 || !strings.Contains(body, `class="onward" href="/documents"`) {
			t.Errorf("%s: %d short notes, and the way to the others: %v", path, n, strings.Contains(body, `href="/documents"`))
		}
	}
	letter := regexp.MustCompile(`<a href="(/documents/[a-z0-9]{26})">[^/]*paper long`).FindStringSubmatch(nadia.get("/documents").Body.String())
	if letter == nil {
		t.Fatal("the letter is not on the list")
	}
	page := nadia.get(letter[1])
	want(t, "letter", page, http.StatusOK, "Dear Nadia", "you see its beginning here", "an enclosure", letter[1]+"/file")
	if page.Body.Len() > 256<<10 || strings.Contains(page.Body.String(), "the last line") || strings.Contains(page.Body.String(), "\uFFFD") {
		t.Errorf("the letter's page has %d KiB", page.Body.Len()>>10)
	}
	if file := nadia.get(letter[1] + "/file"); file.Body.String() != long {
		t.Errorf("the file has %d of %d bytes", file.Body.Len(), len(long))
	}
}
