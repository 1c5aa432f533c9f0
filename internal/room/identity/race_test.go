package identity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Accounts are read while they are changed: rows are committed a moment before
// their head is known, and that must not look like tampering.
func TestReadersDoNotMistakeChangesForTampering(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.Pause = func(ctx context.Context, d time.Duration) error {
			ctx, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			<-ctx.Done()
			return nil
		}
		ada := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
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
					if st, err := h.rooms.Standing(t.Context(), ada); err != nil || !st.Active {
						t.Errorf("standing %+v, %v", st, err)
						return
					}
				}
			})
		}
		for range 25 {
			h.invite(t, ada)
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
	id := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	ctx, cancel := context.WithCancel(t.Context())
	h.Pause = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	h.damage(t, id)
	_, err := h.rooms.Standing(ctx, id)
	wantKind(t, "ended", err, fault.Unavailable)
	if found := h.Alarms.Take(); len(found) != 0 {
		t.Errorf("alarms: %v", found)
	}
}

// Accounts are read for the first time after a start while others change: a
// head must not be called tampered because the root is moving.
func TestFirstReadersDoNotMistakeChangesForTampering(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var ids []person.AccountID
		for range 40 {
			ids = append(ids, h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}}))
		}
		for range 6 {
			h := h.restart(t)
			done := make(chan struct{})
			var readers sync.WaitGroup
			for k := range 4 {
				readers.Go(func() {
					for i := k; ; i += 4 {
						select {
						case <-done:
							return
						default:
						}
						if _, err := h.rooms.Standing(t.Context(), ids[1+i%(len(ids)-1)]); err != nil {
							t.Errorf("standing: %v", err)
						}
					}
				})
			}
			for range 6 {
				h.invite(t, ids[0])
			}
			close(done)
			readers.Wait()
		}
		if found := h.Alarms.Take(); len(found) != 0 {
			t.Errorf("alarms: %v", found)
		}
	})
}
