package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/route"
)

// Endpoint is a route with what answers it.
type Endpoint struct {
	route.Route
	// Page names the page that the endpoint is or belongs to. Sign-in, step-up
	// and the language form come back to it by this name, never by a URL.
	Page string
	// Fields are the fields that a form may send, each once.
	Fields []string
	// Keeps are the parameters of the page's own address that the language switch
	// takes along: where in a list one is, and what was chosen there.
	Keeps []string
	// Ceremony marks a passkey endpoint: JSON in, JSON out, errors included.
	Ceremony bool
	// Open marks an answer that is the same for everybody: no session is looked
	// up for it. It goes with NoAudit.
	Open bool
	// File marks a download: nobody is sent back to it.
	File bool
	// Staff marks a page about one thing of a chart that opens for staff too, because
	// its handler asks for a purpose that somebody stated. Without it such a page is
	// the patient's alone.
	Staff bool
	Serve func(*Visit) error
}

// ceremony is the body of a passkey endpoint: what the page sends along, and
// after the authenticator has answered state and credential.
type ceremony struct {
	Next       string          `json:"next"`
	NextID     string          `json:"next_id"`
	Link       string          `json:"link"`
	Name       string          `json:"name"`
	State      string          `json:"state"`
	Credential json.RawMessage `json:"credential"`
}

// serve takes the request through every guard and then to its endpoint. The
// order matters: what is cheap and says nothing comes first.
func (v *Visit) serve() error {
	e, allow := v.door.router.find(v.r)
	if e == nil {
		return v.nowhere(allow)
	}
	v.e = e
	v.chooseTwin()
	if !e.Shared {
		v.w.Header().Set("Cache-Control", "no-store")
	}
	if v.unsafe() && !v.sameSite() {
		v.refused()
		return fault.Say(fault.Denied, formRefused, "check origin: the request comes from another site")
	}
	if v.unsafe() {
		if err := v.read(); err != nil {
			v.recognize()
			return err
		}
	}
	if !e.Open {
		if err := v.identify(); err != nil {
			return err
		}
	}
	if e.Auth == route.Session && !v.SignedIn() {
		v.refused()
		return fault.New(fault.Unauthenticated, "find session: there is none")
	}
	if e.patientsAlone() && v.SignedIn() && v.caller.Role() != person.RolePatient {
		return v.done("result-from-chart", "/clinic")
	}
	if v.unsafe() && v.SignedIn() && !e.OneTime {
		if err := v.door.c.Sessions.CheckForm(v.secret, v.formToken()); err != nil {
			v.refused()
			return fault.Say(fault.Denied, formRefused, "check form: the token is not this session's")
		}
	}
	return e.Serve(v)
}

// formRefused is what a person reads whose form did not come from a page of
// ours, or from one that is too old: it is no question of rights.
const formRefused = "error.form"

// nowhere answers a path that is not there, or not for this method. Who is signed in has
// the menu there; the page says the same of every such path, and nothing is written for it.
func (v *Visit) nowhere(allow []string) error {
	v.recognize()
	v.w.Header().Set("Cache-Control", "no-store")
	if allow == nil {
		return fault.New(fault.NotFound, "find page")
	}
	v.w.Header().Set("Allow", strings.Join(allow, ", "))
	return fault.New(fault.Method, "find page: not with this method")
}

func (v *Visit) unsafe() bool { return v.e.Method != http.MethodGet }

// refused tells whoever counts that the wrapper said no.
func (v *Visit) refused() {
	if v.door.c.Refused != nil {
		v.door.c.Refused(v.Context(), v.caller, v.e.Method+" "+v.e.Pattern)
	}
}

// sameSite reports whether one of our own pages sent an unsafe request. Every
// current browser says so in Sec-Fetch-Site; one that does not must name our
// origin. Who says nothing is not a browser.
func (v *Visit) sameSite() bool {
	site, origin := v.r.Header.Values("Sec-Fetch-Site"), v.r.Header.Values("Origin")
	if len(site) > 1 || len(origin) > 1 || len(origin) == 1 && origin[0] != v.door.c.Origin {
		return false
	}
	if len(site) == 1 {
		return site[0] == "same-origin"
	}
	return len(origin) == 1
}

// read bounds and parses the body as the endpoint declares it.
func (v *Visit) read() error {
	want := "application/x-www-form-urlencoded"
	if v.e.Ceremony {
		want = "application/json"
	}
	got, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || got != want {
		return fault.New(fault.MediaType, "read body: not the declared type")
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, v.e.Body)
	if v.e.Ceremony {
		err = v.readCeremony()
	} else {
		err = v.readForm()
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		// The server would read on to use the connection again, and cannot see
		// through the writer of package app that a limit was hit.
		v.w.Header().Set("Connection", "close")
		return fault.Wrap(fault.TooLarge, "read body", err)
	}
	return err
}

func (v *Visit) readForm() error {
	if err := v.r.ParseForm(); err != nil {
		return fault.Wrap(fault.Invalid, "read form", err)
	}
	for name, values := range v.r.PostForm {
		if name != "form_token" && !slices.Contains(v.e.Fields, name) || len(values) != 1 || !utf8.ValidString(values[0]) {
			return fault.New(fault.Invalid, "read form: a field is unknown, repeated or not text")
		}
	}
	return nil
}

func (v *Visit) readCeremony() error {
	body, err := io.ReadAll(v.r.Body)
	if err != nil {
		return fault.Wrap(fault.Invalid, "read body", err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v.json); err != nil {
		return fault.New(fault.Invalid, "read ceremony: malformed")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "read ceremony: something follows")
	}
	return nil
}

