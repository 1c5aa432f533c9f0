package main

import (
	"context"
	"encoding/gob"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var generatorFlag = flag.Bool("bench.generator", false, "be the load generator of another run, which this one reads orders from")

// TestMain is the load generator when it is asked to be.
func TestMain(m *testing.M) {
	flag.Parse()
	if !*generatorFlag {
		os.Exit(m.Run())
	}
	if err := obey(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load generator:", err)
		os.Exit(1)
	}
}

// generator is the process that asks. It is not the one that is measured: a
// server that shares its collector, its processors and its waits for the disk with
// those who ask it is not the server that ships. It shares the cores with it.
type generator struct {
	cmd   *exec.Cmd
	in    io.Closer
	order *gob.Encoder
	told  *gob.Decoder
	arms  int // that it was told of
}

// order is what the generator is to do: run an arm for a while or, with no
// connections, hang up. Requests come with the first order for an arm.
type order struct {
	Arm      int
	Addr     string
	Requests [][][]byte
	Want     int
	Conns    int
	Window   time.Duration
	Pause    time.Duration
}

// outcome is what came of it.
type outcome struct {
	Sample sample
	Err    string
}

func startGenerator(ctx context.Context) (*generator, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	//#nosec G204 -- this program itself
	c := exec.CommandContext(ctx, self, "-bench.generator")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start load generator: %w", err)
	}
	return &generator{cmd: c, in: in, order: gob.NewEncoder(in), told: gob.NewDecoder(out)}, nil
}

func (g *generator) tell(o order) (sample, error) {
	if err := g.order.Encode(o); err != nil {
		return sample{}, fmt.Errorf("order load: %w", err)
	}
	var r outcome
	if err := g.told.Decode(&r); err != nil {
		return sample{}, fmt.Errorf("hear of load: %w", err)
	}
	if r.Err != "" {
		return sample{}, errors.New(r.Err)
	}
	return r.Sample, nil
}

func (g *generator) stop() error { return errors.Join(g.in.Close(), g.cmd.Wait()) }

// obey is the generator's side: orders come in until there are no more.
func obey(r io.Reader, w io.Writer) error {
	in, out := gob.NewDecoder(r), gob.NewEncoder(w)
	arms := map[int]*load{}
	for {
		var o order
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		l := arms[o.Arm]
		if l == nil {
			l = &load{addr: o.Addr, want: o.Want, requests: o.Requests, pause: o.Pause}
			arms[o.Arm] = l
		}
		var done outcome
		if o.Conns == 0 {
			l.close()
			delete(arms, o.Arm)
		} else if s, err := l.window(o.Conns, o.Window); err != nil {
			done.Err = err.Error()
		} else {
			done.Sample = s
		}
		if err := out.Encode(done); err != nil {
			return err
		}
	}
}

// A generator that took a refusal, an answer without content or a broken connection for
// an answer would measure how fast the server fails.
func TestTheGeneratorNoticesWhatIsNoAnswer(t *testing.T) {
	s, err := plain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/refused":
			http.Error(w, "too many requests", http.StatusTooManyRequests)
		case "/broken":
			panic(http.ErrAbortHandler)
		case "/empty":
		default:
			_, _ = io.WriteString(w, "a result")
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	in, orders := io.Pipe()
	outcomes, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- obey(in, out) }()
	g := &generator{order: gob.NewEncoder(orders), told: gob.NewDecoder(outcomes)}
	for path, want := range map[string]string{"/": "", "/refused": "status 429", "/broken": "no status line", "/empty": "empty answer"} {
		a := &arm{by: g, name: path, addr: s.addr, want: http.StatusOK, requests: [][][]byte{{request(host, path, "")}}}
		got, err := a.window(4, 10*time.Millisecond)
		if want == "" && (err != nil || got.Answers < 4 || got.Length != len("a result")) {
			t.Errorf("%d answers of up to %d bytes: %v", got.Answers, got.Length, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		a.close()
	}
	if err := errors.Join(orders.Close(), <-ended); err != nil {
		t.Error(err)
	}
}
