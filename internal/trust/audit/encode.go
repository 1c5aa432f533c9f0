package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"postern.example/postern/internal/word/person"
)

// The canonical encoding is JSON with a fixed order of fields, no spaces, no
// empty fields and one spelling per string, so that an entry has exactly one
// encoding and a proof can be checked by encoding the entry again. The stamps
// stand first, because the sequencer writes them in front of a body that the
// appender has encoded already.

const timeForm = "2006-01-02T15:04:05.000000Z"

// maxStamp is the most bytes that the stamps take, braces included.
const maxStamp = 128

// ErrEntry is returned for bytes that are not the canonical encoding of an entry.
var ErrEntry = errors.New("audit: not a canonical entry")

// MarshalJSON returns the canonical encoding.
func (e Entry) MarshalJSON() ([]byte, error) {
	return e.appendBody(e.appendStamps(make([]byte, 0, 768))), nil
}

// UnmarshalJSON reads any JSON spelling of the known fields; it refuses unknown
// ones. ParseEntry is the strict reader.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var w wire
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return fmt.Errorf("decode entry: %w", ErrEntry)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("decode entry: %w", ErrEntry)
	}
	return w.entry(e)
}

// ParseEntry reads the canonical encoding and nothing else.
func ParseEntry(b []byte) (Entry, error) {
	var e Entry
	if err := e.UnmarshalJSON(b); err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(e.appendBody(e.appendStamps(nil)), b) {
		return Entry{}, fmt.Errorf("decode entry: %w", ErrEntry)
	}
	return e, nil
}

func (e *Entry) appendStamps(b []byte) []byte {
	return appendStamps(b, e.Seq, e.Time.UTC().AppendFormat(nil, timeForm), e.LastAnchor, e.Settled)
}

func appendStamps(b []byte, seq int64, clock []byte, lastAnchor, settled int64) []byte {
	b = strconv.AppendInt(append(b, `{"seq":`...), seq, 10)
	b = append(append(b, `,"time":"`...), clock...)
	b = strconv.AppendInt(append(b, `","lastAnchor":`...), lastAnchor, 10)
	return strconv.AppendInt(append(b, `,"settled":`...), settled, 10)
}

// appendBody writes everything but the stamps, with the closing brace.
func (e *Entry) appendBody(b []byte) []byte {
	b = field(b, "event", string(e.Event))
	b = field(b, "action", e.Action)
	b = field(b, "outcome", string(e.Outcome))
	b = field(b, "fault", e.Fault)
	b = texts(b, "policy", e.Policy)
	if e.Caller != (Caller{}) {
		b = e.Caller.append(append(b, `,"caller":`...))
	}
	b = field(b, "server", e.Server)
	if !e.Patient.IsZero() {
		b = field(b, "patient", e.Patient.String())
	}
	b = field(b, "owner", e.Owner)
	b = texts(b, "objects", e.Objects)
	b = texts(b, "kinds", e.Kinds)
	b = field(b, "query", e.Query)
	b = field(b, "txn", e.Txn)
	if e.Count != 0 {
		b = strconv.AppendInt(append(b, `,"count":`...), e.Count, 10)
	}
	b = field(b, "reason", e.Reason)
	b = digest(b, "before", e.Before)
	b = digest(b, "after", e.After)
	b = digest(b, "file", e.File)
	if e.Anchor != nil {
		b = e.Anchor.append(append(b, `,"anchor":`...))
	}
	return append(b, '}')
}

func (c *Caller) append(b []byte) []byte {
	n := len(b)
	b = field(b, "kind", c.Kind)
	if !c.Account.IsZero() {
		b = field(b, "account", c.Account.String())
	}
	b = field(b, "onBehalf", c.OnBehalf)
	b = field(b, "role", string(c.Role))
	b = field(b, "purpose", string(c.Purpose))
	b = field(b, "device", c.Device)
	b = field(b, "client", c.Client)
	b = field(b, "source", c.Source)
	b = field(b, "name", c.Name)
	b = field(b, "method", c.Method)
	b[n] = '{' // in place of the first comma: a Caller that is written has a field
	return append(b, '}')
}

func (a *Anchor) append(b []byte) []byte {
	b = append(quote(append(b, `{"root":`...), a.Root.String()), `,"count":`...)
	b = append(strconv.AppendInt(b, a.Count, 10), `,"prev":`...)
	return append(strconv.AppendInt(b, a.Prev, 10), '}')
}

