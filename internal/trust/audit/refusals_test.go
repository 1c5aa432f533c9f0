package audit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// journal is an Appender that keeps entries in memory and can fail or hold.
type journal struct {
	mu      sync.Mutex
	entries []audit.Entry
	fail    error
	hold    chan struct{}
	// holdCount, when not nil, is waited for by counts; an error from it is theirs.
	holdCount chan error
}

func (j *journal) Append(_ context.Context, e audit.Entry) (audit.Receipt, error) {
	if j.hold != nil {
		<-j.hold
	}
	if j.holdCount != nil && e.Event == audit.EventCount {
		if err := <-j.holdCount; err != nil {
			return audit.Receipt{}, err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return audit.Receipt{}, j.fail
	}
	j.entries = append(j.entries, e)
	return audit.Receipt{Seq: int64(len(j.entries) - 1)}, nil
}

func (j *journal) set(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = err
}

func (j *journal) all() []audit.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]audit.Entry{}, j.entries...)
}

func refusal(n int) audit.Entry {
	e := fullEntry()
	e.Count, e.Event, e.Outcome, e.Objects = 0, audit.EventRefused, audit.Refused, []string{fmt.Sprintf("Observation/%d", n)}
	return e
}

func stranger(source string, n int) audit.Entry {
	e := refusal(n)
	e.Caller = audit.Caller{Kind: "stranger", Source: source}
	return e
}

// The first refusal is durable before its answer; identical ones within the minute
// become one count, durable within 60 seconds of the first.
func TestRefusalsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		r := audit.NewRefusals(audit.RefusalsConfig{Log: j})
		refuse := func(key string, e audit.Entry) {
			t.Helper()
			if err := r.Refuse(t.Context(), key, e); err != nil {
				t.Fatal(err)
			}
		}
		refuse("mother read a", refusal(1))
		if got := j.all(); len(got) != 1 || got[0].Event != audit.EventRefused {
			t.Fatalf("%+v", got)
		}
		for range 9 {
			refuse("mother read a", refusal(1))
		}
		refuse("mother read b", refusal(2))
		if len(j.all()) != 2 {
			t.Fatal("identical refusals became entries at once")
		}
		time.Sleep(audit.RefusalWindow)
		synctest.Wait()
		got := j.all()
		if len(got) != 3 || got[2].Event != audit.EventCount || got[2].Count != 9 || got[2].Objects[0] != "Observation/1" {
			t.Fatalf("%+v", got)
		}
		refuse("mother read a", refusal(1)) // a new minute: a first again
		if len(j.all()) != 4 {
			t.Fatal("the minute did not end")
		}
		refuse("mother read a", refusal(1))
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := j.all(); len(got) != 5 || got[4].Count != 1 {
			t.Fatalf("%+v", got)
		}
		if err := r.Refuse(t.Context(), "late", refusal(1)); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		time.Sleep(2 * audit.RefusalWindow)
	})
}

