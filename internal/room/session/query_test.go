package session_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// What a form asked for opens for its session, at its page, for half an hour.
func TestSealedQueries(t *testing.T) {
	covers.Covers(t, "CH-11")
	h := lite(t, "test")
	mia, leo := h.account(t, person.RolePatient), h.account(t, person.RolePatient)
	secret := h.signIn(t, mia)
	me, again, other := h.alive(t, secret), h.alive(t, h.signIn(t, mia)), h.alive(t, h.signIn(t, leo))
	q, err := h.rooms.SealQuery(me, "/results", "category=laboratory")
	if err != nil {
		t.Fatal(err)
	}
	opens := func(what string, c person.Caller) {
		t.Helper()
		if got, err := h.rooms.OpenQuery(c, "/results", q); err != nil || got != "category=laboratory" {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	opens("own", me)
	raw, err := base64.RawURLEncoding.DecodeString(q)
	if err != nil || strings.Contains(string(raw), "laboratory") {
		t.Errorf("the address says %q, %v", raw, err)
	}
	raw[len(raw)-1] ^= 1
	for name, open := range map[string]func() (string, error){
		"another session of the person": func() (string, error) { return h.rooms.OpenQuery(again, "/results", q) },
		"another person":                func() (string, error) { return h.rooms.OpenQuery(other, "/results", q) },
		"another person under an equal device": func() (string, error) {
			return h.rooms.OpenQuery(person.NewPerson(person.PersonConfig{Account: leo, Role: person.RolePatient, Device: me.Device()}), "/results", q)
		},
		"another page": func() (string, error) { return h.rooms.OpenQuery(me, "/officer", q) },
		"changed": func() (string, error) {
			return h.rooms.OpenQuery(me, "/results", base64.RawURLEncoding.EncodeToString(raw))
		},
		"none":     func() (string, error) { return h.rooms.OpenQuery(me, "/results", "") },
		"no text":  func() (string, error) { return h.rooms.OpenQuery(me, "/results", "%%") },
		"its form": func() (string, error) { return h.rooms.OpenQuery(me, "/results", h.rooms.FormToken(secret)) },
	} {
		got, err := open()
		if wantKind(t, name, err, fault.Gone); got != "" {
			t.Errorf("%s opens to %q", name, got)
		}
	}
	if len(h.Alarms.Take()) != 0 {
		t.Error("an old address raised the alarm")
	}
	stepped, err := h.rooms.Rotate(t.Context(), h.grant(t, stranger(), access.SignIn, mia), me, h.presence(), "")
	if err != nil {
		t.Fatal(err)
	}
	opens("after a step-up", h.alive(t, stepped))
	h.Clock.Add(30*time.Minute - time.Second)
	opens("in time", me)
	h.Clock.Add(time.Second)
	wantKind(t, "late", second(h.rooms.OpenQuery(me, "/results", q)), fault.Gone)
}

// The length of an address does not tell what was chosen, and is bounded.
func TestSealedQueriesHaveFewLengths(t *testing.T) {
	h := lite(t, "test")
	me := h.alive(t, h.signIn(t, h.account(t, person.RolePatient)))
	lengths := map[int]bool{}
	for _, n := range []int{0, 1, 200, 246, 247, 2112} {
		q, err := h.rooms.SealQuery(me, "/officer", strings.Repeat("x", n))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := h.rooms.OpenQuery(me, "/officer", q); err != nil || len(got) != n {
			t.Errorf("%d: %d, %v", n, len(got), err)
		}
		lengths[len(q)] = true
	}
	if len(lengths) != 3 {
		t.Errorf("lengths: %v", lengths)
	}
	wantKind(t, "too long", second(h.rooms.SealQuery(me, "/officer", strings.Repeat("x", 2113))), fault.Invalid)
}

// brokenKey seals nothing.
type brokenKey struct{ session.FormKey }

func (brokenKey) Seal(_, _ []byte) ([]byte, error) { return nil, errors.New("no randomness") }

func TestQueryIsNotSealed(t *testing.T) {
	h := lite(t, "test")
	me := h.alive(t, h.signIn(t, h.account(t, person.RolePatient)))
	c := config(t, h.Kit, h.people)
	c.Forms = brokenKey{c.Forms}
	r, err := session.New(c)
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, "no key", second(r.SealQuery(me, "/results", "")), fault.Unavailable)
}
