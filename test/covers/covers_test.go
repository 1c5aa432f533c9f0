package covers

import (
	"fmt"
	"testing"
)

// spy is a testing.TB that records instead of failing.
type spy struct {
	testing.TB
	logged string
	failed bool
}

func (s *spy) Helper()               {}
func (s *spy) Log(args ...any)       { s.logged = fmt.Sprint(args...) }
func (s *spy) Fatal(...any)          { s.failed = true }
func (s *spy) Fatalf(string, ...any) { s.failed = true }

func TestCoversLogsRows(t *testing.T) {
	s := &spy{}
	Covers(s, "HC-7a", "B-24")
	if s.failed || s.logged != "covers: HC-7a B-24" {
		t.Fatalf("logged %q, failed %v", s.logged, s.failed)
	}
}

func TestCoversRefusesWhatIsNoRow(t *testing.T) {
	for _, rows := range [][]string{nil, {""}, {"hc-7a"}, {"HC-7a", "HC7"}, {"HC-7a extra"}} {
		s := &spy{}
		Covers(s, rows...)
		if !s.failed {
			t.Errorf("Covers(%q) did not fail the test", rows)
		}
	}
}
