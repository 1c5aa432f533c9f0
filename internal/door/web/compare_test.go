package web_test

import (
	"net/http"
	"testing"

	"postern.example/postern/internal/word/person"
)

// Rosa chooses the later date first. The earlier one stands on the left all the same, and
// a sugar that rose is called higher, never lower.
func TestTheEarlierDateStandsFirst(t *testing.T) {
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(sugar("o1", "2026-05-03", "88", "mg/dL", "2345-7"), sugar("o2", "2026-11-18", "112", "mg/dL", "2345-7"))), person.RolePatient)
	rosa.get("/compare")
	for _, days := range [][2]string{{"2026-05-03", "2026-11-18"}, {"2026-11-18", "2026-05-03"}} {
		want(t, days[0]+" first", rosa.post("/compare", "panel", "all", "first", days[0], "second", days[1]), http.StatusOK, "May 3, 2026 and November 18, 2026", "Higher by 24 mg/dL")
	}
}

// Two values whose units do not fit together are not the same, and none is higher: the
// page says that it cannot tell.
func TestValuesWithoutACommonUnitAreNotCompared(t *testing.T) {
	h := lite(t)
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(sugar("o1", "2026-05-03", "6", "[drp]", "2345-7"), sugar("o2", "2026-11-18", "112", "mg/dL", "2345-7"))), person.RolePatient)
	want(t, "compared", rosa.get("/compare"), http.StatusOK, "The units do not fit together", "112 mg/dL")
	lacks(t, rosa, "compared", "<td data-label=\"What changed\">The same", "Higher by", "Lower by")
}
