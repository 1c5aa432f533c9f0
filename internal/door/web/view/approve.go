package view

import "time"

// Approve is GET /approve/{id}: somebody approves one exact act of a command with a
// passkey, or is the second of two administrators who do something. The module uses POST /approve/{id}/options and /finish; POST
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

	Two     bool         // a second administrator confirms; else somebody approves a command
	Suspend bool         // it suspends an administrator or officer; else it makes a link
	Lapses  bool         // the reader confirms or lets it lapse, and cannot decline it
	Own     bool         // the reader proposed it: it can be withdrawn, and that is all
	Asker   string       // who proposed it
	For     string       // name of the account that it is about
	Account string       // its id
	Link    *OneTimeLink // made by the confirmation, shown to the confirmer once; nil else
}

// Key is the first part of the message ids that tell what the page is about.
func (a *Approve) Key() string {
	switch {
	case a.Two && a.Own && a.Suspend:
		return "own-suspension"
	case a.Two && a.Suspend:
		return "suspension"
	case a.Two && a.Own:
		return "own-act"
	case a.Two:
		return "confirm"
	default:
		return "approve"
	}
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
