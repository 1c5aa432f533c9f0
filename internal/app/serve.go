package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"postern.example/postern/internal/door/fhirapi"
	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/risk"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
)

// drainTime is how long requests may finish after the signal to stop.
const drainTime = 10 * time.Second

// settleTime is how long after its start a server gives back the memory that starting took.
const settleTime = time.Second

// ServeCommand serves until ctx is done.
func ServeCommand(ctx context.Context, p Place, out io.Writer) (err error) {
	c, err := p.config()
	if err != nil {
		return err
	}
	protector, err := p.protector(c)
	if err != nil {
		return err
	}
	if errs := append(c.checkRootFile(), c.checkFiles()...); len(errs) > 0 {
		return fmt.Errorf("serve refuses an unsafe installation: %w", errors.Join(errs...))
	}
	log := NewLogger(out)
	for _, w := range c.warnings(time.Now()) {
		log.Warn(w)
	}
	a, err := Open(ctx, c, protector, Options{Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close(context.WithoutCancel(ctx))) }()
	l, err := net.Listen("tcp", c.listen())
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return a.Serve(ctx, l, Doors{})
}

// NewLogger makes the process's own log: structured lines without PHI, because
// the types that hold PHI do not print. What repeats itself is counted.
func NewLogger(w io.Writer) *slog.Logger {
	return slog.New(newQuiet(slog.NewTextHandler(w, nil)))
}

// Doors are what the demo adds to the doors.
type Doors struct {
	Extra    func(d func() *web.Door) []web.Endpoint
	Redirect string // host that GET requests are redirected from
}

