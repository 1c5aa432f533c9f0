package view

// Profile is GET /profile: who the clinic believes the patient is. It is read-only.
type Profile struct {
	Base
	Name         string
	OtherNames   []string
	Birth        Day
	Sex          string // FHIR administrative gender
	RecordNumber string
	Phones       []Reach
	Emails       []Reach
	Addresses    [][]string // by line
	Languages    []string
	Near         []Near
	Doctors      []string
}

func (*Profile) page() string { return "profile" }

// Reach is a telephone number or an e-mail address, shown as text.
type Reach struct {
	Value string
	Use   string // FHIR use: home, work, mobile; words are "use.<code>"
}

// Near is somebody whom the clinic may call.
type Near struct {
	Name     string
	Relation string // as the chart says it
	Lang     string // of the relation, when it is not the page's
	Phones   []Reach
}

// Card is GET /immunizations/card: vaccines by what they protect from, to print.
type Card struct {
	Base
	Name     string
	Birth    Day
	Diseases []Disease
	Others   []Disease // vaccines whose disease Postern does not know, by their own name
}

func (*Card) page() string { return "card" }

// Disease is what some shots protect from.
type Disease struct {
	ID             string // words are "disease.<id>"; empty for a vaccine that stands under its own name
	Name, NameLang string
	Shots          []Shot // oldest first
}

// Shot is one dose on the card.
type Shot struct {
	On             Day
	Name, NameLang string // of the vaccine
	Lot            string
	Weak           bool // it may not count
}

// Sharing is GET /sharing: that a chart cannot be shared yet, and what to do.
type Sharing struct{ Base }

func (*Sharing) page() string { return "sharing" }
