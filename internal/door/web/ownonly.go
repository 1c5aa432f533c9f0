package web

import (
	"strings"

	"postern.example/postern/internal/trust/access"
)

// patientsAlone reports whether the page is about one thing of a record and for the
// patient only. For anybody else it has no purpose that somebody stated, and the policies
// would take treatment for granted: an assigned clinician's browser could be led to it by
// any link. Nothing is looked up then, not even whose it is. It is so unless the endpoint
// says otherwise, so that a new page cannot forget it.
func (e *Endpoint) patientsAlone() bool {
	return e.Action == string(access.ReadChart) && strings.Contains(e.Pattern, "{id}") && !e.Staff
}
