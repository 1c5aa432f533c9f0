// Command pgcluster runs another command with a PostgreSQL server of its own:
//
//	go run ./internal/trust/db/dbtest/pgcluster [-dir DIR] [-nosync] -- COMMAND [ARGUMENT]...
//
// It starts the server as an unprivileged user, gives COMMAND the environment
// by which package dbtest finds it, passes signals on, stops the server and
// exits as COMMAND did. Without -dir the data live in a temporary directory that
// is removed. It is a tool of `make test`; the product does not contain it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"postern.example/postern/internal/trust/db/dbtest"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	flags := flag.NewFlagSet("pgcluster", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory of the cluster, made when missing and kept; empty means a temporary one")
	noSync := flags.Bool("nosync", false, "fsync=off: faster, but tests of durability prove nothing")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "pgcluster: name a command after --")
		return 2
	}
	// Taken before the start, so that an interrupt always reaches Stop.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cluster, err := dbtest.StartCluster(context.Background(), dbtest.ClusterConfig{Dir: *dir, NoSync: *noSync})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgcluster:", err)
		return 1
	}
	code := command(flags.Args(), cluster.Env(), signals)
	if err := cluster.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgcluster:", err)
		return max(code, 1)
	}
	return code
}

// command runs the child until it ends and returns its exit code.
func command(args, env []string, signals <-chan os.Signal) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "pgcluster:", err)
		return 127
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended
		}
	}()
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1)
	default:
		fmt.Fprintln(os.Stderr, "pgcluster:", err)
		return 1
	}
}
