package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/demo"
	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
)

// The people of the pages' rows: a clinician and a patient for each of 64 charts. A
// chart of 300 resources is that of somebody who comes often: the Synthea
// charts that tests read have 100 to 800.
const (
	pageUsers = 64
	pageChart = 300
)

// pagePause is how long a user looks at a page before asking for the next one: much
// shorter than anybody does, so 64 users are like several hundred.
const pagePause = time.Second

// pages measures what people wait for: the clinician's one-screen chart, and the
// patient's home and results. Each user has an own session and chart.
func (b *bench) pages(ctx context.Context) error {
	dir := filepath.Join(b.work, "pages")
	if err := b.clinic(ctx, dir); err != nil {
		return err
	}
	c, err := app.ReadConfig(filepath.Join(dir, app.ConfigFile))
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, c, protector(), app.Options{Log: app.NewLogger(os.Stderr)})
	if err != nil {
		return err
	}
	err = a.Start(ctx)
	if err == nil {
		err = b.asked(a)
	}
	return errors.Join(err, a.Close(ctx))
}

// asked serves a and asks for its pages.
func (b *bench) asked(a *app.App) error {
	st := &stand{app: a}
	h, err := a.Handler(demo.Doors(a, ""), nil, false)
	if err != nil {
		return err
	}
	if st.product, err = st.shipped(h); err != nil {
		return err
	}
	defer st.product.stop()
	chart, home, results := b.pageArm(st, "chart"), b.pageArm(st, "home"), b.pageArm(st, "results")
	for i := range pageUsers {
		staff, err := enter(st.product.addr, fmt.Sprintf("doctor-%d", i))
		if err != nil {
			return err
		}
		at, err := staff.openChart()
		if err != nil {
			return err
		}
		patient, err := enter(st.product.addr, fmt.Sprintf("patient-%d", i))
		if err != nil {
			return err
		}
		chart.requests = append(chart.requests, [][]byte{staff.get(at)})
		home.requests = append(home.requests, [][]byte{patient.get("/")})
		results.requests = append(results.requests, [][]byte{patient.get("/results")})
	}
	arms := []*arm{chart, home, results}
	window := max(b.window, 2*pagePause) // else some would not ask at all
	s, err := interleaved(arms, pageUsers, b.rounds, window)
	if err != nil {
		return err
	}
	for _, a := range arms {
		a.close()
		a.pause = 0
	}
	busy, err := interleaved(arms, pageUsers, b.rounds, b.window)
	if err != nil {
		return err
	}
	for i, job := range []string{"chart", "home", "results"} {
		x, y := s[job], busy[job]
		about := fmt.Sprintf("p50 %.1f ms, %d bytes; each user asks again after %s; without that pause %s pages/s, p50 %.0f ms; %d charts of %d resources",
			millis(median(halves(x))), x[0].Length, pagePause, thousands(median(rates(y))), millis(median(halves(y))), pageUsers, pageChart)
		name := [...]string{"a clinician's chart page, 64 users, p99", "a patient's home page, 64 users, p99", "a patient's results, 64 users, p99"}[i]
		b.report.atMost(name, "ms", 150, millis(median(tails(x))), about)
		b.profile(arms[i], pageUsers)
		arms[i].close()
	}
	return nil
}

func (b *bench) pageArm(st *stand, name string) *arm {
	return &arm{by: b.generator, name: name, addr: st.product.addr, want: http.StatusOK, pause: pagePause}
}

// clinic makes the store of the pages' rows: demo data, so that people can be entered.
func (b *bench) clinic(ctx context.Context, dir string) error {
	a, err := app.Create(ctx, app.InitOptions{Dir: dir, Origin: origin, Environment: keys.Demo, Listen: "127.0.0.1:0",
		ClinicName: deid.ClinicName, ClinicPhone: deid.ClinicPhone}, protector(), app.Options{DB: unsynced})
	if err != nil {
		return err
	}
	for i := range pageUsers {
		p := deid.BigChart(uint64(i), seedDay(), pageChart)
		if err = admit(ctx, a, p, fmt.Sprintf("patient-%d", i), nil); err != nil {
			break
		}
		err = a.AddPersona(ctx, app.Persona{Handle: fmt.Sprintf("doctor-%d", i), Name: fmt.Sprintf("Doctor %d", i), Roles: []person.Role{person.RoleClinician},
			Assigned: []string{p.PatientURL}, Language: "en"})
		if err != nil {
			break
		}
	}
	return errors.Join(err, a.Close(ctx))
}

// guest is a person who has entered, as far as a load generator needs one.
type guest struct {
	addr, cookie string
}

// enter steps into a persona.
func enter(addr, persona string) (*guest, error) {
	g := &guest{addr: addr}
	got, err := g.send(http.MethodPost, "/demo/enter", url.Values{"persona": {persona}})
	if err != nil || got.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("enter %s: %w", persona, errors.Join(err, status(got)))
	}
	for _, c := range got.Cookies() {
		g.cookie = c.Name + "=" + c.Value
	}
	return g, nil
}

func status(r *http.Response) error {
	if r == nil {
		return nil
	}
	return fmt.Errorf("status %d", r.StatusCode)
}

var (
	formToken = regexp.MustCompile(`<meta name="form-token" content="([^"]*)">`)
	ownChart  = regexp.MustCompile(`(?:action|href)="(/clinic/pat-[a-z2-7]+)"`)
)

// openChart states a purpose for the one assigned patient, and returns where the
// browser is sent.
func (g *guest) openChart() (string, error) {
	got, err := g.send(http.MethodGet, "/clinic", nil)
	if err != nil || got.StatusCode != http.StatusOK {
		return "", fmt.Errorf("list patients: %w", errors.Join(err, status(got)))
	}
	page, err := io.ReadAll(got.Body)
	if err != nil {
		return "", err
	}
	token, way := formToken.FindSubmatch(page), ownChart.FindSubmatch(page)
	if token == nil || way == nil {
		return "", errors.New("list patients: there is no way to a chart on the page")
	}
	got, err = g.send(http.MethodPost, string(way[1]), url.Values{"purpose": {string(person.PurposeTreatment)}, "form_token": {string(token[1])}})
	if err != nil || got.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("state purpose: %w", errors.Join(err, status(got)))
	}
	return got.Header.Get("Location"), nil
}

// send asks over a connection of its own.
func (g *guest) send(method, path string, form url.Values) (*http.Response, error) {
	r, err := http.NewRequest(method, origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if g.cookie != "" {
		r.Header.Set("Cookie", g.cookie)
	}
	c, err := dial(g.addr)
	if err != nil {
		return nil, err
	}
	if err := r.Write(c.conn); err != nil {
		return nil, err
	}
	got, err := http.ReadResponse(bufio.NewReader(c.conn), r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(got.Body)
	got.Body = io.NopCloser(strings.NewReader(string(body)))
	return got, errors.Join(err, c.conn.Close())
}

// get is a request for a page.
func (g *guest) get(path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nCookie: " + g.cookie + "\r\nAccept-Language: en\r\n\r\n")
}
