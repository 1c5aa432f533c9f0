package session_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

const (
	selectRow = `SELECT account, id, kind, handle, version, seq, body FROM session_row WHERE handle = ?`
	insertRow = `INSERT INTO session_row (account, id, kind, handle, version, seq, body) VALUES (?, ?, ?, ?, ?, ?, ?)`
)

// Drills: what somebody does who writes into the database with SQL. Each is
// refused at the next use, before and after a restart, and the alarm names what
// was found.
func TestDrills(t *testing.T) {
	covers.Covers(t, "HC-8b", "AC-8b")
	// Mia's ended session, her present one, and Ivo's, who does the writing.
	type scene struct {
		raw             *dbtest.RawDB
		mia, ivo        person.AccountID
		ended           []any  // Mia's ended session's row
		old             []any  // Mia's present session's row before its last rotation
		present, intrud []byte // handles
	}
	drills := map[string]struct {
		do  func(t *testing.T, s *scene, h *house)
		own bool // it is Ivo's account that is hurt
	}{
		"ended session restored": {do: func(t *testing.T, s *scene, _ *house) { s.raw.Exec(t, insertRow, s.ended...) }},
		"own session moved to Mia": {do: func(t *testing.T, s *scene, _ *house) {
			s.raw.Exec(t, `UPDATE session_row SET account = ? WHERE handle = ?`, s.mia.Bytes(), s.intrud)
		}},
		"own secret for Mia's session": {do: func(t *testing.T, s *scene, _ *house) {
			s.raw.Exec(t, `DELETE FROM session_row WHERE handle = ?`, s.intrud)
			s.raw.Exec(t, `UPDATE session_row SET handle = ? WHERE handle = ?`, s.intrud, s.present)
		}},
		"two accounts swapped": {do: func(t *testing.T, s *scene, _ *house) {
			aside := make([]byte, 16)
			s.raw.Exec(t, `UPDATE session_row SET account = ? WHERE account = ?`, aside, s.mia.Bytes())
			s.raw.Exec(t, `UPDATE session_row SET account = ? WHERE account = ?`, s.mia.Bytes(), s.ivo.Bytes())
			s.raw.Exec(t, `UPDATE session_row SET account = ? WHERE account = ?`, s.ivo.Bytes(), aside)
		}},
		"rolled back to an old secret": {do: func(t *testing.T, s *scene, h *house) {
			s.raw.Exec(t, `DELETE FROM session_row WHERE handle = ?`, s.present)
			s.raw.Exec(t, insertRow, s.old...)
		}},
		"token made a session": {own: true, do: func(t *testing.T, s *scene, h *house) {
			g := h.grant(t, vaulttest.Operator(), access.MintToken, s.ivo)
			token, err := h.rooms.MintToken(t.Context(), g, "", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			s.raw.Exec(t, `UPDATE session_row SET kind = 1 WHERE handle = ?`, h.Vault.Handle("session", token))
		}},
		"kind unknown": {own: true, do: func(t *testing.T, s *scene, _ *house) {
			s.raw.Exec(t, `UPDATE session_row SET kind = 300 WHERE handle = ?`, s.intrud)
		}},
		"entry changed": {own: true, do: func(t *testing.T, s *scene, _ *house) {
			s.raw.Exec(t, `UPDATE session_row SET seq = seq + 1 WHERE handle = ?`, s.intrud)
		}},
		"other version": {own: true, do: func(t *testing.T, s *scene, _ *house) {
			s.raw.Exec(t, `UPDATE session_row SET version = 9 WHERE handle = ?`, s.intrud)
		}},
	}
	each(t, func(t *testing.T, h *house) {
		for name, d := range drills {
			t.Run(name, func(t *testing.T) {
				h := h
				s := &scene{raw: dbtest.Raw(h.DB), mia: h.account(t, person.RolePatient), ivo: h.account(t, person.RolePatient)}
				row := func(secret string) []any {
					t.Helper()
					return s.raw.Query(t, selectRow, h.Vault.Handle("session", secret))[0]
				}
				gone, present := h.signIn(t, s.mia), h.signIn(t, s.mia)
				s.ended, s.old = row(gone), row(present)
				me := h.alive(t, gone)
				if err := h.rooms.SignOut(t.Context(), h.grant(t, me, access.SignOut, s.mia)); err != nil {
					t.Fatal(err)
				}
				rotated, err := h.rooms.Rotate(t.Context(), h.grant(t, stranger(), access.SignIn, s.mia), h.alive(t, present), h.presence(), "")
				if err != nil {
					t.Fatal(err)
				}
				mine := h.signIn(t, s.ivo)
				s.present, s.intrud = h.Vault.Handle("session", rotated), h.Vault.Handle("session", mine)

				d.do(t, s, h)
				hurt := s.mia
				secrets := map[string]string{"ended": gone, "old": present, "present": rotated, "the intruder's": mine}
				if d.own {
					hurt, secrets = s.ivo, map[string]string{"the intruder's": mine}
				}
				for _, again := range []string{"at once", "after a restart"} {
					tampered := 0
					for which, secret := range secrets {
						_, err := h.resolve(t, secret)
						switch {
						case fault.Is(err, fault.Tampered):
							tampered++
						case which == "the intruder's" && err == nil && name != "own session moved to Mia" && name != "own secret for Mia's session":
							// Ivo's own set is whole: he may go on as himself.
							if c := h.alive(t, secret); c.Account() != s.ivo {
								t.Errorf("%s: the intruder is %v", again, c.Account())
							}
						default:
							wantKind(t, again+": "+which, err, fault.Unauthenticated)
						}
					}
					if tampered == 0 {
						t.Errorf("%s: no use was refused as tampered", again)
					}
					h.wantAlarm(t, hurt)
					h.refusesChange(t, hurt)
					h = h.restart(t)
				}
			})
		}
	})
}

// refusesChange checks that nobody signs in, lists or ends over damaged rows: a
// change would make them the head.
func (h *house) refusesChange(t *testing.T, hurt person.AccountID) {
	t.Helper()
	_, err := h.rooms.Start(t.Context(), h.grant(t, stranger(), access.SignIn, hurt), session.Begin{Proof: h.presence()})
	wantKind(t, "sign in over it", err, fault.Tampered)
	h.wantAlarm(t, hurt)
	caller := person.NewPerson(person.PersonConfig{Account: hurt, Role: person.RolePatient})
	_, err = h.rooms.List(t.Context(), h.grant(t, caller, access.ViewSecurity, hurt))
	wantKind(t, "list it", err, fault.Tampered)
	h.wantAlarm(t, hurt)
}

// Sessions of an account that Postern never made, or whose row has a broken
// account id.
func TestInventedAccounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		raw := dbtest.Raw(h.DB)
		secret := h.signIn(t, h.account(t, person.RolePatient))
		for _, account := range [][]byte{make([]byte, 16), []byte("odd"), []byte("sixteen bytes!!!")} {
			raw.Exec(t, `UPDATE session_row SET account = ?`, account)
			_, err := h.resolve(t, secret)
			wantKind(t, string(account), err, fault.Tampered)
			h.Alarms.Take()
		}
		id, err := person.AccountIDFromBytes([]byte("sixteen bytes!!!"))
		if err != nil {
			t.Fatal(err)
		}
		h.people.roles[id] = []person.Role{person.RolePatient}
		_, err = h.rooms.Start(t.Context(), h.grant(t, stranger(), access.SignIn, id), session.Begin{})
		wantKind(t, "sign in to an invented account", err, fault.Tampered)
	})
}

