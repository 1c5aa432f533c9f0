// Package covers lets a test name the rows of the control catalogue that it shows.
//
// It owns one line of test output, "covers: HC-7a CH-13", which the program
// test/controls reads back. It guarantees that a row is only ever counted for
// a test that ran: the line is logged by the running test, not kept in a list
// beside it. It is for tests only and never imports another package of Postern.
package covers

import (
	"regexp"
	"strings"
	"testing"
)

// Prefix starts every line that Covers logs.
const Prefix = "covers: "

// row is the form of a row's id: AC-4, HC-7a, B-24.
var row = regexp.MustCompile(`^[A-Z]{1,2}-[0-9]{1,3}[a-z]?$`)

// Covers records that the running test shows these rows. Call it on the first
// line of the test; a subtest may name its own.
func Covers(t testing.TB, rows ...string) {
	t.Helper()
	if len(rows) == 0 {
		t.Fatal("covers: no row named")
	}
	for _, r := range rows {
		if !row.MatchString(r) {
			t.Fatalf("covers: %q is not the id of a row", r)
		}
	}
	t.Log(Prefix + strings.Join(rows, " "))
}
