package view

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// TableRow is one value of one result, for a spreadsheet.
type TableRow struct {
	At       time.Time // on the clinic's clock; zero when nobody knows
	On       Day
	Name     string // plain name
	Written  string // the laboratory's own name, when another stands in Name
	Part     string // of a result of several values
	Value    string // as written
	Unit     string
	Usual    Usual
	Standing Standing
	Lab      string
}

// Table writes rows as CSV (RFC 4180) in UTF-8, with a heading in the reader's language.
func (s *Set) Table(w io.Writer, lang string, rows []TableRow) error {
	x := &writer{lang: s.catalog.Language(lang)}
	// The mark tells spreadsheets that it is UTF-8: without it they show accents as something else.
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	heads := []string{"table.day", "table.test", "table.written", "table.part", "table.value", "table.unit", "table.usual", "table.words", "table.lab"}
	for i, id := range heads {
		text, err := x.text(id)
		if err != nil {
			return err
		}
		heads[i] = text
	}
	_ = out.Write(heads) // an error stays, and Flush tells
	for _, r := range rows {
		usual, err := x.usual(r.Usual)
		if err != nil {
			return err
		}
		words, err := x.text(r.Standing.Says(r.Usual.Goal))
		if err != nil {
			return err
		}
		cells := []string{r.day(), r.Name, r.Written, r.Part, r.Value, r.Unit, usual, words, r.Lab}
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		_ = out.Write(cells)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// day is the date in the form that every spreadsheet knows, as exactly as it is known.
func (r TableRow) day() string {
	switch {
	case !r.On.Known():
		return ""
	case r.On.Month == 0:
		return fmt.Sprintf("%04d", r.On.Year)
	case r.On.Day == 0:
		return fmt.Sprintf("%04d-%02d", r.On.Year, r.On.Month)
	default:
		return fmt.Sprintf("%04d-%02d-%02d", r.On.Year, r.On.Month, r.On.Day)
	}
}

var plainNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// innerFormula is what would begin a cell where a semicolon ends one, as in spreadsheets
// of Spain and most of Europe, whatever the file's own separator is.
var innerFormula = regexp.MustCompile(`(;[" \x{a0}\x{200b}\x{feff}]*)([=+\-@＝＋－＠|%])`)

// cell takes from a text what makes a spreadsheet run it as a formula (OWASP ASVS 5.0
// 1.2.10): an apostrophe before it says that it is text. A number stays one.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	s = innerFormula.ReplaceAllString(s, "$1'$2")
	first := strings.TrimLeft(s, " \u00a0\u200b\ufeff")
	if first != "" && strings.ContainsRune("=+-@＝＋－＠|%", []rune(first)[0]) && !plainNumber.MatchString(s) {
		return "'" + s
	}
	return s
}
