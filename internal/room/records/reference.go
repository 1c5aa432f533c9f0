package records

import (
	"encoding/hex"
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/phi"
)

// Source names a resource as its source does. The id is PHI: it may be a record
// number. It is kept outside the resource, as a keyed blind token.
type Source struct {
	Type string
	ID   phi.Text
}

func newSource(typ, id string) Source { return Source{Type: typ, ID: phi.NewText(id)} }

// refForm is how a Reference.reference is written.
type refForm uint8

const (
	badRef         refForm = iota
	fragmentRef            // #id: a contained resource
	relativeRef            // Type/id, perhaps with a version
	uuidRef                // urn:uuid: or urn:oid:
	absoluteRef            // http or https
	conditionalRef         // Type?search
)

// literalRef is a parsed reference.
type literalRef struct {
	form refForm
	typ  string // of a relative reference
	id   string // of a relative reference; the fragment; the whole text otherwise
}

// parseRef reads a reference. A version at the end is dropped: Postern assigns
// its own versions, so another system's number means nothing here.
func parseRef(s string) literalRef {
	if len(s) > 2048 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || hiddenRune(r) }) {
		return literalRef{}
	}
	if frag, ok := strings.CutPrefix(s, "#"); ok {
		return literalRef{form: fragmentRef, id: frag}
	}
	if strings.HasPrefix(s, "urn:uuid:") || strings.HasPrefix(s, "urn:oid:") {
		return literalRef{form: uuidRef, id: s}
	}
	if isHTTP(s) {
		if i := strings.Index(s, "/_history/"); i > 0 {
			s = s[:i]
		}
		return literalRef{form: absoluteRef, id: s}
	}
	if typ, _, ok := strings.Cut(s, "?"); ok && typeName(typ) {
		return literalRef{form: conditionalRef}
	}
	parts := strings.Split(s, "/")
	if (len(parts) == 2 || len(parts) == 4 && parts[2] == "_history" && fhirID(parts[3])) && typeName(parts[0]) && fhirID(parts[1]) {
		return literalRef{form: relativeRef, typ: parts[0], id: parts[1]}
	}
	return literalRef{}
}

func isHTTP(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	return ok && rest != "" && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// fhirID reports whether s is a FHIR id (R4 2.24.0.1).
func fhirID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// parseUUID reads a UUID in its usual form, with or without urn:uuid:, in any
// letter case.
func parseUUID(s string) (u [16]byte, ok bool) {
	s = strings.TrimPrefix(s, "urn:uuid:")
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	if err != nil {
		return u, false
	}
	copy(u[:], b)
	return u, true
}

// sourceID is the name of a resource across files. A UUID is unique by itself,
// so urn:uuid:X, Type/X and http://base/Type/X are one; any other id counts
// within the base of its fullUrl, so that two hospitals' "Patient/1" stay two.
func sourceID(typ, base, id string) string {
	switch _, ok := parseUUID(id); {
	case ok:
		return "urn:uuid:" + strings.ToLower(strings.TrimPrefix(id, "urn:uuid:"))
	case base != "":
		return base + "/" + typ + "/" + id
	case strings.HasPrefix(id, "urn:"):
		return id
	default:
		return typ + "/" + id
	}
}

// splitURL takes an absolute URL of a resource apart.
func splitURL(s string) (base, typ, id string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 || !isHTTP(s) {
		return "", "", "", false
	}
	j := strings.LastIndexByte(s[:i], '/')
	if j < 0 || !typeName(s[j+1:i]) || !fhirID(s[i+1:]) || !isHTTP(s[:j]) {
		return "", "", "", false
	}
	return s[:j], s[j+1 : i], s[i+1:], true
}

// references calls yield for the string value of every member "reference" below
// v, at any depth, in contained resources and extensions too. A "reference"
// that is neither a string nor an object is reported as bad.
func references(v rawjson.Value, yield func(ref rawjson.Value) *problem) *problem {
	switch v.Type() {
	case rawjson.Object:
		for name, m := range v.Members() {
			if name == "reference" && m.Type() != rawjson.Object && m.Type() != rawjson.Array {
				if m.Type() != rawjson.String {
					return &problem{m.Offset(), MsgKind, "reference"}
				}
				if p := yield(m); p != nil {
					return p
				}
				continue
			}
			if p := references(m, yield); p != nil {
				return p
			}
		}
	case rawjson.Array:
		for item := range v.Items() {
			if p := references(item, yield); p != nil {
				return p
			}
		}
	}
	return nil
}
