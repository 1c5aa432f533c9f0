package web

import (
	"net/http"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
)

// lookUpPage is what a look-up is called in the log.
const lookUpPage = records.LookUpPage

// lookUpChoose is POST /clinic/look-up: what was typed leads, sealed, to what is found, or
// to the form once more. Were the form answered with a page, a browser would keep what was
// typed in its session file for as long as that page stands in its history.
func (d *Door) lookUpChoose(v *Visit) error { return v.choose("/clinic/look-up") }

// lookUpAgain is the form as it was sent, with what it lacks. Nobody is looked for.
func (v *Visit) lookUpAgain(lacks []records.Lack) error {
	if _, err := v.myPatients(); err != nil {
		return err
	}
	m := &view.LookedUp{Base: v.Base(view.PlaceClinic), LookUp: v.typed()}
	for _, l := range lacks {
		m.Lacks = append(m.Lacks, view.Lack(l))
	}
	return v.Render(http.StatusOK, m)
}

// typed is the form with what was typed in it.
func (v *Visit) typed() view.LookUp {
	return view.LookUp{Known: v.Field("known"), Family: v.Field("family"), BornOn: v.Field("born")}
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
	t := v.typed()
	if lacks := records.Lacks(t.Known, t.Family, t.BornOn); len(lacks) > 0 {
		return v.lookUpAgain(lacks)
	}
	w, err := records.NewWanted(t.Known, t.Family, t.BornOn)
	if err != nil {
		return err
	}
	patients, err := v.myPatients()
	if err != nil {
		return err
	}
	m := &view.LookedUp{Base: v.Base(view.PlaceClinic), LookUp: t}
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
