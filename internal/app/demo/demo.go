// Package demo serves fictional families on this machine: it fills an
// installation of the environment "demo" and adds the start page that steps into
// a person with one click.
//
// It guarantees that it opens nothing that a demo did not create, that it
// listens on 127.0.0.1 alone, and that stepping into a person is refused at every
// call unless the environment is demo. Only the demo command imports it (the
// walls test says so): no other command holds its code path.
//
// It decides nothing: stepping into a person is a policy action like any other,
// allowed by one policy for demo data alone, and logged.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/keys"
)

// Options are the flags of postern demo.
type Options struct {
	Addr  string              // 127.0.0.1:PORT
	Dir   string              // empty means a temporary folder
	Out   io.Writer           // what happens, in words
	Ready func(origin string) // called when the first page can be had; nil ignores
}

// Run fills or reopens the demo and serves it until ctx is done.
func Run(ctx context.Context, o Options) (err error) {
	say := func(format string, args ...any) { fmt.Fprintf(o.Out, format+"\n", args...) }
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil || host != "127.0.0.1" {
		return app.ExitError{Code: 2, Err: fmt.Errorf("demo: --addr must be 127.0.0.1:PORT, not %s: fictional people only, and only for this machine", o.Addr)}
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	origin := "http://localhost:" + port
	dir, temporary, err := folder(o.Dir)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if temporary {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	a, err := open(ctx, dir, origin, o.Out, say)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer func() { err = errors.Join(err, a.Close(context.WithoutCancel(ctx))) }()
	say("")
	say("  This is a demonstration with fictional people. It is NOT for production.")
	say("")
	say("  Open  %s/demo", origin)
	say("  Data  %s%s", dir, map[bool]string{true: " (removed when you stop)", false: ""}[temporary])
	say("  Stop  with Ctrl-C")
	say("")
	if o.Ready != nil {
		o.Ready(origin)
	}
	return a.Serve(ctx, l, Doors(a, "127.0.0.1:"+port))
}

// folder makes the temporary folder when none was named.
func folder(dir string) (path string, temporary bool, err error) {
	if dir != "" {
		path, err = filepath.Abs(dir)
		return path, false, err
	}
	path, err = os.MkdirTemp("", "postern-demo-")
	if err != nil {
		return "", false, fmt.Errorf("demo: %w", err)
	}
	return path, true, nil
}

// open fills an absent or empty folder, reopens one that a demo made, and leaves
// anything else untouched.
func open(ctx context.Context, dir, origin string, out io.Writer, say func(string, ...any)) (*app.App, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("demo: %w", err)
	}
	opt := app.Options{Log: app.NewLogger(out)}
	if len(entries) == 0 {
		return fill(ctx, dir, origin, opt, say)
	}
	_, env, err := keys.Protected(filepath.Join(dir, "root.key"))
	if err != nil || env != keys.Demo {
		return nil, fmt.Errorf("demo: %s is not empty and was not made by a demo; it is left as it is", dir)
	}
	c, err := app.ReadConfig(filepath.Join(dir, app.ConfigFile))
	if err != nil {
		return nil, err
	}
	if c.Origin != origin {
		return nil, fmt.Errorf("demo: the folder was made for %s; passkeys are bound to it, so serve it with --addr 127.0.0.1:%s",
			c.Origin, c.Origin[strings.LastIndex(c.Origin, ":")+1:])
	}
	say("Opening the families of an earlier demo ...")
	a, err := app.Open(ctx, c, keys.Protector{How: keys.Plain}, opt)
	if err != nil {
		return nil, err
	}
	// A folder that was left half-filled is of no use, and says so.
	if _, err := a.Identity.FindPersona(ctx, "officer"); err != nil {
		return nil, errors.Join(fmt.Errorf("demo: %s was not filled to the end; remove it and start again", dir), a.Close(ctx))
	}
	return a, nil
}

// fill creates the installation and its families.
func fill(ctx context.Context, dir, origin string, opt app.Options, say func(string, ...any)) (*app.App, error) {
	say("Making an encrypted database and a log in %s ...", dir)
	a, err := app.Create(ctx, app.InitOptions{Dir: dir, Origin: origin, Environment: keys.Demo, PlainKey: true,
		ClinicName: deid.ClinicName, ClinicPhone: deid.ClinicPhone}, keys.Protector{How: keys.Plain}, opt)
	if err != nil {
		return nil, err
	}
	if err := Fill(ctx, a, time.Now(), say); err != nil {
		return nil, errors.Join(err, a.Close(context.WithoutCancel(ctx)))
	}
	return a, nil
}

// Fill imports the charts of the fictional families, relative to today, and makes
// their accounts and assignments.
func Fill(ctx context.Context, a *app.App, today time.Time, say func(string, ...any)) error {
	if a.Config.Environment != keys.Demo && a.Config.Environment != keys.Test {
		return errors.New("demo: only demo and test data are filled with fictional people")
	}
	cast := deid.Family(today)
	for _, p := range cast {
		if !p.HasChart {
			continue
		}
		var b bytes.Buffer
		if err := p.WriteBundle(&b); err != nil {
			return fmt.Errorf("demo: write the chart of %s: %w", p.ID, err)
		}
		if err := a.ImportBundle(ctx, "demo: "+p.ID, b.Bytes()); err != nil {
			return fmt.Errorf("demo: import the chart of %s: %w", p.ID, err)
		}
		say("  %-9s %s", p.ID, p.DisplayName)
	}
	for _, p := range cast {
		if !p.HasAccount {
			continue
		}
		if err := a.AddPersona(ctx, app.Persona{Handle: p.ID, Name: p.DisplayName, Roles: p.Roles, Source: p.PatientURL,
			Language: p.Language, Assigned: sources(cast, p.Assigned)}); err != nil {
			return fmt.Errorf("demo: make the account of %s: %w", p.ID, err)
		}
	}
	return nil
}

// sources names the assigned patients as their bundles do.
func sources(cast []deid.Persona, ids []string) []string {
	var out []string
	for _, id := range ids {
		if p, ok := deid.Find(cast, id); ok {
			out = append(out, p.PatientURL)
		}
	}
	return out
}
