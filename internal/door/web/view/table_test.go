package view_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/test/covers"
)

// Covers SD-4: a spreadsheet shows what a laboratory wrote and runs none of it (OWASP
// ASVS 5.0 1.2.10); a number stays a number, and the headings are the reader's.
func TestNoCellOfATableRuns(t *testing.T) {
	covers.Covers(t, "SD-4")
	set, _, _ := newSet(t)
	hostile := []string{`=1+1`, `+1+1`, `-1+1`, `@SUM(A1)`, "\t=1", "\r=1", ` =1`, "\u00a0=cmd|' /C calc'!A0", `＝1`, `|calc`, "a\"b,c\nd", "%0A=1", `a;=1+1;b`, `a; "=1+1";b`, "a;\u00a0@x"}
	var rows []view.TableRow
	for _, s := range hostile {
		rows = append(rows, view.TableRow{Name: s, Written: s, Part: s, Value: s, Unit: s, Lab: s, Usual: view.Usual{Words: s}})
	}
	rows = append(rows, view.TableRow{Name: "Base excess", Value: "-1.5", On: view.ParseDay("2026-11")})
	var out strings.Builder
	if err := set.Table(&out, "es", rows); err != nil {
		t.Fatal(err)
	}
	text, marked := strings.CutPrefix(out.String(), "\ufeff")
	read, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || !marked || len(read) != len(rows)+1 {
		t.Fatalf("%d lines, %v", len(read), err)
	}
	if read[0][0] != "Día" {
		t.Errorf("headings %q", read[0])
	}
	// A spreadsheet whose lists have semicolons takes the line apart there, and quotes only
	// where a part begins with one.
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\r' || r == '\n' }) {
		if s := strings.Trim(part, " \u00a0\""); s != "" && strings.ContainsAny(s[:1], "=+-@|%") {
			t.Errorf("%q runs where a semicolon ends a cell", part)
		}
	}
	for _, line := range read[1 : len(read)-1] {
		for _, c := range line {
			if s := strings.TrimLeft(c, " \u00a0\t\r\n"); s != "" && strings.ContainsAny(s[:1], "=+-@|%") || strings.HasPrefix(s, "＝") {
				t.Errorf("%q runs", c)
			}
		}
	}
	if last := read[len(read)-1]; last[0] != "2026-11" || last[4] != "-1.5" {
		t.Errorf("%q", last)
	}
	for _, day := range []string{"", "2026", "2026-11-20"} {
		out.Reset()
		if err := set.Table(&out, "en", []view.TableRow{{On: view.ParseDay(day)}}); err != nil || !strings.Contains(out.String(), "\r\n"+day+",") {
			t.Errorf("%q: %q, %v", day, out.String(), err)
		}
	}
}
