package records

import (
	"postern.example/postern/internal/room/records/narrative"
	"postern.example/postern/internal/word/phi"
)

// Report is a DiagnosticReport as a page shows it: a panel of results, or what
// somebody saw on images.
type Report struct {
	Common
	Name       Coded
	Status     string
	Imaging    bool // it is about images, as its category or its study says
	Effective  Date
	Issued     Date
	Results    []Link
	Studies    []Link
	Performers []Link
	Conclusion phi.Text
	Codes      []Coded // the conclusion in codes
	Papers     []Paper
	Note       narrative.Doc
}

// ViewReport reads a stored DiagnosticReport, and its texts as far as reading allows.
func ViewReport(doc phi.Doc, reading *TextBudget) (Report, error) {
	v, common, err := open(doc, "DiagnosticReport")
	if err != nil {
		return Report{}, err
	}
	r := Report{
		Common: common, Name: coded(v.Get("code")), Status: plainCode(v.Get("status").Text()),
		Effective: date(v, "effectiveDateTime|effectivePeriod|issued"), Issued: date(v, "issued"),
		Results: links(v, "result"), Studies: links(v, "imagingStudy"), Performers: links(v, "performer"),
		Conclusion: show(v.Get("conclusion").Text()), Codes: codedList(v, "conclusionCode"), Papers: papers(v, "presentedForm", reading),
	}
	r.Imaging = len(r.Studies) > 0
	for c := range at(v, "category.coding.code") {
		switch c.Text() { // v2-0074, LOINC and US Core
		case "RAD", "RX", "CT", "NMR", "NUC", "RUS", "CUS", "OUS", "VUS", "XRC", "imaging", "LP29684-5":
			r.Imaging = true
		}
	}
	if s := v.Get("text").Get("status").Text(); s == "additional" || s == "extensions" {
		r.Note, _ = reading.narrative(divOf(v))
	}
	return r, nil
}

// Series is one set of images of a study.
type Series struct {
	Words    phi.Text
	Modality Coded
	Site     Coded
	Images   phi.Text // how many, in written form
}

// ImagingStudy is a set of images, held elsewhere, as a page shows it.
type ImagingStudy struct {
	Common
	Name       Coded // what was done
	Words      phi.Text
	Status     string
	Started    Date
	Modalities []Coded
	Reasons    []Coded
	Referrer   Link
	Series     []Series
	Notes      []phi.Text
}

// seriesMost is how many series of one study a page lists.
const seriesMost = 100

// ViewImagingStudy reads a stored ImagingStudy.
func ViewImagingStudy(doc phi.Doc) (ImagingStudy, error) {
	v, common, err := open(doc, "ImagingStudy")
	if err != nil {
		return ImagingStudy{}, err
	}
	s := ImagingStudy{
		Common: common, Name: coded(first(v, "procedureCode")), Words: show(v.Get("description").Text()), Status: plainCode(v.Get("status").Text()),
		Started: date(v, "started"), Modalities: codedList(v, "modality"), Reasons: codedList(v, "reasonCode"), Referrer: reference(v.Get("referrer")), Notes: notes(v),
	}
	for x := range at(v, "series") {
		if len(s.Series) == seriesMost {
			break
		}
		one := Series{Words: show(x.Get("description").Text()), Modality: coded(x.Get("modality")), Site: coded(x.Get("bodySite")), Images: show(x.Get("numberOfInstances").Number())}
		s.Series = append(s.Series, one)
	}
	if len(s.Modalities) == 0 {
		for _, x := range s.Series {
			if len(s.Modalities) == 0 && !x.Modality.IsZero() {
				s.Modalities = append(s.Modalities, x.Modality)
			}
		}
	}
	return s, nil
}
