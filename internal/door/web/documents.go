package web

import (
	"net/http"
	"strings"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/phi"
)

// documentsPage is GET /documents.
func (d *Door) documentsPage(v *Visit) error {
	c, err := v.chart("page/documents", "DocumentReference")
	if err != nil {
		return err
	}
	m := &view.Documents{Base: v.Base(view.PlaceDocuments)}
	err = each(c.Resources("DocumentReference"), records.Unread(records.ViewDocument), func(x records.Document) {
		if x.Status != "entered-in-error" {
			m.List = append(m.List, v.document(x))
		}
	})
	if err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// document is what a list says of one.
func (v *Visit) document(x records.Document) view.DocumentRow {
	out := view.DocumentRow{ID: x.ID.String(), Name: x.Title.Reveal(), NameLang: v.foreignText(x), Kind: x.Kind.Text.Reveal(), On: v.day(x.Date), Old: x.Status == "superseded",
		Elsewhere: !x.Held, Here: x.Readable, File: x.Held && x.Media != ""}
	if len(x.Authors) > 0 {
		out.By = x.Authors[0].Display.Reveal()
	}
	return out
}

// foreignText is the language of a document's words when it is not the page's: the file's own, else the resource's.
func (v *Visit) foreignText(x records.Document) string {
	c := x.Common
	if x.Language != "" {
		c.Language = x.Language
	}
	return v.foreign(c)
}

// documentOne is GET /documents/{id}: its words in the page, anything else as a file to fetch.
func (d *Door) documentOne(v *Visit) error {
	_, r, err := v.around(v.caller, "DocumentReference", v.Path("id"))
	if err != nil {
		return err
	}
	x, err := records.ViewDocument(r.Doc, records.NewTextBudget(ownPageBytes))
	if err != nil {
		return err
	}
	m := &view.Document{Base: v.Base(view.PlaceDocuments), Row: v.document(x), Paragraphs: paragraphs(x.Text.Reveal())}
	m.Cut = x.Cut
	if m.Notes, err = v.readable(r.Doc, x, len(m.Paragraphs) > 0); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// readable are the texts of a document that were written as markup, and its further ones:
// what is harmless of them. The plain text may be on the page already.
func (v *Visit) readable(doc phi.Doc, d records.Document, shown bool) (out []view.Note, err error) {
	x, err := records.ViewVisitNote(doc, records.NewTextBudget(ownPageBytes))
	if err != nil {
		return nil, err
	}
	for i, p := range x.Papers {
		if !(shown && i == d.TextAt) && (!p.Note.IsZero() || p.Later) {
			out = append(out, v.note(x.Common, p, x.Name.Text))
		}
	}
	return out, nil
}

// paragraphs are the lines of a plain text between empty lines. Nothing in it is
// markup: the template escapes every line.
func paragraphs(text string) [][]string {
	var out [][]string
	for block := range strings.SplitSeq(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n\n") {
		var lines []string
		for line := range strings.SplitSeq(block, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		if len(lines) > 0 {
			out = append(out, lines)
		}
	}
	return out
}

// documentFile is GET /documents/{id}/file: the file as it was stored, to keep and
// never to run. Its name says nothing about anybody.
func (d *Door) documentFile(v *Visit) error {
	_, r, err := v.around(v.caller, "DocumentReference", v.Path("id"))
	if err != nil {
		return err
	}
	file, media, ok, err := records.Attachment(r.Doc)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.NotFound, "fetch document: no file of an allowed type")
	}
	v.attach(media, "document"+ending(media))
	v.write(http.StatusOK, media, file)
	return nil
}

func ending(media string) string {
	switch media {
	case "text/plain":
		return ".txt"
	case "text/csv":
		return ".csv"
	case "application/pdf":
		return ".pdf"
	case "image/png":
		return ".png"
	case "image/jpeg":
		return ".jpg"
	case "image/tiff":
		return ".tiff"
	default:
		return ""
	}
}
