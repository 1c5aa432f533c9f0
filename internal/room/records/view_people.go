package records

import (
	"strings"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/phi"
)

// Name is a person's name. Full is ready to show; Family and Given are parts.
type Name struct {
	Use    string
	Full   phi.Text
	Family phi.Text
	Given  []phi.Text
}

// Contact is a telephone number or address of another system. It is shown as
// text; a page makes no link of it but tel: for a phone.
type Contact struct {
	System string // phone, email, ...
	Use    string
	Value  phi.Text
}

// Address is a postal address, by line.
type Address struct {
	Use   string
	Lines []phi.Text
}

// Patient is a person as a page shows them.
type Patient struct {
	Common
	Names     []Name // the official one first
	Gender    string
	Born      Date
	Died      Date
	Deceased  bool
	Contacts  []Contact
	Addresses []Address
	Languages []Coded
	Numbers   []Number
	Near      []Near // whom to call, in the order of the source
	Doctors   []Link // who looks after the patient, as the source says
}

// Near is somebody to call about a patient. It gives nobody a right.
type Near struct {
	Name     phi.Text
	Relation []Coded
	Contacts []Contact
}

// Number is a number under which somebody knows the patient: the clinic's record
// number, an insurance number.
type Number struct {
	Kind  string // code of http://terminology.hl7.org/CodeSystem/v2-0203, such as MR; empty when not said
	Value phi.Text
}

func numbers(v rawjson.Value) []Number {
	var out []Number
	for x := range at(v, "identifier") {
		n := Number{Value: show(x.Get("value").Text())}
		for c := range at(x, "type.coding.code") {
			// A closed list of two to five capital letters and digits.
			if s := c.Text(); n.Kind == "" && len(s) <= 5 && strings.ToUpper(s) == s {
				n.Kind = s
			}
		}
		if !n.Value.IsZero() {
			out = append(out, n)
		}
	}
	return out
}

// ViewPatient reads a stored Patient.
func ViewPatient(doc phi.Doc) (Patient, error) {
	v, common, err := open(doc, "Patient")
	if err != nil {
		return Patient{}, err
	}
	died := v.Get("deceasedDateTime")
	return Patient{
		Common: common, Names: names(v), Gender: plainCode(v.Get("gender").Text()),
		Born: date(v, "birthDate"), Died: date(v, "deceasedDateTime"),
		Deceased: died.Type() == rawjson.String || v.Get("deceasedBoolean").IsTrue(),
		Contacts: contacts(v), Addresses: addresses(v), Languages: codedList(v, "communication.language"),
		Numbers: numbers(v), Near: near(v), Doctors: links(v, "generalPractitioner"),
	}, nil
}

func near(v rawjson.Value) []Near {
	var out []Near
	for x := range at(v, "contact") {
		n := Near{Relation: codedList(x, "relationship"), Contacts: contacts(x), Name: nameOf(x.Get("name")).Full}
		if !n.Name.IsZero() || len(n.Contacts) > 0 {
			out = append(out, n)
		}
	}
	return out
}

// names lists the names in the order in which one would use them.
func names(v rawjson.Value) []Name {
	var official, others []Name
	for x := range at(v, "name") {
		n := nameOf(x)
		if n.Full.IsZero() {
			continue
		}
		if n.Use == "official" || n.Use == "usual" {
			official = append(official, n)
		} else {
			others = append(others, n)
		}
	}
	return append(official, others...)
}

func nameOf(x rawjson.Value) Name {
	n := Name{Use: plainCode(x.Get("use").Text()), Family: show(x.Get("family").Text())}
	var words []string
	for _, part := range []string{"prefix", "given", "family", "suffix"} {
		for w := range x.Get(part).Items() {
			if w.Text() == "" {
				continue
			}
			words = append(words, w.Text())
			if part == "given" {
				n.Given = append(n.Given, show(w.Text()))
			}
		}
	}
	full := x.Get("text").Text()
	if full == "" {
		full = strings.Join(words, " ")
	}
	n.Full = show(full)
	return n
}

func contacts(v rawjson.Value) []Contact {
	var out []Contact
	for x := range at(v, "telecom") {
		c := Contact{plainCode(x.Get("system").Text()), plainCode(x.Get("use").Text()), show(x.Get("value").Text())}
		if !c.Value.IsZero() {
			out = append(out, c)
		}
	}
	return out
}

func addresses(v rawjson.Value) []Address {
	var out []Address
	for x := range at(v, "address") {
		a := Address{Use: plainCode(x.Get("use").Text())}
		for line := range at(x, "line") {
			a.Lines = append(a.Lines, show(line.Text()))
		}
		town := strings.Join(strings.Fields(x.Get("city").Text()+" "+x.Get("state").Text()+" "+x.Get("postalCode").Text()), " ")
		for _, s := range []string{town, x.Get("country").Text()} {
			if s != "" {
				a.Lines = append(a.Lines, show(s))
			}
		}
		if len(a.Lines) == 0 && x.Get("text").Text() != "" {
			a.Lines = append(a.Lines, show(x.Get("text").Text()))
		}
		if len(a.Lines) > 0 {
			out = append(out, a)
		}
	}
	return out
}