// Sessions are read while they are changed: rows are committed a moment before
// their head is known, and that must not look like tampering.
func TestReadersDoNotMistakeChangesForTampering(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Pause = func(ctx context.Context, d time.Duration) error {
			ctx, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			<-ctx.Done()
			return nil
		}
		mia := h.account(t, person.RolePatient)
		secret := h.signIn(t, mia)
		done := make(chan struct{})
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if _, err := h.rooms.Resolve(t.Context(), secret, vaulttest.Request()); err != nil {
						t.Errorf("resolve: %v", err)
						return
					}
				}
			})
		}
		for range 15 {
			h.signIn(t, mia)
		}
		close(done)
		readers.Wait()
		if found := h.Alarms.Take(); len(found) != 0 {
			t.Errorf("alarms: %v", found)
		}
	})
}

// A request that ends while a mismatch is looked at again is not an alarm.
func TestRequestEndsWhileLookingAgain(t *testing.T) {
	h := lite(t, "test")
	secret := h.signIn(t, h.account(t, person.RolePatient))
	dbtest.Raw(h.DB).Exec(t, `UPDATE session_row SET seq = 0`)
	ctx, cancel := context.WithCancel(t.Context())
	h.Pause = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	_, err := h.rooms.Resolve(ctx, secret, vaulttest.Request())
	wantKind(t, "ended", err, fault.Unavailable)
	if found := h.Alarms.Take(); len(found) != 0 {
		t.Errorf("alarms: %v", found)
	}
}
