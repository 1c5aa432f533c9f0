package session_test

import (
	"testing"
	"time"

	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// before is when the person of this session was here before it.
func (h *house) before(t *testing.T, secret string) time.Time {
	t.Helper()
	at, err := h.rooms.Before(t.Context(), h.alive(t, secret))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Mia signs in, reads, signs out, and comes back weeks later: her new session
// knows when she was here. So it does when she let the old one expire, when Postern was
// started again in between, and when a second device is still signed in.
func TestMiaComesBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		mia := h.account(t, person.RolePatient)
		secret := h.signIn(t, mia)
		if at := h.before(t, secret); !at.IsZero() {
			t.Fatalf("her first visit knows of one at %v", at)
		}
		h.Clock.Add(10 * time.Minute)
		left := h.Clock.Now().UTC()
		me := h.alive(t, secret)
		if err := h.rooms.SignOut(t.Context(), h.grant(t, me, access.SignOut, mia)); err != nil {
			t.Fatal(err)
		}
		h = h.restart(t)
		h.Clock.Add(30 * 24 * time.Hour)
		phone := h.signIn(t, mia)
		if at := h.before(t, phone); !at.Equal(left) {
			t.Errorf("signed out at %v, her next session says %v", left, at)
		}
		h.Clock.Add(5 * time.Minute)
		reading := h.Clock.Now().UTC()
		h.alive(t, phone)
		h.Clock.Add(time.Minute)
		tablet := h.signIn(t, mia)
		if at := h.before(t, tablet); !at.Equal(reading) {
			t.Errorf("the phone read at %v, the tablet says %v", reading, at)
		}
		h.Clock.Add(3 * 24 * time.Hour) // both expire, each with its own last use
		again := h.signIn(t, mia)
		want := h.before(t, again)
		if want.Before(reading) || want.After(reading.Add(time.Minute)) {
			t.Errorf("last read at %v, the next session says %v", reading, want)
		}
		h = h.restart(t)
		stepped, err := h.rooms.Rotate(t.Context(), h.grant(t, stranger(), access.SignIn, mia), h.alive(t, again), h.presence(), "")
		if err != nil {
			t.Fatal(err)
		}
		if at := h.before(t, stepped); !at.Equal(want) {
			t.Errorf("after a step-up %v, before it %v", at, want)
		}
	})
}

// What is not a visit of the person to the own chart counts for none: a token of a
// program, and work in another role. The row of the last visit is no session: no limit
// counts it, no list shows it, and ending all leaves it.
func TestWhatIsNoVisit(t *testing.T) {
	h := lite(t, "test")
	both := h.account(t, person.RoleNurse, person.RolePatient)
	nurse := h.start(t, both, session.Begin{Proof: h.presence(), Role: person.RoleNurse})
	if _, err := h.rooms.MintToken(t.Context(), h.grant(t, vaulttest.Operator(), access.MintToken, both), "", time.Minute); err != nil {
		t.Fatal(err)
	}
	h.alive(t, nurse)
	h.Clock.Add(24 * time.Hour)
	if at := h.before(t, h.signIn(t, both)); !at.IsZero() {
		t.Errorf("work as a nurse counts as a visit at %v", at)
	}
	seen := h.Clock.Now().UTC()
	h.Clock.Add(24 * time.Hour)
	me := h.alive(t, h.signIn(t, both))
	list, err := h.rooms.List(t.Context(), h.grant(t, me, access.ViewSecurity, both))
	if err != nil || len(list) != 1 {
		t.Errorf("%d sessions, %v; want the present one alone", len(list), err)
	}
	if err := h.rooms.EndAll(t.Context(), h.grant(t, me, access.EndSession, both), ""); err != nil {
		t.Fatal(err)
	}
	if at := h.before(t, h.signIn(t, both)); at.Before(seen) {
		t.Errorf("after all were ended the next session says %v", at)
	}
}

// A last use that does not open tells no time, and the person can sign in.
func TestLastUseDoesNotOpen(t *testing.T) {
	h := lite(t, "test")
	mia := h.account(t, person.RolePatient)
	h.signIn(t, mia)
	dbtest.Raw(h.DB).Exec(t, `UPDATE session_row SET seen = ?`, []byte("not sealed"))
	h = h.restart(t)
	if at := h.before(t, h.signIn(t, mia)); !at.IsZero() {
		t.Errorf("a broken time reads %v", at)
	}
}

// A session that has ended, and one whose rows were changed, know of no visit.
func TestBeforeRefuses(t *testing.T) {
	h := lite(t, "test")
	mia := h.account(t, person.RolePatient)
	secret := h.signIn(t, mia)
	me := h.alive(t, secret)
	if err := h.rooms.SignOut(t.Context(), h.grant(t, me, access.SignOut, mia)); err != nil {
		t.Fatal(err)
	}
	_, err := h.rooms.Before(t.Context(), me)
	wantKind(t, "an ended session", err, fault.NotFound)
	dbtest.Raw(h.DB).Exec(t, `UPDATE session_row SET version = version + 1 WHERE kind = 3`)
	_, err = h.rooms.Before(t.Context(), me)
	wantKind(t, "a changed row", err, fault.Tampered)
	h.wantAlarm(t, mia)
}

// Without randomness for its row the last visit is not kept, and the session ends.
func TestNoRandomnessForTheVisit(t *testing.T) {
	h := lite(t, "test")
	mia := h.account(t, person.RolePatient)
	secret := h.signIn(t, mia)
	me := h.alive(t, secret)
	g := h.grant(t, me, access.SignOut, mia)
	h.random.left = 1
	if err := h.rooms.SignOut(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	h.dead(t, "signed out", secret)
	h.random.left = 0
	if at := h.before(t, h.signIn(t, mia)); !at.IsZero() {
		t.Errorf("the next session says %v", at)
	}
}
