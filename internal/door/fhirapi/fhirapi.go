// Package fhirapi is the door for programs: FHIR R4 over HTTP, with bearer
// tokens only.
//
// It owns paths, content types, status codes and the shape of answers. It
// guarantees that every route is declared, that an error is an OperationOutcome
// whose text comes from the message id alone, and that nothing is cached but the
// statement of what the server can do. Routes derive from the definitions of package
// records: a type that has a definition has its routes.
//
// It decides nothing, holds no SQL, and never reads a cookie (package app takes
// cookies off API requests before they arrive).
package fhirapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/internal/word/route"
)

// Base is the path of the FHIR base URL.
const Base = "/fhir/R4"

// Charts is what the door needs of package records. *records.Store is one.
type Charts interface {
	Read(ctx context.Context, c person.Caller, typ, id string, use func(records.Resource) error) error
	ReadVersion(ctx context.Context, c person.Caller, typ, id, version string, use func(records.Resource) error) error
	History(ctx context.Context, c person.Caller, typ, id, text, base string, use func(phi.Doc) error) error
	Searchset(ctx context.Context, c person.Caller, typ, text, base string, use func(phi.Doc) error) error
}

// Tokens turns a bearer token into a Caller. *session.Room is one.
type Tokens interface {
	ResolveToken(ctx context.Context, token string, q person.Request) (person.Caller, error)
}

// Config is what New needs; every field is required.
type Config struct {
	Origin    string
	Charts    Charts
	Catalogue *records.Catalogue
	Tokens    Tokens
	RequestID func() string
	Text      func(messageID string) string // the English text of a message
	// Refused records that somebody without a valid token came; durable, or
	// counted with one that is, when it returns nil.
	Refused func(ctx context.Context, stranger person.Caller, action string) error
	Log     *slog.Logger
}

// Door serves the API.
type Door struct {
	c           Config
	mux         *http.ServeMux
	contentType []string // shared by all answers: nothing changes it in place

	statement    []byte // what this server can do, written once
	statementTag string
}

// maxForm bounds the body of a POST _search. Package records takes 2 KiB of query; what
// is somewhat longer gets its answer, which says so.
const maxForm = 4 << 10

// Routes lists the door's routes. Paths name the type as a variable: every type
// with a definition is served by the same routes, and no other type is.
func Routes() []route.Route {
	return []route.Route{
		{Method: "GET", Pattern: Base + "/metadata", Door: route.FHIRAPI, Auth: route.Public, Action: route.PublicAction, Audit: route.NoAudit, Shared: true},
		{Method: "GET", Pattern: Base + "/{type}/{id}", Door: route.FHIRAPI, Auth: route.Bearer, Action: "readChart", Audit: "read"},
		{Method: "GET", Pattern: Base + "/{type}/{id}/_history", Door: route.FHIRAPI, Auth: route.Bearer, Action: "readChart", Audit: "read"},
		{Method: "GET", Pattern: Base + "/{type}/{id}/_history/{version}", Door: route.FHIRAPI, Auth: route.Bearer, Action: "readChart", Audit: "read"},
		{Method: "GET", Pattern: Base + "/{type}", Door: route.FHIRAPI, Auth: route.Bearer, Action: "searchChart", Audit: "search"},
		{Method: "POST", Pattern: Base + "/{type}/_search", Door: route.FHIRAPI, Auth: route.Bearer, Action: "searchChart", Audit: "search", Body: maxForm},
	}
}

// handler answers one route for a known Caller.
type handler func(w http.ResponseWriter, r *http.Request, c person.Caller) error

