package app_test

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/test/covers"
)

// childDir names the folder that a child process serves until it is killed.
const childDir = "POSTERN_TEST_SERVE"

// serveChild is the child's whole life.
func serveChild(dir string) error {
	ctx := context.Background()
	c, err := app.ReadConfig(filepath.Join(dir, app.ConfigFile))
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, c, keys.Protector{How: keys.Plain}, app.Options{Log: app.NewLogger(os.Stderr)})
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	return a.Serve(ctx, l, app.Doors{})
}

// soak is one installation that is killed again and again.
type soak struct {
	in    *apptest.Installation
	token string
	paths []string
	ids   map[string]bool // of every answer 200 so far
}

// Covers HC-7a: a server is killed with -9 at random points under load of reads,
// again and again: every answer that a client got has its entry in the log, and
// the log is whole. 10 rounds; POSTERN_SOAK_ROUNDS asks for more.
func TestKillNineLosesNoEntryOfAnAnswer(t *testing.T) {
	covers.Covers(t, "HC-7a", "HC-7b")
	rounds := 10
	if s := os.Getenv("POSTERN_SOAK_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		must(t, err)
		rounds = n
	}
	in := apptest.Start(t, apptest.Options{Fill: true})
	s := &soak{in: in, token: in.Token(t, "mother"), ids: map[string]bool{}}
	var found struct {
		Entry []struct{ Resource struct{ ID string } }
	}
	must(t, json.Unmarshal(in.API(t, s.token, "/Observation").Body, &found))
	for _, e := range found.Entry {
		s.paths = append(s.paths, in.Origin+"/fhir/R4/Observation/"+e.Resource.ID)
	}
	from := in.Log.Size()
	in.Stop(t)
	random := rand.New(rand.NewPCG(7, 9))
	for round := range rounds {
		before := len(s.ids)
		s.round(t, time.Duration(random.IntN(300))*time.Millisecond)
		if len(s.ids) == before {
			t.Fatalf("round %d: no answer", round)
		}
		s.verify(t, round, from)
	}
	t.Logf("%d answers in %d rounds", len(s.ids), rounds)
}

// round starts a child, reads from it with eight clients, and kills it.
func (s *soak) round(t *testing.T, after time.Duration) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childDir+"="+s.in.Dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", s.in.Address)
	}}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	answers := make(chan string, 1024)
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() { s.read(ctx, client, n, answers) })
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	go func() {
		<-exited
		cancel()
		clients.Wait()
		close(answers)
	}()
	first := true
	for id := range answers {
		if first {
			first = false
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		s.ids[id] = true
	}
	if first {
		t.Fatalf("the child gave no answer:\n%s", &stderr)
	}
}

// read asks until ctx ends and hands on the id of every whole answer.
func (s *soak) read(ctx context.Context, client *http.Client, n int, answers chan<- string) {
	for i := n; ctx.Err() == nil; i++ {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.paths[i%len(s.paths)], nil)
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bearer "+s.token)
		res, err := client.Do(r)
		if err != nil {
			continue // not up yet, or killed: the context ends with the child
		}
		// The status line alone is an answer: its entry has to be there even
		// when the body was cut off.
		if res.StatusCode == http.StatusOK {
			answers <- res.Header.Get("X-Request-Id")
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}

// verify opens the folder that the killed child left.
func (s *soak) verify(t *testing.T, round int, from int64) {
	t.Helper()
	s.in.Open(t)
	logged := map[string]bool{}
	for _, e := range entries(t, s.in.App, from) {
		if e.Action == "readChart" && e.Outcome == audit.Success {
			logged[e.Txn] = true
		}
	}
	must(t, s.in.Close(t.Context()))
	s.in.App = nil
	missing := 0
	for id := range s.ids {
		if !logged[id] {
			missing++
		}
	}
	if missing > 0 {
		t.Fatalf("round %d: %d of %d answers have no entry", round, missing, len(s.ids))
	}
	report, err := app.AuditVerify(t.Context(), app.AuditVerifyOptions{Place: s.in.Place, Checkpoints: []string{filepath.Join(s.in.Dir, "checkpoint")}})
	if err != nil || !report.OK || !report.Anchored {
		t.Fatalf("round %d: %+v, %v", round, report, err)
	}
}
