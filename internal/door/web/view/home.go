package view

// Home is the patient's first page (GET /): what is new, in words, and the way
// to everything else.
type Home struct {
	Base
	Before Day          // of the last visit; unknown when Postern knows of none
	News   []News       // what came into the chart since then; one for each kind that has any
	Newest []Row        // the new results, or where there is none, the newest
	Next   *Appointment // nil when none is booked
	Counts Counts
}

func (*Home) page() string { return "home" }

// News is one kind of thing of which something is new; words are "news.<kind>".
type News struct {
	Kind  string
	N     int
	Href  string     // the page that lists them
	Links []NewsLink // the first few, where each has a page of its own
}

// NewsLink is one new thing.
type NewsLink struct {
	Name, NameLang string
	Kind           string // stands for a name: "visit.<kind>"
	Href           string
	On             Day
}

// Others are the news beside the results.
func (h *Home) Others() []News {
	var out []News
	for _, n := range h.News {
		if n.Kind != "results" {
			out = append(out, n)
		}
	}
	return out
}

// NewResults is how many tests have a new result.
func (h *Home) NewResults() int {
	for _, n := range h.News {
		if n.Kind == "results" {
			return n.N
		}
	}
	return 0
}

// Counts are the numbers beside the places on the home page. A negative number
// means not known, and nothing is said.
type Counts struct {
	Results, Conditions, Medications, Allergies, Immunizations int
	NoAllergies                                                bool // somebody asked, and there is none
	Visits, Imaging, Appointments                              int
}

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