// New makes the door. A route without a handler, or a handler without a route,
// is an error.
func New(c Config) (*Door, error) {
	d := &Door{c: c, mux: http.NewServeMux(), contentType: []string{contentType}}
	var err error
	if d.statement, err = newStatement(c.Catalogue, c.Origin); err != nil {
		return nil, err
	}
	d.statementTag = tagOf(d.statement)
	handlers := map[string]handler{
		"GET " + Base + "/metadata":                       func(w http.ResponseWriter, r *http.Request, _ person.Caller) error { return d.metadata(w, r) },
		"GET " + Base + "/{type}/{id}":                    d.read,
		"GET " + Base + "/{type}/{id}/_history":           d.history,
		"GET " + Base + "/{type}/{id}/_history/{version}": d.readVersion,
		"GET " + Base + "/{type}":                         d.searchByURL,
		"POST " + Base + "/{type}/_search":                d.searchByForm,
	}
	for _, rt := range Routes() {
		h, ok := handlers[rt.Method+" "+rt.Pattern]
		if !ok {
			return nil, errors.New("open fhirapi: a route has no handler")
		}
		delete(handlers, rt.Method+" "+rt.Pattern)
		d.mux.Handle(rt.Method+" "+rt.Pattern, d.wrap(rt, h))
	}
	if len(handlers) > 0 {
		return nil, errors.New("open fhirapi: a handler has no route")
	}
	d.mux.HandleFunc(elsewhere, d.nowhere)
	return d, nil
}

// elsewhere is the pattern of what no route takes.
const elsewhere = "/"

// ServeHTTP routes a request. What no route takes is an OperationOutcome too.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// ServeMux would redirect a path that is almost right; here it is not there.
	if path.Clean(r.URL.Path) != r.URL.Path || r.URL.RawPath != "" {
		d.fail(w, r, d.c.RequestID(), fault.New(fault.NotFound, "route request"))
		return
	}
	d.mux.ServeHTTP(w, r)
}

// Refuse answers a request that is not let in, and returns the number that the answer
// bears.
func (d *Door) Refuse(w http.ResponseWriter, r *http.Request, err error) string {
	id := d.c.RequestID()
	d.fail(w, r, id, err)
	return id
}

// nowhere answers for a path or method without a route.
func (d *Door) nowhere(w http.ResponseWriter, r *http.Request) {
	kind := fault.NotFound
	if allow := d.allowed(r); allow != "" {
		w.Header().Set("Allow", allow)
		kind = fault.Method
	}
	d.fail(w, r, d.c.RequestID(), fault.New(kind, "route request"))
}

// allowed lists the methods that the path has, for a 405.
func (d *Door) allowed(r *http.Request) string {
	var out []string
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		try := r.Clone(r.Context())
		try.Method = m
		if _, pattern := d.mux.Handler(try); pattern != elsewhere {
			out = append(out, m)
		}
	}
	return strings.Join(out, ", ")
}

func (d *Door) wrap(rt route.Route, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := d.c.RequestID()
		w.Header().Set("X-Request-Id", id)
		if rt.Body > 0 {
			r.Body = http.MaxBytesReader(w, r.Body, rt.Body)
		}
		var c person.Caller
		var err error
		if rt.Auth != route.Public {
			c, err = d.caller(r, id, rt.Action)
		}
		if err == nil {
			err = negotiate(r)
		}
		if err == nil {
			err = h(w, r, c)
		}
		if err != nil {
			d.fail(w, r, id, err)
		}
	})
}

// caller resolves the bearer token (RFC 6750 2.1: the header and no other place).
func (d *Door) caller(r *http.Request, id, action string) (person.Caller, error) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = ""
	}
	q := person.Request{ID: id, Client: string(route.FHIRAPI), Source: host}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	c, err := d.c.Tokens.ResolveToken(r.Context(), strings.TrimSpace(token), q)
	if fault.Is(err, fault.Unauthenticated) {
		if err := d.c.Refused(r.Context(), person.Stranger(q), action); err != nil {
			return person.Caller{}, err
		}
	}
	return c, err
}

func (d *Door) read(w http.ResponseWriter, r *http.Request, c person.Caller) error {
	if err := onlyFormat(r); err != nil {
		return err
	}
	return d.c.Charts.Read(r.Context(), c, r.PathValue("type"), r.PathValue("id"), func(res records.Resource) error {
		return d.resource(w, r, res)
	})
}

