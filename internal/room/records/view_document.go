package records

import (
	"bytes"
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
	Readable  bool   // it is a text that a page can show
	Text      phi.Text
	TextAt    int    // which attachment the text is of
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
// comes along as far as b allows, with every hidden character marked.
func ViewDocument(doc phi.Doc, b *TextBudget) (Document, error) {
	v, common, err := open(doc, "DocumentReference")
	if err != nil {
		return Document{}, err
	}
	r := renditions(v)
	d := Document{Common: common, Kind: coded(v.Get("type")), Status: plainCode(v.Get("status").Text()), Date: date(v, "date"),
		Authors: links(v, "author"), Custodian: reference(v.Get("custodian")), Media: r.media, Held: r.held,
		Language: languageTag(r.shown.Get("language").Text())}
	for _, s := range []string{r.shown.Get("title").Text(), text(v, "content.attachment.title"), v.Get("description").Text(), d.Kind.Text.Reveal()} {
		if d.Title = show(s); !d.Title.IsZero() {
			break
		}
	}
	if data := r.words.Get("data").Text(); data != "" {
		most := glimpseBytes
		read := b.take(min(len(data), documentBytes))
		if read {
			most = documentBytes
		}
		if words, cut, ok := plainWords(data, most); ok {
			if d.Readable = true; read {
				d.Text, d.Cut, d.TextAt = show(words), cut, r.wordsAt
			}
		}
	}
	return d, nil
}

// plainWords is the beginning of a text in base64. It reports false when that is none.
func plainWords(data string, most int) (words string, cut, ok bool) {
	b, cut, ok := decoded(data, most)
	if cut {
		b = wholeRunes(b)
	}
	return string(b), cut, ok && utf8.Valid(b) && len(bytes.TrimSpace(b)) > 0
}

// rendition is what can be had of a document, of which a source may send several
// forms: a structured one for programs first, and the one for people after it.
type rendition struct {
	shown   rawjson.Value // the attachment that the page is about
	file    rawjson.Value // the attachment that may leave; absent when none may
	words   rawjson.Value // the first that is plain text; absent when none is
	wordsAt int
	media   string // of file, or of one that is elsewhere
	held    bool   // a file is here, may it leave or not
}

// renditions takes the first attachment that has data and may leave as the file, and the first
// plain text as the words of the page. Without any it is about the first attachment. It
// decodes no more of each than tells what it is.
func renditions(v rawjson.Value) rendition {
	r := rendition{shown: first(v, "content.attachment")}
	if r.shown.Get("data").Text() == "" {
		r.media = mediaTypes(r.shown.Get("contentType").Text()) // of one that is elsewhere
	}
	seen := 0
	for a := range at(v, "content.attachment") {
		data, media := a.Get("data").Text(), mediaTypes(a.Get("contentType").Text())
		none := r.file.Type() == rawjson.Absent
		if r.held = r.held || data != ""; none && r.held {
			r.media = ""
		}
		if seen++; seen > paperMost {
			break
		}
		if b, _, ok := decoded(data, glimpseBytes); media == "" || !ok || len(b) == 0 {
			continue
		}
		if none {
			r.file, r.media, r.shown = a, media, a
		}
		if media == "text/plain" && r.words.Type() == rawjson.Absent {
			if _, _, ok := plainWords(data, glimpseBytes); ok {
				r.words, r.shown, r.wordsAt = a, a, seen-1
			}
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
	data := r.file.Get("data").Text()
	if file, _, ok = decoded(data, len(data)+3); !ok || len(file) == 0 {
		return nil, "", false, nil // no base64, which is the source's fault and not the reader's
	}
	return file, r.media, true, nil
}
