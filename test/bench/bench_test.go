package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/word/person"
)

var (
	runFlag      = flag.Bool("bench.run", false, "run the measurements (make bench)")
	quickFlag    = flag.Bool("bench.quick", false, "small and short; writes no report")
	noteFlag     = flag.String("bench.note", "", "what else the machine was doing")
	patientsFlag = flag.String("bench.patients", "", "sizes of the two stores, SMALL,LARGE")
	onlyFlag     = flag.String("bench.only", "", "only rows whose name contains this")
	profileFlag  = flag.String("bench.profile", "", "folder for CPU profiles")
	windowFlag   = flag.Duration("bench.window", 0, "how long an arm runs before the next has its turn")
)

// listPath asks for 50 observations.
const listPath = "/fhir/R4/Observation?_count=50"

// bench is one run.
type bench struct {
	rounds    int
	window    time.Duration
	entries   int // of the large log
	tries     int
	small     int // patients of the two stores
	large     int
	work      string // folder of this run
	cache     string // folder of the seeded stores
	coldStore string
	coldSize  string
	profiles  string
	report    *report
	generator *generator
	say       func(string, ...any)
}

// TestBench runs the measurements when it is asked to, and is no test: nothing
// that it finds makes it fail.
func TestBench(t *testing.T) {
	if !*runFlag {
		return
	}
	b := &bench{rounds: 5, window: 2 * time.Second, entries: 1_000_000, tries: 10_000, small: 10_000, large: 100_000,
		cache: filepath.Join("..", "..", ".cache", "bench"), profiles: *profileFlag, say: t.Logf, report: &report{say: t.Logf}}
	if *quickFlag {
		b.rounds, b.window, b.entries, b.tries, b.small, b.large = 3, 300*time.Millisecond, 50_000, 2_000, 200, 1_000
	}
	if *windowFlag > 0 {
		b.window = *windowFlag
	}
	if *patientsFlag != "" {
		if _, err := fmt.Sscanf(*patientsFlag, "%d,%d", &b.small, &b.large); err != nil {
			t.Fatal(err)
		}
	}
	defer app.Tune()() // as a serving process does
	var err error
	if b.generator, err = startGenerator(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.run(context.Background()), b.generator.stop()); err != nil {
		t.Fatal(err)
	}
	if *quickFlag || *onlyFlag != "" {
		return
	}
	if err := os.WriteFile(filepath.Join("..", "..", "docs", "bench.md"), b.report.page(*noteFlag), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) run(ctx context.Context) (err error) {
	small, err := seeded(ctx, b.cache, b.small, b.say)
	if err != nil {
		return err
	}
	large, err := seeded(ctx, b.cache, b.large, b.say)
	if err != nil {
		return err
	}
	if b.work, err = os.MkdirTemp(b.cache, "run-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	b.coldStore, b.coldSize = small, resources(b.small)
	if b.small*21 < 100_000 && b.large > b.small {
		b.coldStore, b.coldSize = large, resources(b.large)
	}
	began := time.Now()
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"requests", func(ctx context.Context) error { return b.requests(ctx, small) }},
		{"pages", b.pages},
		{"growth", func(ctx context.Context) error { return b.growth(ctx, small, large) }},
		{"append", b.logAppend},
		{"biglog", b.logBig},
		{"process", b.processes},
	} {
		if !strings.Contains(part.name, *onlyFlag) && !(part.name == "requests" && slices.Contains(overHTTP, *onlyFlag)) {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		runtime.GC()
	}
	b.say("took %s", time.Since(began).Round(time.Second))
	return nil
}

// resources says how many resources a store holds.
func resources(patients int) string {
	return thousands(float64(patients*21+bigs*(bigChart+1))) + " resources"
}

// overHTTP names the parts of requests, for -only.
var overHTTP = []string{"read", "alone", "list", "timing", "costs", "writing"}

// requests measures what goes over HTTP.
func (b *bench) requests(ctx context.Context, small string) (err error) {
	dir := filepath.Join(b.work, "small")
	if err := copied(small, dir); err != nil {
		return err
	}
	st, err := openStand(ctx, dir)
	if err != nil {
		return err
	}
	for i, run := range []func() error{
		func() error { return b.reads(st) },
		func() error { return b.alone(st, dir) },
		func() error { return b.lists(st) },
		func() error { return b.timing(st) },
		func() error { return b.costs(ctx, st) },
		func() error { return b.whileWriting(st) }, // last: the second vault calls every change tampering
	} {
		if err == nil && (slices.Contains(overHTTP, *onlyFlag) == false || overHTTP[i] == *onlyFlag) {
			err = run()
		}
	}
	return errors.Join(err, st.shut(ctx))
}

// each makes a request list per token.
func each(paths, tokens []string) (out [][][]byte) {
	for i := range tokens {
		out = append(out, [][]byte{request(host, paths[i], tokens[i])})
	}
	return out
}

// reads is the first row: one resource of 2 KB at 64 connections.
func (b *bench) reads(st *stand) error {
	on := &arm{by: b.generator, name: "read", addr: st.product.addr, want: 200, requests: each(st.ids, st.tokens)}
	off := &arm{by: b.generator, name: "off", addr: st.off.addr, want: 200, requests: each(st.ids, st.tokens)}
	defer on.close()
	defer off.close()
	one, err := on.window(1, 50*time.Millisecond)
	if err != nil {
		return err
	}
	p, err := plain(constant(one.Length))
	if err != nil {
		return err
	}
	defer p.stop()
	plain := &arm{by: b.generator, name: "plain", addr: p.addr, want: 200, requests: [][][]byte{{request(host, "/", "")}}}
	defer plain.close()
	s, err := interleaved([]*arm{on, off, plain}, 64, b.rounds, b.window)
	if err != nil {
		return err
	}
	b.profile(on, 64)
	b.profile(off, 64)
	about := fmt.Sprintf("%s/s, p50 %s, p99 %s (%d bytes)", thousands(median(rates(s["read"]))), micros(median(halves(s["read"]))), micros(s["read"][0].P99), one.Length)
	b.report.atLeast("read of one 2 KB resource, 64 connections", "x a plain handler", 0.30, ratio(s["read"], s["plain"]),
		about+"; plain "+thousands(median(rates(s["plain"])))+"/s"+cpuRatio(s["read"], s["plain"]))
	b.report.atLeast("read of one 2 KB resource, 64 connections", "x the same with the log off", 0.60, ratio(s["read"], s["off"]),
		about+"; log off "+thousands(median(rates(s["off"])))+"/s, "+fmt.Sprintf("%.2f x plain", ratio(s["off"], s["plain"]))+cpuRatio(s["read"], s["off"]))
	return b.longChart(st)
}

// commitEvery is the pause between two changes of somebody else.
const commitEvery = 50 * time.Millisecond

// whileWriting is not a row: the first row in a store that changes. What is verified
// and remembered holds until the next commit, whosever it is, so this is what it is
// worth when there are many.
func (b *bench) whileWriting(st *stand) error {
	on := &arm{by: b.generator, name: "read", addr: st.product.addr, want: 200, requests: each(st.ids, st.tokens)}
	defer on.close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := st.app.AddPersona(ctx, app.Persona{Handle: "writer", Name: "Wanda Writer", Roles: []person.Role{person.RoleNurse}}); err != nil {
		return err
	}
	written, n := make(chan error, 1), 0
	go func() {
		t := time.NewTicker(commitEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				written <- nil
				return
			case <-t.C:
			}
			if _, err := tokenOf(context.WithoutCancel(ctx), st.app, "writer"); err != nil {
				written <- err
				return
			}
			n++
		}
	}()
	start := time.Now()
	s, err := on.window(64, 2*b.window)
	took := time.Since(start)
	stop()
	if err = errors.Join(err, <-written); err != nil {
		return err
	}
	b.report.line("the first row while others change the store", fmt.Sprintf("%s/s, p50 %s; %.0f changes a second, each of which ends what is remembered",
		thousands(s.Rate), micros(s.P50), float64(n)/took.Seconds()))
	return nil
}

