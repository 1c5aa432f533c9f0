package records

import (
	"encoding/base64"
	"strings"
	"testing"

	"postern.example/postern/test/covers"
)

// A list shows the title of a long letter and reads none of its text; a page reads as much
// as it has room for, and what it has none for says so.
func TestAListReadsNoTexts(t *testing.T) {
	covers.Covers(t, "SD-6")
	text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("é", 50<<10)))
	doc := storedDoc("DocumentReference", `,"status":"current","content":[{"attachment":{"title":"A","contentType":"text/html","data":"`+text+`"}},{"attachment":{"title":"B","contentType":"text/plain","data":"`+text+`"}}]`)
	for left, read := range map[int]int{0: 0, len(text) - 1: 0, len(text): 1, 2 * len(text): 2} {
		budget := NewTextBudget(left)
		if left == 0 {
			budget = nil
		}
		d, err := ViewVisitNote(doc, budget)
		if err != nil || len(d.Papers) != 2 || d.Papers[1].Title.Reveal() != "B" {
			t.Fatalf("%d: %d papers, %v", left, len(d.Papers), err)
		}
		for i, p := range d.Papers {
			if p.Note.IsZero() != (i >= read) || p.Later != (i >= read) {
				t.Errorf("of %d bytes: paper %d is read %v, later %v", left, i, !p.Note.IsZero(), p.Later)
			}
		}
	}
	// A letter in plain text: a glimpse says that it is one, and the page has its beginning.
	letter := storedDoc("DocumentReference", `,"status":"current","content":[{"attachment":{"contentType":"text/plain","data":"`+strings.ReplaceAll(text, "w6nD", "w6n\\nD")+`"}}]`)
	d, err := ViewDocument(letter, nil)
	if err != nil || !d.Readable || !d.Text.IsZero() {
		t.Errorf("in a list: readable %v, a text %v, %v", d.Readable, !d.Text.IsZero(), err)
	}
	d, err = ViewDocument(letter, NewTextBudget(9<<20))
	if n := len(d.Text.Reveal()); err != nil || !d.Cut || n == 0 || n > 64<<10 || strings.Trim(d.Text.Reveal(), "é") != "" {
		t.Errorf("on its page: %d bytes, cut %v, %v", n, d.Cut, err)
	}
}
