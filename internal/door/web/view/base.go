package view

import (
	"net/url"
	"slices"
	"strings"

	"postern.example/postern/internal/word/person"
)

// Menu says which navigation stands on a page.
type Menu uint8

// The menus. Zero is none: sign-in, one-time links, errors for strangers.
const (
	MenuNone Menu = iota
	MenuPatient
	MenuClinic  // clinician and nurse
	MenuAdmin   // administrator
	MenuOfficer // compliance and audit
)

// Place is an entry of a menu; its value is the route's path and the id of its
// words ("place./results").
type Place string

// The places.
const (
	PlaceHome          Place = "/"
	PlaceResults       Place = "/results"
	PlaceConditions    Place = "/conditions"
	PlaceMedications   Place = "/medications"
	PlaceAllergies     Place = "/allergies"
	PlaceImmunizations Place = "/immunizations"
	PlaceVisits        Place = "/visits"
	PlaceImaging       Place = "/imaging"
	PlaceAppointments  Place = "/appointments"
	PlacePlan          Place = "/plan"
	PlaceDocuments     Place = "/documents"
	PlaceBills         Place = "/bills"
	PlaceRecord        Place = "/record"
	PlaceAccessLog     Place = "/access-log"
	PlaceSecurity      Place = "/security"
	PlaceProfile       Place = "/profile"
	PlaceClinic        Place = "/clinic"
	PlaceAdmin         Place = "/admin"
	PlaceWaiting       Place = "/admin/waiting"
	PlaceOfficer       Place = "/officer"
)

// Person is the person bar: whose record this is.
type Person struct {
	Name     string
	Relation Relation
	Pattern  int    // 0 to 5, see Patterns; never the only difference between two people
	Detail   string // one more line, such as the birth date on a clinic page; may be empty
}

// Relation says what the record is to the reader; its value is a message id.
type Relation string

// The relations.
const (
	RelationSelf    Relation = "relation.self"
	RelationPatient Relation = "relation.patient" // for staff
)

// Patterns is the number of tile patterns.
const Patterns = 6

// PatternOf gives an opaque id its tile pattern, always the same one.
func PatternOf(id string) int {
	sum := uint32(2166136261) // FNV-1a: spreads short ids evenly, secrecy is no aim
	for i := range len(id) {
		sum = (sum ^ uint32(id[i])) * 16777619
	}
	return int(sum % Patterns)
}

// Self reports whether the record is the reader's own.
func (p Person) Self() bool { return p.Relation == RelationSelf }

// Initial is the first letter of the name, for the tile.
func (p Person) Initial() string { return initial(p.Name) }

func initial(name string) string {
	for _, r := range strings.TrimSpace(name) {
		return strings.ToUpper(string(r))
	}
	return "·"
}

// Tile is the CSS class of the pattern.
func (p Person) Tile() string { return tile(p.Pattern) }

func tile(pattern int) string {
	return "tile tile-" + string(rune('0'+((pattern%Patterns)+Patterns)%Patterns))
}

// Base is what every page needs. Handlers fill it once per request.
type Base struct {
	Lang        string // "en" or "es"; anything else becomes the language of last resort
	ClinicName  string
	ClinicPhone string // as people read it; empty when the clinic gave none
	Nonce       string // of the Content-Security-Policy of this answer
	FormToken   string // bound to the session; empty for strangers
	RequestID   string
	Menu        Menu
	Place       Place   // the place that the menu marks; empty for none
	Person      *Person // whose record; nil when the page is about no record
	StaffName   string  // who is signed in, on staff pages
	StaffRole   person.Role
	Route       string // name of this page's route; the language form sends it back as `next`
	RouteID     string // the opaque id in the route's path, if any; sent back as `next_id`
	RouteQuery  string // of the page's address, what the language switch keeps; sent back as `next_query`
	Flash       string // message id of a good outcome ("flash.passkey-added"); empty for none
	Problem     string // message id of what went wrong with a form ("problem.name-empty"); empty for none
	Demo        bool   // demo data: a line on every page says so
	Unreviewed  bool   // words of the catalogue stand on it that no clinician has reviewed: a line says so
	Twins       bool   // the page has twins: a line at its end leads to them
	Sheet       Sheet  // of the twin that is written; the zero Sheet on the page itself
}

func (b *Base) base() *Base { return b }

// Mark says on the page of m that its plain words were not reviewed by a clinician.
func Mark(m Model, unreviewed bool) { m.base().Unreviewed = m.base().Unreviewed || unreviewed }

// Shape is the CSS class of the body.
func (b *Base) Shape() string {
	switch b.Menu {
	case MenuPatient:
		return "patient"
	case MenuClinic, MenuAdmin, MenuOfficer:
		return "staff"
	default:
		return "plain"
	}
}

// Marked is the place that the menu marks: the page's own, and for a page of the
// record that the menu does not list "All my records", which leads to it.
func (b *Base) Marked() Place {
	if b.Menu == MenuPatient && b.Place != "" && !slices.Contains(b.Places(), b.Place) {
		return PlaceRecord
	}
	return b.Place
}

// Places lists the menu: seven to nine words. What it has no room for is a page of
// "All my records".
func (b *Base) Places() []Place {
	switch b.Menu {
	case MenuPatient:
		return []Place{PlaceHome, PlaceResults, PlaceMedications, PlaceVisits, PlaceAppointments, PlaceDocuments,
			PlaceRecord, PlaceAccessLog, PlaceSecurity}
	case MenuClinic:
		return []Place{PlaceClinic, PlaceSecurity}
	case MenuAdmin:
		return []Place{PlaceAdmin, PlaceWaiting, PlaceSecurity}
	case MenuOfficer:
		return []Place{PlaceOfficer, PlaceWaiting, PlaceSecurity}
	default:
		return nil
	}
}

// BarPlaces is the bar of the phone; its fourth entry leads to the whole menu.
func (b *Base) BarPlaces() []Place {
	if b.Menu != MenuPatient {
		return nil
	}
	return []Place{PlaceHome, PlaceResults, PlaceRecord}
}

// OtherLang is the language that the switch offers.
func (b *Base) OtherLang() string {
	if b.Lang == "es" {
		return "en"
	}
	return "es"
}

// TwinLink leads to a twin of this page, or with "" from a twin back to the page: to
// the same path, with what the page keeps of its query.
func (b *Base) TwinLink(as Twin) string {
	q, _ := url.ParseQuery(b.RouteQuery) // it is what Encode wrote
	if q.Del("as"); as != "" {
		q.Set("as", string(as))
	}
	return "?" + q.Encode()
}

// PhoneLink is the clinic's number as a tel: link wants it.
func (b *Base) PhoneLink() string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, b.ClinicPhone)
}
