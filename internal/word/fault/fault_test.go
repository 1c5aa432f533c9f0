package fault

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"postern.example/postern/test/covers"
)

// Every kind has a row, its own name and message, and a status that says failure.
func TestTableIsComplete(t *testing.T) {
	kinds := Kinds()
	if len(kinds) != int(TooCostly)+1 {
		t.Fatalf("%d rows for %d kinds", len(kinds), int(TooCostly)+1)
	}
	names, messages := map[string]bool{}, map[string]bool{}
	for i, k := range kinds {
		if int(k) != i {
			t.Errorf("row %d is of kind %d: the table follows the order of the constants", i, k)
		}
		if k.Status() < 400 || k.Status() > 599 {
			t.Errorf("%v answers with status %d, which is no failure", k, k.Status())
		}
		if !regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(k.String()) || names[k.String()] {
			t.Errorf("kind %d is named %q", k, k)
		}
		if !strings.HasPrefix(k.Message(), "error.") || messages[k.Message()] {
			t.Errorf("%v has the message %q", k, k.Message())
		}
		if k.Issue() == "" || k.row().exit == 0 {
			t.Errorf("%v: issue %q, exit %d", k, k.Issue(), k.row().exit)
		}
		names[k.String()], messages[k.Message()] = true, true
	}
}

// Doors and clients rely on these numbers.
func TestStatuses(t *testing.T) {
	want := map[Kind]int{Internal: 500, Unauthenticated: 401, StepUp: 403, Denied: 403, NotFound: 404, Gone: 410, Invalid: 400,
		Conflict: 409, TooLarge: 413, Throttled: 429, Unavailable: 503, Tampered: 503, Misdirected: 421, Method: 405, MediaType: 415, NotAcceptable: 406, TooCostly: 413}
	for _, k := range Kinds() {
		if k.Status() != want[k] {
			t.Errorf("%v: status %d, want %d", k, k.Status(), want[k])
		}
	}
}

// An error that nobody gave a kind, and a kind that nobody declared, are
// defects of ours: 500, never something harmless.
func TestUnknownIsInternal(t *testing.T) {
	if k := Of(io.EOF); k != Internal || k.Status() != 500 {
		t.Errorf("plain error: %v, status %d", k, k.Status())
	}
	if k := Kind(200); k.Status() != 500 || k.String() != "internal" || k.Message() != "error.internal" {
		t.Errorf("undeclared kind: %v, status %d", k, k.Status())
	}
	if Message(io.EOF) != "error.internal" {
		t.Errorf("message of a plain error: %q", Message(io.EOF))
	}
}

func TestNewWrapSay(t *testing.T) {
	e := New(NotFound, "read chart")
	if Of(e) != NotFound || e.Error() != "not-found: read chart" || Message(e) != "error.not-found" {
		t.Errorf("New: %v, %v", Of(e), e)
	}
	if Wrap(Denied, "read chart", nil) != nil {
		t.Error("Wrap made an error of nil")
	}
	w := Wrap(Unavailable, "append entry", io.ErrShortWrite)
	if Of(w) != Unavailable || !errors.Is(w, io.ErrShortWrite) || w.Error() != "unavailable: append entry: short write" {
		t.Errorf("Wrap: %v, %v", Of(w), w)
	}
	s := Say(Conflict, "error.last-passkey", "remove credential")
	if Of(s) != Conflict || Message(s) != "error.last-passkey" || s.Error() != "conflict: remove credential" {
		t.Errorf("Say: %v, %q", Of(s), Message(s))
	}
}

// The outermost fault decides: a room may turn a missing row into a denial.
func TestOutermostFaultDecides(t *testing.T) {
	err := fmt.Errorf("page: %w", Wrap(NotFound, "read", New(Tampered, "open row")))
	if Of(err) != NotFound || !Is(err, NotFound) || Is(err, Tampered) || Is(nil, Internal) {
		t.Errorf("kind %v", Of(err))
	}
}

// What a person sees comes from the message id alone; the inner error's text
// stays inside.
func TestMessageCarriesNoDetail(t *testing.T) {
	err := Wrap(Invalid, "read bundle", errors.New("line 12: name Rosalind"))
	if m := Message(err); strings.Contains(m, "Rosalind") || m != "error.invalid" {
		t.Errorf("message %q", m)
	}
}

// Whoever has to wait hears how long: rounded up, so that it is never too early.
func TestLaterSaysWhen(t *testing.T) {
	covers.Covers(t, "SD-6")
	for after, want := range map[time.Duration]int{time.Nanosecond: 1, time.Second: 1, 1500 * time.Millisecond: 2, time.Hour: 3600} {
		err := fmt.Errorf("serve: %w", Later("error.day-charts", "count", after))
		if !Is(err, Throttled) || RetryAfter(err) != want || Message(err) != "error.day-charts" {
			t.Errorf("%v: %d, %s", after, RetryAfter(err), Message(err))
		}
	}
	if got := RetryAfter(New(Throttled, "count")); got != Throttled.RetryAfter() {
		t.Errorf("without a time of its own: %d", got)
	}
	if got := RetryAfter(New(NotFound, "find")); got != 0 {
		t.Errorf("what does not come with time: %d", got)
	}
}
