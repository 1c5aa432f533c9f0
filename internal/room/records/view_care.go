package records

import (
	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/phi"
)

// Activity is one step of a care plan.
type Activity struct {
	What   Coded
	Status string // not-started, scheduled, in-progress, completed, ...
	DoNot  bool   // it must not be done
	Often  phi.Text
	When   Date
	Who    []Link
}

// CarePlan is a plan of care as a page shows it.
type CarePlan struct {
	Common
	Title      phi.Text // as somebody wrote it; may be empty
	About      Coded    // what kind of plan it is
	Words      phi.Text
	Status     string
	Intent     string // proposal, plan, order, option
	From, To   Date
	Author     Link
	Goals      []Link
	Activities []Activity
	Notes      []phi.Text
}

// ViewCarePlan reads a stored CarePlan.
func ViewCarePlan(doc phi.Doc) (CarePlan, error) {
	v, common, err := open(doc, "CarePlan")
	if err != nil {
		return CarePlan{}, err
	}
	p := CarePlan{Common: common, Title: show(v.Get("title").Text()), Words: show(v.Get("description").Text()),
		Status: plainCode(v.Get("status").Text()), Intent: plainCode(v.Get("intent").Text()), From: date(v, "period|created"), To: date(v, "period.end"),
		Author: reference(v.Get("author")), Goals: links(v, "goal"), Notes: notes(v)}
	for x := range at(v, "category") {
		// US Core asks each plan to say that it is one: not what it is about.
		if c := coded(x); c.Code.Reveal() != "assess-plan" {
			p.About = c
			break
		}
	}
	for a := range at(v, "activity.detail") {
		one := Activity{What: coded(a.Get("description")), Status: plainCode(a.Get("status").Text()), Often: show(a.Get("scheduledString").Text()),
			When: date(a, "scheduledPeriod"), Who: links(a, "performer"), DoNot: claimed(a.Get("doNotPerform"))}
		if one.What.IsZero() {
			one.What = coded(a.Get("code"))
		}
		if !one.What.IsZero() {
			p.Activities = append(p.Activities, one)
		}
	}
	return p, nil
}

// Target is what a goal is measured by.
type Target struct {
	Measure  Coded
	Quantity Quantity
	Low      Quantity
	High     Quantity
	Words    phi.Text
	Due      Date
}

// Goal is what care should reach, as a page shows it.
type Goal struct {
	Common
	Words    Coded
	Status   string // lifecycle
	Progress string // achievement: in-progress, improving, achieved, ...
	Since    Date
	Targets  []Target
	Notes    []phi.Text
}

// ViewGoal reads a stored Goal.
func ViewGoal(doc phi.Doc) (Goal, error) {
	v, common, err := open(doc, "Goal")
	if err != nil {
		return Goal{}, err
	}
	g := Goal{Common: common, Words: coded(v.Get("description")), Status: plainCode(v.Get("lifecycleStatus").Text()),
		Progress: conceptCode(v.Get("achievementStatus")), Since: date(v, "startDate"), Notes: notes(v)}
	for t := range at(v, "target") {
		g.Targets = append(g.Targets, Target{Measure: coded(t.Get("measure")), Quantity: quantity(t.Get("detailQuantity")),
			Low: quantity(t.Get("detailRange").Get("low")), High: quantity(t.Get("detailRange").Get("high")),
			Words: show(text(t, "detailString|detailCodeableConcept.text")), Due: date(t, "dueDate")})
	}
	return g, nil
}

// Member is somebody of a care team.
type Member struct {
	Who   Link
	Roles []Coded
}

// CareTeam is who cares, as a page shows it.
type CareTeam struct {
	Common
	Name    phi.Text
	Status  string
	Members []Member
}

// ViewCareTeam reads a stored CareTeam.
func ViewCareTeam(doc phi.Doc) (CareTeam, error) {
	v, common, err := open(doc, "CareTeam")
	if err != nil {
		return CareTeam{}, err
	}
	t := CareTeam{Common: common, Name: show(v.Get("name").Text()), Status: plainCode(v.Get("status").Text())}
	for p := range at(v, "participant") {
		m := Member{Who: reference(p.Get("member")), Roles: codedList(p, "role")}
		if !m.Who.Display.IsZero() && m.Who.Type != "Patient" {
			t.Members = append(t.Members, m)
		}
	}
	return t, nil
}

// Appointment is a visit that is planned or was, as a page shows it.
type Appointment struct {
	Common
	Kind        Coded
	Status      string
	Reasons     []Coded
	Start, End  Date
	With        []Link // whoever and wherever takes part, without the patient
	Instruction phi.Text
	Cancelled   Coded // why
}

