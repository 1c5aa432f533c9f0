package web

import (
	"net/http"
	"slices"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
)

// cvx is the code system of vaccines.
const cvx = "http://hl7.org/fhir/sid/cvx"

// cardPage is GET /immunizations/card: vaccines by what they protect from.
func (d *Door) cardPage(v *Visit) error {
	c, err := v.chart("page/card", "Immunization", "Patient")
	if err != nil {
		return err
	}
	p, err := demographics(c)
	if err != nil {
		return err
	}
	m := &view.Card{Base: v.Base(view.PlaceImmunizations), Name: fullName(p), Birth: v.day(p.Born)}
	err = each(c.Resources("Immunization"), records.ViewImmunization, func(x records.Immunization) {
		if x.Status != "completed" {
			return
		}
		n := v.called(kindVaccine, x.Common, x.Vaccine, x.Vaccine.Text.Reveal())
		shot := view.Shot{On: v.day(x.Given), Name: n.name, NameLang: n.lang, Lot: x.Lot.Reveal(), Weak: x.Sense == records.Weak}
		var from []string
		if code := x.Vaccine.In(cvx); code != "" {
			from = diseases(code)
		}
		for _, id := range from {
			m.Diseases = addShot(m.Diseases, view.Disease{ID: id}, shot)
		}
		if len(from) == 0 {
			m.Others = addShot(m.Others, view.Disease{Name: n.name, NameLang: n.lang}, shot)
		}
	})
	if err != nil {
		return err
	}
	order := diseaseOrder()
	slices.SortStableFunc(m.Diseases, func(a, b view.Disease) int { return slices.Index(order, a.ID) - slices.Index(order, b.ID) })
	return v.Render(http.StatusOK, m)
}

// addShot puts a shot under its disease. The chart has the newest first, a card the
// oldest.
func addShot(list []view.Disease, under view.Disease, s view.Shot) []view.Disease {
	i := slices.IndexFunc(list, func(d view.Disease) bool { return d.ID == under.ID && d.Name == under.Name })
	if i < 0 {
		i, list = len(list), append(list, under)
	}
	list[i].Shots = slices.Insert(list[i].Shots, 0, s)
	return list
}

// diseaseOrder is the order of the card, and every disease that has words.
func diseaseOrder() []string {
	return []string{"hepatitis-b", "rotavirus", "diphtheria", "tetanus", "whooping-cough", "hib", "pneumococcal", "polio", "flu", "covid",
		"measles", "mumps", "rubella", "chickenpox", "hepatitis-a", "hpv", "meningococcal", "shingles", "rsv"}
}

// diseases is what a vaccine protects from, by its CVX code (the code set of the
// CDC); none for a code that nobody has looked up.
func diseases(code string) []string {
	switch code {
	case "03":
		return []string{"measles", "mumps", "rubella"}
	case "94":
		return []string{"measles", "mumps", "rubella", "chickenpox"}
	case "04":
		return []string{"measles", "rubella"}
	case "09", "28", "113", "138", "139", "196":
		return []string{"diphtheria", "tetanus"}
	case "01", "20", "106", "107", "115":
		return []string{"diphtheria", "tetanus", "whooping-cough"}
	case "110":
		return []string{"diphtheria", "tetanus", "whooping-cough", "hepatitis-b", "polio"}
	case "120", "170":
		return []string{"diphtheria", "tetanus", "whooping-cough", "hib", "polio"}
	case "130":
		return []string{"diphtheria", "tetanus", "whooping-cough", "polio"}
	case "132", "146":
		return []string{"diphtheria", "tetanus", "whooping-cough", "polio", "hib", "hepatitis-b"}
	case "102", "198":
		return []string{"diphtheria", "tetanus", "whooping-cough", "hepatitis-b", "hib"}
	case "51":
		return []string{"hib", "hepatitis-b"}
	case "104", "193":
		return []string{"hepatitis-a", "hepatitis-b"}
	default:
		return oneDisease(code)
	}
}

// oneDisease is diseases for the vaccines against one.
func oneDisease(code string) []string {
	switch code {
	case "08", "42", "43", "44", "45", "189", "220":
		return []string{"hepatitis-b"}
	case "116", "119", "122":
		return []string{"rotavirus"}
	case "17", "46", "47", "48", "49":
		return []string{"hib"}
	case "33", "100", "109", "133", "152", "177", "215", "216", "327":
		return []string{"pneumococcal"}
	case "02", "10", "89", "324":
		return []string{"polio"}
	case "15", "16", "88", "111", "135", "140", "141", "144", "149", "150", "151", "153", "155", "158", "161", "166", "168", "171",
		"185", "186", "194", "197", "200", "201", "202", "205", "231", "320", "331", "333":
		return []string{"flu"}
	case "207", "208", "210", "211", "212", "213", "217", "218", "219", "221", "227", "228", "229", "230", "300", "301", "302", "308", "309", "310", "311", "312", "313",
		// Given outside the USA.
		"500", "501", "502", "503", "504", "505", "506", "507", "508", "509", "510", "511", "512", "513", "514", "515", "516", "517", "518", "519", "520", "521":
		return []string{"covid"}
	case "21":
		return []string{"chickenpox"}
	case "31", "52", "83", "84", "85":
		return []string{"hepatitis-a"}
	case "62", "118", "137", "165":
		return []string{"hpv"}
	case "32", "103", "108", "114", "136", "147", "162", "163", "164", "203", "316", "328":
		return []string{"meningococcal"}
	case "121", "187", "188":
		return []string{"shingles"}
	// 306, 307, 315 and 332 are ready-made antibodies: no vaccine, as their words say, but they protect from it too.
	case "303", "304", "305", "306", "307", "314", "315", "326", "332":
		return []string{"rsv"}
	case "05":
		return []string{"measles"}
	case "06":
		return []string{"rubella"}
	case "07":
		return []string{"mumps"}
	case "35", "112", "142":
		return []string{"tetanus"}
	default:
		return nil
	}
}
