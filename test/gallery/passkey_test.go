package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// door is a stand-in for the real handlers: it records what the module sends.
type door struct {
	mu   sync.Mutex
	sent map[string]map[string]any // by path
	head map[string]http.Header
	say  string // when set, every finish is refused with this text
}

func (d *door) take(r *http.Request) {
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body) // an empty body is checked by the test
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent[r.URL.Path], d.head[r.URL.Path] = body, r.Header
}

func (d *door) got(path string) map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent[path]
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser left: the test times out and says so
}

func (d *door) options(public map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.take(r)
		reply(w, 200, map[string]any{"publicKey": public, "state": "state-1"})
	}
}

func (d *door) finish(w http.ResponseWriter, r *http.Request) {
	d.take(r)
	d.mu.Lock()
	say := d.say
	d.mu.Unlock()
	if say != "" {
		reply(w, 400, map[string]any{"text": say, "request": "r-42"})
		return
	}
	reply(w, 200, map[string]any{"go": "/en/home-first"})
}

func serve(t *testing.T) (*door, string) {
	t.Helper()
	pages, _, err := gallery()
	if err != nil {
		t.Fatal(err)
	}
	d := &door{sent: map[string]map[string]any{}, head: map[string]http.Header{}}
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	create := map[string]any{"challenge": "Y2hhbGxlbmdl", "rp": map[string]any{"id": "localhost", "name": "Riverside Clinic"},
		"user":                   map[string]any{"id": "YWNjb3VudA", "name": "James", "displayName": "James"},
		"pubKeyCredParams":       []any{map[string]any{"type": "public-key", "alg": -7}},
		"authenticatorSelection": map[string]any{"residentKey": "required", "userVerification": "required"}}
	get := map[string]any{"challenge": "Y2hhbGxlbmdl", "rpId": "localhost", "userVerification": "required"}
	mux.HandleFunc("POST /enrol/options", d.options(create))
	mux.HandleFunc("POST /enrol/finish", d.finish)
	mux.HandleFunc("POST /security/passkeys/options", d.options(create))
	mux.HandleFunc("POST /security/passkeys/finish", d.finish)
	mux.HandleFunc("POST /sign-in/options", d.options(get))
	mux.HandleFunc("POST /sign-in/finish", d.finish)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return d, strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// One browser walks the three ways a page uses a passkey, under the policy that
// the door sends.
func TestPasskeyModule(t *testing.T) {
	d, base := serve(t)
	ctx, cancel := browser()
	defer cancel()
	do := func(what string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		for _, a := range actions {
			if err := chromedp.Do(ctx, a); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	until := func(what, expression string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	key := func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, target, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
		return chromedp.Void{}, err
	}
	ready := `document.querySelector('[data-go]').disabled === false`

	do("open the one-time link", chromedp.Navigate(base+"/en/enrol#secret-of-the-link"), key)
	until("the button wakes up", ready)
	until("the secret left the address bar", `location.hash === ''`)
	do("create a passkey", chromedp.Click(`[data-go]`))
	do("the module goes on", chromedp.WaitVisible(`.places`))
	if d.got("/enrol/options")["link"] != "secret-of-the-link" || d.got("/enrol/finish")["state"] != "state-1" {
		t.Errorf("sent %v", d.got("/enrol/options"))
	}
	if c, ok := d.got("/enrol/finish")["credential"].(map[string]any); !ok || c["type"] != "public-key" {
		t.Errorf("finish carries no credential: %v", d.got("/enrol/finish"))
	}

	do("sign in", chromedp.Navigate(base+"/en/sign-in"))
	until("the button wakes up", ready)
	do("use it", chromedp.Click(`[data-go]`))
	do("signed in", chromedp.WaitVisible(`.places`))
	if c, ok := d.got("/sign-in/finish")["credential"].(map[string]any); !ok || c["response"].(map[string]any)["userHandle"] == nil {
		t.Errorf("finish carries no assertion: %v", d.got("/sign-in/finish"))
	}

	d.mu.Lock()
	d.say = "Ese nombre ya existe."
	d.mu.Unlock()
	do("add a passkey", chromedp.Navigate(base+"/es/security"))
	until("the button wakes up", ready)
	do("try", chromedp.Click(`[data-go]`))
	until("the refusal is said, with its number", `document.querySelector('[data-status]').textContent === 'Ese nombre ya existe. (r-42)'`)
	d.mu.Lock()
	token := d.head["/security/passkeys/options"].Get("X-Form-Token")
	d.mu.Unlock()
	if token != "dG9rZW4" {
		t.Errorf("form token %q", token)
	}
}
