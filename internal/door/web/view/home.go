package view

// Home is the patient's first page (GET /): what is new, in words, and the way
// to everything else.
type Home struct {
	Base
	New    int   // tests with a result of the last RecentDays
	Newest []Row // the newest results, three at most
	Counts Counts
}

func (*Home) page() string { return "home" }

// Counts are the numbers beside the places on the home page. A negative number
// means not known, and nothing is said.
type Counts struct {
	Results, Conditions, Medications, Allergies, Immunizations int
	NoAllergies                                                bool // somebody asked, and there is none
}

// Days is how far back a new result reaches.
func (h *Home) Days() int { return RecentDays }

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
