package audit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/word/fault"
)

// fileConfig is a log in files below a new folder.
func fileConfig(t testing.TB) (audit.Config, string) {
	dir := t.TempDir()
	cfg := audittest.Config()
	cfg.Store = audit.NewFileStore(audit.FileConfig{Dir: dir, Reserve: 1 << 16})
	cfg.Outside = audit.NewOutsideFile(filepath.Join(t.TempDir(), "checkpoint"))
	return cfg, dir
}

func read(n int) audit.Entry {
	return audit.Entry{Event: audit.EventRead, Outcome: audit.Success, Action: "readChart",
		Objects: []string{fmt.Sprintf("Observation/%d", n)}}
}

func mustAppend(t testing.TB, l *audit.Log, es ...audit.Entry) (last audit.Receipt) {
	t.Helper()
	for _, e := range es {
		var err error
		if last, err = l.Append(t.Context(), e); err != nil {
			t.Fatalf("append: %v", err)
		}
	}
	return last
}

func TestAppendReadReopen(t *testing.T) {
	cfg, _ := fileConfig(t)
	l := audittest.Start(t, cfg)
	for i := range 20 {
		if r := mustAppend(t, l, read(i)); r.Seq != int64(i) {
			t.Fatalf("entry %d got number %d", i, r.Seq)
		}
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), read(0)); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("append to a closed log: %v", err)
	}
	l2, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l2.Close(context.Background())
	n := 0
	err = l2.RiskyRead(t.Context(), 0, 1000, func(e audit.Entry) error {
		if want := read(n).Objects; !reflect.DeepEqual(e.Objects, want) || e.Seq != int64(n) {
			return fmt.Errorf("entry %d is %+v", n, e)
		}
		n++
		return nil
	})
	if err != nil || n != 20 {
		t.Fatalf("read %d entries: %v", n, err)
	}
	if r := mustAppend(t, l2, read(20)); r.Seq != 20 {
		t.Fatalf("numbering did not go on: %d", r.Seq)
	}
	if _, err := l2.RiskyEntry(t.Context(), 21); !fault.Is(err, fault.NotFound) {
		t.Fatalf("entry beyond the end: %v", err)
	}
}

