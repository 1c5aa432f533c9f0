package app_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/test/covers"
)

// fullHouse is an installation whose disk gets full while people are signed in.
type fullHouse struct {
	in      *apptest.Installation
	now     atomic.Int64
	pause   time.Duration // before somebody reads again
	doctor  *apptest.Browser
	others  map[string]*apptest.Browser
	charts  []string // paths, of the doctor's patients
	results []string // of one of them
}

var (
	chartPath  = regexp.MustCompile(`href="(/clinic/[^"?]+)"`)
	resultPath = regexp.MustCompile(`href="(/results/[^"]+)"`)
)

func newFullHouse(t *testing.T, o apptest.Options) *fullHouse {
	t.Helper()
	h := &fullHouse{}
	h.now.Store(time.Now().UnixNano())
	h.pause = 130 * time.Second // so that a session's use would be stored now
	o.Fill, o.Clock = true, func() time.Time { return time.Unix(0, h.now.Load()) }
	h.in = apptest.Start(t, o)
	h.doctor = h.in.Enter(t, "doctor")
	h.others = map[string]*apptest.Browser{"mother": h.in.Enter(t, "mother"), "officer": h.in.Enter(t, "officer"), "admin": h.in.Enter(t, "admin")}
	for _, m := range chartPath.FindAllStringSubmatch(string(h.doctor.Get(t, "/clinic").Body), -1) {
		h.charts = append(h.charts, m[1])
	}
	h.results = h.read(t)
	return h
}

// read is what a clinician does: the list, a patient's chart, a result. It returns the
// results that the charts lead to.
func (h *fullHouse) read(t *testing.T) (results []string) {
	t.Helper()
	h.now.Add(int64(h.pause))
	if got := h.doctor.Get(t, "/clinic"); got.Status != 200 {
		t.Fatalf("the list: %d\n%s\n%s", got.Status, got.Body, h.in.Process)
	}
	for _, path := range h.charts {
		got := h.chart(t, path)
		if got.Status != 200 {
			t.Fatalf("a chart: %d\n%s", got.Status, h.in.Process)
		}
		for _, m := range resultPath.FindAllStringSubmatch(string(got.Body), 3) {
			results = append(results, m[1])
		}
	}
	for _, path := range h.results {
		if got := h.doctor.Get(t, strings.ReplaceAll(path, "&amp;", "&")); got.Status != 200 {
			t.Fatalf("a result: %d\n%s", got.Status, h.in.Process)
		}
	}
	return results
}

// chart opens a patient's chart, which the answer to the form leads to.
func (h *fullHouse) chart(t *testing.T, path string) apptest.Answer {
	t.Helper()
	got := h.doctor.Post(t, path, "purpose", "TREAT")
	if got.Status == http.StatusSeeOther {
		got = h.doctor.Get(t, got.Header.Get("Location"))
	}
	return got
}

// stopped is who is refused for want of space.
func (h *fullHouse) stopped(t *testing.T) (who []string) {
	t.Helper()
	for _, p := range []struct{ who, path string }{{"mother", "/results"}, {"officer", "/officer"}, {"admin", "/admin"}} {
		switch got := h.others[p.who].Get(t, p.path); got.Status {
		case 200:
		case 503:
			who = append(who, p.who)
		default:
			t.Fatalf("%s: %d\n%s", p.who, got.Status, got.Body)
		}
	}
	if got := h.in.Browser().Post(t, "/demo/enter", "persona", "nurse"); got.Status == 503 {
		who = append(who, "stranger")
	}
	return who
}

func (h *fullHouse) verify(t *testing.T) audit.Report {
	t.Helper()
	r, err := app.AuditVerify(t.Context(), app.AuditVerifyOptions{Place: h.in.Place, Checkpoints: []string{filepath.Join(h.in.Dir, "checkpoint")}})
	if err != nil || !r.OK || !r.Anchored {
		t.Fatalf("verify: %+v, %v", r, err)
	}
	return r.Report
}

var allOthers = []string{"mother", "officer", "admin", "stranger"}

