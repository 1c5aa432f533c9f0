// Package fault is the vocabulary of failure: a small set of kinds, each with
// a public message id that the doors turn into a page, an OperationOutcome or
// an exit code.
//
// It guarantees that what a person sees comes from the message id alone: the
// wrapped error stays inside the process, for the log. It loses the detail on
// purpose; a stranger learns nothing from an error that the message does not say.
//
// It never formats a page and never carries PHI; message arguments do not exist.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what went wrong, in the terms that decide what to do next.
type Kind uint8

// The kinds. Zero is Internal, so that an unknown error never looks harmless.
const (
	Internal        Kind = iota // a defect of Postern's; nothing the caller can mend
	Unauthenticated             // sign in first
	StepUp                      // prove presence again, then the same URL works
	Denied                      // policy says no
	NotFound                    // no such thing, or none for this caller: the same answer
	Gone                        // it was there and is no longer
	Invalid                     // the request is malformed; nothing was changed
	Conflict                    // it contradicts what is stored; nothing was changed
	TooLarge                    // over a stated limit
	Throttled                   // too many; try later
	Unavailable                 // policy, keys, log or disk are not available: fail closed
	Tampered                    // stored data fails its integrity check: refused, alarmed
	Misdirected                 // the Host is not ours (RFC 9110 15.5.20)
	Method                      // the route does not take this method
	MediaType                   // the route does not take this content type
	NotAcceptable               // the answer has no form that the client takes
	TooCostly                   // the answer would be over a stated limit
)

// row is the one error-to-HTTP table.
type row struct {
	kind    Kind
	name    string
	status  int
	message string // id in the message catalogues, also the OperationOutcome detail
	issue   string // FHIR IssueType code
	exit    int    // exit code of a command
	retry   int    // seconds after which trying again makes sense; 0 says nothing
}

var table = []row{
	{Internal, "internal", 500, "error.internal", "exception", 1, 0},
	{Unauthenticated, "unauthenticated", 401, "error.sign-in", "login", 1, 0},
	{StepUp, "step-up", 403, "error.step-up", "security", 1, 0},
	{Denied, "denied", 403, "error.denied", "forbidden", 1, 0},
	{NotFound, "not-found", 404, "error.not-found", "not-found", 1, 0},
	{Gone, "gone", 410, "error.gone", "deleted", 1, 0},
	{Invalid, "invalid", 400, "error.invalid", "invalid", 1, 0},
	{Conflict, "conflict", 409, "error.conflict", "conflict", 1, 0},
	{TooLarge, "too-large", 413, "error.too-large", "too-long", 1, 0},
	{Throttled, "throttled", 429, "error.throttled", "throttled", 1, 60},
	{Unavailable, "unavailable", 503, "error.unavailable", "transient", 1, 0},
	{Tampered, "tampered", 503, "error.tampered", "transient", 1, 0},
	{Misdirected, "misdirected", 421, "error.misdirected", "processing", 1, 0},
	{Method, "method", 405, "error.method", "not-supported", 1, 0},
	{MediaType, "media-type", 415, "error.media-type", "not-supported", 1, 0},
	{NotAcceptable, "not-acceptable", 406, "error.not-acceptable", "not-supported", 1, 0},
	{TooCostly, "too-costly", 413, "error.too-costly", "too-costly", 1, 0},
}

func (k Kind) row() row {
	for _, r := range table {
		if r.kind == k {
			return r
		}
	}
	return table[0]
}

// Kinds lists every kind, for completeness tests of catalogues.
func Kinds() []Kind {
	ks := make([]Kind, len(table))
	for i, r := range table {
		ks[i] = r.kind
	}
	return ks
}

// String is the kind's name in log lines and entries.
func (k Kind) String() string { return k.row().name }

// Status is the HTTP status of the kind.
func (k Kind) Status() int { return k.row().status }

// Message is the default public message id of the kind.
func (k Kind) Message() string { return k.row().message }

// Issue is the FHIR IssueType code of the kind (http://hl7.org/fhir/issue-type).
func (k Kind) Issue() string { return k.row().issue }

// RetryAfter is after how many seconds trying again makes sense, 0 when nothing is
// known. It depends on the kind alone, so it says nothing about what was asked for.
func (k Kind) RetryAfter() int { return k.row().retry }

// RetryAfter is after how many seconds trying again makes sense: what err knows of it
// (Later), else what its kind says.
func RetryAfter(err error) int {
	var f *Error
	if errors.As(err, &f) && f.After > 0 {
		return int((f.After + time.Second - 1) / time.Second) // rounded up: whoever waits so long is let in
	}
	return Of(err).RetryAfter()
}

// Error is a failure with its kind. Make it with New or Wrap.
type Error struct {
	Kind    Kind
	Message string // public message id; empty means the kind's own
	Err     error  // for the log only
	// After is when trying again makes sense, 0 for what the kind says. It speaks of
	// the caller's own use, never of what was asked for.
	After time.Duration
}

// New makes an error of kind k; what is a constant in the style "read chart".
func New(k Kind, what string) error { return &Error{Kind: k, Err: errors.New(what)} }

// Wrap gives err a kind. It returns nil for a nil err.
func Wrap(k Kind, what string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Err: fmt.Errorf("%s: %w", what, err)}
}

// Say makes an error whose public message differs from the kind's own.
func Say(k Kind, message, what string) error {
	return &Error{Kind: k, Message: message, Err: errors.New(what)}
}

// Later makes an error of kind Throttled that says when to come again.
func Later(message, what string, after time.Duration) error {
	return &Error{Kind: Throttled, Message: message, Err: errors.New(what), After: after}
}

func (e *Error) Error() string { return e.Kind.String() + ": " + e.Err.Error() }

// Unwrap returns the inner error.
func (e *Error) Unwrap() error { return e.Err }

// Of returns the kind of err: the outermost fault in its chain, else Internal.
// The kind of a nil error is not defined; callers check nil first.
func Of(err error) Kind {
	var f *Error
	if errors.As(err, &f) {
		return f.Kind
	}
	return Internal
}

// Message returns the public message id of err.
func Message(err error) string {
	var f *Error
	if errors.As(err, &f) && f.Message != "" {
		return f.Message
	}
	return Of(err).Message()
}

// Is reports whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && Of(err) == k }
