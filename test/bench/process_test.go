package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
)

// build makes the binary as it ships.
func build(ctx context.Context, to string) error {
	//#nosec G204 -- the path is this test's own
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", to, "postern.example/postern/cmd/postern")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFIPS140=v1.0.0")
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	return nil
}

// process is a running postern serve.
type process struct {
	cmd   *exec.Cmd
	addr  string
	first time.Duration // from start to the first 200
}

// start runs the binary on dir and waits for its first 200.
func start(ctx context.Context, binary, dir string) (*process, error) {
	creds := filepath.Join(filepath.Dir(dir), "credentials")
	if err := errors.Join(os.MkdirAll(creds, 0o700), os.WriteFile(filepath.Join(creds, "postern-root"), []byte(credential), 0o600)); err != nil {
		return nil, err
	}
	//#nosec G204 -- the binary that was just built
	c := exec.CommandContext(ctx, binary, "serve", "--config", filepath.Join(dir, app.ConfigFile))
	c.Env = append(os.Environ(), "CREDENTIALS_DIRECTORY="+creds)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	c.Stdout, c.Stderr = w, w
	p := &process{cmd: c}
	began := time.Now()
	if err := c.Start(); err != nil {
		return nil, err
	}
	_ = w.Close()
	lines := bufio.NewScanner(r)
	var said []string
	for p.addr == "" && lines.Scan() {
		said = append(said, lines.Text())
		if _, rest, ok := strings.Cut(lines.Text(), "address="); ok {
			p.addr, _, _ = strings.Cut(rest, " ")
		}
	}
	if p.addr == "" {
		return nil, fmt.Errorf("serve ended: %v: %s", c.Wait(), strings.Join(said, "\n"))
	}
	go func() {
		for lines.Scan() { // until it ends: a full pipe would stop it
		}
	}()
	conn, err := dial(p.addr)
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	defer conn.conn.Close()
	a, err := conn.do(request(host, "/sign-in", ""), nil)
	p.first = time.Since(began)
	if err != nil || a.status != 200 {
		return nil, errors.Join(fmt.Errorf("first page: status %d", a.status), err, p.stop())
	}
	return p, nil
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// memory reads a field of /proc/PID/status in MiB.
func (p *process) memory(field string) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, field+":"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s", field)
}

// cold measures starts of the shipped binary on each of the stores, in turns.
func (b *bench) cold(ctx context.Context, binary string, dirs ...string) ([]time.Duration, error) {
	times := make([][]time.Duration, len(dirs))
	for range b.rounds {
		for i, dir := range dirs {
			p, err := start(ctx, binary, dir)
			if err != nil {
				return nil, err
			}
			times[i] = append(times[i], p.first)
			if err := p.stop(); err != nil {
				return nil, err
			}
		}
	}
	var out []time.Duration
	for _, t := range times {
		out = append(out, median(t))
	}
	return out, nil
}

// processes measures what needs the shipped binary in a process of its own.
func (b *bench) processes(ctx context.Context) error {
	binary := filepath.Join(b.work, "postern")
	if err := build(ctx, binary); err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	b.report.atMost("binary, static, no cgo", "MB", 60, float64(info.Size())/1e6, "")
	dir := filepath.Join(b.work, "cold")
	if err := copied(b.coldStore, dir); err != nil {
		return err
	}
	if err := b.memoryOf(ctx, binary, dir); err != nil {
		return err
	}
	grown := dir + "-grown"
	if err := errors.Join(copied(dir, grown), b.grow(ctx, grown)); err != nil {
		return err
	}
	both, err := b.cold(ctx, binary, dir, grown)
	if err != nil {
		return err
	}
	few, many := both[0], both[1]
	b.report.atMost("cold start to first 200, "+b.coldSize, "ms", 150, millis(few), "systemd credential; page /sign-in")
	b.report.atMost(fmt.Sprintf("cold start: what %s more log entries add", thousands(float64(b.entries))), "ms", 20, millis(many-few), fmt.Sprintf("%.0f ms with them", millis(many)))
	return b.passphrase(dir)
}

