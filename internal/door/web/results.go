package web

import (
	"net/http"
	"slices"
	"strconv"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// resultsPage is how many kinds of results one page lists.
const resultsPage = 60

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

// home is GET /. Staff land on the page of their work.
func (d *Door) home(v *Visit) error {
	switch menuOf(v.caller.Role()) {
	case view.MenuClinic:
		return v.Redirect("/clinic")
	case view.MenuAdmin:
		return v.Redirect("/admin")
	case view.MenuOfficer:
		return v.Redirect("/officer")
	case view.MenuNone:
		return v.Redirect("/security")
	}
	c, err := v.chart("page/home", "Observation", "Condition", "MedicationRequest", "AllergyIntolerance", "Immunization")
	if err != nil {
		return err
	}
	m := &view.Home{}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	kinds := group(list)
	for _, s := range kinds[:min(len(kinds), 3)] {
		m.Newest = append(m.Newest, v.row(s))
	}
	if m.Counts, err = v.counts(c); err != nil {
		return err
	}
	m.Counts.Results = len(kinds)
	m.New, _ = v.news(kinds)
	m.Base = v.Base(view.PlaceHome)
	return v.Render(http.StatusOK, m)
}

func (v *Visit) counts(c records.Chart) (n view.Counts, err error) {
	medications, _, err := v.medications(c, nil)
	if err != nil {
		return n, err
	}
	conditions, _, err := v.conditions(c)
	if err != nil {
		return n, err
	}
	allergies, none, err := v.allergies(c)
	if err != nil {
		return n, err
	}
	vaccines, err := v.vaccines(c)
	return view.Counts{Medications: len(medications), Conditions: len(conditions), Allergies: len(allergies), Immunizations: len(vaccines), NoAllergies: none}, err
}

// resultsChoose is POST /results: a choice that no URL may name.
func (d *Door) resultsChoose(v *Visit) error { return v.choose("/results") }

// results is GET /results, all or as chosen.
func (d *Door) results(v *Visit) error {
	if _, over := v.chosen(); over {
		return v.done("query-over", "/results")
	}
	category, from := v.Field("category"), 0
	if older := v.Field("older"); older != "" {
		var err error
		if from, err = strconv.Atoi(older); err != nil || from < 0 {
			return fault.New(fault.Invalid, "list results: the cursor is malformed")
		}
	}
	c, err := v.chart("page/results", "Observation")
	if err != nil {
		return err
	}
	list, err := v.observations(c.Resources("Observation"))
	if err != nil {
		return err
	}
	m := &view.Results{Base: v.Base(view.PlaceResults), Category: category}
	for _, o := range list {
		if o.category != "" && !slices.Contains(m.Categories, o.category) {
			m.Categories = append(m.Categories, o.category)
		}
	}
	slices.Sort(m.Categories)
	if category != "" && category != "all" {
		list = slices.DeleteFunc(list, func(o observation) bool { return o.category != category })
	}
	kinds := group(list)
	m.New, m.Outside = v.news(kinds)
	shown := kinds[min(from, len(kinds)):]
	if len(shown) > resultsPage {
		shown, m.Older = shown[:resultsPage], strconv.Itoa(from+resultsPage)
	}
	m.Groups = v.byDay(shown)
	return v.Render(http.StatusOK, m)
}

// byDay puts series under the day of their newest result.
func (v *Visit) byDay(kinds []series) []view.Group {
	var out []view.Group
	for _, s := range kinds {
		on := s.newest().on
		if len(out) == 0 || out[len(out)-1].On != on {
			out = append(out, view.Group{On: on})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, v.row(s))
	}
	return out
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
	c, r, err := d.c.Records.ViewAround(v.Context(), caller, "Observation", v.Path("id"), v.alsoWhose(types)...)
	if err != nil {
		return err
	}
	if err := v.whose(c); err != nil {
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
		before, at := same.before(o, p)
		m.Parts = append(m.Parts, view.Part{Name: p.name, Value: p.value, Unit: p.unit, Words: p.words,
			Standing: p.standing, Usual: p.usual, Series: trends[i], Before: before, BeforeAt: at})
	}
	return v.Render(http.StatusOK, m)
}
