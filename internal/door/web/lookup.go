package web

import (
	"net/http"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
)

// lookUpPage is what a look-up is called in the log.
const lookUpPage = records.LookUpPage

// lookUpChoose is POST /clinic/look-up: what to look for leads, sealed, to what is found.
func (d *Door) lookUpChoose(v *Visit) error {
	if _, err := v.sought(); err != nil {
		return v.sorry("problem.look-up", "/clinic")
	}
	return v.choose("/clinic/look-up")
}

// sought is what was typed.
func (v *Visit) sought() (records.Wanted, error) {
	return records.NewWanted(v.Field("known"), v.Field("family"), v.Field("born"))
}

// lookUp is GET /clinic/look-up: those of my patients who fit what was typed. Somebody
// else's patient and nobody give the same page.
func (d *Door) lookUp(v *Visit) error {
	if any, over := v.chosen(); !any {
		if over {
			return v.done("query-over", "/clinic")
		}
		return v.Redirect("/clinic")
	}
	w, err := v.sought()
	if err != nil {
		return v.sorry("problem.look-up", "/clinic")
	}
	patients, err := v.myPatients()
	if err != nil {
		return err
	}
	m := &view.LookedUp{Base: v.Base(view.PlaceClinic), LookUp: view.LookUp{Known: v.Field("known"), Family: v.Field("family"), BornOn: v.Field("born")}}
	found, more, err := d.c.Records.LookUp(v.Context(), v.caller, w, patients)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	m.More = more
	for _, g := range found {
		m.Found = append(m.Found, v.line(g))
	}
	return v.Render(http.StatusOK, m)
}
