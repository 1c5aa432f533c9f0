// Package synthea finds the third-party FHIR bundles that tests read, which are no
// part of the repository.
//
// It guarantees that a test without them is skipped by name, for a reason that
// docs/skips.md lists, and that in CI it fails. It is for tests only.
package synthea

import (
	"os"
	"path/filepath"
	"testing"
)

// Variable names the folder that holds the test data.
const Variable = "POSTERN_TEST_DATA"

// count is how many bundles there are: a test over fewer would show less than it says.
const count = 17

// Files returns the paths of the bundles, sorted.
func Files(t testing.TB) []string {
	t.Helper()
	dir := os.Getenv(Variable)
	if dir == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not set: the Synthea bundles are required in CI", Variable)
		}
		t.Skipf("%s is not set: the tests over the Synthea bundles did not run", Variable)
	}
	files, err := filepath.Glob(filepath.Join(dir, "synthea", "*.json"))
	if err != nil || len(files) != count {
		t.Fatalf("%d bundles in the test data, want %d (%v)", len(files), count, err)
	}
	return files
}
