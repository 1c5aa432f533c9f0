package main

import "testing"

// Only the deadline of Go's coordinator is taken for the end of the time. A panic, a
// hanging input and a message of the target's own stay failures.
func TestOnlyTheCoordinatorsDeadlineBeginsAgain(t *testing.T) {
	const progress = "fuzz: elapsed: 9s, execs: 5172 (1289/sec), new interesting: 4 (total: 143)\n"
	for what, c := range map[string]struct {
		out  string
		want bool
	}{
		"the coordinator":   {progress + "--- FAIL: FuzzOpen (10.11s)\n    context deadline exceeded\nFAIL\nexit status 1\n", true},
		"another target":    {progress + "--- FAIL: FuzzOther (10.11s)\n    context deadline exceeded\nFAIL\n", false},
		"a failing input":   {progress + "--- FAIL: FuzzOpen (3.00s)\n    --- FAIL: FuzzOpen (0.00s)\n        open_test.go:9: opened\n    \n    Failing input written to testdata/fuzz/FuzzOpen/1\nFAIL\n", false},
		"its own deadline":  {progress + "--- FAIL: FuzzOpen (3.00s)\n    --- FAIL: FuzzOpen (0.00s)\n        open_test.go:9: context deadline exceeded\nFAIL\n", false},
		"kept all the same": {progress + "--- FAIL: FuzzOpen (10.11s)\n    context deadline exceeded\nFAIL\nFailing input written to testdata/fuzz/FuzzOpen/1\n", false},
		"it does not build": {"FAIL postern.example/postern/x [build failed]\n", false},
	} {
		if got := timeRanOut("FuzzOpen", c.out); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
