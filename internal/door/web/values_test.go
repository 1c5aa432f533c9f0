package web_test

import (
	"net/http"
	"testing"

	"postern.example/postern/internal/word/person"
)

// Rosa reads Spanish. A test that says yes, no, when or from when to when says it in her
// words, and not as a program writes it.
func TestValuesAreInTheReadersLanguage(t *testing.T) {
	h := lite(t)
	result := func(id, value string) string {
		return entry("Observation", id, `"status":"final","effectiveDateTime":"2026-10-02","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"Test `+id+`"},`+value)
	}
	rosa := h.account(t, "Rosa Field", h.load(t, bundle(
		result("yes", `"valueBoolean":true`), result("no", `"valueBoolean":false`), result("day", `"valueDateTime":"2026-01-02"`), result("month", `"valueDateTime":"2026-01"`),
		result("moment", `"valueDateTime":"2026-01-02T16:30:00Z"`), result("span", `"valuePeriod":{"start":"2026-02-03","end":"2026-03-04"}`), result("open", `"valuePeriod":{"start":"2026-05-06"}`),
		result("odd", `"valueDateTime":"0026-01-02"`), result("words", `"valueString":"true"`),
		result("parts", `"component":[{"code":{"text":"Pain"},"valueBoolean":true}]`))), person.RolePatient)
	want(t, "to Spanish", rosa.post("/language", "lang", "es", "next", "results"), http.StatusSeeOther)
	rosa.get("/results")
	pages := ""
	for _, one := range ownLinks(rosa, "/results/") {
		pages += string(mainOf(rosa.get(one).Body.Bytes()))
	}
	holds(t, "results", pages, []string{">Sí<", ">No<", ">2 de enero de 2026<", ">enero de 2026<", "2 de enero de 2026 a las 8:30", "del 3 de febrero de 2026 al 4 de marzo de 2026", "desde el 6 de mayo de 2026", "0026-01-02", ">true<"},
		[]string{">false<", "2026-02-03 –", "2026-01-02T", "2026-05-06 –"})
}
