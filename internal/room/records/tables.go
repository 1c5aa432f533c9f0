package records

import "postern.example/postern/internal/trust/db"

// Migrations are the tables of this room. The patient's identifier leads every
// key, so that a chart's rows lie together and a distributed database can shard
// by patient.
func Migrations() []db.Migration {
	life := "as long as the chart is kept"
	owner := db.Column{Name: "owner", Type: db.Bytes, Class: db.RandomID, Purpose: "whose chart", Retention: life}
	charts := db.Migration{Number: 50, Room: "records", Name: "charts", Tables: []db.Table{
		{Name: "chart_row", Purpose: "every version of every resource", Key: []string{"owner", "id", "version"},
			Index: [][]string{{"id"}}, Columns: []db.Column{
				owner,
				{Name: "id", Type: db.Bytes, Class: db.RandomID, Purpose: "which resource", Retention: life},
				{Name: "version", Type: db.Integer, Class: db.Version, Purpose: "which version", Retention: life},
				{Name: "seq", Type: db.Integer, Class: db.Sequence, Purpose: "log entry that covers the storing", Retention: life},
				{Name: "header", Type: db.Bytes, Class: db.Sealed, Purpose: "labels and time of storage", Retention: life},
				{Name: "body", Type: db.Bytes, Class: db.Sealed, Purpose: "the resource", Retention: life},
			}},
		{Name: "chart_part", Purpose: "the index of one resource type in one chart", Key: []string{"owner", "part"}, Columns: []db.Column{
			owner,
			{Name: "part", Type: db.Bytes, Class: db.BlindToken, Purpose: "which type, as a keyed token of owner and type", Retention: life},
			{Name: "version", Type: db.Integer, Class: db.Version, Purpose: "which version of the part", Retention: life},
			{Name: "seq", Type: db.Integer, Class: db.Sequence, Purpose: "log entry that covers the change", Retention: life},
			{Name: "body", Type: db.Bytes, Class: db.Sealed, Purpose: "the index", Retention: life},
		}},
		{Name: "chart_manifest", Purpose: "which parts a chart has", Key: []string{"owner"}, Columns: []db.Column{
			owner,
			{Name: "seq", Type: db.Integer, Class: db.Sequence, Purpose: "log entry that covers the change", Retention: life},
			{Name: "body", Type: db.Bytes, Class: db.Sealed, Purpose: "the manifest, whose digest is the chart's head", Retention: life},
		}},
		{Name: "chart_source", Purpose: "what a source calls a resource", Key: []string{"token"}, Columns: []db.Column{
			{Name: "token", Type: db.Bytes, Class: db.BlindToken, Purpose: "keyed token of the source's name", Retention: life},
			{Name: "seq", Type: db.Integer, Class: db.Sequence, Purpose: "log entry that covers the storing", Retention: life},
			{Name: "body", Type: db.Bytes, Class: db.Sealed, Purpose: "owner, type and identifier", Retention: life},
		}},
	}}
	rework := db.Migration{Number: 51, Room: "records", Name: "rework of indexes", Tables: []db.Table{
		{Name: "chart_rework", Purpose: "how far the indexes are made anew", Key: []string{"id"}, Columns: []db.Column{
			{Name: "id", Type: db.Integer, Class: db.SmallKind, Purpose: "always 1", Retention: "installation"},
			{Name: "target", Type: db.Bytes, Class: db.Digest, Purpose: "the definitions that it is done for", Retention: "installation"},
			{Name: "done", Type: db.Integer, Class: db.SmallKind, Purpose: "1 when every chart is done", Retention: "installation"},
			{Name: "owner", Type: db.Bytes, Class: db.RandomID, Purpose: "the last chart done, in order of owners", Retention: "installation"},
		}},
	}}
	register := db.Migration{Number: 52, Room: "records", Name: "register of sources", Tables: []db.Table{
		{Name: "chart_register", Purpose: "which patients and record numbers sources have named", Key: []string{"bucket"}, Columns: []db.Column{
			{Name: "bucket", Type: db.Integer, Class: db.SmallKind, Purpose: "which part of the register, by keyed token", Retention: "installation"},
			{Name: "body", Type: db.Bytes, Class: db.BlindToken, Purpose: "keyed tokens, each with a digest of its sealed name", Retention: "installation"},
		}},
	}}
	places := db.Migration{Number: 53, Room: "records", Name: "index of places", Add: []db.Addition{
		// Whose a resource is stands in this index whole: a look at the row itself would
		// take longer for a chart that nobody has used for a while.
		{Table: "chart_row", Index: [][]string{{"id", "version", "owner"}}},
	}}
	lookup := db.Migration{Number: 54, Room: "records", Name: "look-up of patients", Tables: []db.Table{
		{Name: "chart_lookup", Purpose: "by what staff find a patient", Key: []string{"owner", "token"},
			Index: [][]string{{"token", "owner"}}, Columns: []db.Column{
				owner,
				{Name: "token", Type: db.Bytes, Class: db.BlindToken, Purpose: "keyed token of a record number, telephone, e-mail, or family name with birth date", Retention: life},
				{Name: "version", Type: db.Integer, Class: db.Version, Purpose: "which version of the tokens' keys and form", Retention: life},
				{Name: "seq", Type: db.Integer, Class: db.Sequence, Purpose: "log entry that covers the storing", Retention: life},
			}},
	}}
	return []db.Migration{charts, rework, register, places, lookup}
}
