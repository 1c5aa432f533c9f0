package deid

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

const (
	sysLOINC  = "http://loinc.org"
	sysSNOMED = "http://snomed.info/sct"
	sysRxNorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
	sysCVX    = "http://hl7.org/fhir/sid/cvx"
	sysUCUM   = "http://unitsofmeasure.org"
	sysNUCC   = "http://nucc.org/provider-taxonomy"
	sysBCP47  = "urn:ietf:bcp:47"
	sysHL7    = "http://terminology.hl7.org/CodeSystem/"
	sysMRN    = "https://riverside-clinic.example/record-number"
	sysStaff  = "https://riverside-clinic.example/staff"
)

// testData is the tag on everything made here, so that a stray bundle says
// what it is. A tag and not a security label: labels are policy, and a file
// must not bring policy along.
func testData() *meta {
	return &meta{Tag: []coding{{sysHL7 + "v3-ActReason", "HTEST", "test health data"}}}
}

// head begins the resource of this type whose identifier derives from space and label.
func head(kind, space, label string) header {
	return header{ResourceType: kind, ID: uuid(space, label), Meta: testData()}
}

// code is a concept with one coding; text is what people read.
func code(system, value, display, text string) concept {
	if text == "" {
		text = display
	}
	return concept{Coding: []coding{{system, value, display}}, Text: text}
}

func snomed(value, display, text string) concept { return code(sysSNOMED, value, display, text) }

// term is a concept of one of HL7's small terminologies, without text.
func term(system, value, display string) concept {
	return concept{Coding: []coding{{sysHL7 + system, value, display}}}
}

// decimal writes n/10^places with exactly that many decimals. Values are
// integers until here, because fused multiply-add would let two machines
// round the same story differently.
func decimal(n int64, places int) json.Number {
	s := strconv.FormatInt(max(n, -n), 10)
	if places > 0 {
		if len(s) <= places {
			s = strings.Repeat("0", places-len(s)+1) + s
		}
		s = s[:len(s)-places] + "." + s[len(s)-places:]
	}
	if n < 0 {
		s = "-" + s
	}
	return json.Number(s)
}

func date(t time.Time) string    { return t.Format(time.DateOnly) }
func instant(t time.Time) string { return t.Format(time.RFC3339) } // with the clinic's offset: its date is the clinic's
