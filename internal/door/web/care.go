package web

import (
	"cmp"
	"net/http"
	"slices"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
)

// planPage is GET /plan: who cares, what is planned, and what for.
func (d *Door) planPage(v *Visit) error {
	c, err := v.chart("page/plan", "CarePlan", "Goal", "CareTeam")
	if err != nil {
		return err
	}
	m := &view.Plan{Base: v.Base(view.PlacePlan)}
	err = each(c.Resources("CareTeam"), records.ViewCareTeam, func(x records.CareTeam) { m.Teams = v.addTeam(m.Teams, x) })
	if err != nil {
		return err
	}
	err = each(c.Resources("Goal"), records.ViewGoal, func(x records.Goal) {
		switch x.Status {
		case "entered-in-error", "rejected", "cancelled":
		case "completed":
			m.Reached = append(m.Reached, v.goal(x))
		default:
			m.Goals = append(m.Goals, v.goal(x))
		}
	})
	if err != nil {
		return err
	}
	err = each(c.Resources("CarePlan"), records.ViewCarePlan, func(x records.CarePlan) {
		switch x.Status {
		case "entered-in-error", "draft":
		case "completed", "revoked":
			m.Past = append(m.Past, v.carePlan(x))
		default:
			m.Plans = append(m.Plans, v.carePlan(x))
		}
	})
	if err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// addTeam adds the people of a team that still cares.
func (v *Visit) addTeam(teams []view.Team, x records.CareTeam) []view.Team {
	if x.Status == "entered-in-error" || x.Status == "inactive" || len(x.Members) == 0 {
		return teams
	}
	out := view.Team{Name: x.Name.Reveal(), Lang: v.foreign(x.Common)}
	for _, p := range x.Members {
		one := view.Member{Name: p.Who.Display.Reveal()}
		if len(p.Roles) > 0 {
			one.Role, one.RoleLang = p.Roles[0].Text.Reveal(), v.foreign(x.Common)
		}
		out.Members = append(out.Members, one)
	}
	return append(teams, out)
}

func (v *Visit) goal(x records.Goal) view.Goal {
	n := v.called(kindCare, x.Common, x.Words, x.Words.Text.Reveal())
	out := view.Goal{Name: n.name, NameLang: n.lang, Written: n.written, Lang: n.foreign, Progress: v.codeWords(x.Progress), Good: slices.Contains([]string{"achieved", "sustaining", "improving"}, x.Progress),
		Watch: slices.Contains([]string{"worsening", "not-achieved", "no-progress", "not-attainable"}, x.Progress),
		Since: v.day(x.Since), Note: joined(x.Notes), Path: "/record/goal/" + x.ID.String()}
	for _, t := range x.Targets {
		one := view.Target{Text: t.Words.Reveal(), Lang: v.foreign(x.Common), Due: v.day(t.Due)}
		if !t.Quantity.IsZero() {
			name, _ := v.plain(t.Measure)
			one = view.Target{Name: cmp.Or(name, t.Measure.Text.Reveal()), Unit: t.Quantity.Unit.Reveal(), Due: one.Due}
			one.Reach(t.Quantity.Comparator, t.Quantity.Value.Reveal())
		} else if !t.Low.IsZero() || !t.High.IsZero() {
			name, _ := v.plain(t.Measure)
			one = view.Target{Name: cmp.Or(name, t.Measure.Text.Reveal()), Unit: cmp.Or(t.High.Unit.Reveal(), t.Low.Unit.Reveal()), Due: one.Due,
				Low: t.Low.Value.Reveal(), High: t.High.Value.Reveal()}
		}
		if one.Text != "" || one.Measured() || one.Due.Known() {
			out.Targets = append(out.Targets, one)
		}
	}
	return out
}

func (v *Visit) carePlan(x records.CarePlan) view.CarePlan {
	n := called{name: x.Title.Reveal(), lang: v.foreign(x.Common), foreign: v.foreign(x.Common)}
	if n.name == "" {
		n = v.called(kindCare, x.Common, x.About, x.About.Text.Reveal())
	}
	out := view.CarePlan{Name: n.name, NameLang: n.lang, Written: n.written, Lang: n.foreign, Words: x.Words.Reveal(), From: v.day(x.From), To: v.day(x.To), By: x.Author.Display.Reveal(),
		Note: joined(x.Notes), Over: x.Status == "completed" || x.Status == "revoked", Proposed: x.Intent == "proposal"}
	for _, a := range x.Activities {
		if a.Status == "entered-in-error" || a.Status == "cancelled" {
			continue
		}
		n := v.calledFirst(x.Common, a.What, kindCare, kindProcedure)
		out.Steps = append(out.Steps, view.Step{Name: n.name, NameLang: n.lang, Written: n.written, Lang: n.foreign, Often: a.Often.Reveal(), Status: v.codeWords(a.Status), Done: a.Status == "completed", Never: a.DoNot})
	}
	return out
}

// appointmentsPage is GET /appointments: what is to come, soonest first, and what was.
func (d *Door) appointmentsPage(v *Visit) error {
	c, err := v.chart("page/appointments", "Appointment")
	if err != nil {
		return err
	}
	m := &view.Appointments{Base: v.Base(view.PlaceAppointments)}
	if m.Coming, m.Past, err = v.appointments(c); err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

// appointments are those to come, soonest first, and those that were, newest first.
func (v *Visit) appointments(c records.Chart) (coming, past []view.Appointment, err error) {
	err = each(c.Resources("Appointment"), records.ViewAppointment, func(x records.Appointment) {
		if x.Status == "entered-in-error" {
			return
		}
		a := v.appointment(x)
		// Without a time it cannot be missed on this page: the clinic has yet to say when.
		if a.Start.IsZero() || !v.past(a.Start) && x.Status != "fulfilled" && !a.Off {
			coming = append(coming, a)
			return
		}
		if slices.Contains([]string{"booked", "pending", "proposed", "waitlist"}, x.Status) {
			a.Status = "" // what was planned for a day that is over says nothing of what became of it
		}
		past = append(past, a)
	})
	slices.SortStableFunc(coming, func(a, b view.Appointment) int { return a.Start.Compare(b.Start) })
	slices.SortStableFunc(past, func(a, b view.Appointment) int { return b.Start.Compare(a.Start) })
	return coming, past, err
}

func (v *Visit) appointment(x records.Appointment) view.Appointment {
	start := v.moment(x.Start)
	n := v.called(kindVisit, x.Common, x.Kind, x.Kind.Text.Reveal())
	a := view.Appointment{Name: n.name, NameLang: n.lang, Lang: n.foreign, Start: start, Status: v.codeWords(x.Status), Prepare: x.Instruction.Reveal(),
		Why: x.Cancelled.Text.Reveal(), Off: x.Status == "cancelled" || x.Status == "noshow", Today: view.DayOf(start) == view.DayOf(v.now())}
	if len(x.Reasons) > 0 {
		why := v.called(kindCondition, x.Common, x.Reasons[0], x.Reasons[0].Text.Reveal())
		a.Reason, a.ReasonLang = why.name, why.lang
	}
	for _, l := range x.With {
		if l.Type == "Location" {
			a.Where = l.Display.Reveal()
		} else {
			a.With = append(a.With, l.Display.Reveal())
		}
	}
	return a
}

// next is the appointment that comes next: of today's those that are still to come first.
func (v *Visit) next(coming []view.Appointment) *view.Appointment {
	var first *view.Appointment
	for i, a := range coming {
		switch {
		case !a.Dated():
		case !a.Start.Before(v.now()):
			return &coming[i]
		case first == nil:
			first = &coming[i]
		}
	}
	return first
}

// billsPage is GET /bills: insurance, and what each visit cost whom.
func (d *Door) billsPage(v *Visit) error {
	c, err := v.chart("page/bills", "Coverage", "Claim", "ExplanationOfBenefit")
	if err != nil {
		return err
	}
	m := &view.Bills{Base: v.Base(view.PlaceBills)}
	err = each(c.Resources("Coverage"), records.ViewCoverage, func(x records.Coverage) {
		if x.Status == "entered-in-error" || x.Status == "draft" {
			return
		}
		out := view.Insurance{Plan: x.Plan.Text.Reveal(), PlanLang: v.foreign(x.Common), Number: x.Number.Reveal(), From: v.day(x.From), To: v.day(x.To), Over: x.Status == "cancelled"}
		if len(x.Payers) > 0 {
			out.Payer = x.Payers[0].Display.Reveal()
		}
		m.Insurance = append(m.Insurance, out)
	})
	if err != nil {
		return err
	}
	answered := map[string]bool{}
	err = each(c.Resources("ExplanationOfBenefit"), records.ViewExplanationOfBenefit, func(x records.Benefit) {
		if x.Status == "entered-in-error" || x.Status == "draft" || x.Status == "cancelled" {
			return
		}
		answered[x.Claim.ID.String()] = x.Claim.Type == "Claim"
		m.Decided = append(m.Decided, v.decidedBill(x))
	})
	if err != nil {
		return err
	}
	err = each(c.Resources("Claim"), records.ViewClaim, func(x records.Claim) {
		if x.Status != "active" || x.Use != "claim" || answered[x.ID.String()] {
			return
		}
		m.Open = append(m.Open, view.Bill{Services: texts(x.Services), Lang: v.foreign(x.Common), Visit: v.day(x.Visit), Asked: amount(x.Total),
			Clinic: x.Provider.Display.Reveal(), Payer: x.Insurer.Display.Reveal(), Path: "/record/claim/" + x.ID.String()})
	})
	if err != nil {
		return err
	}
	return v.Render(http.StatusOK, m)
}

func (v *Visit) decidedBill(x records.Benefit) view.Bill {
	out := view.Bill{Services: texts(x.Services), Lang: v.foreign(x.Common), Visit: v.day(x.Visit), Asked: amount(x.Asked), Allowed: amount(x.Allowed), Paid: amount(x.Paid),
		Clinic: x.Provider.Display.Reveal(), Payer: x.Insurer.Display.Reveal(), Note: joined(x.Notes), Path: "/record/explanation-of-benefit/" + x.ID.String()}
	for i, m := range x.Own {
		out.Own = append(out.Own, view.Own{Amount: amount(m), For: v.codeWords(x.OwnFor[i])})
	}
	return out
}

func texts(list []records.Coded) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Text.Reveal())
	}
	return out
}
