package deid

import (
	"fmt"
	"time"
)

// What stands around the visits. A story calls these after it has told its
// visits, so that the numbers that the visits drew stay as they were.

// nth is the n-th resource of that kind which this chart wrote.
func (c *chart) nth(kind string, n int) ref {
	return ref{Reference: urn(uuid(c.space, fmt.Sprintf("%s/%d", kind, n)))}
}

// last is the newest written resource of that kind.
func (c *chart) last(kind string) ref { return c.nth(kind, c.count[kind]) }

// spoken is the head of a resource whose texts are in that language.
func (c *chart) spoken(kind, language string) header {
	h := c.head(kind)
	h.Language = language
	return h
}

// mine is the head of a resource whose texts are in the person's own language.
func (c *chart) mine(kind string) header { return c.spoken(kind, c.language) }

// daysAhead is a working day n days after today or a little later.
func (c *chart) daysAhead(n int) time.Time {
	d := c.today.AddDate(0, 0, n)
	switch d.Weekday() {
	case time.Saturday:
		return d.AddDate(0, 0, 2)
	case time.Sunday:
		return d.AddDate(0, 0, 1)
	default:
		return d
	}
}

// named is somebody who stands in a chart by name alone.
func named(name string) ref { return ref{Display: name} }

// appointment is one line of the clinic's schedule.
type appointment struct {
	day          time.Time // its date; at is the clinic's wall clock
	hour, minute int       // of a fulfilled one those of its visit stand for them
	length       int       // minutes; zero means 20
	status       string
	kind, reason string
	who          string // shared label
	prepare      string // what the person should do before
	cancelled    string // why
}

func (c *chart) appointment(a appointment) {
	if a.length == 0 {
		a.length = 20
	}
	start := c.clock(a.day, a.hour, a.minute)
	if at, came := c.came[date(a.day)]; came && a.status == "fulfilled" {
		start = at // the visit that it led to: one day shows one time
	}
	booked := a.day.AddDate(0, 0, -21)
	if !booked.Before(c.today) {
		booked = c.daysAgo(3)
	}
	reply := "accepted"
	if a.status == "cancelled" {
		reply = "declined"
	}
	r := appointmentResource{header: c.mine("Appointment"), Status: a.status, AppointmentType: concept{Text: a.kind},
		ReasonCode: []concept{{Text: a.reason}}, Start: instant(start), End: instant(start.Add(time.Duration(a.length) * time.Minute)),
		Created: instant(c.clock(booked, 17, 0)), PatientInstruction: a.prepare,
		Participant: []appointmentParticipant{{c.me, reply}, {to(a.who), "accepted"}, {to(locClinic), "accepted"}}}
	if a.cancelled != "" {
		r.CancelationReason = &concept{Text: a.cancelled}
	}
	c.add(r)
}

// goal is what care should reach.
type goal struct {
	words, progress string // progress: a code of goal-achievement
	since           time.Time
	target          string // in words
	measure         *measure
	than            string // comparator of the value: "<", "<=", ">", ">="
	value           int64
	due             int // days ahead; zero for none
	ended           string
	note            string
	about           []ref
}

func (c *chart) goal(g goal) ref {
	shown := map[string]string{"in-progress": "In Progress", "improving": "Improving", "achieved": "Achieved", "no-change": "No Change",
		"sustaining": "Sustaining", "not-achieved": "Not Achieved"}
	r := goalResource{header: c.mine("Goal"), LifecycleStatus: "active", Description: concept{Text: g.words}, Subject: c.me,
		StartDate: date(g.since), StatusDate: date(c.daysAgo(4)), Addresses: g.about}
	if g.ended != "" {
		r.LifecycleStatus = g.ended
	}
	if g.progress != "" {
		k := term("goal-achievement", g.progress, shown[g.progress])
		r.AchievementStatus = &k
	}
	t := goalTarget{Words: g.target}
	if g.measure != nil {
		q := g.measure.quantity(g.value)
		q.Comparator = g.than
		k := code(sysLOINC, g.measure.loinc, g.measure.display, g.measure.text)
		t = goalTarget{Measure: &k, Quantity: &q}
	}
	if g.due > 0 {
		t.DueDate = date(c.daysAhead(g.due))
	}
	if t != (goalTarget{}) {
		r.Target = []goalTarget{t}
	}
	if g.note != "" {
		r.Note = []annotation{{g.note}}
	}
	return c.add(r)
}

// step is one line of a care plan: what, how often, how far.
type step struct{ what, often, status string }

