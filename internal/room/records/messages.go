package records

import (
	"errors"
	"fmt"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/fault"
)

// The reasons for which an import is refused, as ids in the message catalogues.
const (
	MsgSyntax      = "import.json-syntax"
	MsgTruncated   = "import.json-truncated"
	MsgTrailing    = "import.json-trailing"
	MsgRepeated    = "import.json-duplicate"
	MsgDepth       = "import.json-depth"
	MsgEncoding    = "import.json-encoding"
	MsgControl     = "import.json-control"
	MsgNumber      = "import.json-number"
	MsgName        = "import.json-name"
	MsgTooLarge    = "import.bundle-too-large"
	MsgResSize     = "import.resource-too-large"
	MsgTooMany     = "import.too-many-resources"
	MsgNotBundle   = "import.not-a-bundle"
	MsgBundleType  = "import.bundle-type"
	MsgEntry       = "import.entry"
	MsgMethod      = "import.entry-method"
	MsgFullURL     = "import.full-url"
	MsgNoID        = "import.no-id"
	MsgBadID       = "import.bad-id"
	MsgSameID      = "import.duplicate-resource"
	MsgNoPatient   = "import.no-patient"
	MsgTwoPatients = "import.two-patients"
	MsgNoOwner     = "import.no-compartment"
	MsgOtherOwner  = "import.other-patient"
	MsgSharedRef   = "import.shared-refers-to-chart"
	MsgDangling    = "import.reference-dangling"
	MsgRefForm     = "import.reference-form"
	MsgRefType     = "import.reference-type"
	MsgConditional = "import.reference-conditional"
	MsgContained   = "import.contained"
	MsgKind        = "import.wrong-type"
	MsgMissing     = "import.missing-element"
	MsgCode        = "import.unknown-code"
	MsgDate        = "import.bad-date"
	MsgTooOften    = "import.too-often"
	MsgHidden      = "import.hidden-characters"
	MsgFileChanged = "import.file-changed"
	MsgCollision   = "import.other-chart"
	MsgOtherPerson = "import.other-person"
	MsgSameNumber  = "import.number-of-another-chart"
	MsgUnknownType = "import.type-not-supported"
)

// ImportMessage describes one reason.
type ImportMessage struct {
	ID      string
	Kind    fault.Kind
	English string // for terminals and as the catalogue's first text
}

// ImportMessages lists every reason; the catalogues must hold each ID.
func ImportMessages() []ImportMessage {
	return []ImportMessage{
		{MsgSyntax, fault.Invalid, "this is not valid JSON"},
		{MsgTruncated, fault.Invalid, "the file ends in the middle of a value"},
		{MsgTrailing, fault.Invalid, "something follows the end of the bundle"},
		{MsgRepeated, fault.Invalid, "an element stands twice in one object"},
		{MsgDepth, fault.Invalid, "nested too deeply"},
		{MsgEncoding, fault.Invalid, "not valid UTF-8 (or a byte order mark)"},
		{MsgControl, fault.Invalid, "a control character in a text"},
		{MsgNumber, fault.Invalid, "a number too long or too large to be stored safely"},
		{MsgName, fault.Invalid, "an element name that FHIR does not allow"},
		{MsgTooLarge, fault.TooLarge, "the bundle is over the size limit"},
		{MsgResSize, fault.TooLarge, "a resource is over the size limit"},
		{MsgTooMany, fault.TooLarge, "the bundle holds too many resources"},
		{MsgNotBundle, fault.Invalid, "not a FHIR Bundle"},
		{MsgBundleType, fault.Invalid, "only transaction, batch and collection bundles are taken"},
		{MsgEntry, fault.Invalid, "an entry without a resource, or not an object"},
		{MsgMethod, fault.Invalid, "an entry asks for something other than storing its resource"},
		{MsgFullURL, fault.Invalid, "fullUrl is not a URL of this resource"},
		{MsgNoID, fault.Invalid, "a resource with neither id nor fullUrl"},
		{MsgBadID, fault.Invalid, "an id that FHIR does not allow"},
		{MsgSameID, fault.Conflict, "two entries are the same resource"},
		{MsgNoPatient, fault.Invalid, "the bundle holds no Patient"},
		{MsgTwoPatients, fault.Conflict, "the bundle holds more than one Patient"},
		{MsgNoOwner, fault.Conflict, "a resource does not name the bundle's Patient as its subject"},
		{MsgOtherOwner, fault.Conflict, "a resource refers to another Patient"},
		{MsgSharedRef, fault.Conflict, "a shared resource refers to a patient's data"},
		{MsgDangling, fault.Invalid, "a reference leads to nothing in this bundle or chart"},
		{MsgRefForm, fault.Invalid, "a reference that is neither relative, urn:uuid nor http"},
		{MsgRefType, fault.Invalid, "a reference leads to a resource of another type"},
		{MsgConditional, fault.Invalid, "conditional references are not supported"},
		{MsgContained, fault.Invalid, "a contained resource that FHIR or Postern does not allow"},
		{MsgKind, fault.Invalid, "an element has the wrong type"},
		{MsgMissing, fault.Invalid, "a required element is missing"},
		{MsgCode, fault.Invalid, "a code outside the required list"},
		{MsgDate, fault.Invalid, "a date that does not exist or is not written as FHIR wants"},
		{MsgTooOften, fault.Invalid, "an element repeats more often than Postern takes"},
		{MsgHidden, fault.Invalid, "invisible or direction-changing characters in a value"},
		{MsgCollision, fault.Conflict, "a resource with this name is stored in another chart, or as another type"},
		{MsgOtherPerson, fault.Conflict, "this Patient is stored here with another birth date or name, so nothing was stored; " +
			"compare both people: if they are two, the sender must give this one another identifier, if they are one, the former name belongs into the list of names"},
		{MsgSameNumber, fault.Conflict, "another chart has this record number already, so nothing was stored; " +
			"find out whether the two charts are one person's before anything is sent again under either"},
		{MsgFileChanged, fault.Conflict, "the file changed while it was read"},
		{MsgUnknownType, fault.Invalid, "this resource type is not stored"},
	}
}

