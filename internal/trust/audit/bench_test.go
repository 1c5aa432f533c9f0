package audit_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// benchEntry is a read as access logs it.
func benchEntry() audit.Entry {
	e := fullEntry()
	e.Anchor, e.Before, e.After, e.File, e.Query, e.Owner, e.Count = nil, audit.Digest{}, audit.Digest{}, audit.Digest{}, "", "", 0
	e.Caller.OnBehalf, e.Caller.Name, e.Fault, e.Reason = "", "", "", ""
	e.Objects, e.Txn, e.Caller.Device = []string{"Observation/" + strings.Repeat("o", 26)}, strings.Repeat("t", 26), strings.Repeat("d", 22)
	return e
}

func appenders(b *testing.B, n int, one func() error) {
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range n {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := one(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cfg, _ := fileConfig(b)
			l := audittest.Start(b, cfg)
			e := benchEntry()
			appenders(b, n, func() error { _, err := l.Append(context.Background(), e); return err })
		})
	}
}

// BenchmarkPlainFile is the floor: equally long records, group commit, fdatasync.
func BenchmarkPlainFile(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "plain"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			g := &plainFile{f: f, wake: make(chan struct{}, 1), record: make([]byte, 36+65+32+1024+29)}
			g.open = &plainGroup{done: make(chan struct{})}
			go g.run()
			appenders(b, n, g.append)
			close(g.wake)
		})
	}
}

type plainGroup struct {
	n    int
	done chan struct{}
}

type plainFile struct {
	f      *os.File
	mu     sync.Mutex
	open   *plainGroup
	wake   chan struct{}
	record []byte
}

func (p *plainFile) append() error {
	p.mu.Lock()
	g := p.open
	g.n++
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	<-g.done
	return nil
}

func (p *plainFile) run() {
	for range p.wake {
		p.mu.Lock()
		g := p.open
		p.open = &plainGroup{done: make(chan struct{})}
		p.mu.Unlock()
		if _, err := p.f.Write(slices.Repeat(p.record, g.n)); err != nil {
			panic(err)
		}
		if err := unix.Fdatasync(int(p.f.Fd())); err != nil {
			panic(err)
		}
		close(g.done)
	}
}

// bigLog fills a log with n small entries, straight into the store.
func bigLog(b testing.TB, n int64) (audit.Config, string) {
	cfg, dir := fileConfig(b)
	l := audittest.Start(b, cfg)
	e := benchEntry()
	var last *audit.Pending
	for range n {
		last = l.Start(e)
	}
	if _, err := last.Wait(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := l.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	return cfg, dir
}

// BenchmarkBig measures verification, inclusion proof and start at 1 M entries.
func BenchmarkBig(b *testing.B) {
	cfg, dir := bigLog(b, 1_000_000)
	b.Run("verify", func(b *testing.B) {
		for range b.N {
			r, err := audit.VerifyFiles(b.Context(), audit.FileConfig{Dir: dir}, audit.VerifyConfig{VKey: cfg.VKey})
			if err != nil || !r.OK {
				b.Fatalf("%+v %v", r, err)
			}
			b.ReportMetric(float64(r.Size)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		}
	})
	b.Run("sha256", func(b *testing.B) { // the same leaves, the bare hash, one core
		s, err := audit.OpenFileReader(b.Context(), audit.FileConfig{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		var leaf audit.Leaf
		payload := make([]byte, 1024+32+28)
		for range b.N {
			for i := range int64(1_000_000) {
				binary.BigEndian.PutUint64(leaf[1:], uint64(i))
				_ = tlog.RecordHash(leaf[:])
				_ = sha256.Sum256(payload)
			}
		}
		b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	})
	b.Run("start", func(b *testing.B) {
		for range b.N {
			l, err := audit.Open(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			if err := l.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("inclusion", func(b *testing.B) {
		l, err := audit.Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close(context.Background())
		var times []time.Duration
		for i := range b.N {
			start := time.Now()
			if _, _, err := l.Inclusion(b.Context(), int64(i)*7919%1_000_000); err != nil {
				b.Fatal(err)
			}
			times = append(times, time.Since(start))
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "p50-ns")
	})
	b.Run("proof", func(b *testing.B) {
		l, err := audit.Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close(context.Background())
		for i := range b.N {
			if _, err := l.RiskyProof(b.Context(), int64(i)*7919%1_000_000); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOne is the latency of one appender, and in turns of a durable write of 4 KiB.
func BenchmarkOne(b *testing.B) {
	cfg, dir := fileConfig(b)
	l := audittest.Start(b, cfg)
	e := benchEntry()
	f, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	var ours, plain []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := l.Append(context.Background(), e); err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(start))
		start = time.Now()
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		plain = append(plain, time.Since(start))
	}
	slices.Sort(ours)
	slices.Sort(plain)
	b.ReportMetric(float64(ours[len(ours)/10].Nanoseconds())/1000, "p10-us")
	b.ReportMetric(float64(ours[len(ours)/2].Nanoseconds())/1000, "p50-us")
	b.ReportMetric(float64(plain[len(plain)/10].Nanoseconds())/1000, "plain-p10-us")
	b.ReportMetric(float64(plain[len(plain)/2].Nanoseconds())/1000, "plain-p50-us")
}
