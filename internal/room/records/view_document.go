package records

import (
	"bytes"
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
	Readable  bool   // it is a text that a page can show
	Text      phi.Text
	Cut       bool   // the text is longer; the file has all of it
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

// How much base64 of a text is read: for the page, some 64 KiB of text, as much as twenty
// printed pages; and for a list, to know whether it is one.
const (
	documentBytes = 64 << 10 / 3 * 4
	glimpseBytes  = 1 << 10
)

// ViewDocument reads a stored DocumentReference. The text of one in text/plain
// comes along as far as r allows, with every hidden character marked.
func ViewDocument(doc phi.Doc, r *TextBudget) (Document, error) {
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
		data, most := a.Get("data").Text(), glimpseBytes
		read := r.take(min(len(data), documentBytes))
		if read {
			most = documentBytes
		}
		b, cut, ok := decoded(data, most)
		if cut {
			b = wholeRunes(b)
		}
		if d.Readable = ok && utf8.Valid(b) && len(bytes.TrimSpace(b)) > 0; d.Readable && read {
			d.Text, d.Cut = show(string(b)), cut
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
