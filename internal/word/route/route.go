// Package route is the vocabulary of what the doors serve. A Route declares
// what a request needs before any handler runs: who may come (Auth), which
// policy action decides, which audit event results, whether presence must be
// proved again, and how much body is read.
//
// It guarantees that an incomplete declaration is found: Check refuses a route
// without action, audit event or limit, and app refuses to start on the error.
// It holds no handler and does no I/O; doors pair a Route with its handler.
package route

import (
	"fmt"
	"slices"
	"strings"
)

// Door is the entrance that serves a route.
type Door string

// The doors.
const (
	Web     Door = "web"
	FHIRAPI Door = "fhirapi"
	Demo    Door = "demo"
)

// Auth says who may come to a route at all; policy decides the rest.
type Auth uint8

// Zero is not a valid Auth, so that a forgotten one is found.
const (
	Public  Auth = iota + 1 // strangers too
	Session                 // a browser session, by cookie only
	Bearer                  // an API token, by Authorization header only
)

// PublicAction stands in the action column of a route open to strangers.
const PublicAction = "public"

// NoAudit stands in the audit column of a public route that serves the same
// bytes to everybody and so discloses nothing.
const NoAudit = "none"

// Route declares one route.
type Route struct {
	Method  string // GET implies HEAD
	Pattern string // net/http pattern without method: "/results/{id}"
	Door    Door
	Auth    Auth
	Action  string // Cedar action id; PublicAction for a route open to strangers
	Audit   string // audit event type, or NoAudit
	StepUp  bool   // the policies want presence proved within the step-up window; they decide, this tells
	Body    int64  // most bytes of request body read; 0 for none
	Shared  bool   // true when the answer holds nothing personal and may be cached (assets)
	OneTime bool   // true when the request proves itself (sign-in, enrolment) and so needs no form token
	Heavy   bool   // true when one request reads the whole log, or copies it or a whole chart
}

// Check returns what is missing in the declaration.
func (r Route) Check() error {
	id := r.Method + " " + r.Pattern
	switch {
	case !slices.Contains([]string{"GET", "POST"}, r.Method):
		return fmt.Errorf("route %s: method must be GET or POST", id)
	case !strings.HasPrefix(r.Pattern, "/"):
		return fmt.Errorf("route %s: pattern must be a path", id)
	case r.Door != Web && r.Door != FHIRAPI && r.Door != Demo:
		return fmt.Errorf("route %s: no door", id)
	case r.Auth < Public || r.Auth > Bearer:
		return fmt.Errorf("route %s: no auth", id)
	case r.Action == "":
		return fmt.Errorf("route %s: no policy action", id)
	case r.Audit == "":
		return fmt.Errorf("route %s: no audit event", id)
	case (r.Auth == Public) != (r.Action == PublicAction):
		return fmt.Errorf("route %s: public auth and public action go together", id)
	case r.Audit == NoAudit && r.Auth != Public:
		return fmt.Errorf("route %s: only a public route goes without audit", id)
	case r.Method == "GET" && r.Body != 0, r.Method == "POST" && r.Body <= 0:
		return fmt.Errorf("route %s: a POST needs a body limit and a GET has none", id)
	case r.Door == FHIRAPI && r.Auth == Session, r.Door != FHIRAPI && r.Auth == Bearer:
		return fmt.Errorf("route %s: cookies and tokens do not mix", id)
	}
	return nil
}

// CheckAll checks every route and that none is declared twice.
func CheckAll(rs []Route) error {
	seen := map[string]bool{}
	for _, r := range rs {
		if err := r.Check(); err != nil {
			return err
		}
		id := r.Method + " " + r.Pattern
		if seen[id] {
			return fmt.Errorf("route %s: declared twice", id)
		}
		seen[id] = true
	}
	return nil
}
