package session_test

import (
	"testing"

	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/person"
)

// Resolve stands on the path of every request.
func BenchmarkResolve(b *testing.B) {
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(engine.String(), func(b *testing.B) {
			d := dbtest.New(b, engine, vaulttest.Migrations(session.Migrations()...), dbtest.NoSync)
			h := furnish(b, vaulttest.Open(b, d, "test"), &people{roles: map[person.AccountID][]person.Role{}}, session.Limits{})
			mia := h.account(b, person.RolePatient)
			secret, err := h.rooms.Start(b.Context(), h.grant(b, stranger(), access.SignIn, mia), session.Begin{Proof: h.presence()})
			if err != nil {
				b.Fatal(err)
			}
			q := vaulttest.Request()
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := h.rooms.Resolve(b.Context(), secret, q); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