// Serve serves on l until ctx is done, then drains. It closes l.
func (a *App) Serve(ctx context.Context, l net.Listener, extra Doors) error {
	secure, err := a.tlsConfig(ctx, l.Addr())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer Tune()()
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	control, err := a.listenControl(run)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	h, err := a.Handler(extra, control, secure != nil)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s, l := a.Server(h, l)
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	a.slog.Info("serving", "origin", a.Config.Origin, "address", l.Addr().String(), "environment", a.Config.env())
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	// What starting up took (templates, words, policies) goes back soon after the first page
	// and not at some later collection: a clinic's small machine is idle most of the day.
	defer time.AfterFunc(settleTime, debug.FreeOSMemory).Stop()
	select {
	case err = <-failed:
	case <-ctx.Done():
		drain, done := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer done()
		err = s.Shutdown(drain)
		if errors.Is(err, context.DeadlineExceeded) {
			err = s.Close()
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// Server returns what serves h with every limit set, and what it is to serve on.
func (a *App) Server(h http.Handler, l net.Listener) (*http.Server, net.Listener) {
	bounded := bound(l, a.Config.openLimits(), a.slog)
	return server(h, bounded, usualTimeouts, a.slog), bounded
}

// Handler puts the doors behind the front. control may be nil.
func (a *App) Handler(extra Doors, control *control, tls bool) (http.Handler, error) {
	cat, err := catalog.Load()
	if err != nil {
		return nil, err
	}
	webDoor, err := a.webDoor(cat, extra, control)
	if err != nil {
		return nil, err
	}
	english := cat.Language("en")
	api, err := fhirapi.New(fhirapi.Config{Origin: a.Config.Origin, Charts: a.Records, Catalogue: a.catalogue, Tokens: a.Sessions, RequestID: newRequestIDs(), Log: a.slog,
		Text: func(id string) string {
			text, err := english.Text(id)
			if err != nil {
				return ""
			}
			return text
		},
		Refused: a.refusedStranger})
	if err != nil {
		return nil, err
	}
	routes := append(webDoor.Routes(), fhirapi.Routes()...)
	if err := route.CheckAll(routes); err != nil {
		return nil, err
	}
	return front(frontConfig{Origin: a.Config.Origin, Phone: a.Config.Clinic.Phone, TLS: tls, Requests: newShare(a.Config.requestLimits()), Client: a.Config.Limits.ClientHeader,
		Doorstep: &doorstep{limiter: a.limiter, classes: classesOf(routes), refused: a.refusedLimit, phone: a.Config.Clinic.Phone}, Redirect: extra.Redirect, Web: webDoor, API: api, Log: a.slog})
}

func (a *App) webDoor(cat *catalog.Catalog, extra Doors, control *control) (*web.Door, error) {
	set, err := assets.New()
	if err != nil {
		return nil, err
	}
	views, err := view.New(view.Config{Catalog: cat, Assets: set})
	if err != nil {
		return nil, err
	}
	expires, err := a.Config.securityExpiry()
	if err != nil {
		return nil, err
	}
	var d *web.Door
	c := web.Config{Identity: a.Identity, Sessions: a.Sessions, Records: a.Records, Views: views, Assets: set, Catalog: cat,
		Gate: a.Gate, Ledger: a.Gate, Clinic: a.Clinic, Origin: a.Config.Origin, ClinicName: a.Config.Clinic.Name,
		ClinicPhone: a.Config.Clinic.Phone, Environment: a.Config.env(), Location: time.Local, Clock: a.opt.Clock, Random: rand.Reader,
		Log: a.slog, SecurityTxt: web.SecurityTxt{Contact: a.Config.Security.Contact, Policy: a.Config.Security.Policy, Expires: expires},
		DemoExtra: a.Config.env() == keys.Demo,
		Refused: func(ctx context.Context, c person.Caller, route string) {
			if err := a.refusedStranger(ctx, c, route); err != nil && !fault.Is(err, fault.Throttled) {
				a.slog.Error("refusal could not be logged", "error", err)
			}
		},
		Healthy: func(context.Context) error { return a.Log.Err() }}
	if control != nil {
		c.Approved = control.approved
		c.Declined = control.declined
	}
	if extra.Extra != nil {
		c.Extra = extra.Extra(func() *web.Door { return d })
	}
	d, err = web.New(c)
	return d, err
}

// refusedStranger records what a door refused before there was a Caller to ask
// the gate about.
func (a *App) refusedStranger(ctx context.Context, c person.Caller, action string) error {
	e := audit.Entry{Event: audit.EventRefused, Action: action, Outcome: audit.Refused, Fault: fault.Unauthenticated.String(),
		Caller: audit.CallerOf(c), Server: a.Config.serverName(), Txn: c.Request().ID, Class: audit.ClassStranger}
	if err := a.refusals.Refuse(ctx, c.Key()+" "+action, e); err != nil {
		if fault.Is(err, fault.Throttled) {
			return err // recorded too
		}
		return fault.Wrap(fault.Unavailable, "log refusal", err)
	}
	return nil
}

// refusedLimit records that somebody came too often. The first within a minute has an
// entry, the others are counted; one that cannot be written changes nothing: the answer
// was no.
func (a *App) refusedLimit(ctx context.Context, v risk.Verdict, r refusedRequest) {
	e := audit.Entry{Event: audit.EventRefused, Action: "limit " + v.What + " " + r.class, Outcome: audit.Refused, Fault: fault.Throttled.String(),
		Caller: audit.CallerOf(person.Stranger(person.Request{Client: r.client, Source: r.source})), Server: a.Config.serverName(), Txn: r.id, Class: audit.ClassStranger}
	if !v.Comer.Account.IsZero() {
		e.Caller.Kind, e.Caller.Account, e.Caller.Role, e.Caller.Device = v.Comer.Kind.String(), v.Comer.Account, v.Comer.Role, v.Comer.Device
	}
	if err := a.refusals.Refuse(ctx, "limit "+v.Comer.Account.String()+" "+v.What+" "+r.class, e); err != nil && !fault.Is(err, fault.Throttled) {
		a.slog.Error("refusal could not be logged", "error", err)
	}
	a.slog.Warn("too many requests", "limit", v.What, "class", r.class)
}

// tlsConfig is nil for plain HTTP, which the configuration allows on loopback only.
func (a *App) tlsConfig(ctx context.Context, listen net.Addr) (*tls.Config, error) {
	t := a.Config.TLS
	switch {
	case t.ACME.Email != "":
		return a.acme(ctx, listen)
	case t.Certificate == "":
		return nil, nil
	}
	files := &certificate{cert: a.Config.path(t.Certificate, ""), key: a.Config.path(t.Key, "")}
	if _, err := files.get(nil); err != nil {
		return nil, err
	}
	return modern(&tls.Config{GetCertificate: files.get}), nil
}

// modern is what we speak: TLS 1.3, and 1.2 with ECDHE and AEAD only (NIST SP
// 800-52r2 3.3.1). X25519MLKEM768 is the library's first choice of group.
func modern(c *tls.Config) *tls.Config {
	c.MinVersion = tls.VersionTLS12
	c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	c.NextProtos = append(c.NextProtos, "h2", "http/1.1")
	return c
}

// certificate reads its files again when they change.
type certificate struct {
	cert, key string

	mu   sync.Mutex
	read time.Time
	pair *tls.Certificate
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.cert)
	if err == nil && c.pair != nil && info.ModTime().Equal(c.read) {
		return c.pair, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.cert, c.key)
	}
	if err != nil {
		if c.pair != nil {
			return c.pair, nil // half-written files: the old certificate goes on
		}
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	c.pair, c.read = &pair, info.ModTime()
	return c.pair, nil
}

// acme obtains and renews the certificate by RFC 8555. The authority's challenge is
// answered by our own listener (RFC 8737): no other port is opened.
func (a *App) acme(ctx context.Context, listen net.Addr) (*tls.Config, error) {
	host, port, err := net.SplitHostPort(listen.String())
	if err != nil {
		return nil, fmt.Errorf("obtain certificate: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("obtain certificate: %w", err)
	}
	storage := &certmagic.FileStorage{Path: a.Config.path(a.Config.TLS.ACME.Storage, "acme")}
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil }})
	context.AfterFunc(ctx, cache.Stop)
	magic = certmagic.New(cache, certmagic.Config{Storage: storage})
	issuer := certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{CA: a.Config.TLS.ACME.Directory, Email: a.Config.TLS.ACME.Email, Agreed: true,
		DisableHTTPChallenge: true, ListenHost: host, AltTLSALPNPort: number})
	magic.Issuers = []certmagic.Issuer{issuer}
	if err := magic.ManageAsync(ctx, []string{a.Config.relyingParty()}); err != nil {
		return nil, fmt.Errorf("obtain certificate: %w", err)
	}
	return modern(magic.TLSConfig()), nil
}

// RouteRow is a line of postern routes.
type RouteRow struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Door   string `json:"door"`
	Action string `json:"action"`
	Audit  string `json:"audit"`
}

// RouteTable lists every route of every door, with those of the demo.
func RouteTable(demo []route.Route) ([]RouteRow, error) {
	all := append(append(web.Routes(), fhirapi.Routes()...), demo...)
	if err := route.CheckAll(all); err != nil {
		return nil, err
	}
	rows := make([]RouteRow, 0, len(all))
	for _, r := range all {
		rows = append(rows, RouteRow{r.Method, r.Pattern, string(r.Door), r.Action, r.Audit})
	}
	return rows, nil
}

var _ web.Gate = (*access.Gate)(nil)
