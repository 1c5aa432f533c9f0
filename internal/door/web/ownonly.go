package web

import "postern.example/postern/internal/word/person"

// sentBack reports whether a page about one thing of a record was asked for by somebody
// who is not a patient, and answers. Such a page has no purpose that anybody stated, and
// the policies would take treatment for granted: an assigned clinician's browser could be
// led to it by any link. Nothing is looked up for it, not even whose it is. A single
// result has a way of its own, from the page of its chart (resultOfChart).
func (v *Visit) sentBack() (bool, error) {
	if v.caller.Role() == person.RolePatient {
		return false, nil
	}
	return true, v.done("result-from-chart", "/clinic")
}