// Whoever guesses many targets without signing in is counted per source.
func TestStrangersAreCountedPerSource(t *testing.T) {
	j := &journal{}
	r := audit.NewRefusals(audit.RefusalsConfig{Log: j})
	for n := range 100 {
		for _, source := range []string{"192.0.2.1", "192.0.2.2"} {
			if err := r.Refuse(t.Context(), fmt.Sprint("target ", n), stranger(source, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := j.all()
	if len(got) != 4 || got[2].Count != 99 || got[3].Count != 99 || got[2].Objects != nil || got[2].Caller.Source != "192.0.2.1" {
		t.Fatalf("%+v", got)
	}
}

// Memory is bounded: the oldest kind is written out when the table is full.
func TestRefusalsAreBounded(t *testing.T) {
	j := &journal{}
	r := audit.NewRefusals(audit.RefusalsConfig{Log: j, Limit: 2})
	for _, key := range []string{"a", "a", "b", "c", "d", "d"} {
		if err := r.Refuse(t.Context(), key, refusal(0)); err != nil {
			t.Fatal(err)
		}
	}
	counts := 0
	for _, e := range j.all() {
		if e.Event == audit.EventCount {
			counts++
		}
	}
	if counts != 1 || len(j.all()) != 5 { // a, b, count of a, c, d: b had nothing to count
		t.Fatalf("%d entries, %d counts", len(j.all()), counts)
	}
	if err := r.Close(t.Context()); err != nil || len(j.all()) != 6 {
		t.Fatal(err, len(j.all()))
	}
}

// While the first is on its way, identical ones wait for it, and share its fate.
func TestRefusalsWaitForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{hold: make(chan struct{}), fail: errors.New("disk")}
		r := audit.NewRefusals(audit.RefusalsConfig{Log: j})
		results := make(chan error, 3)
		for range 3 {
			go func() { results <- r.Refuse(context.Background(), "a", refusal(0)) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Refuse(ctx, "a", refusal(0)); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		close(j.hold)
		for range 3 {
			if err := <-results; err == nil {
				t.Fatal("answered without an entry")
			}
		}
		j.set(nil)
		if err := r.Refuse(t.Context(), "a", refusal(0)); err != nil || len(j.all()) != 1 {
			t.Fatal(err)
		}
		if err := r.Close(t.Context()); err != nil || len(j.all()) != 1 {
			t.Fatal("a failed refusal was counted", err)
		}
	})
}

// A count that cannot be written raises the alarm, is kept and tried again.
func TestRefusalCountsSurviveAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		alarms := 0
		r := audit.NewRefusals(audit.RefusalsConfig{Log: j, Alarm: func(error) { alarms++ }})
		refuse := func() {
			t.Helper()
			if err := r.Refuse(t.Context(), "a", refusal(0)); err != nil {
				t.Fatal(err)
			}
		}
		refuse()
		refuse()
		j.set(errors.New("disk"))
		time.Sleep(audit.RefusalWindow)
		synctest.Wait()
		j.set(nil)
		refuse() // identical, and counted with those that wait
		time.Sleep(audit.RefusalWindow)
		synctest.Wait()
		if got := j.all(); alarms != 1 || len(got) != 2 || got[1].Count != 2 {
			t.Fatalf("%d alarms, %+v", alarms, got)
		}
		refuse()
		refuse()
		j.set(errors.New("disk"))
		if err := r.Close(t.Context()); err == nil {
			t.Fatal("Close lost a count silently")
		}
	})
}

// While a count fails to be written, the same kind may have begun anew: both add up.
func TestRefusalCountJoinsItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{holdCount: make(chan error)}
		r := audit.NewRefusals(audit.RefusalsConfig{Log: j})
		for range 3 {
			_ = r.Refuse(t.Context(), "a", refusal(0))
		}
		time.Sleep(audit.RefusalWindow)
		synctest.Wait() // the count of 2 is on its way
		if err := r.Refuse(t.Context(), "a", refusal(0)); err != nil {
			t.Fatal(err)
		}
		j.holdCount <- errors.New("disk")
		synctest.Wait()
		close(j.holdCount)
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := j.all()
		if len(got) != 3 || got[2].Count != 2 {
			t.Fatalf("%+v", got)
		}
	})
}

// by is the refusal of target n to an account, through one of its tokens.
func by(account person.AccountID, device string, n int) audit.Entry {
	e := refusal(n)
	e.Caller = audit.Caller{Kind: "token", Account: account, Device: device, Source: "192.0.2.1"}
	return e
}