func (d *Door) readVersion(w http.ResponseWriter, r *http.Request, c person.Caller) error {
	if err := onlyFormat(r); err != nil {
		return err
	}
	return d.c.Charts.ReadVersion(r.Context(), c, r.PathValue("type"), r.PathValue("id"), r.PathValue("version"), func(res records.Resource) error {
		return d.resource(w, r, res)
	})
}

// onlyFormat refuses what a read does not understand: it takes the form of the answer and
// nothing else.
func onlyFormat(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fault.Wrap(fault.Invalid, "read parameters", err)
	}
	for name, vs := range values {
		if err := formOf(name, vs); err != nil {
			return err
		}
	}
	return nil
}

// formOf takes how the whole of an answer may be asked for: as JSON, and not as a summary.
func formOf(name string, values []string) error {
	switch {
	case len(values) == 1 && name == "_format":
		if !records.JSONFormat(values[0]) {
			return fault.New(fault.NotAcceptable, "read parameters: _format")
		}
		return nil
	case len(values) == 1 && name == "_summary" && values[0] == "false":
		return nil
	}
	return fault.New(fault.Invalid, "read parameters: unknown parameter")
}

// resource answers with one version. It runs after the decision and its entry: that
// somebody has a version already is said to nobody else.
func (d *Door) resource(w http.ResponseWriter, r *http.Request, res records.Resource) error {
	tag := `W/"` + strconv.FormatInt(res.Version, 10) + `"`
	w.Header().Set("Etag", tag)
	if at := res.Updated(); !at.IsZero() {
		w.Header().Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	}
	if unchanged(r.Header, tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body := res.Doc.Reveal()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	return d.send(w, r, http.StatusOK, body)
}

func (d *Door) history(w http.ResponseWriter, r *http.Request, c person.Caller) error {
	return d.c.Charts.History(r.Context(), c, r.PathValue("type"), r.PathValue("id"), r.URL.RawQuery, d.c.Origin+Base, func(doc phi.Doc) error {
		body := doc.Reveal()
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		return d.send(w, r, http.StatusOK, body)
	})
}

func (d *Door) searchByURL(w http.ResponseWriter, r *http.Request, c person.Caller) error {
	return d.search(w, r, c, r.URL.RawQuery)
}

func (d *Door) searchByForm(w http.ResponseWriter, r *http.Request, c person.Caller) error {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "application/x-www-form-urlencoded" {
		return fault.New(fault.MediaType, "search: a form is application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return fault.New(fault.Invalid, "search: parameters stand in the form")
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			w.Header().Set("Connection", "close") // nothing more is read of it
			return fault.Wrap(fault.TooLarge, "search", err)
		}
		return fault.Wrap(fault.Invalid, "search", err)
	}
	return d.search(w, r, c, string(b))
}

func (d *Door) search(w http.ResponseWriter, r *http.Request, c person.Caller, text string) error {
	return d.c.Charts.Searchset(r.Context(), c, r.PathValue("type"), text, d.c.Origin+Base, func(doc phi.Doc) error {
		body := doc.Reveal()
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		return d.send(w, r, http.StatusOK, body)
	})
}

const contentType = "application/fhir+json; charset=utf-8; fhirVersion=4.0"

func (d *Door) send(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	w.Header()["Content-Type"] = d.contentType
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) //#nosec G705 -- a FHIR resource, served as application/fhir+json with nosniff
	}
	return nil
}

// fail answers with an OperationOutcome. The error's own words go to the log.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	kind := fault.Of(err)
	if kind == fault.Internal || kind == fault.Unavailable || kind == fault.Tampered {
		d.c.Log.Error("request failed", "request", id, "kind", kind.String(), "error", err)
	}
	if kind == fault.Unauthenticated {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if n := fault.RetryAfter(err); n > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(n))
	}
	for _, name := range []string{"Etag", "Last-Modified", "Vary"} {
		w.Header().Del(name)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Request-Id", id)
	body := records.Outcome(err, d.c.Text(fault.Message(err)))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_ = d.send(w, r, kind.Status(), body)
}
