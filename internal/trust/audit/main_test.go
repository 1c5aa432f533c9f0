package audit_test

import (
	"bufio"
	"os"
	"testing"

	"postern.example/postern/internal/trust/db/dbtest"
)

// crashDir names the folder of a child that TestKillNine kills, crashURL the database of
// one whose log is a table with an overflow.
const (
	crashDir = "POSTERN_AUDIT_CRASH_DIR"
	crashURL = "POSTERN_AUDIT_CRASH_URL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		cfg := crashConfig(dir)
		if url := os.Getenv(crashURL); url != "" {
			cfg = tableCrashConfig(dir, url)
		}
		crashChild(cfg, bufio.NewWriter(os.Stdout))
		return
	}
	dbtest.Main(m)
}
