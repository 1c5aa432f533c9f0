package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/internal/word/route"
)

// options is what a page hands to navigator.credentials; state comes back unchanged.
type options struct {
	State     string          `json:"state"`
	PublicKey json.RawMessage `json:"publicKey"`
}

// onward tells the page where to go after a ceremony that succeeded.
type onward struct {
	Go string `json:"go"`
}

func (v *Visit) offer(o identity.Options, err error) error {
	if err != nil {
		return err
	}
	return v.answer(http.StatusOK, options{State: o.Ceremony, PublicKey: o.PublicKey})
}

// credential is the browser's answer in the form that package identity takes.
func (v *Visit) credential() ([]byte, error) {
	if v.json.State == "" || len(v.json.Credential) == 0 {
		return nil, fault.New(fault.Invalid, "read ceremony: state or credential is missing")
	}
	b, err := json.Marshal(identity.Answer{Ceremony: v.json.State, Credential: v.json.Credential})
	if err != nil {
		return nil, fault.New(fault.Invalid, "read ceremony: malformed")
	}
	return b, nil
}

// decide asks the gate.
func (v *Visit) decide(a access.Ask) (access.Grant, error) {
	return v.door.c.Gate.Decide(v.Context(), a)
}

// signIn is GET /sign-in.
func (d *Door) signIn(v *Visit) error {
	q := v.r.URL.Query()
	// Sign-out cleared the cookie that held the language; the page that says so
	// must not change to another one.
	if _, err := v.r.Cookie(languageCookie); err != nil && !v.SignedIn() && slices.Contains(catalog.Languages(), q.Get("lang")) {
		v.tag = q.Get("lang")
	}
	m := &view.SignIn{Base: v.Base(""), Next: d.known(q.Get("next")), NextID: opaqueOr(q.Get("next_id"))}
	m.RouteQuery = leadsTo(m.Next, m.NextID)
	if why := "flash." + q.Get("why"); m.Flash == "" && (why == "flash.signed-out" || why == "flash.session-over") {
		m.Flash = why
	}
	return v.Render(http.StatusOK, m)
}

// signInOptions is POST /sign-in/options.
func (d *Door) signInOptions(v *Visit) error { return v.offer(d.c.Identity.BeginSignIn()) }

// signInFinish is POST /sign-in/finish: verify, ask, record, start.
func (d *Door) signInFinish(v *Visit) error {
	answer, err := v.credential()
	if err != nil {
		return err
	}
	p, err := d.c.Identity.FinishSignIn(v.Context(), answer)
	if err != nil {
		v.notLetIn(err)
		return err
	}
	g, err := v.present(p)
	if err != nil {
		return err
	}
	if err := v.StartSession(g, session.Begin{Proof: p.Proof()}); err != nil {
		return err
	}
	return v.answer(http.StatusOK, onward{Go: d.path(v.json.Next, v.json.NextID)})
}

// notLetIn counts a ceremony that failed.
func (v *Visit) notLetIn(err error) {
	if fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Throttled) {
		v.refused()
	}
}

// present asks the gate about a verified passkey and records its use.
func (v *Visit) present(p *identity.Presence) (access.Grant, error) {
	g, err := v.decide(p.Ask(v.quest))
	if err != nil {
		return access.Grant{}, err
	}
	return g, v.door.c.Identity.Record(v.Context(), g, p)
}

// enrol is GET /enrol. The secret stands in the fragment, which no server sees.
func (d *Door) enrol(v *Visit) error {
	return v.Render(http.StatusOK, &view.Enrol{Base: v.Base("")})
}

// enrolOptions is POST /enrol/options.
func (d *Door) enrolOptions(v *Visit) error {
	o, err := d.c.Identity.BeginEnrol(v.Context(), v.json.Link)
	if err != nil {
		v.notLetIn(err)
	}
	return v.offer(o, err)
}

// enrolFinish is POST /enrol/finish: the new passkey is the first sign-in. A
// link replaces a lost device, so what was open before ends.
func (d *Door) enrolFinish(v *Visit) error {
	answer, err := v.credential()
	if err != nil {
		return err
	}
	p, err := d.c.Identity.FinishEnrol(v.Context(), v.passkeyName(), answer)
	if err != nil {
		v.notLetIn(err)
		return err
	}
	g, err := v.decide(p.Ask(person.Stranger(v.quest)))
	if err != nil {
		return err
	}
	if err := d.c.Identity.Apply(v.Context(), g, p); err != nil {
		return err
	}
	if err := d.c.Sessions.EndAll(v.Context(), g, ""); err != nil {
		return err
	}
	proof := person.Proof{Method: "passkey", At: d.c.Clock().UTC(), Passkey: p.Passkey()}
	if err := v.StartSession(g, session.Begin{Proof: proof}); err != nil {
		return err
	}
	return v.answer(http.StatusOK, onward{Go: "/"})
}

