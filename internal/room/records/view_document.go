package records

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"postern.example/postern/internal/room/records/rawjson"
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
	r := renditions(v)
	d := Document{Common: common, Kind: coded(v.Get("type")), Status: plainCode(v.Get("status").Text()), Date: date(v, "date"),
		Authors: links(v, "author"), Custodian: reference(v.Get("custodian")), Media: r.media, Held: r.held,
		Text: show(r.words), Language: languageTag(r.shown.Get("language").Text())}
	for _, s := range []string{r.shown.Get("title").Text(), text(v, "content.attachment.title"), v.Get("description").Text(), d.Kind.Text.Reveal()} {
		if d.Title = show(s); !d.Title.IsZero() {
			break
		}
	}
	return d, nil
}

// rendition is what can be had of a document, of which a source may send several
// forms: a structured one for programs first, and the one for people after it.
type rendition struct {
	shown rawjson.Value // the attachment that the page is about
	media string        // of the file that may leave
	file  []byte
	words string // the first that is plain text
	held  bool   // a file is here, may it leave or not
}

// renditions takes the first attachment that has data and may leave as the file, and the first
// plain text as the words of the page. Without any it is about the first attachment.
func renditions(v rawjson.Value) rendition {
	r := rendition{shown: first(v, "content.attachment")}
	if r.shown.Get("data").Text() == "" {
		r.media = mediaTypes(r.shown.Get("contentType").Text()) // of one that is elsewhere
	}
	seen := 0
	for a := range at(v, "content.attachment") {
		data, media := a.Get("data").Text(), mediaTypes(a.Get("contentType").Text())
		if r.held = r.held || data != ""; r.file == nil && r.held {
			r.media = ""
		}
		if seen++; seen > paperMost {
			break
		}
		if media == "" || data == "" || r.file != nil && (r.words != "" || media != "text/plain") {
			continue
		}
		file, err := base64.StdEncoding.DecodeString(data)
		if err != nil || len(file) == 0 {
			continue
		}
		if r.file == nil {
			r.file, r.media, r.shown = file, media, a
		}
		if media == "text/plain" && r.words == "" && utf8.Valid(file) {
			r.words, r.shown = string(file), a
		}
	}
	return r
}

// Attachment is the file of a stored DocumentReference, and the media type that it may
// leave with. It reports false when there is none, or none that may.
func Attachment(doc phi.Doc) (file []byte, media string, ok bool, err error) {
	v, _, err := open(doc, "DocumentReference")
	if err != nil {
		return nil, "", false, err
	}
	r := renditions(v)
	return r.file, r.media, r.file != nil, nil
}
