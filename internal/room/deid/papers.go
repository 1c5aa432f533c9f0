package deid

import (
	"fmt"
	"time"
)

// paper is a document: a note, a letter, a file.
type paper struct {
	loinc, display, words string // its type
	title, language       string
	media                 string // empty means text/plain
	text                  string
	elsewhere             string // an address instead of the text
	day                   time.Time
	who                   string
	visit                 *ref
}

func (c *chart) paper(p paper) ref {
	if p.media == "" {
		p.media = "text/plain"
	}
	if p.language == "" {
		p.language = c.language
	}
	a := attachment{ContentType: p.media, Language: p.language, Title: p.title, URL: p.elsewhere}
	if p.elsewhere == "" {
		a.Data = []byte(p.text)
	}
	r := documentResource{header: c.spoken("DocumentReference", p.language), Status: "current", Type: code(sysLOINC, p.loinc, p.display, p.words),
		Category: []concept{{Coding: []coding{{"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note"}}}},
		Subject:  c.me, Date: instant(c.clock(p.day, 17, 20)), Custodian: toPtr(orgClinic), Content: []documentContent{{a}}}
	if p.who != "" {
		r.Author = []ref{to(p.who)}
	}
	if p.visit != nil {
		r.Context = &documentContext{[]ref{*p.visit}}
	}
	return c.add(r)
}

// visitNote, letter and discharge are the papers that every clinic writes.
func visitNote(words string) paper {
	return paper{loinc: "11506-3", display: "Progress note", words: words}
}
func letter(words string) paper {
	return paper{loinc: "83002-4", display: "Letter", words: words}
}
func discharge(words string) paper {
	return paper{loinc: "18842-5", display: "Discharge summary", words: words}
}

func (p paper) with(title, text string, day time.Time, who string) paper {
	p.title, p.text, p.day, p.who = title, text, day, who
	return p
}

// images is one study with its report in words.
type images struct {
	modality, modalityIs string // DICOM
	loinc, display       string
	words, language      string // the plain name and the language of all texts
	site                 coding
	series               []string
	conclusion           string
	reason               concept
	day                  time.Time
	visit                *ref
	who                  string
}

func (c *chart) images(i images) {
	what, kind := code(sysLOINC, i.loinc, i.display, i.words), coding{"http://dicom.nema.org/resources/ontology/DCM", i.modality, i.modalityIs}
	s := imagingStudyResource{header: c.spoken("ImagingStudy", i.language), Status: "available", Modality: []coding{kind}, Subject: c.me, Encounter: i.visit,
		Started: instant(c.clock(i.day, 16, 40)), Referrer: toPtr(i.who), NumberOfSeries: len(i.series), ProcedureCode: []concept{what},
		ReasonCode: []concept{i.reason}, Description: i.words}
	for n, words := range i.series {
		s.NumberOfInstances += 2 + n
		// 2.25 is the arc for identifiers that are digests; these numbers belong to nobody.
		s.Series = append(s.Series, imageSeries{UID: fmt.Sprintf("2.25.%d%d", 7_000_000+c.count["ImagingStudy"], n+1), Number: n + 1, Modality: kind,
			Words: words, Instances: 2 + n, BodySite: &i.site, Started: s.Started})
	}
	study := c.add(s)
	study.Display = i.words
	c.add(reportResource{header: c.spoken("DiagnosticReport", i.language), Status: "final", Category: []concept{term("v2-0074", "RAD", "Radiology")},
		Code: what, Subject: c.me, Encounter: i.visit, Effective: s.Started, Issued: instant(c.clock(i.day, 18, 50)),
		Performer: []ref{to(orgHospital)}, ImagingStudy: []ref{study}, Conclusion: i.conclusion})
}

// insured writes the insurance; plan and group are its names.
func (c *chart) insured(payer, planName, number, relation, relationIs string, since time.Time) ref {
	cover := c.add(coverageResource{header: c.mine("Coverage"), Status: "active",
		Type: concept{[]coding{{sysHL7 + "v3-ActCode", "EHCPOL", "extended healthcare"}}, planName}, SubscriberID: number, Beneficiary: c.me,
		Relationship: term("subscriber-relationship", relation, relationIs),
		Period:       period{Start: date(since), End: date(time.Date(c.today.Year(), time.December, 31, 0, 0, 0, 0, time.UTC))},
		Payor:        []ref{named(payer)}, Class: []coverageClass{{term("coverage-class", "plan", "Plan"), "17", planName}}})
	cover.Display = payer + ", " + planName
	return cover
}

// service is one line of a bill, in cents: what the clinic asked, what the
// insurance allows, and what the person pays of that.
type service struct {
	words          string
	asked, allowed int64
	own            int64
}

// bill writes a claim and, when decided, the insurance's answer to it.
func (c *chart) bill(payer string, cover ref, day time.Time, decided bool, note string, lines ...service) {
	kind, visit := term("claim-type", "professional", "Professional"), period{date(day), date(day)}
	var asked, allowed, own int64
	var items, answered []claimItem
	for n, l := range lines {
		item := claimItem{Sequence: n + 1, Service: concept{Text: l.words}, Serviced: date(day), Net: dollars(l.asked)}
		items = append(items, item)
		item.Adjudication = adjudicated(l.asked, l.allowed, l.own)
		answered = append(answered, item)
		asked, allowed, own = asked+l.asked, allowed+l.allowed, own+l.own
	}
	claim := c.add(claimResource{header: c.mine("Claim"), Status: "active", Type: kind, Use: "claim", Patient: c.me, Billable: visit,
		Created: instant(c.clock(day, 21, 0)), Insurer: named(payer), Provider: to(orgClinic), Priority: term("processpriority", "normal", "Normal"),
		Insurance: []claimInsurance{{1, true, cover}}, Item: items, Total: dollars(asked)})
	if !decided {
		return
	}
	paid := workday(day.AddDate(0, 0, 12))
	r := benefitResource{header: c.mine("ExplanationOfBenefit"), Status: "active", Type: kind, Use: "claim", Patient: c.me, Billable: visit,
		Created: instant(c.clock(paid, 15, 0)), Insurer: named(payer), Provider: to(orgClinic), Claim: claim, Outcome: "complete",
		Insurance: []claimInsurance{{0, true, cover}}, Item: answered, Total: adjudicated(asked, allowed, own),
		Payment: &benefitPayment{date(paid), dollars(allowed - own)}}
	if note != "" {
		r.ProcessNote = []processNote{{note}}
	}
	c.add(r)
}

func adjudicated(asked, allowed, own int64) []adjudication {
	return []adjudication{{term("adjudication", "submitted", "Submitted Amount"), dollars(asked)},
		{term("adjudication", "eligible", "Eligible Amount"), dollars(allowed)},
		{term("adjudication", "benefit", "Benefit Amount"), dollars(allowed - own)},
		{term("adjudication", "copay", "CoPay"), dollars(own)}}
}

func dollars(cents int64) money { return money{decimal(cents, 2), "USD"} }