// Covers HC-7a: PostgreSQL refuses every change because its disk is full. In the declared
// order stranger, patient and office roles are refused, the assigned clinician reads
// on, over restarts too, until the space set aside is gone; then nobody does. With space
// again everybody is back, and the log is whole.
func TestCareGoesOnWhileTheDatabaseIsFull(t *testing.T) {
	covers.Covers(t, "HC-7a")
	h := newFullHouse(t, apptest.Options{Postgres: true, Reserve: 1 << 20})
	if who := h.stopped(t); len(who) > 0 || len(h.charts) < 3 || len(h.results) == 0 {
		t.Fatalf("%v refused; %v, %v", who, h.charts, h.results)
	}
	free := dbtest.FullDisk(t, *h.in.Postgres)
	defer free()
	h.read(t) // minutes later: the use of a session cannot be stored
	h.pause = time.Second
	var seen [][]string
	for len(seen) == 0 || !slices.Equal(seen[len(seen)-1], allOthers) {
		h.read(t)
		if who := h.stopped(t); len(seen) == 0 || !slices.Equal(seen[len(seen)-1], who) {
			seen = append(seen, who)
		}
		if len(seen) > 4 {
			t.Fatalf("refused one after the other: %v", seen)
		}
	}
	if !slices.Equal(seen[0], []string{"stranger"}) || !slices.ContainsFunc(seen, func(who []string) bool { return slices.Equal(who, []string{"mother", "stranger"}) }) {
		t.Fatalf("refused one after the other: %v", seen)
	}
	h.read(t)
	size := h.in.Log.Size()
	if r := h.verify(t); r.Size < size {
		t.Fatalf("%d of %d entries", r.Size, size)
	}
	h.in.Restart(t)
	h.read(t)
	if h.verify(t).Size < size {
		t.Fatal("entries are gone")
	}
	tables := dbtest.RawConfig(t, *h.in.Postgres)
	rows := func() int64 { return tables.Query(t, "SELECT count(*) FROM log_entry")[0][0].(int64) }
	if rows() >= size {
		t.Fatal("the table has everything")
	}
	for i := 0; h.chart(t, h.charts[0]).Status == 200; i++ {
		if i > 5000 {
			t.Fatal("the space set aside has no end")
		}
	}
	if got := h.doctor.Get(t, "/clinic"); got.Status != 503 {
		t.Fatalf("with nothing left: %d", got.Status)
	}
	free()
	if err := h.in.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.read(t)
	if who := h.stopped(t); len(who) > 0 {
		t.Fatalf("%v are not back", who)
	}
	if n := h.verify(t).Size; rows() < n {
		t.Fatalf("%d of %d entries in the table", rows(), n)
	}
	if strings.Contains(h.in.Process.String(), "msg=alarm") {
		t.Errorf("a full disk was taken for an attack:\n%s", h.in.Process)
	}
}

// Covers HC-7a: the embedded engine on a disk that is really full: in the declared order
// strangers, patients and office roles are refused, the assigned clinician reads on until
// the reserve is gone, and everybody is back when there is space.
func TestCareGoesOnOnAFullDisk(t *testing.T) {
	covers.Covers(t, "HC-7a")
	real := dbtest.OnSmallDisk(t, 64<<20, func(t *testing.T, dir string) {
		t.Setenv("TMPDIR", dir)
		marks := audit.Marks{Stranger: 8 << 20, App: 6 << 20, Patient: 4 << 20, Office: 2 << 20}
		h := newFullHouse(t, apptest.Options{Reserve: 256 << 10, Marks: marks})
		if who := h.stopped(t); len(who) > 0 {
			t.Fatalf("%v refused", who)
		}
		ballast := filepath.Join(dir, "ballast")
		for _, step := range []struct {
			left int64
			want []string
		}{{7 << 20, []string{"stranger"}}, {3 << 20, []string{"mother", "stranger"}}, {1 << 20, allOthers}} {
			fillUpTo(t, dir, ballast, step.left)
			must(t, h.in.Maintain(t.Context()))
			if who := h.stopped(t); !slices.Equal(who, step.want) {
				t.Errorf("with %d MiB left %v are refused, want %v", step.left>>20, who, step.want)
			}
			h.read(t)
		}
		fillUpTo(t, dir, ballast, 0)
		h.read(t)
		for i := 0; h.chart(t, h.charts[0]).Status == 200; i++ {
			if i > 5000 {
				t.Fatal("the reserve has no end")
			}
		}
		if got := h.doctor.Get(t, "/clinic"); got.Status != 503 {
			t.Fatalf("with nothing left: %d", got.Status)
		}
		must(t, os.Remove(ballast))
		must(t, h.in.Maintain(t.Context()))
		h.read(t)
		if who := h.stopped(t); len(who) > 0 {
			t.Fatalf("%v are not back\n%s", who, h.in.Process)
		}
		_, err := h.in.Log.Checkpoint(context.Background())
		must(t, err)
		h.verify(t)
		h.in.Restart(t)
		h.verify(t)
	})
	if !real {
		t.Log("only the drills of trust/audit on a disk in memory have shown it")
	}
}

// fillUpTo makes a file that leaves so many bytes on the disk of dir.
func fillUpTo(t *testing.T, dir, file string, left int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(t, err)
	block := make([]byte, 1<<16)
	for {
		free, err := audit.FreeSpace(dir)
		must(t, err)
		n := min(free-left, int64(len(block)))
		if n > 0 {
			_, err = f.Write(block[:n])
		}
		if n <= 0 || err != nil {
			must(t, f.Close())
			return
		}
	}
}
