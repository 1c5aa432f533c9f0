package identity_test

import (
	"testing"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// What decides who reads a chart stands in the log under that chart's patient, so
// that Who looked shows it: a sign-in link that an administrator makes for the
// mother was invisible to her once.
func TestWhatConcernsAChartNamesItsPatient(t *testing.T) {
	covers.Covers(t, "HC-7c")
	each(t, func(t *testing.T, h *house) {
		chart := newPatient(t)
		maya := h.account(t, identity.NewAccount{Name: phi.NewText("Maya"), Roles: []person.Role{person.RolePatient}, Chart: chart})
		for name, plan := range map[string]func() (*identity.Plan, error){
			"link":    func() (*identity.Plan, error) { return h.rooms.PlanEnrolment(t.Context(), maya) },
			"suspend": func() (*identity.Plan, error) { return h.rooms.PlanSuspension(t.Context(), maya) },
			"resume":  func() (*identity.Plan, error) { return h.rooms.Plan(t.Context(), maya, identity.Resume()) },
		} {
			p, err := plan()
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Ask(person.Caller{}).Detail.Patient; got != chart {
				t.Errorf("%s: the entry names %s, want the chart's patient", name, got)
			}
		}
	})
}