// One who asks for ever new things is slowed down: a handful of entries, one that
// says so, one count, and everybody else is answered as before.
func TestDifferentRefusalsOfOneAccountAreFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		r := audit.NewRefusals(audit.RefusalsConfig{Log: j, Spread: 3})
		prober := fullEntry().Caller.Account
		other, err := person.NewAccountID(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		refuse := func(account person.AccountID, device string, n int) error {
			return r.Refuse(t.Context(), fmt.Sprint(account, device, n), by(account, device, n))
		}
		for n := range 100 {
			// Another token of the same account gives no second share.
			if err := refuse(prober, fmt.Sprint("token ", n%2), n); fault.Is(err, fault.Throttled) != (n >= 3) || err != nil && n < 3 {
				t.Fatalf("target %d: %v", n, err)
			}
		}
		if err := refuse(prober, "token 0", 0); err != nil {
			t.Errorf("one that was counted before: %v", err)
		}
		if err := refuse(other, "token 9", 5); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		got := j.all()
		if len(got) != 5 || got[3].Event != audit.EventRefused || got[3].Fault != "throttled" || got[3].Reason == "" || got[3].Objects[0] != "Observation/3" {
			t.Fatalf("%d entries: %+v", len(got), got[3:])
		}
		time.Sleep(audit.RefusalWindow)
		synctest.Wait()
		var sum int64
		for _, e := range j.all()[5:] {
			if sum += e.Count; e.Fault == "throttled" && (e.Count != 96 || !e.Patient.IsZero() || e.Objects != nil || e.Action != "" || e.Policy != nil || e.Kinds != nil || e.Caller.Account != prober) {
				t.Errorf("the count: %+v", e)
			}
		}
		if sum+5 != 102 {
			t.Errorf("%d answers stand in the log, 102 were given", sum+5)
		}
		if err := refuse(prober, "token 0", 200); err != nil {
			t.Errorf("a minute later: %v", err)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// What is written out early to make room still counts: callers who are in league
// cannot empty the table for each other and fill the log through it.
func TestFoldingSurvivesAFullTable(t *testing.T) {
	j := &journal{}
	r := audit.NewRefusals(audit.RefusalsConfig{Log: j, Spread: 4, Limit: 6})
	a, err := person.NewAccountID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := fullEntry().Caller.Account
	for n := range 1000 {
		_ = r.Refuse(t.Context(), fmt.Sprint("a", n), by(a, "", n))
		_ = r.Refuse(t.Context(), fmt.Sprint("b", n), by(b, "", n))
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var answers int64
	for _, e := range j.all() {
		answers += max(e.Count, 1)
	}
	if len(j.all()) > 2*(4+2) || answers != 2000 {
		t.Errorf("%d entries stand for %d answers", len(j.all()), answers)
	}
}

// A flood from many addresses is folded, and nobody's answer changes by it. The
// addresses of one IPv6 network are one source.
func TestManyStrangersAreFolded(t *testing.T) {
	j := &journal{}
	r := audit.NewRefusals(audit.RefusalsConfig{Log: j, Strangers: 3})
	sources := []string{"192.0.2.1", "2001:db8::1", "2001:db8::2", "unix"}
	for n := range 500 {
		sources = append(sources, fmt.Sprintf("198.51.100.%d", n))
	}
	for n, source := range sources {
		if err := r.Refuse(t.Context(), "", stranger(source, n)); err != nil {
			t.Fatalf("%s: %v", source, err)
		}
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := j.all()
	if len(got) != 6 || got[1].Caller.Source != "2001:db8::1" || got[3].Reason == "" || got[3].Fault == "throttled" {
		t.Fatalf("%d entries: %+v", len(got), got)
	}
	for _, e := range got[4:] {
		if e.Count != 1 && (e.Count != 499 || e.Caller.Source != "" || e.Action != "") {
			t.Errorf("count %+v", e)
		}
	}
}

// Being slowed down is an answer too: without an entry there is none.
func TestAFoldedRefusalNeedsItsEntry(t *testing.T) {
	j := &journal{fail: errors.New("disk")}
	r := audit.NewRefusals(audit.RefusalsConfig{Log: j, Spread: 1})
	a := fullEntry().Caller.Account
	for n := range 3 {
		if err := r.Refuse(t.Context(), fmt.Sprint(n), by(a, "", n)); err == nil || fault.Is(err, fault.Throttled) {
			t.Errorf("target %d: %v", n, err)
		}
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
