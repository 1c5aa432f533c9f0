// Command postern is the patient portal: one binary that initializes, checks
// and serves an installation, takes in records, and verifies its log.
//
// It owns the command line (names and exit codes are a contract) and nothing
// else: every command parses its flags, calls package app and reports. It never
// opens sealed data, decides, or speaks to a database itself.
//
// Exit codes: 0 done; 1 refused or failed, nothing half-written; 2 the command
// line, the configuration or an input could not be read.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"postern.example/postern/internal/app"
)

// cli is the command line. Each command's class (what it may do on production
// data) stands in app.Commands, which a test compares with this struct.
type cli struct {
	Demo    demoCmd    `cmd:"" help:"Serve fictional families on this machine. Not for production."`
	Init    initCmd    `cmd:"" help:"Create an installation and print the first administrator's enrolment link."`
	Migrate migrateCmd `cmd:"" help:"Bring a PostgreSQL schema up to date, as the owning role."`
	Serve   serveCmd   `cmd:"" help:"Serve the portal."`
	Check   checkCmd   `cmd:"" help:"Validate a configuration without starting."`
	Import  importCmd  `cmd:"" help:"Take in FHIR R4 bundles."`
	Account accountCmd `cmd:"" help:"Manage accounts."`
	Audit   auditCmd   `cmd:"" help:"Verify or export the log of all accesses."`
	Routes  routesCmd  `cmd:"" help:"Print every route with its door, policy action and audit event."`
	Token   tokenCmd   `cmd:"" help:"Mint a short-lived API token. Demo and test data only."`
}

// exitCodes is printed with every --help.
const exitCodes = `
Exit codes:
  0  done
  1  refused or failed; nothing is half-written
  2  the command line, the configuration or an input could not be read`

// env is what a command works with; tests give their own.
type env struct {
	stdout, stderr io.Writer
	terminal       bool // stderr is a terminal: show progress
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], env{os.Stdout, os.Stderr, isTerminal(os.Stderr)}))
}

// run parses args and runs the command; it returns the exit code.
func run(ctx context.Context, args []string, e env) (code int) {
	var c cli
	parser, err := kong.New(&c, kong.Name("postern"),
		kong.Description("A patient portal that a clinic runs itself."+exitCodes),
		kong.Writers(e.stdout, e.stderr), kong.UsageOnError(),
		kong.Help(help), kong.Exit(func(n int) { panic(exited(n)) }))
	if err != nil {
		fmt.Fprintln(e.stderr, "postern:", err)
		return 2
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exited:
			code = int(r)
		default:
			panic(r)
		}
	}()
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(e.stderr, "postern:", err)
		fmt.Fprintln(e.stderr, "Run with --help to see what the command takes.")
		return 2
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(e)
	if err := parsed.Run(); err != nil {
		return report(e.stderr, err)
	}
	return 0
}

// exited carries kong's exit code (--help) out of the parser.
type exited int

// help prints kong's help, then the exit codes for a command's own page.
func help(o kong.HelpOptions, k *kong.Context) error {
	if err := kong.DefaultHelpPrinter(o, k); err != nil {
		return err
	}
	if k.Selected() != nil {
		_, err := fmt.Fprintln(k.Stdout, exitCodes)
		return err
	}
	return nil
}

// report prints what happened and returns the exit code.
func report(w io.Writer, err error) int {
	var exit app.ExitError
	if errors.As(err, &exit) {
		if exit.Err != nil {
			fmt.Fprintln(w, "postern:", exit.Err)
		}
		return exit.Code
	}
	fmt.Fprintln(w, "postern:", err)
	return 1
}

func isTerminal(f *os.File) bool {
	s, err := f.Stat()
	return err == nil && s.Mode()&os.ModeCharDevice != 0
}
