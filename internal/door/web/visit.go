package web

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Visit is one request on its way through an endpoint. It ends with the request.
type Visit struct {
	door   *Door
	w      http.ResponseWriter
	r      *http.Request
	e      *Endpoint // nil until one was found
	nonce  string
	quest  person.Request
	caller person.Caller
	secret string // of the session; empty for a stranger
	own    *identity.Self
	json   ceremony // body of a passkey ceremony
	flash  string
	tag    string    // the page's language, once it is chosen
	as     view.Twin // the twin of the page that is asked for; empty for the page
	born   view.Day  // of the patient whose chart was opened for a twin

	unreviewed bool // words were used that no clinician has reviewed

	earlier *time.Time // when the person was here before, once it was asked
}

// Names of the cookies beside the session's.
const (
	languageCookie = "postern-lang"
	flashCookie    = "__Host-postern-flash"
)

// visit begins a request: its transaction id and its nonce.
func (d *Door) visit(w http.ResponseWriter, r *http.Request) (*Visit, error) {
	var b [26]byte
	if _, err := io.ReadFull(d.c.Random, b[:]); err != nil {
		return nil, err
	}
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	v := &Visit{door: d, w: w, r: r, nonce: base64.RawURLEncoding.EncodeToString(b[10:]),
		quest: person.Request{ID: strings.ToLower(base32.StdEncoding.EncodeToString(b[:10])), Client: "web", Source: source}}
	v.caller = person.Stranger(v.quest)
	return v, nil
}

// Caller is who asks.
func (v *Visit) Caller() person.Caller { return v.caller }

// Request is the transport of the request, for questions to the gate.
func (v *Visit) Request() person.Request { return v.quest }

// Context is the request's.
func (v *Visit) Context() context.Context { return v.r.Context() }

// Field is a field of the form, one that the endpoint declares.
func (v *Visit) Field(name string) string { return v.r.PostForm.Get(name) }

// Path is a parameter of the path.
func (v *Visit) Path(name string) string { return v.r.PathValue(name) }

// SignedIn reports whether there is a session.
func (v *Visit) SignedIn() bool { return v.caller.Kind() == person.KindPerson }

// StartSession starts a session for whom g let in and gives the browser its
// cookie. The session that the browser had ends, whoever's it was.
func (v *Visit) StartSession(g access.Grant, b session.Begin) error {
	if v.SignedIn() && g.Owner() != person.Account(v.caller.Account()) {
		if err := v.leaveSession(); err != nil {
			return err
		}
	}
	b.Old, b.UserAgent = v.secret, v.r.UserAgent()
	secret, err := v.door.c.Sessions.Start(v.Context(), g, b)
	if err != nil {
		return err
	}
	http.SetCookie(v.w, session.Cookie(secret))
	return nil
}

// leaveSession ends the session of this request.
func (v *Visit) leaveSession() error {
	g, err := v.decide(access.Ask{Caller: v.caller, Action: access.SignOut, Owner: person.Account(v.caller.Account())})
	if err != nil {
		return err
	}
	return v.door.c.Sessions.SignOut(v.Context(), g)
}

// self describes the account of the session, fetched once per request.
func (v *Visit) self() (identity.Self, error) {
	if v.own == nil {
		s, err := v.door.c.Identity.Self(v.Context(), v.caller)
		if err != nil {
			return identity.Self{}, err
		}
		v.own = &s
	}
	return *v.own, nil
}

// language is the account's choice, else the browser's cookie, else what the
// browser asks for.
func (v *Visit) language() string {
	if v.tag != "" {
		return v.tag
	}
	account, cookie := "", ""
	if v.SignedIn() {
		if s, err := v.self(); err == nil { // a page in another language beats no page
			account = s.Language
		}
	}
	if c, err := v.r.Cookie(languageCookie); err == nil {
		cookie = c.Value
	}
	v.tag = v.door.c.Catalog.Choose(v.r.Header.Get("Accept-Language"), account, cookie)
	return v.tag
}

// Base is what every page shows around its content. place marks the menu's entry.
func (v *Visit) Base(place view.Place) view.Base {
	c := v.door.c
	b := view.Base{Lang: v.language(), ClinicName: c.ClinicName, ClinicPhone: c.ClinicPhone, Nonce: v.nonce,
		RequestID: v.quest.ID, Place: place, Demo: c.DemoExtra}
	if b.Flash = v.takeFlash(); strings.HasPrefix(b.Flash, problemPrefix) {
		b.Flash, b.Problem = "", b.Flash
	}
	if v.e != nil {
		b.Route, b.RouteID = v.e.Page, v.routeID()
		b.RouteQuery, b.Twins = v.e.kept(v.r.URL.RawQuery), v.e.twins()
	}
	if !v.SignedIn() {
		return b
	}
	b.FormToken = c.Sessions.FormToken(v.secret)
	s, err := v.self()
	if err != nil {
		return b // an error page: without a menu, which would lead to the same error
	}
	b.Menu = menuOf(v.caller.Role())
	if b.Menu == view.MenuPatient {
		b.Person = &view.Person{Name: s.Name.Reveal(), Relation: view.RelationSelf, Pattern: view.PatternOf(s.Chart.String())}
		return b
	}
	b.StaffName, b.StaffRole = s.Name.Reveal(), v.caller.Role()
	return b
}

// menuOf is the menu of a role; its first place is where the role lands.
func menuOf(r person.Role) view.Menu {
	switch r {
	case person.RolePatient:
		return view.MenuPatient
	case person.RoleClinician, person.RoleNurse:
		return view.MenuClinic
	case person.RoleAdministrator:
		return view.MenuAdmin
	case person.RoleCompliance:
		return view.MenuOfficer
	default:
		return view.MenuNone
	}
}