// longChart is not a row: the same read out of a chart of 2,000 resources.
func (b *bench) longChart(st *stand) error {
	a := &arm{by: b.generator, name: "long", addr: st.product.addr, want: 200}
	defer a.close()
	for i, token := range st.bigTok {
		var rs [][]byte
		for _, path := range st.bigIDs[i] {
			rs = append(rs, request(host, path, token))
		}
		a.requests = append(a.requests, rs)
	}
	s, err := a.window(64, b.window)
	if err != nil {
		return err
	}
	b.report.line("the same read out of 16 charts of 2,000 resources", fmt.Sprintf("%s/s, p50 %s", thousands(s.Rate), micros(s.P50)))
	return nil
}

// alone is the second row: one connection against the device.
func (b *bench) alone(st *stand, dir string) error {
	on := &arm{by: b.generator, name: "read", addr: st.product.addr, want: 200, requests: each(st.ids[:1], st.tokens[:1])}
	off := &arm{by: b.generator, name: "off", addr: st.off.addr, want: 200, requests: each(st.ids[:1], st.tokens[:1])}
	defer on.close()
	defer off.close()
	var over, syncs, reads, offs []time.Duration
	for round := -1; round < b.rounds; round++ {
		d, err := fdatasync(dir, 300)
		if err != nil {
			return err
		}
		s, err := on.window(1, b.window/2)
		if err != nil {
			return err
		}
		o, err := off.window(1, b.window/4)
		if err != nil {
			return err
		}
		if round >= 0 {
			over, syncs, reads, offs = append(over, s.P50-d), append(syncs, d), append(reads, s.P50), append(offs, o.P50)
		}
	}
	b.report.atMost("the same, 1 connection, p50", "us over the device's fdatasync p50", 250, float64(median(over).Nanoseconds())/1000,
		fmt.Sprintf("read %s, fdatasync of 4 KiB %s; with the log off %s", micros(median(reads)), micros(median(syncs)), micros(median(offs))))
	return nil
}

