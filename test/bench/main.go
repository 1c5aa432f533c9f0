// Command bench measures every row of the table of speed and size and writes
// docs/bench.md.
//
// It guarantees ratios from one run: both arms of a row run in turns, on the same
// cores, and the figure is the median of several rounds. It never fails because
// something is slow: a bar that is not met is a line in the report.
//
// The measurements themselves live in this folder's test files, because one arm
// needs a log that answers at once, and nothing in the product may know how to
// switch the log off. This program only starts them.
//
//	go run ./test/bench            everything, after seeding (which is kept in .cache/bench)
//	go run ./test/bench -quick     seconds, for development; writes no report
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
)

func main() {
	quick := flag.Bool("quick", false, "small stores and short windows; prints, writes no report")
	note := flag.String("note", "", "a sentence for the report's head: what else the machine was doing")
	patients := flag.String("patients", "", "sizes of the stores, small and large, such as 10000,100000")
	only := flag.String("only", "", "measure only rows whose name contains this")
	profile := flag.String("profile", "", "folder for CPU profiles of the arms")
	window := flag.Duration("window", 0, "how long an arm runs before the next has its turn; 0 means 2s, with -quick 300ms")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	args := []string{"test", "-count=1", "-timeout=0", "-v", "-run", "^TestBench$", "./test/bench", "-args", "-bench.run",
		"-bench.note=" + *note, "-bench.patients=" + *patients, "-bench.only=" + *only, "-bench.profile=" + *profile, "-bench.window=" + window.String()}
	if *quick {
		args = append(args, "-bench.quick")
	}
	//#nosec G204 -- the arguments are this developer's own flags
	c := exec.CommandContext(ctx, "go", args...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
