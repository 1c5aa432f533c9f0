package web

import (
	"net/http"
	"slices"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// chart opens types of the reader's own chart: one decision, one entry.
func (v *Visit) chart(what string, types ...string) (records.Chart, error) {
	s, err := v.self()
	if err != nil {
		return records.Chart{}, err
	}
	c, err := v.door.c.Records.View(v.Context(), v.caller, s.Chart, what, v.alsoWhose(types)...)
	if err != nil {
		return records.Chart{}, err
	}
	return c, v.whose(c)
}

// result is GET /results/{id}: one result with its series.
func (d *Door) result(v *Visit) error {
	if v.caller.Role() != person.RolePatient {
		return d.resultOfChart(v)
	}
	return d.showResult(v, v.caller, "")
}

// resultOfChart is GET /results/{id} for everybody but a patient: from the page of a
// chart, for the purpose that was stated when it was opened. From anywhere else nothing
// is looked up, not even whose result it is, and the way leads to my patients.
func (d *Door) resultOfChart(v *Visit) error {
	_, over := v.chosen()
	purpose, stated := person.ParsePurpose(v.Field("purpose"))
	switch chart := v.Field("patient"); {
	case over:
		return v.done("chart-over", "/clinic")
	case !stated || chart == "":
		return v.done("result-from-chart", "/clinic")
	default:
		return d.showResult(v, v.caller.For(purpose), chart)
	}
}

// showResult shows the result in the path. chart is the one that staff opened, for the
// caller's purpose; empty for the patient.
func (d *Door) showResult(v *Visit, caller person.Caller, chart string) error {
	types := []string{"Observation"}
	staff := chart != ""
	if staff {
		types = append(types, "Patient") // whose result it is must stand on the page
	}
	c, r, err := v.around(caller, "Observation", v.Path("id"), types...)
	if err != nil {
		return err
	}
	if staff && c.Patient.String() != chart {
		return fault.New(fault.NotFound, "show result: the purpose was stated for another chart")
	}
	one, err := records.ViewObservation(r.Doc)
	if err != nil {
		return err
	}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	o := v.observation(one)
	m := &view.Result{Base: v.Base(view.PlaceResults), Name: o.name, NameLang: o.lang, On: o.on, Lab: o.lab, Status: o.status, Note: o.note,
		MedicalName: o.written, About: o.about}
	if staff {
		m.Place, m.Chart, m.Purpose = view.PlaceClinic, chart, caller.Purpose()
		if m.Person, err = v.patientOf(c); err != nil {
			return err
		}
	}
	same := series(slices.DeleteFunc(list, func(x observation) bool { return x.key != o.key }))
	trends := same.all(o)
	for i, p := range o.parts {
		m.Parts = append(m.Parts, view.Part{Name: p.name, Value: p.value, Unit: p.unit, Words: p.words, Elsewhere: p.elsewhere(),
			Standing: p.standing, Usual: p.usual, Series: trends[i], Before: same.before(o, p)})
	}
	m.Critical = !staff && v.critical(o)
	return v.Render(http.StatusOK, m)
}

// criticalFor is how long a result that was marked as critical asks to be acted upon.
const criticalFor = 28 * 24 * time.Hour

// critical reports whether the laboratory marked a part of a result as critical, and it is
// new enough that somebody may still have to act: a year-old one is history.
func (v *Visit) critical(o observation) bool {
	if v.now().Sub(o.at) > criticalFor || o.status == "entered-in-error" || o.status == "cancelled" {
		return false
	}
	return slices.ContainsFunc(o.parts, func(p measured) bool {
		return p.standing.Critical()
	})
}