func (b *bench) listArm(st *stand, name string) *arm {
	a := &arm{by: b.generator, name: name, addr: st.product.addr, want: 200}
	for _, token := range st.bigTok {
		a.requests = append(a.requests, [][]byte{request(host, listPath, token)})
	}
	return a
}

// lists is the third row.
func (b *bench) lists(st *stand) error {
	list := b.listArm(st, "list")
	defer list.close()
	cold, err := b.firstLists(st)
	if err != nil {
		return err
	}
	first, err := list.window(1, 50*time.Millisecond)
	if err != nil {
		return err
	}
	same, err := plain(constant(first.Length))
	if err != nil {
		return err
	}
	defer same.stop()
	two, err := plain(constant(twoKB))
	if err != nil {
		return err
	}
	defer two.stop()
	body := &arm{by: b.generator, name: "body", addr: same.addr, want: 200, requests: [][][]byte{{request(host, "/", "")}}}
	plain := &arm{by: b.generator, name: "plain", addr: two.addr, want: 200, requests: [][][]byte{{request(host, "/", "")}}}
	off := b.listArm(st, "off")
	off.addr = st.off.addr
	defer body.close()
	defer plain.close()
	defer off.close()
	s, err := interleaved([]*arm{list, body, plain, off}, 64, b.rounds, b.window)
	if err != nil {
		return err
	}
	b.profile(list, 64)
	b.profile(body, 64)
	about := fmt.Sprintf("%s/s, p50 %s (%d bytes), log off %s/s; cold, log off, 1 connection: p50 %s", thousands(median(rates(s["list"]))), micros(median(halves(s["list"]))),
		first.Length, thousands(median(rates(s["off"]))), micros(cold))
	b.report.atLeast("list of 50 observations, 16 charts of 2,000, warm, 64 connections", "x a plain handler", 0.05, ratio(s["list"], s["plain"]),
		about+"; plain "+thousands(median(rates(s["plain"])))+"/s"+cpuRatio(s["list"], s["plain"]))
	b.report.atLeast("list of 50 observations, 16 charts of 2,000, warm, 64 connections", "x a handler writing an equally long constant body", 0.5,
		ratio(s["list"], s["body"]), about+"; constant body "+thousands(median(rates(s["body"])))+"/s"+cpuRatio(s["list"], s["body"]))
	return nil
}

// firstLists is the median of the first list of each long chart, from the store
// that nobody has asked before, which is the one with the log off.
func (b *bench) firstLists(st *stand) (time.Duration, error) {
	c, err := dial(st.off.addr)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	var times []time.Duration
	for _, token := range st.bigTok {
		start := time.Now()
		if a, err := c.do(request(host, listPath, token), nil); err != nil || a.status != 200 {
			return 0, fmt.Errorf("first list: status %d: %w", a.status, err)
		}
		times = append(times, time.Since(start))
	}
	return median(times), nil
}

// growth compares two stores of unlike size, both open, in turns.
func (b *bench) growth(ctx context.Context, small, large string) error {
	// Two servers share this process, and each would have its own limit.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	var arms []*arm
	for i, from := range []string{small, large} {
		dir := filepath.Join(b.work, "grow"+strconv.Itoa(i))
		if err := copied(from, dir); err != nil {
			return err
		}
		st, err := openStand(ctx, dir)
		if err != nil {
			return err
		}
		defer st.shut(ctx)
		arms = append(arms, b.listArm(st, []string{"small", "large"}[i]))
	}
	s, err := interleaved(arms, 64, b.rounds, b.window)
	if err != nil {
		return err
	}
	b.report.atMost(fmt.Sprintf("the list with %s patients against %s", thousands(float64(b.large)), thousands(float64(b.small))), "x the cost", 1.5,
		ratio(s["small"], s["large"]), fmt.Sprintf("%s/s and %s/s", thousands(median(rates(s["large"]))), thousands(median(rates(s["small"])))))
	return nil
}

// profile writes a CPU profile of an arm when one was asked for.
func (b *bench) profile(a *arm, conns int) {
	if b.profiles == "" {
		return
	}
	f, err := os.Create(filepath.Join(b.profiles, a.name+".pprof"))
	if err != nil {
		b.say("profile: %v", err)
		return
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		b.say("profile: %v", err)
		return
	}
	defer pprof.StopCPUProfile()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := a.window(conns, 4*b.window)
	runtime.ReadMemStats(&after)
	n := s.Rate * (4 * b.window).Seconds()
	b.say("profile of %s: %.0f/s %v; %.0f allocations and %.0f bytes a request", a.name, s.Rate, err,
		float64(after.Mallocs-before.Mallocs)/n, float64(after.TotalAlloc-before.TotalAlloc)/n)
}

func cryptoRand() io.Reader { return rand.Reader }

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func micros(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", millis(d))
	}
	return fmt.Sprintf("%d us", d.Microseconds())
}

// thousands writes a whole number with separators.
func thousands(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "-"
	}
	s := strconv.FormatInt(int64(math.Round(f)), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
