package view

// Demo is the start page of the demo (GET /demo): step into a fictional
// person. The handler leaves Base.Demo false: the page says it in larger letters.
type Demo struct {
	Base
	Personas []Persona
	SignedIn bool // somebody is signed in: stepping into another person ends that
}

func (*Demo) page() string { return "demo" }

// Persona is one line of the start page. Its story is the message "persona.<ID>".
type Persona struct {
	ID      string // mother, teen, child, chronic, elder, daughter, doctor, nurse, admin, officer
	Name    string
	Pattern int
	NoEntry bool // a chart without an account (child): told, not entered
}
