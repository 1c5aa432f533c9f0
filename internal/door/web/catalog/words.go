package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// Kind is a kind of coded thing in a chart that has plain words; its value is the
// name of its file in words/.
type Kind string

// The kinds.
const (
	Test      Kind = "tests" // and panels, vital signs, questionnaires
	Medicine  Kind = "medicines"
	Condition Kind = "conditions"
	Allergy   Kind = "allergies"
	Reaction  Kind = "reactions"
	Vaccine   Kind = "vaccines"
	Procedure Kind = "procedures"
	Care      Kind = "care"    // what a care plan asks for, and what it is about
	Visit     Kind = "visits"  // kinds of visits
	Answer    Kind = "answers" // values that are words: "positive", "never smoked"; parts of the body and kinds of pictures
)

// Kinds lists the kinds.
func Kinds() []Kind {
	return []Kind{Test, Medicine, Condition, Allergy, Reaction, Vaccine, Procedure, Care, Visit, Answer}
}

// Entry is what the catalogue says of one thing, in both languages. Its files are
// written to be read by a clinician: one entry is one thing, whatever codes it has.
type Entry struct {
	// Codes are "system|code", with the short names of systemKey.
	Codes []string `json:"codes"`
	// Matches are names in charts that mean this thing too, as ingredient
	// writes them: for medicines alone, of which each strength has a code.
	Matches []string `json:"matches,omitempty"`
	English Plain    `json:"en"`
	Spanish Plain    `json:"es"`
	// Checked is how often the entry was checked against its codes and the other language.
	Checked int `json:"checked"`
	// Reviewed says that a clinician read it. Until then each page that shows it says so.
	Reviewed bool `json:"reviewed"`
}

// Plain is a name and one line: what it is, or what it shows.
type Plain struct {
	Name string `json:"name"`
	Line string `json:"line,omitempty"`
}

func (e *Entry) plain(tag string) Plain {
	if tag == "es" {
		return e.Spanish
	}
	return e.English
}

// Word is an entry in one language.
type Word struct {
	Name, Line string
	Reviewed   bool
}

// words is every entry of every kind. It is immutable.
type words struct {
	byCode  map[string]*Entry // "kind|system|code"
	byMatch map[string]*Entry // normalised ingredients of medicines
	entries map[Kind][]Entry
	names   *medicineNames
}

// systemKey is the short name of a code system, empty for one without words.
func systemKey(system string) string {
	switch system {
	case "http://loinc.org":
		return "loinc"
	case "http://www.nlm.nih.gov/research/umls/rxnorm":
		return "rxnorm"
	case "http://snomed.info/sct":
		return "sct"
	case "http://hl7.org/fhir/sid/cvx":
		return "cvx"
	case "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10":
		return "icd10"
	case "http://dicom.nema.org/resources/ontology/DCM":
		return "dcm"
	default:
		return ""
	}
}

// Word finds the words for a code of the chart. written is the chart's own name: a
// medicine whose code has no words may have them by its name ("atorvastatin 20 MG
// Oral Tablet"), and what that name says of strength and form stays with ours.
func (l *Language) Word(k Kind, system, code, written string) (Word, bool) {
	e := l.words.byCode[string(k)+"|"+systemKey(system)+"|"+code]
	if k == Medicine {
		return l.medicine(e, written)
	}
	if e == nil {
		return Word{}, false
	}
	p := e.plain(l.tag)
	return Word{Name: p.Name, Line: p.Line, Reviewed: e.Reviewed}, true
}

// Entries lists the entries of a kind, for tests and reviews.
func (c *Catalog) Entries(k Kind) []Entry { return c.words.entries[k] }

// loadWords reads the files of words/ and refuses what breaks their rules. It decodes
// them side by side: a server starts on it.
func loadWords() (*words, error) {
	w := &words{names: newMedicineNames(), byCode: map[string]*Entry{}, byMatch: map[string]*Entry{}, entries: map[Kind][]Entry{}}
	kinds := Kinds()
	decoded, failed := make([][]Entry, len(kinds)), make([]error, len(kinds))
	var all sync.WaitGroup
	for i, k := range kinds {
		all.Go(func() {
			raw, err := files.ReadFile("words/" + string(k) + ".json")
			if err == nil {
				decoded[i], err = decodeEntries(raw)
			}
			failed[i] = err
		})
	}
	all.Wait()
	for i, k := range kinds {
		if failed[i] != nil {
			return nil, fmt.Errorf("decode words/%s.json: %w", k, failed[i])
		}
		w.entries[k] = decoded[i]
		for j := range decoded[i] {
			if err := w.add(k, &decoded[i][j]); err != nil {
				return nil, fmt.Errorf("words/%s.json: entry %d (%s): %w", k, j+1, decoded[i][j].English.Name, err)
			}
		}
	}
	return w, nil
}

// decodeEntries reads one file: a list of entries and nothing else.
func decodeEntries(raw []byte) ([]Entry, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var entries []Entry
	if err := d.Decode(&entries); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the list")
	}
	return entries, nil
}

// add enters e under its codes, once it was found in order.
func (w *words) add(k Kind, e *Entry) error {
	if err := e.check(k, w.names); err != nil {
		return err
	}
	for _, c := range e.Codes {
		key := string(k) + "|" + c
		if first := w.byCode[key]; first != nil {
			return fmt.Errorf("code %s stands twice: first in the entry %q", c, first.English.Name)
		}
		w.byCode[key] = e
	}
	for _, m := range e.Matches {
		if first := w.byMatch[m]; first != nil {
			return fmt.Errorf("match %q stands twice: first in the entry %q", m, first.English.Name)
		}
		w.byMatch[m] = e
	}
	return nil
}

// Longest name and line, in characters: what a phone shows without a wall of text.
const (
	nameMost = 80
	lineMost = 140
)

func (e *Entry) check(k Kind, names *medicineNames) error {
	if len(e.Codes) == 0 && len(e.Matches) == 0 {
		return errors.New("neither code nor match")
	}
	for _, c := range e.Codes {
		system, code, found := strings.Cut(c, "|")
		if !found || code == "" || !strings.Contains(" loinc rxnorm sct cvx icd10 dcm ", " "+system+" ") {
			return fmt.Errorf("code %q is not one", c)
		}
	}
	for _, m := range e.Matches {
		if k != Medicine || names.ingredient(m) != m {
			return fmt.Errorf("match %q can match nothing", m)
		}
	}
	for tag, p := range map[string]Plain{"en": e.English, "es": e.Spanish} {
		switch {
		case p.Name == "":
			return fmt.Errorf("%s: no name", tag)
		case (p.Line == "") != (e.English.Line == ""):
			return fmt.Errorf("%s: a line in one language only", tag)
		case utf8.RuneCountInString(p.Name) > nameMost || utf8.RuneCountInString(p.Line) > lineMost:
			return fmt.Errorf("%s: too long", tag)
		case strings.ContainsAny(p.Name+p.Line, "<>&`{}\n\t"):
			return fmt.Errorf("%s: markup", tag)
		case strings.TrimSpace(p.Name) != p.Name || strings.TrimSpace(p.Line) != p.Line:
			return fmt.Errorf("%s: space at an end", tag)
		}
	}
	return nil
}
