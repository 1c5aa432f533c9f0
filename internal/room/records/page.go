package records

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"net/url"
	"strconv"
	"strings"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// An answer of many pages leads from one to the next by links. A link must repeat the
// question, and a question names codes, dates and people, which may stand in no
// address: so it carries the question sealed, for the one who asked and for nobody
// else, with the place where the page begins.

// Links seals what the links of an answer carry. *session.Room is one.
type Links interface {
	// SealQuery makes text part of an address: it opens for the same session or token
	// and path alone, and not for long.
	SealQuery(c person.Caller, path, text string) (string, error)
	// OpenQuery is the inverse. A text that is over, changed or somebody else's is
	// fault.Gone.
	OpenQuery(c person.Caller, path, sealed string) (string, error)
}

// PageParam is the parameter of a link that carries the question.
const PageParam = "_page"

// position is a place in the order of a search: between two matches. It depends on
// no count, so that it stays where it is while the chart grows.
type position struct {
	key  int64
	id   person.ResourceID
	back bool // the page ends before it, else it begins after it
}

// compare is the order of a search: newest first, or oldest first.
func (a position) compare(b position, oldest bool) int {
	c := cmp.Compare(b.key, a.key)
	if c == 0 {
		c = bytes.Compare(a.id.Bytes(), b.id.Bytes())
	}
	if oldest {
		return -c
	}
	return c
}

// The forms of a link's text.
const (
	pageFirst byte = iota + 1
	pageAfter
	pageBefore
)

const pageHead = 1 + 8 + 16

// encodePage is what a link carries: the place, nil for the beginning, and the question.
func encodePage(at *position, text string) string {
	b := make([]byte, 0, pageHead+len(text))
	switch {
	case at == nil:
		return string(append(append(b, pageFirst), text...))
	case at.back:
		b = append(b, pageBefore)
	default:
		b = append(b, pageAfter)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(at.key)) //#nosec G115 -- the same bits
	b = append(b, at.id.Bytes()...)
	return string(append(b, text...))
}

// decodePage is the inverse. The seal has vouched for the bytes, but for their form:
// the caller's other sealed texts are of another path, and so never come here.
func decodePage(s string) (at *position, text string, err error) {
	if s == "" || s[0] < pageFirst || s[0] > pageBefore || s[0] != pageFirst && len(s) < pageHead {
		return nil, "", fault.New(fault.Gone, "open link: malformed")
	}
	if s[0] == pageFirst {
		return nil, s[1:], nil
	}
	at = &position{key: int64(binary.BigEndian.Uint64([]byte(s[1:9]))), id: resourceIDFromBytes([]byte(s[9:pageHead])), back: s[0] == pageBefore} //#nosec G115 -- the same bits
	return at, s[pageHead:], nil
}

// asking is a question as it arrived: in clear, or by a link.
type asking struct {
	text  string    // the question
	at    *position // where the page begins; nil for the first one
	count string    // of a link: how many, instead of what the question says; empty for none
}

// openLink reads a query that may be the one of a link.
func (s *Store) openLink(c person.Caller, path, text string) (asking, error) {
	sealed, count, err := parseLink(text)
	if err != nil || sealed == "" {
		return asking{text: text}, err
	}
	if s.c.Links == nil {
		return asking{}, badQuery("unknown parameter")
	}
	plain, err := s.c.Links.OpenQuery(c, path, sealed)
	if err != nil {
		if fault.Is(err, fault.Gone) {
			err = &fault.Error{Kind: fault.Gone, Message: "error.page-link", Err: err}
		}
		return asking{}, err
	}
	at, question, err := decodePage(plain)
	return asking{question, at, count}, err
}

// counted takes over how many a link asks for.
func (a asking) counted(q *Query) error {
	if a.count == "" {
		return nil
	}
	return q.addCount(a.count)
}

// link is the address of a page of an answer. The count stands in clear: it says
// nothing of anybody, and there are clients that write one of their own where there is none.
func (s *Store) link(c person.Caller, base, path string, at *position, text string, count int) (string, error) {
	sealed, err := s.c.Links.SealQuery(c, linkPath(path), encodePage(at, text))
	if err != nil {
		return "", err
	}
	return base + "/" + path + "?_count=" + strconv.Itoa(count) + "&" + PageParam + "=" + sealed, nil
}

// linkPath keeps the links of programs apart from those of pages.
func linkPath(path string) string { return "fhir " + path }

// parseLink returns the sealed text of a link, "" for a query that is none. Only the
// count and the form stand beside it: what it asks for was settled by the question.
func parseLink(text string) (sealed, count string, err error) {
	if !strings.Contains(text, PageParam) || len(text) > maxLinkBytes {
		return "", "", nil
	}
	values, err := url.ParseQuery(text)
	if err != nil || !values.Has(PageParam) {
		return "", "", nil // ParseSearch says what is wrong
	}
	for name, vs := range values {
		switch {
		case len(vs) > 1 || vs[0] == "" || name != PageParam && name != "_count" && name != "_format":
			return "", "", badQuery("a link has no other parameter")
		case name == "_format" && !JSONFormat(vs[0]):
			return "", "", fault.New(fault.NotAcceptable, "parse link: _format")
		}
	}
	return values.Get(PageParam), values.Get("_count"), nil
}

// maxLinkBytes bounds the query of a link: a sealed question of maxQueryBytes fits.
const maxLinkBytes = 2 * maxQueryBytes