func importMessage(id string) ImportMessage {
	for _, m := range ImportMessages() {
		if m.ID == id {
			return m
		}
	}
	return ImportMessage{ID: id, Kind: fault.Internal, English: id}
}

// ImportError says what is wrong with a file and where. It holds nothing of the
// file's content.
type ImportError struct {
	File      string // as the operator named it; kept out of Error, a file may be named after a patient
	Offset    int64
	Line, Col int
	Entry     int // index in Bundle.entry, -1 outside
	MessageID string
	Detail    string // a path or type from Postern's own definitions, or a limit; never from the file
}

// Error is the text for logs, without the file's name.
func (e *ImportError) Error() string {
	s := fmt.Sprintf("import bundle: line %d column %d (byte %d)", e.Line, e.Col, e.Offset)
	if e.Entry >= 0 {
		s += fmt.Sprintf(", entry %d", e.Entry)
	}
	s += ": " + importMessage(e.MessageID).English
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// Terminal is the text for the operator, in the form file:line:column that
// editors understand.
func (e *ImportError) Terminal() string {
	s := fmt.Sprintf("%s:%d:%d: %s", Visible(e.File), e.Line, e.Col, importMessage(e.MessageID).English)
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// Unwrap gives the error its fault kind and public message.
func (e *ImportError) Unwrap() error {
	return fault.Say(importMessage(e.MessageID).Kind, e.MessageID, "import bundle")
}

// jsonMessage is the reason of a scanner refusal.
func jsonMessage(r rawjson.Reason) string {
	switch r {
	case rawjson.Truncated:
		return MsgTruncated
	case rawjson.Trailing:
		return MsgTrailing
	case rawjson.Duplicate:
		return MsgRepeated
	case rawjson.Depth:
		return MsgDepth
	case rawjson.Encoding:
		return MsgEncoding
	case rawjson.Control:
		return MsgControl
	case rawjson.Number:
		return MsgNumber
	case rawjson.Name:
		return MsgName
	case rawjson.TooLarge:
		return MsgTooLarge
	case rawjson.Kind:
		return MsgKind
	default:
		return MsgSyntax
	}
}

// jsonReason unwraps a scanner refusal.
func jsonReason(err error) (*rawjson.Error, bool) {
	var e *rawjson.Error
	ok := errors.As(err, &e)
	return e, ok
}

// Explain is the English text of a reason, for terminals.
func Explain(messageID string) string { return importMessage(messageID).English }
