package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/keys"
)

// reindexDir names the folder whose indexes a child process makes anew until it
// is killed.
const reindexDir = "POSTERN_TEST_REINDEX"

// nextVersion is how the resource types are defined after an upgrade.
func nextVersion() []records.Definition {
	defs := records.Definitions()
	for i := range defs {
		if defs[i].Type == "Observation" {
			defs[i].Search = append(slices.Clone(defs[i].Search), records.Param{Name: "unit", Kind: records.TokenParam, Path: "valueQuantity.unit"})
		}
	}
	return defs
}

func upgraded(ctx context.Context, dir string) (*app.App, error) {
	c, err := app.ReadConfig(filepath.Join(dir, app.ConfigFile))
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, c, keys.Protector{How: keys.Plain}, app.Options{Log: app.NewLogger(os.Stderr), Definitions: nextVersion()})
}

// reindexChild is the child's whole life: it prints a line for each chart.
func reindexChild(dir string) error {
	a, err := upgraded(context.Background(), dir)
	if err != nil {
		return err
	}
	sum, err := a.Records.ReindexAll(context.Background(), func(sum records.Reworked) { fmt.Println(sum.Charts) })
	if err == nil {
		fmt.Println("done", sum.Charts)
	}
	return errors.Join(err, a.Close(context.Background()))
}

// An upgrade changes a definition, and the rework of the indexes is killed with -9
// again and again: it goes on where it was, each chart has its entry, the heads and
// the log are whole after each kill, and in the end every chart is served.
func TestKillNineDuringAReworkOfIndexes(t *testing.T) {
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			in := apptest.Start(t, apptest.Options{Fill: true, Postgres: postgres})
			token, from := in.Token(t, "mother"), in.Log.Size()
			in.Stop(t)
			random := rand.New(rand.NewPCG(3, 1))
			rounds := 0
			for done := false; !done && rounds < 20; rounds++ {
				// The first chart of a round may have been done before the kill; the second is new.
				done = killAfter(t, in.Dir, 2, time.Duration(random.IntN(4000))*time.Microsecond)
				a, err := upgraded(t.Context(), in.Dir) // compares the heads with the log
				must(t, err)
				must(t, a.Close(t.Context()))
				report, err := app.AuditVerify(t.Context(), app.AuditVerifyOptions{Place: in.Place, Checkpoints: []string{filepath.Join(in.Dir, "checkpoint")}})
				if err != nil || !report.OK {
					t.Fatalf("round %d: %+v, %v", rounds, report, err)
				}
			}
			if rounds < 3 {
				t.Errorf("done after %d rounds: nothing was killed in the middle", rounds)
			}
			in.Definitions(nextVersion())
			in.Listen(t, in.Address)
			in.Open(t)
			charts, reworked := map[string]int{}, 0
			for _, e := range entries(t, in.App, from) {
				if (e.Action == "reindexChart" || e.Action == "reindexShared") && e.Event == audit.EventUpdate {
					charts[e.Patient.String()+e.Owner]++
					reworked++
				}
			}
			t.Logf("%d batches for %d charts in %d rounds", reworked, len(charts), rounds)
			if len(charts) < 7 || reworked > len(charts)+rounds {
				t.Errorf("%d batches for %d charts in %d rounds: done again and again", reworked, len(charts), rounds)
			}
			in.Serve(t)
			if got := in.API(t, token, "/Observation?unit=%25"); got.Status != 200 || !strings.Contains(string(got.Body), `"total":`) {
				t.Errorf("search by the new parameter: %d %s", got.Status, got.Body)
			}
			if page := string(in.Enter(t, "mother").Get(t, "/access-log").Body); !strings.Contains(page, "A program of the clinic") || !strings.Contains(page, "to look after the computer system") {
				t.Error("who looked does not show the job")
			}
		})
	}
}

// killAfter runs a child until it has done n charts and a little more, and kills
// it; true when it was done before.
func killAfter(t *testing.T, dir string, n int, more time.Duration) (done bool) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), reindexDir+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for i := 1; lines.Scan(); i++ {
		if done = strings.HasPrefix(lines.Text(), "done"); done {
			break
		}
		if i == n {
			time.AfterFunc(more, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	if !done && (err == nil || !strings.Contains(err.Error(), "killed")) {
		t.Fatalf("child: %v\n%s", err, &stderr)
	}
	return done
}
