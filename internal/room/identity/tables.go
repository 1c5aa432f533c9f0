package identity

import "postern.example/postern/internal/trust/db"

// Migrations are the tables of this package.
func Migrations() []db.Migration {
	life := "life of the account; the sealed parts end with its keys"
	return []db.Migration{{Number: 30, Room: "identity", Name: "accounts", Tables: []db.Table{{
		Name: "account_row", Purpose: "profile, roles, passkeys, assignments, enrolment and status of accounts",
		Key: []string{"account", "kind", "id"}, Columns: []db.Column{
			{Name: "account", Type: db.Bytes, Class: db.RandomID, Purpose: "whose row", Retention: life},
			{Name: "kind", Type: db.Integer, Class: db.SmallKind, Purpose: "what the row is", Retention: life},
			{Name: "id", Type: db.Bytes, Class: db.RandomID, Purpose: "which row of the kind", Retention: life},
			{Name: "version", Type: db.Integer, Class: db.Version, Purpose: "how often the row changed", Retention: life},
			{Name: "seq", Type: db.Integer, Class: db.Sequence, Purpose: "log entry that covers the row", Retention: life},
			{Name: "body", Type: db.Bytes, Class: db.Sealed, Purpose: "the row's content, padded", Retention: life},
		}}}}}
}