// routeID are the parameters of the page's path, for the language form.
func (v *Visit) routeID() string {
	if typ := v.Path("type"); opaque(typ) {
		return opaqueOr(strings.TrimSuffix(typ+"/"+v.Path("id"), "/"))
	}
	for _, name := range []string{"id", "patient"} {
		if id := v.Path(name); opaque(id) {
			return id
		}
	}
	return ""
}

// kept is what the language switch takes along of a query: the parameters that the
// page declares, each once, and only while they are short. What they mean the page
// decides when it is asked again.
func (e *Endpoint) kept(query string) string {
	q, err := url.ParseQuery(query)
	if err != nil || len(query) > queryKept || e.Method != http.MethodGet {
		return ""
	}
	out := url.Values{}
	for _, name := range e.Keeps {
		if q.Has(name) {
			out.Set(name, q.Get(name))
		}
	}
	if as := view.ParseTwin(q.Get("as")); as != "" && as != view.TwinText && e.twins() {
		out.Set("as", string(as))
	}
	return out.Encode()
}

// queryKept is the longest query that the language switch keeps. A sealed choice of
// full length fits in it, and it fits in a form.
const queryKept = 2 << 10

// Render answers with a page, whole or not at all.
func (v *Visit) Render(status int, m view.Model) error {
	view.Mark(m, v.unreviewed)
	if v.as != "" && status == http.StatusOK {
		return v.renderTwin(m)
	}
	var page bytes.Buffer
	if err := v.door.c.Views.Render(&page, m); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", policy(v.nonce))
	v.write(status, "text/html; charset=utf-8", page.Bytes())
	return nil
}

// policy is the Content-Security-Policy of a page. Every script is a module of
// ours that carries the nonce; 'self' is for the modules that it imports.
func policy(nonce string) string {
	return "default-src 'none'; script-src 'self' 'nonce-" + nonce + "'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}

// answer answers a passkey ceremony.
func (v *Visit) answer(status int, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fault.Wrap(fault.Internal, "encode answer", err)
	}
	v.write(status, "application/json", b)
	return nil
}

// attach answers with a file to keep.
func (v *Visit) attach(mediaType, name string) {
	h := v.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
}

// write sends a whole body. A HEAD gets the same headers.
func (v *Visit) write(status int, mediaType string, body []byte) {
	h := v.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(body) //#nosec G705 -- html/template escaped the page, and a ceremony answer is JSON; the reader left: there is nobody to tell
	}
}

// Redirect sends the browser to a path of ours with a GET.
func (v *Visit) Redirect(path string) error {
	v.w.Header().Set("Location", path)
	v.write(http.StatusSeeOther, "text/plain; charset=utf-8", nil)
	return nil
}

// done leaves a good outcome for the next page and goes there. The cookie holds
// a message id and nothing else, for a minute.
func (v *Visit) done(flash, path string) error {
	v.leave(flash)
	return v.Redirect(path)
}

// sorry leaves what was wrong with a form for the page at path, and goes there.
func (v *Visit) sorry(problem, path string) error { return v.done(problem, path) }

// problemPrefix begins the ids of what can be wrong with a form.
const problemPrefix = "problem."

func (v *Visit) leave(flash string) {
	http.SetCookie(v.w, &http.Cookie{Name: flashCookie, Value: flash, Path: "/", MaxAge: 60, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// takeFlash is the message that an earlier request left, once.
func (v *Visit) takeFlash() string {
	if v.flash != "" {
		return v.flash
	}
	c, err := v.r.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(v.w, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	id := "flash." + c.Value
	if strings.HasPrefix(c.Value, problemPrefix) {
		id = c.Value
	}
	if v.door.c.Catalog.Language("").Has(id) {
		v.flash = id
	}
	return v.flash
}

// choose answers a form with the way to the page that it asks for, at path: Back and
// Reload then fetch a page, and nobody is asked to send a form again. The choice
// stands in the address sealed; what there is to decide, the page decides.
func (v *Visit) choose(path string) error {
	chosen := url.Values{}
	for _, name := range v.e.Fields {
		if s := v.Field(name); s != "" {
			chosen.Set(name, s)
		}
	}
	return v.leadTo(path, chosen)
}

// leadTo goes to the page at path with what it is to show, sealed.
func (v *Visit) leadTo(path string, chosen url.Values) error {
	q, err := v.seal(path, chosen)
	if err != nil {
		return err
	}
	return v.Redirect(path + "?q=" + q)
}

// seal is a choice as the q of an address of path; chosen opens it, in this session
// and there alone.
func (v *Visit) seal(path string, chosen url.Values) (string, error) {
	return v.door.c.Sessions.SealQuery(v.caller, path, chosen.Encode())
}

// chosen reads what leadTo sealed, for Field. It reports whether there is anything;
// what is too old, or another session's, is nothing and over.
func (v *Visit) chosen() (any, over bool) {
	q := v.r.URL.Query()
	if !q.Has("q") {
		return false, false
	}
	text, err := v.door.c.Sessions.OpenQuery(v.caller, v.r.URL.Path, q.Get("q"))
	if err != nil {
		return false, true
	}
	v.r.PostForm, _ = url.ParseQuery(text) // it is what Encode wrote
	return true, false
}

// now is the clinic's time.
func (v *Visit) now() time.Time { return v.local(v.door.c.Clock()) }

// local is t on the clinic's clock; a time that is not known stays so.
func (v *Visit) local(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(v.door.c.Location)
}
