package view

import "postern.example/postern/internal/word/fault"

// Error is the page of every failure: what happened, what to do next, whom to
// call. It shows nothing of the request but its id.
type Error struct {
	Base
	Kind       fault.Kind
	Message    string // public message id; empty means the kind's own
	RetryAfter int    // seconds; 0 when unknown
}

func (*Error) page() string { return "error" }

// Next is the message id of what to do, when the message has one of its own.
func (e *Error) Next() string { return e.What() + ".next" }

// Title is the message id of the heading, likewise.
func (e *Error) Title() string { return e.What() + ".title" }

// KindNext is the message id of what to do after a failure of this kind.
func (e *Error) KindNext() string { return e.Kind.Message() + ".next" }

// KindTitle is the message id of the heading of the kind.
func (e *Error) KindTitle() string { return e.Kind.Message() + ".title" }

// What is the message id of what happened.
func (e *Error) What() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Kind.Message()
}

// SignIn reports whether signing in is the way on.
func (e *Error) SignIn() bool { return e.Kind == fault.Unauthenticated }

// Minutes is the waiting time, rounded up.
func (e *Error) Minutes() int { return (e.RetryAfter + 59) / 60 }