func TestConcurrentAppend(t *testing.T) {
	cfg, _ := fileConfig(t)
	l := audittest.Start(t, cfg)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]bool{}
	for g := range 16 {
		wg.Go(func() {
			for i := range 50 {
				r, err := l.Append(t.Context(), read(g*100+i))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[r.Seq] {
					t.Errorf("number %d given twice", r.Seq)
				}
				seen[r.Seq] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if l.Size() != 800 || len(seen) != 800 {
		t.Fatalf("size %d, %d receipts", l.Size(), len(seen))
	}
}

func TestSecondProcessIsHeldOut(t *testing.T) {
	cfg, dir := fileConfig(t)
	audittest.Start(t, cfg)
	cfg.Store = audit.NewFileStore(audit.FileConfig{Dir: dir})
	if _, err := audit.Open(t.Context(), cfg); !errors.Is(err, audit.ErrHeld) {
		t.Fatalf("second opener: %v", err)
	}
}

// Times never run backwards, whatever the clock does, and the step is reported once.
func TestTimesAreMonotone(t *testing.T) {
	cfg := audittest.Config()
	clock := audittest.NewClock()
	cfg.Clock = clock.Now
	l := audittest.Start(t, cfg)
	first := mustAppend(t, l, read(0))
	clock.Add(-time.Hour)
	second := mustAppend(t, l, read(1))
	clock.Add(2 * time.Hour)
	third := mustAppend(t, l, read(2))
	if !second.Time.Equal(first.Time) || !third.Time.Equal(first.Time.Add(time.Hour)) || !l.LastTime().Equal(third.Time) {
		t.Fatal(first.Time, second.Time, third.Time)
	}
	if l.StepBack() != time.Hour || l.StepBack() != 0 {
		t.Fatal("the step back was not reported once")
	}
}

// The newest entry leads to the newest anchor in one step, also after a restart, and
// tells whether the data that it covers were committed.
func TestAnchors(t *testing.T) {
	cfg := audittest.Config()
	l := audittest.Start(t, cfg)
	if seq, _, settled, err := l.LatestAnchor(); seq != -1 || !settled || err != nil {
		t.Fatal("empty log has an anchor", seq, err)
	}
	mustAppend(t, l, read(0))
	a := audit.Anchor{Root: audit.Digest{9}, Count: 4, Prev: -1}
	r := mustAppend(t, l, audit.Entry{Event: audit.EventAnchor, Outcome: audit.Success, Anchor: &a})
	check := func(l *audit.Log, wantSettled bool) {
		t.Helper()
		seq, got, settled, err := l.LatestAnchor()
		if seq != r.Seq || got != a || settled != wantSettled || err != nil {
			t.Fatalf("anchor %d %+v settled %v: %v", seq, got, settled, err)
		}
	}
	reopen := func() {
		t.Helper()
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		var err error
		if l, err = audit.Open(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	check(l, false)
	mustAppend(t, l, read(2))
	reopen()
	check(l, false)
	l.Settle(r.Seq)
	l.Settle(0) // an older one changes nothing
	check(l, true)
	mustAppend(t, l, read(3)) // carries the stamp over the restart
	reopen()
	check(l, true)
	if _, err := l.Anchor(t.Context(), 0); !fault.Is(err, fault.Tampered) {
		t.Fatalf("an entry without anchor: %v", err)
	}
	if _, err := l.Anchor(t.Context(), 99); err == nil {
		t.Fatal("an entry that does not exist")
	}
	e, err := l.RiskyEntry(t.Context(), 2)
	if err != nil || e.LastAnchor != 1 || e.Settled != -1 {
		t.Fatalf("%+v %v", e, err)
	}
	_ = l.Close(t.Context())
}

func TestAppendRefusesBadEntries(t *testing.T) {
	l := audittest.New(t)
	if _, err := l.Append(t.Context(), audit.Entry{}); !fault.Is(err, fault.Internal) {
		t.Fatal(err)
	}
	e := read(0)
	e.Reason = strings.Repeat("x", 17000)
	if _, err := l.Append(t.Context(), e); !fault.Is(err, fault.TooLarge) {
		t.Fatal(err)
	}
	e.Reason = strings.Repeat("x", 16000)
	r := mustAppend(t, l, e)
	if got, err := l.RiskyEntry(t.Context(), r.Seq); err != nil || got.Reason != e.Reason {
		t.Fatal(err)
	}
	if l.Origin() != audittest.Name || l.VKey() == "" || l.Head().Size != 1 {
		t.Fatal("names")
	}
}

// A caller that does not wait to the end is told that nothing was written.
func TestWaitHeedsContext(t *testing.T) {
	cfg := audittest.Config()
	slow := &audittest.Faulty{Store: cfg.Store, Hold: make(chan struct{})}
	cfg.Store = slow
	l := audittest.Start(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	p := l.Start(read(0))
	cancel()
	if _, err := p.Wait(ctx); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	close(slow.Hold)
	if _, err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A key or random source that fails loses the entry and nothing else.
func TestSealerAndRandomFail(t *testing.T) {
	cfg := audittest.Config()
	random := &flaky{}
	cfg.Random = random
	l := audittest.Start(t, cfg)
	cfg.Sealer.(*audittest.Sealer).Fail(errors.New("no key"))
	if _, err := l.Append(t.Context(), read(0)); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	cfg.Sealer.(*audittest.Sealer).Fail(nil)
	random.fail = true
	if _, err := l.Append(t.Context(), read(0)); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	random.fail = false
	if r := mustAppend(t, l, read(0)); r.Seq != 0 {
		t.Fatal(r)
	}
}

type flaky struct{ fail bool }

func (f *flaky) Read(b []byte) (int, error) {
	if f.fail {
		return 0, errors.New("no entropy")
	}
	return len(b), nil
}

// Whoever comes first writes in the place of the sequencer; whoever comes meanwhile
// waits, and is written by the sequencer, which both of them wake.
func TestTheFirstToWaitWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := audittest.Config()
		slow := &audittest.Faulty{Store: cfg.Store, Hold: make(chan struct{})}
		cfg.Store = slow
		l := audittest.Start(t, cfg)
		receipts := make([]chan audit.Receipt, 2)
		for i := range receipts {
			receipts[i] = make(chan audit.Receipt, 1)
			go func() {
				r, err := l.Append(context.Background(), read(i))
				if err != nil {
					t.Error(err)
				}
				receipts[i] <- r
			}()
			synctest.Wait()
		}
		for i, c := range receipts {
			slow.Hold <- struct{}{}
			synctest.Wait()
			if r := <-c; r.Seq != int64(i) {
				t.Errorf("entry %d got number %d", i, r.Seq)
			}
		}
		if err := l.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

// Many entries at once take many groups, and big groups are sealed on all cores.
func TestManyPending(t *testing.T) {
	l := audittest.New(t)
	l.Cores(3)
	for _, p := range l.StartTogether(slices.Repeat([]audit.Entry{read(0)}, 150)...) {
		must(p.Wait(t.Context()))
	}
	var ps []*audit.Pending
	for i := range 2000 {
		ps = append(ps, l.Start(read(i)))
	}
	for i, p := range ps {
		r, err := p.Wait(t.Context())
		if err != nil || r.Seq != int64(150+i) {
			t.Fatal(i, r, err)
		}
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal("second close:", err)
	}
}

// sizes is a store that remembers how long the batches were.
type sizes struct {
	audit.Store
	got []int
}

func (s *sizes) Append(ctx context.Context, b audit.Batch) error {
	s.got = append(s.got, len(b.Records))
	return s.Store.Append(ctx, b)
}

// No batch is longer than the 512 entries that recovery looks for behind a torn end.
func TestBatchesAreBounded(t *testing.T) {
	cfg := audittest.Config()
	s := &sizes{Store: cfg.Store}
	cfg.Store = s
	l := audittest.Start(t, cfg)
	for _, p := range l.StartTogether(slices.Repeat([]audit.Entry{read(0)}, 1025)...) {
		must(p.Wait(t.Context()))
	}
	if err := l.Close(t.Context()); err != nil || !slices.Equal(s.got, []int{512, 512, 1}) {
		t.Fatal(s.got, err)
	}
}
