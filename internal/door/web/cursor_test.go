package web

import "testing"

// Where the next part of a list begins is sealed into its address, so nobody writes it.
// Were it ever written by somebody, nothing begins before the first entry.
func TestNoListBeginsBeforeItsFirstEntry(t *testing.T) {
	for older, want := range map[string]int{"": 0, "0": 0, "40": 40} {
		if from, err := cursor(older); err != nil || from != want {
			t.Errorf("%q: %d, %v", older, from, err)
		}
	}
	for _, older := range []string{"-1", "x", "1.5", "99999999999999999999"} {
		if from, err := cursor(older); err == nil || from != 0 {
			t.Errorf("%q: %d", older, from)
		}
	}
}
