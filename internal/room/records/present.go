package records

import (
	"bytes"
	"strconv"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Meta is what Postern states of a stored version.
type Meta struct {
	Version int64
	Updated time.Time // when it was stored
	Labels  []phi.Label
}

// Present returns the resource as a client gets it: the stored form with
// meta.versionId, meta.lastUpdated and meta.security added. It fails with
// fault.Tampered when doc is not the stored form of the resource asked for.
func Present(doc phi.Doc, typ string, id person.ResourceID, m Meta) (phi.Doc, error) {
	body, start := doc.Reveal(), head(typ, id)
	if !bytes.HasPrefix(body, []byte(start)) || len(body) < len(start)+2 {
		return phi.Doc{}, fault.New(fault.Tampered, "present resource: not in stored form")
	}
	out := make([]byte, 0, len(body)+160)
	out = append(out, start...)
	out = append(out, `"versionId":"`...)
	out = strconv.AppendInt(out, m.Version, 10)
	out = append(out, `","lastUpdated":"`...)
	out = m.Updated.UTC().AppendFormat(out, "2006-01-02T15:04:05.000Z")
	out = append(out, '"')
	for i, l := range m.Labels {
		if i == 0 {
			out = append(out, `,"security":[`...)
		} else {
			out = append(out, ',')
		}
		out = append(out, `{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":`...)
		out = strconv.AppendQuote(out, string(l))
		out = append(out, '}')
	}
	if len(m.Labels) > 0 {
		out = append(out, ']')
	}
	if rest := body[len(start):]; rest[0] != '}' {
		out = append(out, ',')
	}
	return phi.NewDoc(append(out, body[len(start):]...)), nil
}