// passkeyName is the name of a passkey, as typed; the page calls one without a
// name after its day.
func (v *Visit) passkeyName() phi.Text { return phi.NewText(strings.TrimSpace(v.json.Name)) }

// clearAll makes the browser forget everything of ours. The quotes belong to it.
const clearAll = `"cache", "cookies", "storage"`

// signOut is POST /sign-out. Everything that the browser keeps of us goes.
func (d *Door) signOut(v *Visit) error {
	lang := v.language() // of the account, which is unknown below
	if err := v.leaveSession(); err != nil {
		return err
	}
	v.w.Header().Set("Clear-Site-Data", clearAll)
	http.SetCookie(v.w, session.NoCookie())
	return v.Redirect("/sign-in?why=signed-out&lang=" + lang)
}

// stepUp is GET /step-up: presence once more, then back to where one was.
func (d *Door) stepUp(v *Visit) error {
	q := v.r.URL.Query()
	m := &view.SignIn{Base: v.Base(""), StepUp: true, Next: d.known(q.Get("next")), NextID: opaqueOr(q.Get("next_id"))}
	m.RouteQuery = leadsTo(m.Next, m.NextID)
	return v.Render(http.StatusOK, m)
}

// leadsTo is where sign-in goes on, for the language switch: only what is known to
// be a page, since what an address says is not repeated.
func leadsTo(next, id string) string {
	q := url.Values{}
	if next != "" {
		q.Set("next", next)
	}
	if next != "" && id != "" {
		q.Set("next_id", id)
	}
	return q.Encode()
}

// stepUpOptions is POST /step-up/options.
func (d *Door) stepUpOptions(v *Visit) error {
	return v.offer(d.c.Identity.BeginStepUp(v.Context(), v.caller))
}

// stepUpFinish is POST /step-up/finish.
func (d *Door) stepUpFinish(v *Visit) error {
	answer, err := v.credential()
	if err != nil {
		return err
	}
	p, err := d.c.Identity.FinishStepUp(v.Context(), v.caller, answer)
	if err != nil {
		v.notLetIn(err)
		return err
	}
	if err := v.rotate(p); err != nil {
		return err
	}
	return v.answer(http.StatusOK, onward{Go: d.path(v.json.Next, v.json.NextID)})
}

// rotate gives the session a new secret with the fresh proof, and the visit the
// Caller that goes with it.
func (v *Visit) rotate(p *identity.Presence) error {
	g, err := v.present(p)
	if err != nil {
		return err
	}
	secret, err := v.door.c.Sessions.Rotate(v.Context(), g, v.caller, p.Proof(), "")
	if err != nil {
		return err
	}
	http.SetCookie(v.w, session.Cookie(secret))
	caller, err := v.door.c.Sessions.Resolve(v.Context(), secret, v.quest)
	if err != nil {
		return err
	}
	v.caller, v.secret = caller, secret
	return nil
}

// known is name when it names a page that one can go to, else empty.
func (d *Door) known(name string) string {
	if e := d.page(name); e == nil || e.Auth != route.Session || name == "step-up" {
		return ""
	}
	return name
}

// page is the page with this name.
func (d *Door) page(name string) *Endpoint {
	for i := range d.endpoints {
		if e := &d.endpoints[i]; name != "" && e.Page == name && e.Method == http.MethodGet && !e.Open && !e.File {
			return e
		}
	}
	return nil
}

// path is the path of a page by its name, and of the first page for any other.
// id fills its parameters, one between each two slashes.
func (d *Door) path(name, id string) string {
	e := d.page(name)
	if e == nil {
		return "/"
	}
	parts := strings.Split(e.Pattern, "/")
	for i, p := range parts {
		if parameter(p) {
			one, rest, _ := strings.Cut(id, "/")
			if !opaque(one) {
				return "/"
			}
			parts[i], id = url.PathEscape(one), rest
		}
	}
	return strings.Join(parts, "/")
}

// opaque reports whether s looks like one of our identifiers, and so may stand
// in a path.
func opaque(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func opaqueOr(s string) string {
	one, two, both := strings.Cut(s, "/")
	if opaque(one) && (!both || opaque(two)) {
		return s
	}
	return ""
}
