package app

import (
	"io"
	"net/http"
	"testing"
)

// A connection that rested and is busy again keeps its place: what Maya reads must not
// break off because somebody else in her house comes. One that rests goes, if it is hers.
func TestWhoIsBusyAgainKeepsThePlace(t *testing.T) {
	l := bound(nil, openLimits{total: 4, each: 1}, NewLogger(io.Discard))
	maya, _ := l.admit(&wire{house: 1})
	other, _ := l.admit(&wire{house: 2})
	l.state(other, http.StateIdle)
	l.state(maya, http.StateIdle)
	l.state(maya, http.StateActive)
	if in, out := l.admit(&wire{house: 1}); in != nil || out != nil {
		t.Errorf("while she reads: admitted %v, cut off %v", in != nil, out != nil)
	}
	l.state(maya, http.StateIdle)
	if in, out := l.admit(&wire{house: 1}); in == nil || out != maya {
		t.Errorf("while she rests: admitted %v, cut off her %v", in != nil, out == maya)
	}
}

// When everything is taken by people who have one busy connection each, whoever comes
// is refused: nobody has more than a newcomer would.
func TestNobodyMakesRoomForAnEqual(t *testing.T) {
	l := bound(nil, openLimits{total: 3, each: 2}, NewLogger(io.Discard))
	for house := range byte(3) {
		l.admit(&wire{house: house})
	}
	if in, out := l.admit(&wire{house: 9}); in != nil || out != nil {
		t.Errorf("admitted %v, cut off %v", in != nil, out != nil)
	}
}
