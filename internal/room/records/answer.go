package records

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// SearchsetConfig describes an answer to NewSearchset.
type SearchsetConfig struct {
	Base  string       // the FHIR base URL of this installation, without a slash at the end
	Total int          // all matches, also those beyond _count
	Kind  string       // "searchset" when empty
	Links []BundleLink // addresses of this page and of its neighbours; they carry no query in clear
}

// BundleLink is one of a Bundle.
type BundleLink struct{ Relation, URL string }

// Searchset writes a Bundle of search results as it goes.
type Searchset struct {
	w    io.Writer
	base string // of full URLs, escaped
	n    int
	err  error
}

// newBundle is a Bundle of resources at base, before its first byte.
func newBundle(w io.Writer, base string) *Searchset {
	quoted := quote(base + "/")
	return &Searchset{w: w, base: quoted[1 : len(quoted)-1]}
}

// NewSearchset starts the Bundle.
func NewSearchset(w io.Writer, cfg SearchsetConfig) *Searchset {
	s := newBundle(w, cfg.Base)
	if cfg.Kind == "" {
		cfg.Kind = "searchset"
	}
	s.write(`{"resourceType":"Bundle","type":"` + cfg.Kind + `","total":` + strconv.Itoa(cfg.Total))
	for i, l := range cfg.Links {
		s.write([]string{`,"link":[`, `,`}[min(i, 1)] + `{"relation":` + quote(l.Relation) + `,"url":` + quote(l.URL) + `}`)
	}
	if len(cfg.Links) > 0 {
		s.write(`]`)
	}
	return s
}

// Add writes one match, a resource as Present returns it.
func (s *Searchset) Add(typ string, id person.ResourceID, doc phi.Doc) error {
	return s.add(typ, id, doc, `,"search":{"mode":"match"}}`)
}

// Include writes a resource that matches bring along.
func (s *Searchset) Include(typ string, id person.ResourceID, doc phi.Doc) error {
	return s.add(typ, id, doc, `,"search":{"mode":"include"}}`)
}

// WriteCollection writes what was opened as one Bundle of type collection: a copy for the
// patient, that other programs read. It has no total and no search modes (FHIR R4 bdl-1, bdl-2).
func WriteCollection(w io.Writer, base string, at time.Time, list []Resource) error {
	s := newBundle(w, base)
	s.write(`{"resourceType":"Bundle","type":"collection","timestamp":` + quote(at.UTC().Format(time.RFC3339)))
	for _, r := range list {
		if err := s.add(r.Type, r.ID, r.Doc, `}`); err != nil {
			return fmt.Errorf("write collection: %w", err)
		}
	}
	return s.Close()
}

func (s *Searchset) add(typ string, id person.ResourceID, doc phi.Doc, end string) error {
	if s.n++; s.n == 1 {
		s.write(`,"entry":[`)
	} else {
		s.write(`,`)
	}
	// A type's name and an identifier need no escapes; the base got its own.
	s.write(`{"fullUrl":"`)
	s.write(s.base)
	s.write(typ)
	s.write(`/`)
	s.write(id.String())
	s.write(`","resource":`)
	if s.err == nil {
		_, s.err = s.w.Write(doc.Reveal())
	}
	s.write(end)
	return s.err
}

// Close ends the Bundle and returns the first write error.
func (s *Searchset) Close() error {
	if s.n > 0 {
		s.write(`]`)
	}
	s.write(`}`)
	if s.err != nil {
		return fmt.Errorf("write searchset: %w", s.err)
	}
	return nil
}

func (s *Searchset) write(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
}

// quote writes a JSON string that is also safe inside HTML.
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}

// Outcome is the OperationOutcome of an error: its kind, its public message id,
// and text, the message in the caller's language. The error's own words stay
// inside.
func Outcome(err error, text string) []byte {
	issue := `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":` + quote(fault.Of(err).Issue()) +
		`,"details":{"coding":[{"system":"https://postern.example/fhir/CodeSystem/message","code":` + quote(fault.Message(err)) + `}]`
	if text != "" {
		issue += `,"text":` + quote(text)
	}
	return []byte(issue + `}}]}`)
}
