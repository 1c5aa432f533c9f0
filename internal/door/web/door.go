package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
)

// Gate is what the door needs of package access. *access.Gate is one.
type Gate interface {
	Decide(ctx context.Context, a access.Ask) (access.Grant, error)
	Propose(ctx context.Context, a access.Ask, text string) (access.Act, error)
	Waiting(g access.Grant, id string) (access.Act, error)
	WaitingForTwo(g access.Grant) ([]access.Act, error)
	Confirm(ctx context.Context, by person.Caller, id string) (access.Grant, error)
	Approve(ctx context.Context, by person.Caller, id string) (access.Act, error)
	Decline(ctx context.Context, by person.Caller, id string) (access.Act, error)
}

// Ledger reads the log for the holder of a Grant. *access.Gate is one.
type Ledger interface {
	Looked(ctx context.Context, g access.Grant, before int64, limit int) ([]audit.Entry, error)
	Proof(ctx context.Context, g access.Grant, seq int64) ([]byte, error)
	ReadLog(ctx context.Context, g access.Grant, f access.LogFilter) (entries []audit.Entry, next int64, err error)
	VerifyLog(ctx context.Context, g access.Grant) (audit.Report, error)
	ExportLog(ctx context.Context, g access.Grant, w io.Writer) error
}

// Config is what New needs. Fields are required unless they say otherwise.
type Config struct {
	Identity *identity.Room
	Sessions *session.Room
	Records  *records.Store
	Views    *view.Set
	Assets   *assets.Set
	Catalog  *catalog.Catalog
	Gate     Gate
	Ledger   Ledger

	// Approved is called after an act was approved, with the person who did it.
	// Nil means that nothing waits for it.
	Approved func(ctx context.Context, act access.Act, by person.Caller) error
	// Declined is called after an act was declined. Nil means likewise.
	Declined func(ctx context.Context, act access.Act, by person.Caller)
	// Refused counts what the wrapper refuses before any gate is asked: no
	// session, a failed sign-in, a request from another site. Nil counts nothing.
	Refused func(ctx context.Context, c person.Caller, route string)
	// Healthy answers /healthz; nil means always.
	Healthy func(ctx context.Context) error

	Clinic      person.ClinicID
	Origin      string // scheme://host[:port] of every link and the only site that may post
	ClinicName  string
	ClinicPhone string // as people read it; may be empty
	Environment string // keys.Demo, keys.Test or keys.Production
	Location    *time.Location
	Clock       func() time.Time
	Random      io.Reader
	Log         *slog.Logger // of failures, without PHI; nil discards
	SecurityTxt SecurityTxt
	StepUp      time.Duration // how long a proof of presence is fresh, as package access has it; 0 means 5 minutes
	DemoExtra   bool          // demo data: every page says so
	Extra       []Endpoint    // more endpoints under the same wrapper (the demo's)
}

// SecurityTxt is the content of /.well-known/security.txt (RFC 9116). Without a
// contact there is no such file.
type SecurityTxt struct {
	Contact string // URI: mailto:, https: or tel:
	Policy  string // URL; may be empty
	Expires time.Time
}

// Door serves the pages. It is safe for concurrent use.
type Door struct {
	c         Config
	endpoints []Endpoint
	router    router
	finished  finished // acts that were approved or declined
	made      finished // links that administrators made alone
}

// New makes the door and checks its table of contents.
func New(c Config) (*Door, error) {
	if c.Identity == nil || c.Sessions == nil || c.Records == nil || c.Views == nil || c.Assets == nil || c.Catalog == nil ||
		c.Gate == nil || c.Ledger == nil || c.Clinic.IsZero() || c.Origin == "" || c.Environment == "" ||
		c.Location == nil || c.Clock == nil || c.Random == nil {
		return nil, errors.New("open web door: the configuration is incomplete")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.StepUp = cmp.Or(c.StepUp, 5*time.Minute)
	d := &Door{c: c}
	d.endpoints = append(d.table(), c.Extra...)
	if err := route.CheckAll(d.Routes()); err != nil {
		return nil, fmt.Errorf("open web door: %w", err)
	}
	var err error
	if d.router, err = newRouter(d.endpoints); err != nil {
		return nil, fmt.Errorf("open web door: %w", err)
	}
	return d, nil
}

// Routes lists what this door serves: Routes, and the extra ones.
func (d *Door) Routes() []route.Route { return routesOf(d.endpoints) }

func routesOf(es []Endpoint) []route.Route {
	out := make([]route.Route, len(es))
	for i, e := range es {
		out[i] = e.Route
	}
	return out
}

// Refuse answers a request that is not let in, in the form and language of its
// endpoint. Nobody is looked up for it, and it returns the number that the answer bears.
func (d *Door) Refuse(w http.ResponseWriter, r *http.Request, err error) string {
	v, failed := d.visit(w, r)
	if failed != nil {
		d.c.Log.Error("no randomness for a request", "error", failed)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return ""
	}
	v.e, _ = d.router.find(r)
	v.fail(err)
	return v.quest.ID
}

// ServeHTTP answers one request. The caller has set the headers that every
// answer carries and has checked the Host.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, err := d.visit(w, r)
	if err != nil {
		d.c.Log.Error("no randomness for a request", "error", err)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	}
	if err := v.serve(); err != nil {
		v.fail(err)
	}
}
