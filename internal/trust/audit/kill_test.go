package audit_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// crashConfig is the log of a crash test: small segments and frequent checkpoints,
// so that a kill meets every phase.
func crashConfig(dir string) audit.Config {
	cfg := audittest.Config()
	cfg.Store = audit.NewFileStore(audit.FileConfig{Dir: filepath.Join(dir, "log"), Segment: 1 << 16, Reserve: 1 << 16})
	cfg.Outside = audit.NewOutsideFile(filepath.Join(dir, "outside"))
	cfg.CheckpointEvery = 5 * time.Millisecond
	return cfg
}

// crashChild appends from eight goroutines and prints each acknowledged entry, until
// it is killed.
func crashChild(cfg audit.Config, out *bufio.Writer) {
	l, err := audit.Open(context.Background(), cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(3)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				e := read(g*1_000_000 + i)
				e.Class = audit.ClassCare
				r, err := l.Append(context.Background(), e)
				if err != nil {
					fmt.Fprintln(os.Stderr, "child:", err)
					os.Exit(3)
				}
				mu.Lock()
				fmt.Fprintf(out, "%d %s\n", r.Seq, e.Objects[0])
				out.Flush()
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// Covers HC-7a: kill -9 at random points under load loses no acknowledged entry. 50
// rounds; POSTERN_SOAK_ROUNDS asks for more.
func TestKillNine(t *testing.T) {
	rounds := 50
	if s := os.Getenv("POSTERN_SOAK_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := audit.Create(t.Context(), crashConfig(dir)); err != nil {
		t.Fatal(err)
	}
	acked := map[int64]string{}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		killChild(t, time.Duration(random.IntN(25_000))*time.Microsecond, acked, crashDir+"="+dir)
		verifyAcked(t, dir, round, acked)
	}
	if len(acked) < rounds {
		t.Fatalf("only %d entries were acknowledged in %d rounds", len(acked), rounds)
	}
}

// killChild runs a child, kills it some time after its first acknowledgement, and
// collects what it had acknowledged.
func killChild(t *testing.T, after time.Duration, acked map[int64]string, env ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	timer := (*time.Timer)(nil)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // a torn line was not acknowledged to anybody
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
				t.Fatal(err)
			}
			break
		}
		if timer == nil {
			timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		seq, object, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, err := strconv.ParseInt(seq, 10, 64)
		if err != nil {
			t.Fatalf("child said %q", line)
		}
		if old, ok := acked[n]; ok {
			t.Fatalf("entry %d acknowledged twice: %s and %s", n, old, object)
		}
		acked[n] = object
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("child ended by itself: %v %s", err, stderr.String())
	}
}

func verifyAcked(t *testing.T, dir string, round int, acked map[int64]string) {
	t.Helper()
	cfg := crashConfig(dir)
	outside, err := os.ReadFile(filepath.Join(dir, "outside"))
	if err != nil {
		t.Fatal(err)
	}
	// First as the verifier finds it, untouched; then as the next start repairs it.
	files := audit.FileConfig{Dir: filepath.Join(dir, "log")}
	r, err := audit.VerifyFiles(t.Context(), files, audit.VerifyConfig{VKey: cfg.VKey, Outside: [][]byte{outside}})
	if err != nil || !r.OK || !r.Anchored {
		t.Fatalf("round %d, before restart: %+v %v", round, r, err)
	}
	l, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	defer l.Close(context.Background())
	seen := 0
	err = l.RiskyRead(t.Context(), 0, l.Size(), func(e audit.Entry) error {
		want, ok := acked[e.Seq]
		if ok && want != e.Objects[0] {
			return fmt.Errorf("entry %d is %s, acknowledged was %s", e.Seq, e.Objects[0], want)
		}
		if ok {
			seen++
		}
		return nil
	})
	if err != nil || seen != len(acked) {
		t.Fatalf("round %d: %d of %d acknowledged entries found: %v", round, seen, len(acked), err)
	}
	r, err = audit.Verify(t.Context(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey, Outside: [][]byte{outside}})
	if err != nil || !r.OK {
		t.Fatalf("round %d, after restart: %+v %v", round, r, err)
	}
}
