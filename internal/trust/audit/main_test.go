package audit_test

import (
	"bufio"
	"os"
	"testing"

	"postern.example/postern/internal/trust/db/dbtest"
)

// crashDir names the folder of a child that TestKillNine kills.
const crashDir = "POSTERN_AUDIT_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir, bufio.NewWriter(os.Stdout))
		return
	}
	dbtest.Main(m)
}
