package route

// Class is what a request costs and risks: the limits of rates are per class.
type Class uint8

// The classes. Every route has one, by its declaration.
const (
	Page   Class = iota // a page, and whatever has no route
	Asset               // a file that is the same for everybody
	Change              // a form
	Entry               // a step of sign-in, enrolment or of proving presence again
	Read                // a read by a program
	Search              // a search by a program
	Heavy               // the whole log, or a whole chart in one file
	classes
)

// Classes lists every class.
func Classes() []Class {
	out := make([]Class, classes)
	for i := range out {
		out[i] = Class(i) //#nosec G115 -- less than classes
	}
	return out
}

// String is the class's name in the configuration and in log entries.
func (c Class) String() string {
	switch c {
	case Asset:
		return "asset"
	case Change:
		return "change"
	case Entry:
		return "sign_in"
	case Read:
		return "read"
	case Search:
		return "search"
	case Heavy:
		return "heavy"
	default:
		return "page"
	}
}

// Class is the class of the route.
func (r Route) Class() Class {
	switch {
	case r.Heavy:
		return Heavy
	case r.Method == "GET" && r.Auth == Public && (r.Shared || r.Door == FHIRAPI):
		return Asset
	case r.Door == FHIRAPI && r.Audit == "search":
		return Search
	case r.Door == FHIRAPI:
		return Read
	case r.Method == "GET":
		return Page
	case r.OneTime || r.Audit == "sign-in":
		return Entry
	default:
		return Change
	}
}