type plan struct {
	title, words string
	since        time.Time
	until        int // days ahead, zero for open
	who          string
	team         []ref
	about, goals []ref
	steps        []step
	note         string
	ended        bool
}

func (c *chart) plan(p plan) ref {
	author := to(p.who)
	r := carePlanResource{header: c.mine("CarePlan"), Status: "active", Intent: "plan",
		Category: []concept{{Coding: []coding{{"http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan", "Assessment and Plan of Treatment"}}}},
		Title:    p.title, Description: p.words, Subject: c.me, Period: period{Start: date(p.since)}, Created: instant(c.clock(p.since, 16, 0)),
		Author: &author, CareTeam: p.team, Addresses: p.about, Goal: p.goals}
	if p.until > 0 {
		r.Period.End = date(c.daysAhead(p.until))
	}
	if p.ended {
		r.Status, r.Period.End = "completed", date(c.daysAgo(20))
	}
	for _, s := range p.steps {
		r.Activity = append(r.Activity, activity{activityDetail{Status: s.status, Scheduled: s.often, Description: s.what}})
	}
	if p.note != "" {
		r.Note = []annotation{{p.note}}
	}
	return c.add(r)
}

// member is a person of a care team with what they do in it.
type member struct {
	who  ref
	role string
}

func (c *chart) team(name string, since time.Time, members ...member) ref {
	r := careTeamResource{header: c.mine("CareTeam"), Status: "active", Name: name, Subject: c.me, Period: &period{Start: date(since)}}
	for _, m := range members {
		r.Participant = append(r.Participant, teamMember{[]concept{{Text: m.role}}, m.who})
	}
	return c.add(r)
}

// kin is somebody in the person's life, with the words for who they are.
func (c *chart) kin(code, display, words, given, family, tel, gender string) ref {
	r := relatedPersonResource{header: c.mine("RelatedPerson"), Active: true, Patient: c.me, Gender: gender,
		Relationship: []concept{{[]coding{{sysHL7 + "v3-RoleCode", code, display}}, words}},
		Name:         []humanName{{Use: "usual", Text: given + " " + family, Family: family, Given: []string{given}}}}
	if tel != "" {
		r.Telecom = phone(tel, "mobile")
	}
	to := c.add(r)
	to.Display = given + " " + family
	return to
}

// device is something the person wears, carries or has at home.
func (c *chart) device(kind concept, name, maker, serial string, made time.Time, note string) {
	r := deviceResource{header: c.mine("Device"), Status: "active", Manufacturer: maker, ManufactureDate: date(made), SerialNumber: serial,
		DeviceName: []deviceName{{name, "user-friendly-name"}}, Type: kind, Patient: c.me}
	if note != "" {
		r.Note = []annotation{{note}}
	}
	c.add(r)
}

// order is a referral or a test that was asked for.
func (c *chart) order(what, why, status, advice string, day time.Time, who string, by ref) ref {
	return c.add(serviceRequestResource{header: c.mine("ServiceRequest"), Status: status, Intent: "order", Code: concept{Text: what}, Subject: c.me,
		AuthoredOn: instant(c.clock(day, 16, 0)), Requester: to(who), Performer: []ref{by}, ReasonCode: []concept{{Text: why}}, PatientInstruction: advice})
}

func (c *chart) specimen(kind concept, day time.Time) {
	lab := to(proBrooks)
	c.add(specimenResource{header: c.mine("Specimen"), Status: "available", Type: kind, Subject: c.me, ReceivedTime: instant(c.clock(day, 16, 10)),
		Collection: specimenCollection{&lab, instant(c.clock(day, 14, 20))}})
}

// said is a question with its answer.
func said(id, question string, a answer) questionItem { return questionItem{id, question, []answer{a}} }

func (c *chart) answers(form string, day time.Time, by ref, items ...questionItem) {
	c.add(questionnaireResponseResource{header: c.mine("QuestionnaireResponse"), Questionnaire: "https://riverside-clinic.example/forms/" + form,
		Status: "completed", Subject: c.me, Authored: instant(c.clock(day, 14, 50)), Source: by, Item: items})
}

// claims says that an outside source made those resources, as it claims itself.
func (c *chart) claims(source string, org *ref, day time.Time, targets ...ref) {
	c.add(provenanceResource{header: c.head("Provenance"), Target: targets, Recorded: instant(c.clock(day, 19, 0)),
		Activity: concept{Coding: []coding{{sysHL7 + "v3-DataOperation", "CREATE", "create"}}},
		Agent:    []provenanceAgent{{term("provenance-participant-type", "author", "Author"), named(source), org}}})
}
