package records

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Definition says everything that Postern needs to know of one resource type.
// Routes, search and shape check derive from it.
//
// As JSON it holds what stored charts and their indexes depend on, and no words of pages.
//
// Paths are element names with dots; lists on the way are stepped into. Where
// several alternatives are possible (a choice type), "|" separates whole paths.
type Definition struct {
	Type        string
	Compartment Compartment // whose chart it belongs to; empty only with Shared
	Shared      bool        // belongs to the clinic and to no chart: people, places, products
	Status      Codes       // the type's required status element, if it has one
	Search      []Param     // besides those of every type (see common) and, for chart types, patient
	Order       string      // the dates by which lists are ordered, first present wins
	Shape       []Element   // what is checked before the resource is stored
	Title       Title       `json:"-"` // what people call it, one and several
	Show        []Field     `json:"-"` // the lines of its generic page, the headline first
	Example     string      // a small valid resource about Rosa Field, a fictional patient with id "rosa"

	// Computed by NewCatalogue, because every search needs them.
	columns  []string
	schemaID uint64
}

// Compartment names the references that say whose chart a resource belongs to.
type Compartment struct {
	Self    bool     // the Patient itself
	Paths   []string // at least one must lead to the Patient
	Through bool     // the paths may lead to any resource of the chart (Provenance.target)
}

// Codes is an element bound to a required list of codes.
type Codes struct {
	Path   string
	System string
	Codes  []string // FHIR R4's whole list; the position + 1 is the status number of the index
}

// ParamKind is how a search parameter compares.
type ParamKind uint8

// The kinds of search parameter.
const (
	TokenParam     ParamKind = iota + 1
	DateParam                // of several values the first counts
	StringParam              // starts with, whatever the case and the accents; :exact
	ReferenceParam           // Type/id or id, never a URL; without Targets the URI of something that is not here
)

// Param is one search parameter.
type Param struct {
	Name   string
	Kind   ParamKind
	Path   string
	System string // the system that a plain code implies
	// Targets are the types that a reference may lead to, sorted.
	Targets []string
}

// Kind is the JSON form of an element.
type Kind uint8

// The kinds that the shape check knows.
const (
	KindString     Kind = iota + 1
	KindCode            // a string without white space; from Codes when given
	KindBool            // true or false
	KindNumber          // a JSON number
	KindDate            // date, dateTime or instant
	KindPeriod          // {start, end}
	KindObject          // any object
	KindReference       // {reference, display, identifier}
	KindConcept         // CodeableConcept
	KindCoding          // Coding
	KindQuantity        // {value, unit, system, code}
	KindIdentifier      // {system, value}
	KindName            // HumanName
)

// Element is one expectation of the shape check.
type Element struct {
	Path     string
	Kind     Kind
	List     bool // an array of Kind
	Most     int  // items of a List; 0 means as many as a resource has room for
	Required bool
	Codes    []string // for KindCode: the required list
}

// Definitions lists every type, sorted by name.
func Definitions() []Definition {
	return []Definition{
		defAllergyIntolerance(),
		defAppointment(),
		defCarePlan(),
		defCareTeam(),
		defClaim(),
		defCondition(),
		defCoverage(),
		defDevice(),
		defDiagnosticReport(),
		defDocumentReference(),
		defEncounter(),
		defExplanationOfBenefit(),
		defGoal(),
		defImagingStudy(),
		defImmunization(),
		defLocation(),
		defMedication(),
		defMedicationRequest(),
		defObservation(),
		defOrganization(),
		defPatient(),
		defPractitioner(),
		defPractitionerRole(),
		defProcedure(),
		defProvenance(),
		defQuestionnaireResponse(),
		defRelatedPerson(),
		defServiceRequest(),
		defSpecimen(),
	}
}

// Catalogue is a checked set of definitions. Make it once at the start.
type Catalogue struct {
	list   []Definition
	byType map[string]*Definition
}

// NewCatalogue checks defs and indexes them. A type that names neither a
// compartment nor the shared mark is an error: Postern must not start.
func NewCatalogue(defs []Definition) (*Catalogue, error) {
	if err := CheckDefinitions(defs); err != nil {
		return nil, err
	}
	c := &Catalogue{list: slices.Clone(defs), byType: make(map[string]*Definition, len(defs))}
	for i := range c.list {
		d := &c.list[i]
		d.columns, d.schemaID = d.dateColumns(), d.schema()
		c.byType[d.Type] = d
	}
	return c, nil
}

// All lists the definitions, sorted by type. It is shared: nobody changes it.
func (c *Catalogue) All() []Definition { return c.list }

