package apptest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/internal/room/identity/identitytest"
)

// Browser is what a person sits in front of: cookies, the form token of the last
// page, and an authenticator in software.
type Browser struct {
	Cookies map[string]string
	Device  *identitytest.Authenticator
	Token   string // of the forms on the last page

	in     *Installation
	client *http.Client
}

// Browser is a fresh one, of a stranger.
func (in *Installation) Browser() *Browser {
	return &Browser{Cookies: map[string]string{}, Device: &identitytest.Authenticator{Origin: in.Origin}, in: in,
		client: &http.Client{Transport: in.transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Enter steps into a persona of the demo, as the button on /demo does.
func (in *Installation) Enter(t testing.TB, persona string) *Browser {
	t.Helper()
	b := in.Browser()
	if got := b.Post(t, "/demo/enter", "persona", persona); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/" {
		t.Fatalf("enter %s: status %d to %q", persona, got.Status, got.Header.Get("Location"))
	}
	b.Get(t, "/security") // any page with a form token
	return b
}

var tokenOf = regexp.MustCompile(`<meta name="form-token" content="([^"]*)">`)

// Send sends r with the cookies and keeps what comes back. Redirects are not followed.
func (b *Browser) Send(t testing.TB, r *http.Request) Answer {
	t.Helper()
	for name, value := range b.Cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	got, err := b.client.Do(r)
	must(t, err)
	for _, c := range got.Cookies() {
		if b.Cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.Cookies, c.Name)
		}
	}
	a := b.in.answer(t, got)
	if m := tokenOf.FindSubmatch(a.Body); m != nil {
		b.Token = string(m[1])
	}
	return a
}

// Get asks for a page.
func (b *Browser) Get(t testing.TB, path string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.in.Origin+path, nil)
	must(t, err)
	return b.Send(t, r)
}

// Post sends a form of one of our pages; fields are names and values in turn.
func (b *Browser) Post(t testing.TB, path string, fields ...string) Answer {
	t.Helper()
	f := url.Values{}
	if b.Token != "" {
		f.Set("form_token", b.Token)
	}
	for i := 0; i < len(fields); i += 2 {
		f.Set(fields[i], fields[i+1])
	}
	return b.send(t, path, "application/x-www-form-urlencoded", []byte(f.Encode()))
}

// JSON sends what the passkey module of a page sends.
func (b *Browser) JSON(t testing.TB, path string, v any) Answer {
	t.Helper()
	body, err := json.Marshal(v)
	must(t, err)
	return b.send(t, path, "application/json", body)
}

func (b *Browser) send(t testing.TB, path, kind string, body []byte) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.in.Origin+path, bytes.NewReader(body))
	must(t, err)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Origin", b.in.Origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if kind == "application/json" && b.Token != "" {
		r.Header.Set("X-Form-Token", b.Token)
	}
	return b.Send(t, r)
}

// Ceremony runs options and finish under path with the authenticator; sent goes
// along with both.
func (b *Browser) Ceremony(t testing.TB, path string, create bool, sent map[string]any) Answer {
	t.Helper()
	got := b.JSON(t, path+"/options", sent)
	if got.Status != http.StatusOK {
		return got
	}
	var o struct {
		State     string
		PublicKey json.RawMessage
	}
	must(t, json.Unmarshal(got.Body, &o))
	body := map[string]any{"state": o.State}
	for k, v := range sent {
		body[k] = v
	}
	if create {
		body["credential"] = b.Device.Create(t, o.PublicKey)
	} else {
		body["credential"] = b.Device.Get(t, o.PublicKey, b.Device.Passkeys[len(b.Device.Passkeys)-1])
	}
	return b.JSON(t, path+"/finish", body)
}

// Enrol uses a one-time link and leaves the browser signed in.
func (b *Browser) Enrol(t testing.TB, link string) Answer {
	t.Helper()
	page, secret, _ := strings.Cut(strings.TrimPrefix(link, b.in.Origin), "#")
	b.Get(t, page)
	got := b.Ceremony(t, page, true, map[string]any{"link": secret, "name": "phone"})
	if got.Status == http.StatusOK {
		b.Get(t, "/security")
	}
	return got
}

// SignIn signs in with the newest passkey.
func (b *Browser) SignIn(t testing.TB) Answer {
	t.Helper()
	b.Token = ""
	b.Get(t, "/sign-in")
	got := b.Ceremony(t, "/sign-in", false, map[string]any{})
	if got.Status == http.StatusOK {
		b.Get(t, "/security")
	}
	return got
}

// Approve approves the act at url with the newest passkey.
func (b *Browser) Approve(t testing.TB, url string) Answer {
	t.Helper()
	path := strings.TrimPrefix(url, b.in.Origin)
	b.Get(t, path)
	return b.Ceremony(t, path, false, map[string]any{})
}
