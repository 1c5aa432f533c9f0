package records

import (
	"encoding/base64"
	"strings"
	"testing"

	"postern.example/postern/internal/room/records/narrative"
)

// spoken is the text of a note, in one line.
func spoken(d narrative.Doc) string {
	var words []string
	for _, b := range d.Reveal() {
		for _, s := range b.Spans {
			words = append(words, s.Text)
		}
	}
	return strings.Join(words, "|")
}

// A visit says why, who, where and when; what its source made of the coded fields is
// not said twice.
func TestViewEncounter(t *testing.T) {
	e, err := ViewEncounter(storedDoc("Encounter", `,"status":"finished","class":{"code":"EMER"},"reasonCode":[{"text":"Dizzy`+"\u202e"+`"}],"period":{"start":"2026-05-03T09:00:00Z","end":"2026-05-04"},
		"participant":[{"individual":{"display":"Dr. Chen"}},{"individual":{}}],"location":[{"location":{"display":"Room 2"}}],"serviceProvider":{"display":"Riverside"},
		"text":{"status":"generated","div":"<div>made up</div>"}`), NewTextBudget(9<<20))
	if err != nil {
		t.Fatal(err)
	}
	end, _ := e.End.Reveal()
	if e.Class != "EMER" || e.Status != "finished" || len(e.People) != 1 || e.Places[0].Display.Reveal() != "Room 2" || e.Provider.Display.Reveal() != "Riverside" ||
		e.Reasons[0].Text.Reveal() != "Dizzy⟦U+202E⟧" || end.Day() != 4 || !e.Note.IsZero() || e.Encounter.ID != e.ID {
		t.Errorf("%+v", e)
	}
	e, err = ViewEncounter(storedDoc("Encounter", `,"status":"finished","class":{"code":"<b>"},"text":{"status":"additional","div":"<div><p>She was <b>pale</b>.</p></div>"}`), NewTextBudget(9<<20))
	if err != nil || e.Class != "" || spoken(e.Note) != "She was |pale|." {
		t.Errorf("%+v %v %s", e.Class, err, spoken(e.Note))
	}
}

// A document's text is read where it is plain text or HTML, and nowhere else.
func TestViewVisitNote(t *testing.T) {
	paper := func(media, text string) string {
		return `{"attachment":{"contentType":"` + media + `","language":"es","title":"T","data":"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"}}`
	}
	for _, c := range []struct{ content, want, media string }{
		{paper("text/plain; charset=utf-8", "uno\n\ndos & <b>"), "uno|dos & <b>", "text/plain"},
		{paper("TEXT/HTML", "<p>uno</p><script>x</script>"), "uno", "text/html"},
		{paper("application/xhtml+xml", "<div><p>uno</p></div>"), "uno", "application/xhtml+xml"},
		{paper("application/pdf", "%PDF"), "", "application/pdf"},
		{paper(`\"><script>`, "x"), "", ""},
		{`{"attachment":{"contentType":"text/plain","data":"%%%"}}`, "", "text/plain"},
		{`{"attachment":{"contentType":"text/plain","url":"https://elsewhere.example/x"}}`, "", "text/plain"},
	} {
		d, err := ViewVisitNote(storedDoc("DocumentReference", `,"status":"current","date":"2026-05-03","content":[`+c.content+`],"context":{"encounter":[{"display":"a visit"}]}`), NewTextBudget(9<<20))
		if err != nil || len(d.Papers) != 1 {
			t.Fatalf("%s: %v", c.content, err)
		}
		if p := d.Papers[0]; spoken(p.Note) != c.want || p.Media != c.media {
			t.Errorf("%s: %q %q", c.content, spoken(p.Note), p.Media)
		}
	}
	d, err := ViewVisitNote(storedDoc("DocumentReference", `,"status":"current","text":{"status":"generated","div":"<div>all that there is</div>"},"content":[`+strings.Repeat(`{"attachment":{}},`, 30)+`{"attachment":{}}]`), NewTextBudget(9<<20))
	if err != nil || len(d.Papers) != paperMost+1 || spoken(d.Papers[paperMost].Note) != "all that there is" {
		t.Errorf("%d papers, %v", len(d.Papers), err)
	}
}

// A report is about images when its category or a study says so.
func TestViewReportAndStudy(t *testing.T) {
	for members, imaging := range map[string]bool{
		`"category":[{"coding":[{"code":"LAB"}]}]`:                  false,
		`"category":[{"coding":[{"code":"x"},{"code":"RAD"}]}]`:     true,
		`"category":[{"coding":[{"code":"LP29684-5"}]}]`:            true,
		`"imagingStudy":[{"display":"the images"}],"conclusion":""`: true,
	} {
		r, err := ViewReport(storedDoc("DiagnosticReport", `,"status":"final","code":{"text":"R"},`+members), NewTextBudget(9<<20))
		if err != nil || r.Imaging != imaging {
			t.Errorf("%s: imaging %v, %v", members, r.Imaging, err)
		}
	}
	r, err := ViewReport(storedDoc("DiagnosticReport", `,"status":"final","code":{"text":"R"},"conclusion":"No stones.","text":{"status":"additional","div":"<div>More.</div>"},"presentedForm":[{"contentType":"text/plain","data":"YQ=="}]`), NewTextBudget(9<<20))
	if err != nil || r.Conclusion.Reveal() != "No stones." || spoken(r.Note) != "More." || spoken(r.Papers[0].Note) != "a" {
		t.Errorf("%+v %v", r, err)
	}
	s, err := ViewImagingStudy(storedDoc("ImagingStudy", `,"status":"available","started":"2026-05-03","series":[`+strings.Repeat(`{"modality":{"code":"US"},"bodySite":{"display":"Kidney"},"numberOfInstances":2},`, seriesMost)+`{}]`))
	if err != nil || len(s.Series) != seriesMost || s.Modalities[0].Code.Reveal() != "US" || s.Series[0].Site.Text.Reveal() != "Kidney" || s.Series[0].Images.Reveal() != "2" {
		t.Errorf("%d series, %v", len(s.Series), err)
	}
	p, err := ViewProcedure(storedDoc("Procedure", `,"status":"completed","code":{"text":"Foot check"},"performedPeriod":{"start":"2026-05-03"}`))
	if err != nil || p.Name.Text.Reveal() != "Foot check" || p.Performed.IsZero() {
		t.Errorf("%+v %v", p, err)
	}
	for _, view := range []func() error{
		func() error { _, err := ViewEncounter(storedDoc("Patient", ""), nil); return err },
		func() error { _, err := ViewProcedure(storedDoc("Patient", "")); return err },
		func() error { _, err := ViewVisitNote(storedDoc("Patient", ""), nil); return err },
		func() error { _, err := ViewReport(storedDoc("Patient", ""), nil); return err },
		func() error { _, err := ViewImagingStudy(storedDoc("Patient", "")); return err },
	} {
		if view() == nil {
			t.Error("a resource of another type is shown")
		}
	}
}
