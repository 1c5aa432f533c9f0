package view

import "time"

// Approve is GET /approve/{id}: an operator approves one exact act of a command
// with a passkey. The module uses POST /approve/{id}/options and /finish; POST
// /approve/{id}/decline refuses.
type Approve struct {
	Base
	ID      string
	Command string // "import", "account add"
	Facts   []Fact // exactly what will be done
	Reason  string // as the operator typed it
	Asked   time.Time
	Until   time.Time
	State   ApproveState
}

func (*Approve) page() string { return "approve" }

// Fact is one line of an act; Label is part of a message id ("fact.file").
type Fact struct{ Label, Value string }

// ApproveState says how far the act is.
type ApproveState string

// The states. Zero waits for the operator.
const (
	ApproveWaiting  ApproveState = ""
	ApproveDone     ApproveState = "done"
	ApproveDeclined ApproveState = "declined"
	ApproveExpired  ApproveState = "expired"
)
