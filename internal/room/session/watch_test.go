package session_test

import (
	"slices"
	"testing"
	"time"

	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// witness is a session.Watch that remembers.
type witness struct {
	met  map[string]person.Caller
	lost []string
}

func (w *witness) Met(secret string, c person.Caller) { w.met[secret] = c }
func (w *witness) Lost(secret string)                 { w.lost = append(w.lost, secret) }

// Whoever bounds how often somebody comes hears which secrets are good, and whose, and
// which ones are not; and nothing of one that could not be looked up.
func TestTheWatchHearsOfSecrets(t *testing.T) {
	covers.Covers(t, "SD-6")
	h := lite(t, keys.Test)
	w := &witness{met: map[string]person.Caller{}}
	c := config(t, h.Kit, h.people)
	c.Watch = w
	var err error
	if h.rooms, err = session.New(c); err != nil {
		t.Fatal(err)
	}
	mia := h.account(t, person.RolePatient)
	secret := h.signIn(t, mia)
	token, err := h.rooms.MintToken(t.Context(), h.grant(t, vaulttest.Operator(), access.MintToken, mia), "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	h.alive(t, secret)
	if _, err := h.rooms.ResolveToken(t.Context(), token, vaulttest.Request()); err != nil {
		t.Fatal(err)
	}
	if w.met[secret].Account() != mia || w.met[token].Kind() != person.KindToken || len(w.met) != 2 || len(w.lost) != 0 {
		t.Errorf("met %d, lost %q", len(w.met), w.lost)
	}
	h.dead(t, "invented", "invented")
	wantKind(t, "no token", second(h.rooms.ResolveToken(t.Context(), "pt_", vaulttest.Request())), fault.Unauthenticated)
	h.Clock.Add(13 * time.Hour)
	h.dead(t, "expired", secret)
	if !slices.Equal(w.lost, []string{"invented", "pt_", secret}) {
		t.Errorf("lost %q", w.lost)
	}
}
