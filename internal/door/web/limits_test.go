package web_test

import (
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web"
	"postern.example/postern/internal/word/route"
)

// Every route reads as little as its longest honest request needs: a slow client
// makes the server hold what it has read.
func TestBodiesAreBounded(t *testing.T) {
	h := lite(t)
	sent := func(r route.Route, size int64) (status int, connection string) {
		t.Helper()
		path := concrete(r.Pattern)
		q := request(r, "")
		body := url.Values{"form_token": {strings.Repeat("x", int(size)-len("form_token="))}}.Encode()
		if strings.Contains(q.Header.Get("Content-Type"), "json") {
			body = `{"next":"` + strings.Repeat("x", int(size)-len(`{"next":""}`)) + `"}`
		}
		q2 := httptest.NewRequest("POST", path, strings.NewReader(body))
		q2.Host, q2.Header = q.Host, q.Header
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, q2)
		return w.Code, w.Header().Get("Connection")
	}
	for _, r := range web.Routes() {
		if r.Method != "POST" {
			continue
		}
		most := int64(4 << 10)
		switch {
		case strings.HasSuffix(r.Pattern, "/options"):
			most = 1 << 10
		case r.Pattern == "/enrol/finish", r.Pattern == "/security/passkeys/finish":
			most = 16 << 10
		case strings.HasSuffix(r.Pattern, "/finish"):
			most = 8 << 10
		}
		if r.Body > most {
			t.Errorf("%s takes %d bytes", r.Pattern, r.Body)
		}
		if got, connection := sent(r, r.Body+1); got != 413 || connection != "close" {
			t.Errorf("%s: one byte too many is answered with %d, connection %q", r.Pattern, got, connection)
		}
		if got, _ := sent(r, r.Body); got == 413 {
			t.Errorf("%s: what it takes is too much", r.Pattern)
		}
	}
}

// The longest honest bodies are taken: a name of 60 letters of four bytes with a
// link, and a passkey whose id is as long as the standard allows.
func TestLongestHonestBodiesFit(t *testing.T) {
	h := lite(t)
	id := base64.RawURLEncoding.EncodeToString(make([]byte, 1023))
	long := func(n int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, n)) }
	common := map[string]any{"next": "result", "next_id": strings.Repeat("a", 64), "name": strings.Repeat("𝒜", 60),
		"link": "acc-" + strings.Repeat("a", 26) + "." + strings.Repeat("b", 43)}
	with := func(response map[string]any) map[string]any {
		out := map[string]any{"state": long(500), "credential": map[string]any{"id": id, "rawId": id, "type": "public-key",
			"authenticatorAttachment": "cross-platform", "clientExtensionResults": map[string]any{}, "response": response}}
		for k, v := range common {
			out[k] = v
		}
		return out
	}
	sign := with(map[string]any{"authenticatorData": long(200), "clientDataJSON": long(300), "signature": long(512), "userHandle": long(64)})
	create := with(map[string]any{"attestationObject": long(4000), "clientDataJSON": long(300), "authenticatorData": long(1800),
		"publicKey": long(600), "publicKeyAlgorithm": -257, "transports": []string{"usb", "nfc", "ble", "hybrid"}})
	for path, body := range map[string]map[string]any{"/enrol/options": common, "/sign-in/options": common, "/sign-in/finish": sign, "/enrol/finish": create} {
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, jsonRequest(path, "", body))
		if w.Code == 413 || w.Code == 400 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
