package session

import "postern.example/postern/internal/trust/db"

// Migrations are the tables of this package.
func Migrations() []db.Migration {
	life := "until the session or token ends; expired ones go with the account's next change of sessions; the one row of the last visit stays with the account"
	return []db.Migration{{Number: 40, Room: "session", Name: "sessions", Tables: []db.Table{{
		Name: "session_row", Purpose: "sessions and tokens of accounts, and when each person was here last",
		Key: []string{"account", "id"}, Unique: [][]string{{"handle"}}, Columns: []db.Column{
			{Name: "account", Type: db.Bytes, Class: db.RandomID, Purpose: "who signed in", Retention: life},
			{Name: "id", Type: db.Bytes, Class: db.RandomID, Purpose: "which session or token", Retention: life},
			{Name: "kind", Type: db.Integer, Class: db.SmallKind, Purpose: "session, token or last visit", Retention: life},
			{Name: "handle", Type: db.Bytes, Class: db.BlindToken, Purpose: "keyed hash of the secret; random for the last visit", Retention: life},
			{Name: "version", Type: db.Integer, Class: db.Version, Purpose: "how often the row changed", Retention: life},
			{Name: "seq", Type: db.Integer, Class: db.Sequence, Purpose: "log entry that covers the row", Retention: life},
			{Name: "body", Type: db.Bytes, Class: db.Sealed, Purpose: "times, role, proof and device, padded", Retention: life},
			{Name: "seen", Type: db.Bytes, Class: db.Sealed, Purpose: "when it was last used, coarsely", Retention: life, Nullable: true},
		}}}}}
}