// Definition returns the definition of a type.
func (c *Catalogue) Definition(typ string) (Definition, bool) {
	d, ok := c.byType[typ]
	if !ok {
		return Definition{}, false
	}
	return *d, true
}

func (c *Catalogue) def(typ string) *Definition { return c.byType[typ] }

// Types lists the names, sorted.
func (c *Catalogue) Types() []string {
	var out []string
	for _, d := range c.list {
		out = append(out, d.Type)
	}
	return out
}

// fingerprint changes whenever the index of a type would hold something else.
func (c *Catalogue) fingerprint() [32]byte {
	h := sha256.New()
	for i := range c.list {
		_, _ = fmt.Fprintf(h, "%s %016x\n", c.list[i].Type, c.list[i].schema())
	}
	return [32]byte(h.Sum(nil))
}

// CheckDefinitions returns what is missing or contradictory in defs.
func CheckDefinitions(defs []Definition) error {
	for i, d := range defs {
		if err := d.check(); err != nil {
			return fmt.Errorf("define %s: %w", d.Type, err)
		}
		if i > 0 && defs[i-1].Type >= d.Type {
			return fmt.Errorf("define %s: types must be sorted and unique", d.Type)
		}
	}
	return nil
}

func (d Definition) check() error {
	c := d.Compartment
	switch {
	case !typeName(d.Type):
		return fmt.Errorf("not a type name")
	case !d.Shared && !c.Self && len(c.Paths) == 0:
		return fmt.Errorf("neither a compartment path nor the shared mark")
	case d.Shared && (c.Self || len(c.Paths) > 0):
		return fmt.Errorf("both a compartment and the shared mark")
	case c.Self && d.Type != "Patient":
		return fmt.Errorf("only Patient is its own compartment")
	case d.Example == "":
		return fmt.Errorf("no example")
	case len(d.Status.Codes) > 200 || (d.Status.Path == "") != (len(d.Status.Codes) == 0):
		return fmt.Errorf("status needs a path and its codes")
	}
	for _, p := range d.allPaths() {
		if !goodPath(p) {
			return fmt.Errorf("path %q is malformed", p)
		}
	}
	if err := d.checkShow(); err != nil {
		return err
	}
	return d.checkSearch()
}

func (d Definition) checkSearch() error {
	seen := map[string]bool{"patient": true, "subject": true}
	for _, p := range d.Search {
		switch {
		case p.Name == "" || p.Path == "" || p.Kind < TokenParam || p.Kind > ReferenceParam:
			return fmt.Errorf("search parameter %q is incomplete", p.Name)
		case seen[p.Name] || strings.HasPrefix(p.Name, "_") || p.Name == d.subject():
			return fmt.Errorf("search parameter %q stands twice or is reserved", p.Name)
		case p.Kind != ReferenceParam && p.Targets != nil || !slices.IsSorted(p.Targets):
			return fmt.Errorf("search parameter %q has targets that are not sorted or not its own", p.Name)
		}
		seen[p.Name] = true
	}
	for _, e := range d.Shape {
		if e.Kind == 0 {
			return fmt.Errorf("element %q has no kind", e.Path)
		}
	}
	return nil
}

func (d Definition) allPaths() []string {
	paths := slices.Clone(d.Compartment.Paths)
	for _, p := range d.Search {
		paths = append(paths, p.Path)
	}
	for _, e := range d.Shape {
		paths = append(paths, e.Path)
	}
	if d.Order != "" {
		paths = append(paths, d.Order)
	}
	if d.Status.Path != "" {
		paths = append(paths, d.Status.Path)
	}
	return paths
}

func goodPath(p string) bool {
	for alt := range strings.SplitSeq(p, "|") {
		for name := range strings.SplitSeq(alt, ".") {
			if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !asciiLetter(r) && !(r >= '0' && r <= '9') }) {
				return false
			}
		}
	}
	return true
}

func asciiLetter(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }

// typeName reports whether s could be a FHIR type name.
func typeName(s string) bool {
	if len(s) < 2 || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !asciiLetter(r) })
}

// statusNumber is the index's number of a status code, 0 for none.
func (d *Definition) statusNumber(code string) uint8 {
	return uint8(slices.Index(d.Status.Codes, code) + 1)
}

// StatusCode is the code with this number, "" for 0 or an unknown one.
func (d Definition) StatusCode(n uint8) string {
	if n == 0 || int(n) > len(d.Status.Codes) {
		return ""
	}
	return d.Status.Codes[n-1]
}