// ViewAppointment reads a stored Appointment.
func ViewAppointment(doc phi.Doc) (Appointment, error) {
	v, common, err := open(doc, "Appointment")
	if err != nil {
		return Appointment{}, err
	}
	a := Appointment{Common: common, Kind: coded(v.Get("appointmentType")), Status: plainCode(v.Get("status").Text()), Reasons: codedList(v, "reasonCode"),
		Start: date(v, "start"), End: date(v, "end"), Instruction: show(v.Get("patientInstruction").Text()), Cancelled: coded(v.Get("cancelationReason"))}
	for _, path := range []string{"serviceType", "serviceCategory", "description"} {
		if a.Kind.IsZero() {
			a.Kind = coded(first(v, path))
		}
	}
	for p := range at(v, "participant.actor") {
		if l := reference(p); l.Type != "Patient" && !l.Display.IsZero() {
			a.With = append(a.With, l)
		}
	}
	return a, nil
}

// Coverage is insurance, as a page shows it.
type Coverage struct {
	Common
	Payers   []Link
	Plan     Coded
	Status   string
	Number   phi.Text
	From, To Date
}

// ViewCoverage reads a stored Coverage.
func ViewCoverage(doc phi.Doc) (Coverage, error) {
	v, common, err := open(doc, "Coverage")
	if err != nil {
		return Coverage{}, err
	}
	return Coverage{Common: common, Payers: links(v, "payor"), Plan: coded(v.Get("type")), Status: plainCode(v.Get("status").Text()),
		Number: show(text(v, "subscriberId|identifier.value")), From: date(v, "period"), To: date(v, "period.end")}, nil
}

// Money is an amount in the form in which it was written.
type Money struct {
	Value    phi.Text
	Currency phi.Text
}

// IsZero reports whether there is no amount.
func (m Money) IsZero() bool { return m.Value.IsZero() }

func money(v rawjson.Value) Money {
	return Money{show(v.Get("value").Number()), show(v.Get("currency").Text())}
}

// Claim is a bill to a payer, as a page shows it.
type Claim struct {
	Common
	Services []Coded
	Status   string
	Use      string // claim, preauthorization, predetermination
	Created  Date
	Visit    Date
	Provider Link
	Insurer  Link
	Total    Money
}

// ViewClaim reads a stored Claim.
func ViewClaim(doc phi.Doc) (Claim, error) {
	v, common, err := open(doc, "Claim")
	if err != nil {
		return Claim{}, err
	}
	return Claim{Common: common, Services: codedList(v, "item.productOrService"), Status: plainCode(v.Get("status").Text()), Use: plainCode(v.Get("use").Text()),
		Created: date(v, "created"), Visit: date(v, "billablePeriod"), Provider: reference(v.Get("provider")), Insurer: reference(v.Get("insurer")),
		Total: money(v.Get("total"))}, nil
}

// Benefit is what a payer decided, as a page shows it. Amounts are those of the
// whole bill, empty where the payer does not say.
type Benefit struct {
	Common
	Claim    Link
	Services []Coded
	Status   string
	Outcome  string
	Created  Date
	Visit    Date
	Provider Link
	Insurer  Link
	Asked    Money
	Allowed  Money
	Paid     Money
	Own      []Money // what the person pays: one sum per reason, never added up here
	OwnFor   []string
	Notes    []phi.Text
}

// ViewExplanationOfBenefit reads a stored ExplanationOfBenefit.
func ViewExplanationOfBenefit(doc phi.Doc) (Benefit, error) {
	v, common, err := open(doc, "ExplanationOfBenefit")
	if err != nil {
		return Benefit{}, err
	}
	b := Benefit{Common: common, Claim: reference(v.Get("claim")), Services: codedList(v, "item.productOrService"), Status: plainCode(v.Get("status").Text()),
		Outcome: plainCode(v.Get("outcome").Text()), Created: date(v, "created"), Visit: date(v, "billablePeriod"),
		Provider: reference(v.Get("provider")), Insurer: reference(v.Get("insurer")), Paid: money(v.Get("payment").Get("amount"))}
	for t := range at(v, "total") {
		amount := money(t.Get("amount"))
		switch code := conceptCode(t.Get("category")); code {
		case "submitted":
			b.Asked = amount
		case "eligible":
			b.Allowed = amount
		case "benefit":
			if b.Paid.IsZero() {
				b.Paid = amount
			}
		case "copay", "deductible", "coinsurance", "memberliability", "noncovered":
			if !amount.IsZero() {
				b.Own, b.OwnFor = append(b.Own, amount), append(b.OwnFor, code)
			}
		}
	}
	for n := range at(v, "processNote.text") {
		if t := show(n.Text()); !t.IsZero() {
			b.Notes = append(b.Notes, t)
		}
	}
	return b, nil
}
