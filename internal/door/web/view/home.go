package view

import "time"

// Home is the patient's first page (GET /): what is new, in words, and the way
// to everything else.
type Home struct {
	Base
	LastHere time.Time // the sign-in before this one; zero for the first time
	New      int       // results since LastHere
	Newest   []Row     // the newest of them, three at most
	Counts   Counts
}

func (*Home) page() string { return "home" }

// Counts are the numbers beside the places on the home page. A negative number
// means not known, and nothing is said.
type Counts struct{ Results, Conditions, Medications, Allergies, Immunizations int }

// GivenName is the first word of the person's name, for the greeting.
func (h *Home) GivenName() string {
	if h.Person == nil {
		return ""
	}
	for i, r := range h.Person.Name {
		if r == ' ' && i > 0 {
			return h.Person.Name[:i]
		}
	}
	return h.Person.Name
}
