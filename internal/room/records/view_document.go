package records

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"postern.example/postern/internal/word/phi"
)

// Document is a note, letter or file as a page shows it. The file itself is read
// by Attachment.
type Document struct {
	Common
	Title     phi.Text
	Kind      Coded
	Status    string
	Date      Date
	Authors   []Link
	Custodian Link
	Media     string // of the attachment, of the short list of mediaTypes; empty for any other
	Held      bool   // the file is here and not elsewhere
	Text      phi.Text
	Language  string // of the attachment, when it says so
}

// mediaTypes lists what may leave as a file, by the type that it leaves with. A
// type that a browser would run is not among them: sandboxed or not, such a file
// opens on the reader's own machine.
func mediaTypes(s string) string {
	s, _, _ = strings.Cut(s, ";")
	switch s = strings.ToLower(strings.TrimSpace(s)); s {
	case "text/plain", "text/csv", "application/pdf", "image/png", "image/jpeg", "image/tiff":
		return s
	default:
		return ""
	}
}

// ViewDocument reads a stored DocumentReference. The text of one in text/plain
// comes along, with every hidden character marked.
func ViewDocument(doc phi.Doc) (Document, error) {
	v, common, err := open(doc, "DocumentReference")
	if err != nil {
		return Document{}, err
	}
	a := first(v, "content.attachment")
	d := Document{Common: common, Kind: coded(v.Get("type")), Status: plainCode(v.Get("status").Text()), Date: date(v, "date"),
		Authors: links(v, "author"), Custodian: reference(v.Get("custodian")), Media: mediaTypes(a.Get("contentType").Text()),
		Held: a.Get("data").Text() != "", Language: languageTag(a.Get("language").Text())}
	for _, s := range []string{a.Get("title").Text(), v.Get("description").Text(), d.Kind.Text.Reveal()} {
		if d.Title = show(s); !d.Title.IsZero() {
			break
		}
	}
	if d.Media == "text/plain" && d.Held {
		if b, err := base64.StdEncoding.DecodeString(a.Get("data").Text()); err == nil && utf8.Valid(b) {
			d.Text = show(string(b))
		}
	}
	return d, nil
}

// Attachment is the file of a stored DocumentReference, and the media type that it may
// leave with. It reports false when there is none, or none that may.
func Attachment(doc phi.Doc) (file []byte, media string, ok bool, err error) {
	v, _, err := open(doc, "DocumentReference")
	if err != nil {
		return nil, "", false, err
	}
	a := first(v, "content.attachment")
	if media = mediaTypes(a.Get("contentType").Text()); media == "" {
		return nil, "", false, nil
	}
	file, err = base64.StdEncoding.DecodeString(a.Get("data").Text())
	if err != nil || len(file) == 0 {
		return nil, "", false, nil
	}
	return file, media, true, nil
}
