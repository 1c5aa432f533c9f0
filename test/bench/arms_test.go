package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/person"
)

// logOff is a log that answers at once: every entry is an old one that has been
// durable for long. It exists in test files alone.
type logOff struct{ done *audit.Pending }

// Start implements access.Log.
func (l logOff) Start(audit.Entry) *audit.Pending { return l.done }

// served is a handler behind its own listener on the loopback.
type served struct {
	addr string
	stop func() error
}

// serve starts what with makes of a listener on the loopback.
func serve(with func(net.Listener) (*http.Server, net.Listener)) (served, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return served{}, err
	}
	addr := l.Addr().String()
	s, l := with(l)
	go func() { _ = s.Serve(l) }()
	return served{addr, s.Close}, nil
}

// plain serves h by net/http alone, with its timeouts set.
func plain(h http.Handler) (served, error) {
	return serve(func(l net.Listener) (*http.Server, net.Listener) {
		return &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute}, l
	})
}

// shipped serves h as the product is served: its listener, limits and all.
func (st *stand) shipped(h http.Handler) (served, error) {
	return serve(func(l net.Listener) (*http.Server, net.Listener) { return st.app.Server(h, l) })
}

// constant is the plain handler: it answers with n bytes and knows nothing.
func constant(n int) http.Handler {
	body := bytes.Repeat([]byte("x"), n)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+json")
		_, _ = w.Write(body)
	})
}

// stand is an open store with the servers of its arms.
type stand struct {
	app     *app.App
	product served // as it ships
	off     served // the same with the log off
	tokens  []string
	ids     []string // per reader: path of the resource of 2 KB
	small   [][]string
	bigTok  []string
	bigIDs  [][]string
	fresh   *vault.Vault // on the same store, its heads not looked at yet
	close   []func() error
}

func openStand(ctx context.Context, dir string) (st *stand, err error) {
	st = &stand{}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.shut(ctx))
		}
	}()
	c, err := app.ReadConfig(filepath.Join(dir, app.ConfigFile))
	if err != nil {
		return st, err
	}
	if st.app, err = app.Open(ctx, c, protector(), app.Options{Log: app.NewLogger(os.Stderr), RefusalSpread: 1 << 20}); err != nil {
		return st, err
	}
	if err = st.app.Start(ctx); err != nil {
		return st, err
	}
	h, err := st.app.Handler(app.Doors{}, nil, false)
	if err != nil {
		return st, err
	}
	if st.product, err = st.shipped(h); err != nil {
		return st, err
	}
	st.close = append(st.close, st.product.stop)
	// The tokens come first: the second vault accepts the database as the log's
	// newest anchor describes it now, and calls every later change tampering.
	if err = st.find(ctx); err != nil {
		return st, err
	}
	return st, st.openOff(ctx, dir)
}

// openOff builds the arm with the log off: the product's own handler, sessions
// and directory, before a store of charts whose gate has the log that answers at once.
func (st *stand) openOff(ctx context.Context, dir string) error {
	root, err := keys.OpenRoot(filepath.Join(dir, "root.key"), protector())
	if err != nil {
		return err
	}
	pageKey, err := root.RiskyPageKey()
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, db.Config{Path: filepath.Join(dir, "postern.db"), Key: pageKey, Random: rand.Reader})
	if err != nil {
		return err
	}
	st.close = append(st.close, d.Close)
	ring, err := keys.Open(ctx, keys.Config{DB: d, Root: root, Random: rand.Reader})
	if err != nil {
		return err
	}
	alarm := func(context.Context, string, person.Owner) {}
	v, err := vault.New(ctx, vault.Config{DB: d, Ring: ring, Root: root, Log: st.app.Log, Alarm: alarm})
	if err != nil {
		return err
	}
	if st.fresh, err = vault.New(ctx, vault.Config{DB: d, Ring: ring, Root: root, Log: st.app.Log, Alarm: alarm}); err != nil {
		return err
	}
	refusals := audit.NewRefusals(audit.RefusalsConfig{Log: st.app.Log})
	st.close = append(st.close, func() error { return refusals.Close(ctx) })
	done := st.app.Log.Start(audit.Entry{Event: audit.EventStart, Outcome: audit.Success, Class: audit.ClassCare})
	if _, err := done.Wait(ctx); err != nil {
		return err
	}
	gate, err := access.New(access.Config{Log: logOff{done}, Refusals: refusals, Directory: st.app.Identity, Volume: vaulttest.Endless{}, Environment: keys.Test,
		Server: "localhost", Clock: time.Now, Random: rand.Reader, Alert: func(context.Context, string) {}})
	if err != nil {
		return err
	}
	catalogue, err := records.NewCatalogue(records.Definitions())
	if err != nil {
		return err
	}
	charts, err := records.NewStore(records.StoreConfig{DB: d, Vault: v, Gate: gate, Standings: st.app.Identity,
		Catalogue: catalogue, Clinic: st.app.Clinic, Clock: time.Now, Random: rand.Reader})
	if err != nil {
		return err
	}
	shipped := st.app.Records
	st.app.Records = charts
	h, err := st.app.Handler(app.Doors{}, nil, false)
	st.app.Records = shipped
	if err != nil {
		return err
	}
	if st.off, err = st.shipped(h); err != nil {
		return err
	}
	st.close = append(st.close, st.off.stop)
	return nil
}

// find mints the tokens and looks up what there is to read.
func (st *stand) find(ctx context.Context) error {
	for i := range readers {
		token, err := tokenOf(ctx, st.app, fmt.Sprintf("reader-%d", i))
		if err != nil {
			return err
		}
		list, err := st.observations(token, 50)
		if err != nil {
			return err
		}
		st.tokens = append(st.tokens, token)
		st.ids = append(st.ids, list.longest)
		st.small = append(st.small, list.all)
	}
	for i := range bigs {
		token, err := tokenOf(ctx, st.app, fmt.Sprintf("big-%d", i))
		if err != nil {
			return err
		}
		list, err := st.observations(token, 1000)
		if err != nil {
			return err
		}
		st.bigTok = append(st.bigTok, token)
		st.bigIDs = append(st.bigIDs, list.all)
	}
	return nil
}

type listing struct {
	all     []string
	longest string
}

func (st *stand) observations(token string, n int) (listing, error) {
	c, err := dial(st.product.addr)
	if err != nil {
		return listing{}, err
	}
	defer c.conn.Close()
	var b bytes.Buffer
	a, err := c.do(request(host, fmt.Sprintf("/fhir/R4/Observation?_count=%d", n), token), &b)
	if err != nil || a.status != http.StatusOK {
		return listing{}, errors.Join(fmt.Errorf("list observations: status %d: %.200s", a.status, b.String()), err)
	}
	var bundle struct {
		Entry []struct{ Resource json.RawMessage }
	}
	if err := json.Unmarshal(b.Bytes(), &bundle); err != nil {
		return listing{}, err
	}
	var l listing
	most := 0
	for _, e := range bundle.Entry {
		var r struct{ ID string }
		if err := json.Unmarshal(e.Resource, &r); err != nil {
			return listing{}, err
		}
		path := "/fhir/R4/Observation/" + r.ID
		l.all = append(l.all, path)
		if len(e.Resource) > most {
			most, l.longest = len(e.Resource), path
		}
	}
	return l, nil
}

func (st *stand) shut(ctx context.Context) error {
	var errs []error
	for i := len(st.close) - 1; i >= 0; i-- {
		errs = append(errs, st.close[i]())
	}
	if st.app != nil {
		errs = append(errs, st.app.Close(ctx))
	}
	return errors.Join(errs...)
}