// grow adds entries to the log of a store.
func (b *bench) grow(ctx context.Context, dir string) error {
	c, err := app.ReadConfig(filepath.Join(dir, app.ConfigFile))
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, c, protector(), app.Options{})
	if err != nil {
		return err
	}
	// Its background work runs: entries that nobody has indexed would be indexed
	// during the starts that are measured.
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, a.Close(ctx))
	}
	e, err := readEntry()
	if err != nil {
		return errors.Join(err, a.Close(ctx))
	}
	for i := range b.entries {
		var p *audit.Pending
		if p = a.Log.Start(e); i%4096 == 4095 || i == b.entries-1 {
			if _, err := p.Wait(ctx); err != nil {
				return errors.Join(err, a.Close(ctx))
			}
		}
	}
	return errors.Join(indexed(ctx, a), a.Close(ctx))
}

// indexed waits until the index of Who looked has everything, by looking.
func indexed(ctx context.Context, a *app.App) error {
	account, err := a.Identity.FindPersona(ctx, "reader-0")
	if err != nil {
		return err
	}
	st, err := a.Identity.Standing(ctx, account)
	if err != nil {
		return err
	}
	c := person.NewPerson(person.PersonConfig{Account: account, Role: person.RolePatient, Purpose: person.PurposePatientRequest,
		Proof: person.Proof{Method: "passkey", At: time.Now()}, Request: person.Request{ID: "bench", Client: "bench"}})
	g, err := a.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ReadAccessLog, Owner: person.Patient(st.Chart)})
	if err != nil {
		return err
	}
	_, err = a.Gate.Looked(ctx, g, a.Log.Size(), 1)
	return err
}

// passphrase measures how long deriving the key from a passphrase takes: cold
// start with one is longer by this.
func (b *bench) passphrase(dir string) error {
	path := filepath.Join(filepath.Dir(dir), "passphrase.key")
	p := keys.Protector{How: keys.ByPassphrase, Secret: []byte("twelve made-up words for a bench and nobody else at all")}
	if _, err := keys.CreateRoot(path, keys.Test, p, cryptoRand()); err != nil {
		return err
	}
	var times []time.Duration
	for range b.rounds {
		began := time.Now()
		if _, err := keys.OpenRoot(path, p); err != nil {
			return err
		}
		times = append(times, time.Since(began))
	}
	b.report.line("passphrase derivation, apart from cold start", fmt.Sprintf("%.0f ms", millis(median(times))))
	return nil
}

// memoryOf measures the resident set of an idle server, and of one with 64
// connections that read and list.
func (b *bench) memoryOf(ctx context.Context, binary, dir string) error {
	tokens, paths, err := b.forProcess(ctx, dir)
	if err != nil {
		return err
	}
	p, err := start(ctx, binary, dir)
	if err != nil {
		return err
	}
	<-time.After(b.window) // let start-up garbage be collected or not, as it comes
	idle, err := p.memory("VmRSS")
	if err != nil {
		return errors.Join(err, p.stop())
	}
	work := &arm{by: b.generator, name: "memory", addr: p.addr, want: 200}
	for i := range tokens {
		work.requests = append(work.requests, [][]byte{request(host, paths[i], tokens[i]), request(host, listPath, tokens[i])})
	}
	if _, err := work.window(64, 3*b.window); err != nil {
		return errors.Join(err, p.stop())
	}
	peak, err := p.memory("VmHWM")
	work.close()
	if err = errors.Join(err, p.stop()); err != nil {
		return err
	}
	b.report.atMost("memory, idle", "MiB resident", 40, idle, "after the first page")
	b.report.atMost("memory under 64 connections", "MiB resident, peak", 256, peak, "reads and lists of 16 charts of 2,000 and of small ones in turns")
	return nil
}

// forProcess mints tokens in the store while no server holds it.
func (b *bench) forProcess(ctx context.Context, dir string) (tokens, paths []string, err error) {
	st, err := openStand(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	for i := range st.bigTok {
		tokens, paths = append(tokens, st.bigTok[i], st.tokens[i]), append(paths, st.bigIDs[i][0], st.ids[i])
	}
	return tokens, paths, st.shut(ctx)
}
