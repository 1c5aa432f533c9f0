package session

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/word/person"
)

// The kinds are stored.
func TestKindsAreFixed(t *testing.T) {
	if kindSession != 1 || kindToken != 2 {
		t.Fatal("a kind of row was renumbered")
	}
}

// Every body has one length, whatever it says.
func TestBodiesHaveOneLength(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 123456789, time.UTC)
	for _, b := range []body{
		{Role: person.RolePatient, Expires: at},
		{Created: at, Started: at, Expires: at, Role: person.RoleRecordsOffice, Method: "passkey", Proved: at, Passkey: strings.Repeat("f", 32),
			Browser: "Samsung Internet", System: "ChromeOS"},
	} {
		plain, err := b.encode()
		if err != nil || len(plain) != bodySize {
			t.Fatalf("%d bytes, %v", len(plain), err)
		}
		if got, err := decode(plain); err != nil || got != b {
			t.Fatalf("decoded %+v, %v", got, err)
		}
	}
	for name, plain := range map[string]string{"short": "{}", "not JSON": strings.Repeat("x", bodySize),
		"no role": `{"expires":"2026-01-01T00:00:00Z"}`, "no end": `{"role":"nurse"}`} {
		padded := append([]byte(plain), bytes.Repeat([]byte{' '}, max(0, bodySize-len(plain)))...)
		if name == "short" {
			padded = []byte(plain)
		}
		if _, err := decode(padded); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecodeBody(f *testing.F) {
	f.Add([]byte(`{"role":"nurse","expires":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		padded := append(bytes.Clone(plain), bytes.Repeat([]byte{' '}, max(0, bodySize-len(plain)))...)
		b, err := decode(padded)
		if err != nil {
			return
		}
		again, err := b.encode()
		if err != nil {
			return // over the bound: escapes grew it
		}
		if got, err := decode(again); err != nil || got.Role != b.Role || !got.Expires.Equal(b.Expires) {
			t.Fatalf("%q became %q", padded, again)
		}
	})
}

func FuzzDescribe(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")
	f.Fuzz(func(t *testing.T, agent string) {
		browser, system := describe(agent)
		if len(browser) > 20 || len(system) > 20 {
			t.Fatalf("%q on %q: more than a family was kept", browser, system)
		}
	})
}
