package identity

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Two kinds that share a secret kind must not share the id of their only row:
// the sealed bytes of one would open as the other.
func TestSingleRowsDiffer(t *testing.T) {
	seen := map[[16]byte]kind{}
	for k := kindProfile; k <= kindStatus; k++ {
		if other, dup := seen[k.only()]; dup {
			t.Errorf("kinds %d and %d share an id", k, other)
		}
		seen[k.only()] = k
	}
}

// The kinds are stored.
func TestKindsAreFixed(t *testing.T) {
	if kindProfile != 1 || kindRole != 2 || kindCredential != 3 || kindAssignment != 4 || kindEnrolment != 5 || kindStatus != 6 {
		t.Fatal("a kind of row was renumbered")
	}
}

func TestBodyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := body{Name: rapid.String().Draw(t, "name"), Credential: &credential{
			ID: rapid.SliceOfN(rapid.Byte(), 1, 1023).Draw(t, "id"), PublicKey: rapid.SliceOfN(rapid.Byte(), 1, 600).Draw(t, "key"),
			Count: rapid.Uint32().Draw(t, "count"), Flags: rapid.Byte().Draw(t, "flags")}}
		plain, err := b.encode()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(plain); n < 128 || n&(n-1) != 0 {
			t.Fatalf("%d bytes are not padded", n)
		}
		got, err := decode(kindCredential, plain)
		if err != nil || !bytes.Equal(got.Credential.ID, b.Credential.ID) || got.Credential.Count != b.Credential.Count {
			t.Fatalf("decoded %+v, %v", got, err)
		}
		if _, err := decode(kindAssignment, plain); err == nil {
			t.Fatal("a passkey is not an assignment")
		}
	})
	if _, err := (body{Language: string(make([]byte, maxBody))}).encode(); err == nil {
		t.Error("a body over the bound was encoded")
	}
}

func FuzzDecodeBody(f *testing.F) {
	for k := kindProfile; k <= kindStatus; k++ {
		f.Add(uint8(k), []byte(`{"name":"x","role":"nurse","person":"AAAAAAAAAAAAAAAAAAAAAA==","credential":{"id":"AA==","publicKey":"AA=="}}`))
	}
	f.Fuzz(func(t *testing.T, k uint8, plain []byte) {
		b, err := decode(kind(k), plain)
		if err != nil {
			return
		}
		again, err := b.encode()
		if err != nil {
			return // over the bound: escapes grew it
		}
		if _, err := decode(kind(k), again); err != nil {
			t.Fatalf("what was accepted does not survive: %q", again)
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"ceremony":"AA","credential":{}}`))
	f.Add([]byte(`{}x`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parseAnswer(b); err == nil && (a.Ceremony == "" || len(a.Credential) == 0) {
			t.Fatalf("accepted %q", b)
		}
	})
}

// Every part of a ceremony changes the challenge.
func TestChallengeBindsEveryPart(t *testing.T) {
	c := ceremony{Purpose: forApproval, Nonce: make([]byte, nonceSize), Account: make([]byte, 16), Device: "d"}
	seen := map[string]string{}
	for name, change := range map[string]func(*ceremony) []byte{
		"as it is": func(*ceremony) []byte { return []byte{1} },
		"purpose":  func(c *ceremony) []byte { c.Purpose = forStepUp; return []byte{1} },
		"nonce":    func(c *ceremony) []byte { c.Nonce = bytes.Repeat([]byte{1}, nonceSize); return []byte{1} },
		"account":  func(c *ceremony) []byte { c.Account = bytes.Repeat([]byte{1}, 16); return []byte{1} },
		"device":   func(c *ceremony) []byte { c.Device = "e"; return []byte{1} },
		"act":      func(*ceremony) []byte { return []byte{2} },
		"no act":   func(*ceremony) []byte { return nil },
	} {
		one := c
		act := change(&one)
		key := string(one.challenge(act))
		if other, dup := seen[key]; dup {
			t.Errorf("%s and %s share a challenge", name, other)
		}
		seen[key] = name
	}
}

// numbered is an account like any other.
func numbered(n byte) person.AccountID {
	id, _ := person.AccountIDFromBytes(bytes.Repeat([]byte{n}, 16)) // 16 bytes are an id
	return id
}

// A full memory of used challenges refuses instead of forgetting, and empties
// itself when their time is over.
func TestSpentIsBounded(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s := newSpent()
	for i := range maxSpent {
		s.until[[nonceSize]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}] = spending{expires: now.Add(ceremonyLife)}
	}
	s.each[person.AccountID{}] = maxSpent
	c := ceremony{Nonce: make([]byte, nonceSize), Expires: now.Add(ceremonyLife)}
	if err := s.spend(c, numbered(1), now); !fault.Is(err, fault.Throttled) {
		t.Errorf("a full memory forgot: %v", err)
	}
	if err := s.spend(c, numbered(1), now.Add(ceremonyLife)); err != nil || len(s.until) != 1 || len(s.each) != 1 {
		t.Errorf("%v; %d of %d accounts are remembered after their time", err, len(s.until), len(s.each))
	}
	if err := s.spend(c, numbered(1), now.Add(ceremonyLife)); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("spent twice: %v", err)
	}
}

// One account that finishes ceremonies without end locks out itself, for minutes,
// and nobody else.
func TestOneAccountSpendsItsOwnShare(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s := newSpent()
	spend := func(by byte, n int) error {
		c := ceremony{Nonce: make([]byte, nonceSize), Expires: now.Add(ceremonyLife)}
		c.Nonce[0], c.Nonce[1], c.Nonce[2] = by, byte(n), byte(n>>8)
		return s.spend(c, numbered(by), now)
	}
	for n := range 10 * maxSpentEach {
		if err := spend(1, n); fault.Is(err, fault.Throttled) != (n >= maxSpentEach) || n < maxSpentEach && err != nil {
			t.Fatalf("ceremony %d: %v", n, err)
		}
	}
	if err := spend(2, 0); err != nil || len(s.until) != maxSpentEach+1 {
		t.Errorf("somebody else: %v, %d are remembered", err, len(s.until))
	}
	now = now.Add(ceremonyLife)
	if err := spend(1, 10*maxSpentEach); err != nil {
		t.Errorf("five minutes later: %v", err)
	}
}

func TestNewRefusesIncompleteConfigs(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("an empty configuration was accepted")
	}
	for name, c := range map[string]Config{
		"origin with a path": {Origin: "https://portal.example/x", RPID: "portal.example", RPName: "Postern"},
		"another host":       {Origin: "https://portal.example", RPID: "example", RPName: "Postern"},
		"no origin":          {RPID: "portal.example", RPName: "Postern"},
		"not a domain":       {Origin: "https://127.0.0.1:8080", RPID: "127.0.0.1", RPName: "Postern"},
	} {
		if _, err := relyingParty(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := relyingParty(Config{Origin: "http://localhost:8080", RPID: "localhost", RPName: "Postern"}); err != nil {
		t.Errorf("the demo's origin: %v", err)
	}
}