func field(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, `,"`...), key...), `":`...)
	return quote(b, value)
}

func texts(b []byte, key string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), key...), `":[`...)
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = quote(b, v)
	}
	return append(b, ']')
}

func digest(b []byte, key string, d Digest) []byte {
	if d.IsZero() {
		return b
	}
	return field(b, key, d.String())
}

// quote writes one spelling of s: only the characters that JSON demands are
// escaped, control characters as \u00xx, and bad UTF-8 becomes U+FFFD.
func quote(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	done := 0 // s[:done] is written
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			continue
		}
		b = append(b, s[done:i]...)
		done = i + 1
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n - 1
			done = i + 1
		}
	}
	return append(append(b, s[done:]...), '"')
}

// wire is the decoder's view of an entry.
type wire struct {
	Seq        int64    `json:"seq"`
	Time       string   `json:"time"`
	LastAnchor int64    `json:"lastAnchor"`
	Settled    int64    `json:"settled"`
	Event      Event    `json:"event"`
	Action     string   `json:"action"`
	Outcome    Outcome  `json:"outcome"`
	Fault      string   `json:"fault"`
	Policy     []string `json:"policy"`
	Caller     struct {
		Kind     string         `json:"kind"`
		Account  string         `json:"account"`
		OnBehalf string         `json:"onBehalf"`
		Role     person.Role    `json:"role"`
		Purpose  person.Purpose `json:"purpose"`
		Device   string         `json:"device"`
		Client   string         `json:"client"`
		Source   string         `json:"source"`
		Name     string         `json:"name"`
		Method   string         `json:"method"`
	} `json:"caller"`
	Server  string   `json:"server"`
	Patient string   `json:"patient"`
	Owner   string   `json:"owner"`
	Objects []string `json:"objects"`
	Kinds   []string `json:"kinds"`
	Query   string   `json:"query"`
	Txn     string   `json:"txn"`
	Count   int64    `json:"count"`
	Reason  string   `json:"reason"`
	Before  string   `json:"before"`
	After   string   `json:"after"`
	File    string   `json:"file"`
	Anchor  *struct {
		Root  string `json:"root"`
		Count int64  `json:"count"`
		Prev  int64  `json:"prev"`
	} `json:"anchor"`
}

func (w *wire) entry(e *Entry) error {
	c := &w.Caller
	*e = Entry{Seq: w.Seq, LastAnchor: w.LastAnchor, Settled: w.Settled, Event: w.Event, Action: w.Action,
		Outcome: w.Outcome, Fault: w.Fault, Policy: w.Policy, Server: w.Server, Owner: w.Owner,
		Objects: w.Objects, Kinds: w.Kinds, Query: w.Query, Txn: w.Txn, Count: w.Count, Reason: w.Reason,
		Caller: Caller{Kind: c.Kind, OnBehalf: c.OnBehalf, Role: c.Role, Purpose: c.Purpose,
			Device: c.Device, Client: c.Client, Source: c.Source, Name: c.Name, Method: c.Method}}
	var errs [6]error
	e.Time, errs[0] = time.Parse(timeForm, w.Time)
	e.Caller.Account, errs[1] = accountID(c.Account)
	e.Patient, errs[2] = patientID(w.Patient)
	e.Before, errs[3] = parseDigest(w.Before)
	e.After, errs[4] = parseDigest(w.After)
	e.File, errs[5] = parseDigest(w.File)
	err := errors.Join(errs[:]...)
	if a := w.Anchor; a != nil && err == nil {
		e.Anchor = &Anchor{Count: a.Count, Prev: a.Prev}
		e.Anchor.Root, err = parseDigest(a.Root)
	}
	if err != nil {
		return fmt.Errorf("decode entry: %w", ErrEntry)
	}
	return nil
}

func accountID(s string) (id person.AccountID, err error) {
	if s == "" {
		return id, nil
	}
	var parse func(string) (person.AccountID, error) = person.ParseID
	return parse(s)
}

func patientID(s string) (id person.PatientID, err error) {
	if s == "" {
		return id, nil
	}
	var parse func(string) (person.PatientID, error) = person.ParseID
	return parse(s)
}

func parseDigest(s string) (d Digest, err error) {
	if s == "" {
		return d, nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(d) {
		return d, ErrEntry
	}
	copy(d[:], b)
	return d, nil
}
