package audit

import "postern.example/postern/internal/trust/db"

// Migrations are the tables of this package: the log itself, which on the embedded
// engine stays empty because files hold it, and the per-patient index.
func Migrations() []db.Migration {
	const retention = "six years after the last entry, with the log (45 CFR 164.316(b)(2)(i))"
	column := func(name string, t db.ColumnType, c db.Class, purpose string) db.Column {
		return db.Column{Name: name, Type: t, Class: c, Purpose: purpose, Retention: retention}
	}
	return []db.Migration{
		{Number: 10, Room: "audit", Name: "log", Tables: []db.Table{
			{Name: "log_entry", Purpose: "the records of the log, on PostgreSQL", Key: []string{"seq"}, AppendOnly: true,
				Columns: []db.Column{
					column("seq", db.Integer, db.Sequence, "position in the log; unique, so that a second sequencer is found"),
					column("leaf", db.Bytes, db.Digest, "leaf of the tree: salted commitment and digest of the payload"),
					column("sealed", db.Bytes, db.Sealed, "the entry, padded and sealed"),
					column("hashes", db.Bytes, db.Digest, "tree hashes that this record completes"),
				}},
			{Name: "log_checkpoint", Purpose: "signed checkpoints of the log, on PostgreSQL", Key: []string{"size"}, AppendOnly: true,
				Columns: []db.Column{
					column("size", db.Integer, db.Sequence, "entries in the tree that is signed"),
					column("note", db.Bytes, db.Digest, "the signed note: origin, size, root, signature"),
				}},
		}},
		{Number: 11, Room: "audit", Name: "subjects", Tables: []db.Table{
			{Name: "log_subject", Purpose: "which entries are about a patient", Key: []string{"patient", "n"}, AppendOnly: true,
				Columns: []db.Column{
					column("patient", db.Bytes, db.RandomID, "the patient"),
					column("n", db.Integer, db.Sequence, "position in the patient's list"),
					column("entries", db.Bytes, db.Sealed, "positions in the log, chained to the row before"),
				}},
			{Name: "log_subject_position", Purpose: "up to where the index has been built", Key: []string{"id"},
				Columns: []db.Column{
					column("id", db.Integer, db.SmallKind, "always 1"),
					column("position", db.Bytes, db.Sealed, "next entry of the log to index"),
				}},
		}},
	}
}