func (v *Visit) formToken() string {
	if t := v.r.Header.Get("X-Form-Token"); t != "" {
		return t
	}
	return v.Field("form_token")
}

// identify turns the cookie into a Caller. A cookie that opens nothing is
// deleted and leaves a stranger.
func (v *Visit) identify() error {
	c, err := v.r.Cookie(session.CookieName)
	if err != nil {
		return nil
	}
	caller, err := v.door.c.Sessions.Resolve(v.Context(), c.Value, v.quest)
	if fault.Is(err, fault.Unauthenticated) {
		http.SetCookie(v.w, session.NoCookie())
		return nil
	}
	if err != nil {
		return err
	}
	v.caller, v.secret = caller, c.Value
	return nil
}

// recognize is identify for the page of an error before the session was asked for: it
// counts as no use of the session. Whoever is not known reads it as a stranger.
func (v *Visit) recognize() {
	c, err := v.r.Cookie(session.CookieName)
	if err != nil {
		return
	}
	if caller, err := v.door.c.Sessions.Recognize(v.Context(), c.Value, v.quest); err == nil {
		v.caller, v.secret = caller, c.Value
	}
}

// fail answers with err's kind and message, and nothing else of it.
func (v *Visit) fail(err error) {
	kind := fault.Of(err)
	if kind == fault.Internal || kind == fault.Unavailable || kind == fault.Tampered {
		v.door.c.Log.Error("request failed", "request", v.quest.ID, "kind", kind.String(), "error", err)
	}
	for _, name := range []string{"Content-Disposition", "Location", "Clear-Site-Data"} {
		v.w.Header().Del(name)
	}
	v.w.Header().Set("Cache-Control", "no-store")
	if n := fault.RetryAfter(err); n > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(n))
	}
	if v.e != nil && v.e.Ceremony {
		_ = v.failJSON(kind, err) // its one error is of encoding strings
		return
	}
	if err := v.failPage(kind, err); err != nil {
		v.door.c.Log.Error("error page failed", "request", v.quest.ID, "error", err)
		v.write(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("Something went wrong on our side. Algo falló de nuestro lado.\n"+v.door.c.ClinicPhone+"\n"))
	}
}

func (v *Visit) failPage(kind fault.Kind, err error) error {
	get := v.r.Method == http.MethodGet || v.r.Method == http.MethodHead
	if kind == fault.Unauthenticated && v.e != nil && get {
		return v.Redirect(v.toSignIn())
	}
	if kind == fault.StepUp && v.e != nil {
		return v.Redirect(v.toStepUp())
	}
	if kind == fault.Unauthenticated && v.e != nil && v.e.Action == string(access.SignOut) {
		// The session ended by itself; what the person asked for is done all the same.
		v.w.Header().Set("Clear-Site-Data", clearAll)
	}
	m := &view.Error{Base: v.Base(""), Kind: kind, Message: fault.Message(err), RetryAfter: fault.RetryAfter(err)}
	if m.RetryAfter > 3600 {
		m.RetryAfter = 0 // nobody counts so many minutes: the message says when
	}
	// The page repeats nothing of what was asked for, so that two things that are
	// not there cannot be told apart.
	m.Route, m.RouteID, m.RouteQuery, m.Twins = "", "", "", false
	return v.Render(kind.Status(), m)
}

// toSignIn is the sign-in page that leads back here. Whoever had a session is
// told that it is over: a page that only asks again looks like a lost record.
func (v *Visit) toSignIn() string {
	q := url.Values{}
	if _, err := v.r.Cookie(session.CookieName); err == nil {
		q.Set("why", "session-over")
	}
	if next := v.door.known(v.e.Page); next != "" && v.door.path(next, v.routeID()) != "/" {
		q.Set("next", next)
		if id := v.routeID(); id != "" {
			q.Set("next_id", id)
		}
	}
	if len(q) == 0 {
		return "/sign-in"
	}
	return "/sign-in?" + q.Encode()
}

// toStepUp is the page that asks for presence once more. It leads back to the page
// that the form stood on.
func (v *Visit) toStepUp() string {
	q := url.Values{"next": {v.e.Page}}
	if id := v.routeID(); id != "" {
		q.Set("next_id", id)
	}
	return "/step-up?" + q.Encode()
}

// failed is the answer of a ceremony that did not succeed.
type failed struct {
	Error   string `json:"error"`        // public message id
	Text    string `json:"text"`         // the message in the page's language
	Request string `json:"request"`      // transaction id, to read out on the phone
	Go      string `json:"go,omitempty"` // path where the way goes on
}

func (v *Visit) failJSON(kind fault.Kind, err error) error {
	f := failed{Error: fault.Message(err), Request: v.quest.ID}
	lang := v.door.c.Catalog.Language(v.language())
	said := f.Error
	if kind == fault.Unauthenticated && (v.e.OneTime || v.SignedIn()) {
		// Whoever is not let in learns no reason, and "sign in first" would be
		// odd on the sign-in page.
		said = "passkey.failed"
	}
	if !lang.Has(said) {
		said = kind.Message()
	}
	if f.Text, _ = lang.Text(said); kind == fault.StepUp {
		f.Go = "/step-up?next=" + v.e.Page
	}
	return v.answer(kind.Status(), f)
}

// fresh returns fault.StepUp unless presence was proved within the window. The
// gate decides on the act itself; this spares a person a ceremony that the gate
// would refuse at its end.
func (v *Visit) fresh() error {
	at := v.caller.Proof().At
	if at.IsZero() || v.door.c.Clock().Sub(at) > v.door.c.StepUp {
		return fault.New(fault.StepUp, "begin ceremony: presence was not proved lately")
	}
	return nil
}
