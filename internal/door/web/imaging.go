package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
)

// imaging is a set of images, what somebody saw on them, or both.
type imaging struct {
	view.ImagingLine
	visit  string
	at     time.Time
	stored time.Time
	study  *records.ImagingStudy
	report *records.Report
}

// imagings lists the imaging of a chart, newest first. A report and its study are
// one line; either can stand alone.
func (v *Visit) imagings(c records.Chart) ([]imaging, error) {
	var out []imaging
	studies := map[string]*records.ImagingStudy{}
	err := each(c.Resources("ImagingStudy"), records.ViewImagingStudy, func(x records.ImagingStudy) {
		if x.Status != "entered-in-error" && x.Status != "cancelled" {
			studies[x.ID.String()] = &x
		}
	})
	if err != nil {
		return nil, err
	}
	err = each(c.Resources("DiagnosticReport"), records.Unread(records.ViewReport), func(x records.Report) {
		if !x.Imaging || x.Status == "entered-in-error" || x.Status == "cancelled" {
			return
		}
		one := imaging{report: &x, visit: x.Encounter.ID.String(), at: v.moment(x.Effective), stored: x.Stored}
		for _, l := range x.Studies {
			if s := studies[l.ID.String()]; s != nil && one.study == nil {
				one.study = s
				delete(studies, l.ID.String())
			}
		}
		one.ImagingLine = view.ImagingLine{Href: "/imaging/" + x.ID.String(), On: v.day(x.Effective), Report: true}
		one.Name, one.NameLang = v.named(x.Common, x.Name.Text.Reveal()), v.foreign(x.Common)
		out = append(out, one)
	})
	if err != nil {
		return nil, err
	}
	for _, r := range c.Resources("ImagingStudy") {
		if s := studies[r.ID.String()]; s != nil {
			out = append(out, v.studyAlone(s))
		}
	}
	for i := range out {
		out[i].New = v.since(out[i].stored)
		if s := out[i].study; s != nil {
			out[i].How = modality(s.Modalities)
			if len(s.Series) > 0 && s.Series[0].Words.IsZero() { // words of its own say it better
				out[i].Site = untagged(s.Series[0].Site.Text.Reveal())
				out[i].SiteLang = v.foreign(s.Common)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b imaging) int { return b.at.Compare(a.at) })
	return out, nil
}

func (v *Visit) studyAlone(s *records.ImagingStudy) imaging {
	one := imaging{study: s, visit: s.Encounter.ID.String(), at: v.moment(s.Started), stored: s.Stored}
	one.ImagingLine = view.ImagingLine{Href: "/imaging/studies/" + s.ID.String(), On: v.day(s.Started), NameLang: v.foreign(s.Common)}
	if one.Name = s.Words.Reveal(); one.Name == "" {
		one.Name = s.Name.Text.Reveal()
	}
	one.Name = v.named(s.Common, one.Name)
	return one
}

// modality is the key of the words for how images were made (DICOM CID 29).
func modality(list []records.Coded) string {
	for _, c := range list {
		switch c.Code.Reveal() {
		case "CR", "DX", "RG", "RF", "XA", "PX", "IO":
			return "x-ray"
		case "CT":
			return "ct"
		case "MR":
			return "mri"
		case "US", "IVUS":
			return "ultrasound"
		case "MG":
			return "mammogram"
		case "NM", "PT":
			return "nuclear"
		case "OP", "OPT", "OCT":
			return "eye"
		case "ES":
			return "endoscopy"
		case "ECG", "EPS", "HD":
			return "heart"
		}
	}
	return ""
}

// imagingList is GET /imaging.
func (d *Door) imagingList(v *Visit) error {
	c, err := v.chart("page/imaging", "ImagingStudy", "DiagnosticReport")
	if err != nil {
		return err
	}
	list, err := v.imagings(c)
	if err != nil {
		return err
	}
	m := &view.Imagings{Base: v.Base(view.PlaceImaging)}
	for _, x := range list[:min(len(list), 4*visitsPage)] {
		if n := len(m.Years); n == 0 || m.Years[n-1].Year != x.On.Year {
			m.Years = append(m.Years, view.ImagingYear{Year: x.On.Year})
		}
		y := &m.Years[len(m.Years)-1]
		y.List = append(y.List, x.ImagingLine)
	}
	return v.Render(http.StatusOK, m)
}

// imagingReport is GET /imaging/{id}: one report with its study.
func (d *Door) imagingReport(v *Visit) error {
	return d.showImaging(v, "DiagnosticReport", "/imaging/")
}

// imagingStudy is GET /imaging/studies/{id}: images that have no report here.
func (d *Door) imagingStudy(v *Visit) error {
	return d.showImaging(v, "ImagingStudy", "/imaging/studies/")
}

func (d *Door) showImaging(v *Visit, typ, path string) error {
	c, r, err := v.around(v.caller, typ, v.Path("id"), "ImagingStudy", "DiagnosticReport")
	if err != nil {
		return err
	}
	list, err := v.imagings(c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(x imaging) bool {
		return x.report != nil && x.report.ID == r.ID || x.study != nil && x.study.ID == r.ID
	})
	if i < 0 {
		return fault.New(fault.NotFound, "show imaging: it is about no images, or was entered in error")
	}
	if err := list[i].readReport(c); err != nil {
		return err
	}
	m := v.imaging(list[i])
	m.Base = v.Base(view.PlaceImaging)
	return v.Render(http.StatusOK, m)
}

// readReport reads the texts of the report, which the list has without them.
func (x *imaging) readReport(c records.Chart) error {
	for _, r := range c.Resources("DiagnosticReport") {
		if x.report != nil && x.report.ID == r.ID {
			read, err := records.ViewReport(r.Doc, records.NewTextBudget(ownPageBytes))
			if err != nil {
				return err
			}
			x.report = &read
			return nil
		}
	}
	return nil
}

// imaging is the page of one report, its study, or both.
func (v *Visit) imaging(x imaging) *view.Imaging {
	m := &view.Imaging{ImagingLine: x.ImagingLine}
	if p := x.report; p != nil {
		m.Status, m.Lab = p.Status, firstOf(peopleOf(p.Performers))
		m.Conclusion, m.TextLang = p.Conclusion.Reveal(), v.foreign(p.Common)
		for _, paper := range p.Papers {
			m.Papers = append(m.Papers, v.note(p.Common, paper, p.Name.Text))
		}
		if !p.Note.IsZero() {
			m.Papers = append(m.Papers, view.Note{Text: p.Note.Reveal(), Cut: p.Note.Cut(), Left: p.Note.Left(), Lang: m.TextLang})
		}
	}
	if s := x.study; s != nil {
		m.StudyLang, m.By = v.foreign(s.Common), s.Referrer.Display.Reveal()
		for _, reason := range s.Reasons {
			m.For = append(m.For, v.thing(kindCondition, s.Common, reason))
		}
		for _, one := range s.Series {
			m.Series = append(m.Series, view.ImageSeries{Words: one.Words.Reveal(), Site: untagged(one.Site.Text.Reveal()), Images: one.Images.Reveal()})
		}
		m.Comment = joined(s.Notes)
	}
	if x.visit != "" && (x.report != nil && x.report.Encounter.Type != "" || x.study != nil && x.study.Encounter.Type != "") {
		m.Visit = x.visit
	}
	return m
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// untagged is a name of SNOMED CT without the kind of thing behind it, which says
// nothing to a reader: "Kidney structure (body structure)".
func untagged(name string) string {
	name, _ = strings.CutSuffix(name, " (body structure)")
	return name
}
