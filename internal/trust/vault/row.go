package vault

import (
	"encoding/binary"

	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
)

// Field separates the sealed parts of one row.
type Field string

// The fields.
const (
	FieldBody     Field = "body"
	FieldHeader   Field = "header"
	FieldIndex    Field = "index"
	FieldManifest Field = "manifest"
	FieldAnswer   Field = "answer" // a resource as it was given out; never stored
	FieldList     Field = "list"   // a searchset as it was given out; never stored
)

// Row names a sealed value. All of it is bound to the sealed bytes as
// associated data, so bytes moved to another row do not open.
type Row struct {
	Owner   person.Owner
	Kind    string   // FHIR type, or a kind of SecretKinds
	ID      [16]byte // identifier of the row, zero where owner and kind suffice
	Version int64
	Field   Field
}

// associated is the row's associated data: every part with its length.
func (r Row) associated() []byte {
	b := make([]byte, 0, 96)
	for _, part := range [][]byte{[]byte("postern row v1"), r.Owner.Bytes(), []byte(r.Kind), r.ID[:], []byte(r.Field)} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(part))) //#nosec G115 -- kinds and fields are short constants
		b = append(b, part...)
	}
	return binary.BigEndian.AppendUint64(b, uint64(r.Version)) //#nosec G115 -- a bit pattern, not a number
}

// use is the key use of an owner's rows.
func use(o person.Owner) keys.Use {
	if o.Kind == person.OwnerAccount {
		return keys.UseAccount
	}
	return keys.UseChart
}
