package records

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"postern.example/postern/internal/word/phi"
)

// hostile is one file that somebody might send. It is refused with refuse at the
// place of mark in the text, or, with an empty refuse, stored so that check finds
// it harmless.
type hostile struct {
	name   string
	text   string
	refuse string
	mark   string // the error must stand where this text begins; empty: anywhere but at nothing
	check  func(*testing.T, []kept)
}

func obsBundle(members string) string { return bundleOf(rosa, observe(members)) }

func hostileCorpus() []hostile {
	var all []hostile
	for _, part := range [][]hostile{jsonCorpus(), envelopeCorpus(), referenceCorpus(), shapeCorpus(), hiddenCorpus(), harmlessCorpus()} {
		all = append(all, part...)
	}
	return all
}

func jsonCorpus() []hostile {
	deep := strings.Repeat(`[`, 10000) + strings.Repeat(`]`, 10000)
	return []hostile{
		{name: "empty file", text: "", refuse: MsgTruncated},
		{name: "white space", text: " \n\t ", refuse: MsgTruncated},
		{name: "not json", text: "resourceType: Bundle", refuse: MsgSyntax, mark: "resourceType"},
		{name: "xml", text: `<Bundle xmlns="http://hl7.org/fhir"/>`, refuse: MsgSyntax, mark: "<"},
		{name: "byte order mark", text: "\xef\xbb\xbf" + bundleOf(rosa), refuse: MsgEncoding},
		{name: "utf-16", text: "\xff\xfe{\x00}\x00", refuse: MsgEncoding},
		{name: "truncated", text: bundleOf(rosa)[:100], refuse: MsgTruncated},
		{name: "trailing object", text: bundleOf(rosa) + `{"x":1}`, refuse: MsgTrailing, mark: `{"x":1}`},
		{name: "trailing comma", text: strings.Replace(bundleOf(rosa), `"rosa",`, `"rosa",,`, 1), refuse: MsgSyntax, mark: `,"name"`},
		{name: "comment", text: obsBundle(`/* hi */`), refuse: MsgSyntax, mark: `/* hi`},
		{name: "single quotes", text: obsBundle(`,'a':1`), refuse: MsgSyntax, mark: `'a'`},
		{name: "duplicate key", text: obsBundle(`,"status":"amended"`), refuse: MsgRepeated, mark: `"status":"amended"`},
		{name: "duplicate key deep", text: obsBundle(`,"valueQuantity":{"value":12,"value":21}`), refuse: MsgRepeated, mark: `"value":21`},
		{name: "duplicate bundle key", text: strings.Replace(bundleOf(rosa), `"type"`, `"type":"batch","type"`, 1), refuse: MsgRepeated, mark: `"type":"collection"`},
		{name: "duplicate entry member", text: `{"resourceType":"Bundle","type":"batch","entry":[{"resource":` + rosa + `,"resource":{}}]}`, refuse: MsgRepeated, mark: `"resource":{}`},
		{name: "escaped key", text: obsBundle(`,"\u0073ubject":{"reference":"Patient/eve"}`), refuse: MsgName, mark: `"\u0073`},
		{name: "depth 10,000", text: obsBundle(`,"component":` + deep), refuse: MsgDepth},
		{name: "depth 10,000 objects", text: obsBundle(`,"extension":` + strings.Repeat(`{"extension":`, 10000) + `1` + strings.Repeat(`}`, 10000)), refuse: MsgDepth},
		{name: "depth outside entries", text: `{"resourceType":"Bundle","type":"batch","link":` + deep + `}`, refuse: MsgDepth},
		{name: "1e400000", text: obsBundle(`,"valueQuantity":{"value":1e400000}`), refuse: MsgNumber, mark: `1e400000`},
		{name: "1e-400000", text: obsBundle(`,"valueQuantity":{"value":1e-400000}`), refuse: MsgNumber, mark: `1e-400000`},
		{name: "thousand digits", text: obsBundle(`,"valueQuantity":{"value":` + strings.Repeat("9", 1000) + `}`), refuse: MsgNumber, mark: `999`},
		{name: "NaN", text: obsBundle(`,"valueQuantity":{"value":NaN}`), refuse: MsgSyntax, mark: `NaN`},
		{name: "leading zero", text: obsBundle(`,"valueQuantity":{"value":012}`), refuse: MsgSyntax, mark: `012}`},
		{name: "invalid utf-8", text: obsBundle(`,"valueString":"` + "\xff" + `"`), refuse: MsgEncoding, mark: "\xff"},
		{name: "overlong utf-8", text: obsBundle(`,"valueString":"` + "\xc0\xaf" + `"`), refuse: MsgEncoding, mark: "\xc0"},
		{name: "half a surrogate", text: obsBundle(`,"valueString":"\ud83d"`), refuse: MsgEncoding, mark: `\ud83d`},
		{name: "NUL escape", text: obsBundle(`,"valueString":"12\u0000"`), refuse: MsgControl, mark: `\u0000`},
		{name: "terminal escape", text: obsBundle(`,"valueString":"\u001b[2J"`), refuse: MsgControl, mark: `\u001b`},
		{name: "raw newline", text: obsBundle(",\"valueString\":\"a\nb\""), refuse: MsgControl},
		{name: "resource over 1 MiB", text: obsBundle(`,"note":[{"text":"` + strings.Repeat("x", 1<<20) + `"}]`), refuse: MsgResSize, mark: `{"resourceType":"Observation"`},
		{name: "entry of 3 MiB", text: obsBundle(`,"note":[{"text":"` + strings.Repeat("x", 3<<20) + `"}]`), refuse: MsgResSize, mark: `{"resource":{"resourceType":"Observation"`},
		{name: "unclosed string of 3 MiB", text: bundleOf(rosa)[:80] + strings.Repeat("x", 3<<20), refuse: MsgResSize},
	}
}

func envelopeCorpus() []hostile {
	two := strings.Replace(rosa, `"rosa"`, `"eve"`, 1)
	wrap := func(entry string) string {
		return `{"resourceType":"Bundle","type":"transaction","entry":[` + entry + `]}`
	}
	return []hostile{
		{name: "array", text: `[` + bundleOf(rosa) + `]`, refuse: MsgNotBundle, mark: "["},
		{name: "one resource", text: rosa, refuse: MsgNotBundle, mark: `"Patient"`},
		{name: "no resourceType", text: `{"type":"batch","entry":[]}`, refuse: MsgNotBundle},
		{name: "no bundle type", text: `{"resourceType":"Bundle","entry":[{"resource":` + rosa + `}]}`, refuse: MsgBundleType},
		{name: "history bundle", text: strings.Replace(bundleOf(rosa), "collection", "history", 1), refuse: MsgBundleType, mark: `"history"`},
		{name: "entry is an object", text: `{"resourceType":"Bundle","type":"batch","entry":{}}`, refuse: MsgKind, mark: `{}`},
		{name: "entry is a number", text: wrap(`1`), refuse: MsgEntry, mark: `1]`},
		{name: "entry without resource", text: wrap(`{"fullUrl":"urn:uuid:1"}`), refuse: MsgEntry},
		{name: "resource is a string", text: wrap(`{"resource":"` + "x" + `"}`), refuse: MsgEntry},
		{name: "no patient", text: bundleOf(`{"resourceType":"Organization","id":"o","name":"Hillside"}`), refuse: MsgNoPatient},
		{name: "two patients", text: bundleOf(rosa, two), refuse: MsgTwoPatients, mark: two},
		{name: "same resource twice", text: bundleOf(rosa, observe(""), observe("")), refuse: MsgSameID},
		{name: "same fullUrl twice", text: wrap(`{"fullUrl":"urn:uuid:9d1b0f6e-0000-4000-8000-000000000001","resource":` + rosa + `},{"fullUrl":"urn:uuid:9D1B0F6E-0000-4000-8000-000000000001","resource":` + observe("") + `}`), refuse: MsgSameID},
		{name: "DELETE", text: wrap(`{"fullUrl":"http://h.example/fhir/Patient/rosa","resource":` + rosa + `,"request":{"method":"DELETE","url":"Patient/rosa"}}`), refuse: MsgMethod, mark: `"DELETE"`},
		{name: "request for another type", text: wrap(`{"fullUrl":"http://h.example/fhir/Patient/rosa","resource":` + rosa + `,"request":{"method":"PUT","url":"Practitioner/rosa"}}`), refuse: MsgMethod, mark: `"Practitioner/rosa"`},
		{name: "javascript fullUrl", text: wrap(`{"fullUrl":"javascript:alert(1)","resource":` + rosa + `}`), refuse: MsgFullURL},
		{name: "fullUrl of another resource", text: wrap(`{"fullUrl":"http://h.example/fhir/Patient/eve","resource":` + rosa + `}`), refuse: MsgFullURL},
		{name: "id with a path", text: bundleOf(strings.Replace(rosa, `"rosa"`, `"../../etc/passwd"`, 1)), refuse: MsgBadID, mark: `"../..`},
		{name: "id too long", text: bundleOf(strings.Replace(rosa, `"rosa"`, `"`+strings.Repeat("a", 65)+`"`, 1)), refuse: MsgBadID},
		{name: "id is a number", text: bundleOf(strings.Replace(rosa, `"rosa"`, `17`, 1)), refuse: MsgBadID, mark: `17`},
		{name: "no id at all", text: bundleOf(strings.Replace(rosa, `"id":"rosa",`, ``, 1)), refuse: MsgNoID},
		{name: "resourceType is a list", text: bundleOf(strings.Replace(rosa, `"Patient"`, `["Patient"]`, 1)), refuse: MsgKind},
		{name: "resourceType with markup", text: bundleOf(rosa, `{"resourceType":"<script>","id":"x"}`), refuse: MsgKind},
	}
}

func referenceCorpus() []hostile {
	ref := func(r string) string { return obsBundle(`,"encounter":{"reference":` + r + `}`) }
	subject := func(r string) string {
		return bundleOf(rosa, strings.Replace(observe(""), `{"reference":"Patient/rosa"}`, r, 1))
	}
	return []hostile{
		{name: "dangling relative", text: ref(`"Encounter/none"`), refuse: MsgDangling, mark: `"Encounter/none"`},
		{name: "dangling uuid", text: ref(`"urn:uuid:9d1b0f6e-0000-4000-8000-000000000009"`), refuse: MsgDangling},
		{name: "dangling fragment", text: ref(`"#none"`), refuse: MsgDangling, mark: `"#none"`},
		{name: "javascript reference", text: ref(`"javascript:alert(1)"`), refuse: MsgRefForm, mark: `"javascript`},
		{name: "data reference", text: ref(`"data:text/html,<script>"`), refuse: MsgRefForm},
		{name: "file reference", text: ref(`"file:///etc/passwd"`), refuse: MsgRefForm},
		{name: "path traversal reference", text: ref(`"Encounter/../Patient/eve"`), refuse: MsgRefForm},
		{name: "search reference", text: ref(`"Encounter?identifier=x|1"`), refuse: MsgConditional},
		{name: "reference with space", text: ref(`"Encounter/1 "`), refuse: MsgRefForm},
		{name: "reference is a number", text: ref(`12`), refuse: MsgKind, mark: `{"reference":12`},
		{name: "reference of the wrong type", text: obsBundle(`,"encounter":{"reference":"Encounter/rosa"}`), refuse: MsgDangling},
		{name: "uuid under the wrong type", text: bundleOf(strings.ReplaceAll(rosa, `"rosa"`, `"9d1b0f6e-0000-4000-8000-000000000001"`), strings.ReplaceAll(observe(`,"encounter":{"reference":"Encounter/9d1b0f6e-0000-4000-8000-000000000001"}`), "Patient/rosa", "Patient/9d1b0f6e-0000-4000-8000-000000000001")), refuse: MsgRefType},
		{name: "no subject", text: subject(`{"display":"Rosa"}`), refuse: MsgNoOwner},
		{name: "foreign subject", text: subject(`{"reference":"Patient/eve"}`), refuse: MsgOtherOwner, mark: `"Patient/eve"`},
		{name: "absolute subject", text: subject(`{"reference":"https://h.example/fhir/Patient/rosa"}`), refuse: MsgNoOwner},
		{name: "contained subject", text: bundleOf(rosa, `{"resourceType":"Observation","id":"obs","status":"final","code":{"text":"x"},"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"}]}`), refuse: MsgContained},
		{name: "subject is a group", text: bundleOf(rosa, `{"resourceType":"Group","id":"g"}`, `{"resourceType":"Observation","id":"obs","status":"final","code":{"text":"x"},"subject":{"reference":"Group/g"}}`), refuse: MsgNoOwner},
		{name: "foreign patient as performer", text: obsBundle(`,"performer":[{"reference":"Patient/eve"}]`), refuse: MsgOtherOwner},
		{name: "foreign patient in an extension", text: obsBundle(`,"extension":[{"url":"http://x.example","valueReference":{"reference":"Patient/eve"}}]`), refuse: MsgOtherOwner},
		{name: "foreign patient in contained", text: obsBundle(`,"contained":[{"resourceType":"ServiceRequest","id":"s","status":"active","intent":"order","subject":{"reference":"Patient/eve"}}]`), refuse: MsgOtherOwner},
		{name: "linked patient", text: bundleOf(strings.Replace(rosa, `"id"`, `"link":[{"other":{"reference":"Patient/eve"},"type":"seealso"}],"id"`, 1)), refuse: MsgOtherOwner},
		{name: "shared resource refers to the chart", text: bundleOf(rosa, `{"resourceType":"Organization","id":"o","extension":[{"url":"http://x.example","valueReference":{"reference":"Patient/rosa"}}]}`), refuse: MsgSharedRef},
		{name: "shared resource contains the chart", text: bundleOf(rosa, `{"resourceType":"Organization","id":"o","contained":[`+strings.Replace(observe(""), `"obs"`, `"c"`, 1)+`]}`), refuse: MsgSharedRef},
		{name: "nested contained", text: obsBundle(`,"contained":[{"resourceType":"Device","id":"d","contained":[]}]`), refuse: MsgContained},
		{name: "contained bundle", text: obsBundle(`,"contained":[{"resourceType":"Bundle","id":"b"}]`), refuse: MsgContained},
		{name: "device of nobody", text: bundleOf(rosa, `{"resourceType":"Device","id":"d","status":"active"}`), refuse: MsgMissing},
		{name: "care team of nobody", text: bundleOf(rosa, `{"resourceType":"CareTeam","id":"d","subject":{"display":"x"}}`), refuse: MsgNoOwner},
		{name: "provenance of nothing here", text: bundleOf(rosa, `{"resourceType":"Provenance","id":"p","target":[{"reference":"https://h.example/fhir/Observation/1"}],"recorded":"2026-01-01T00:00:00Z","agent":[{}]}`), refuse: MsgNoOwner},
	}
}

func shapeCorpus() []hostile {
	return []hostile{
		{name: "status is a number", text: strings.Replace(obsBundle(""), `"final"`, `1`, 1), refuse: MsgKind, mark: `1,"code"`},
		{name: "too many components", text: obsBundle(`,"component":[` + strings.Repeat(`{"code":{"text":"a"}},`, partsMost) + `{"code":{"text":"one more"}}]`), refuse: MsgTooOften, mark: `{"code":{"text":"one more"}`},
		{name: "the names of everybody", text: strings.Replace(bundleOf(rosa), `"name":[`, `"name":[`+strings.Repeat(`{"given":["x"]},`, namesMost-1)+`{},`, 1), refuse: MsgTooOften, mark: `{"family"`},
		{name: "the numbers of everybody", text: strings.Replace(bundleOf(rosa), `"name":[`, `"identifier":[`+strings.Repeat(`{"system":"urn:h","value":"1"},`, numbersMost)+`{"value":"one more"}],"name":[`, 1), refuse: MsgTooOften, mark: `{"value":"one more"}`},
		{name: "status unknown", text: strings.Replace(obsBundle(""), `"final"`, `"great"`, 1), refuse: MsgCode, mark: `"great"`},
		{name: "status missing", text: strings.Replace(obsBundle(""), `"status":"final",`, ``, 1), refuse: MsgMissing, mark: `{"resourceType":"Observation"`},
		{name: "code is a string", text: strings.Replace(obsBundle(""), `{"text":"Glucose"}`, `"Glucose"`, 1), refuse: MsgKind, mark: `"Glucose"`},
		{name: "coding is an object", text: strings.Replace(obsBundle(""), `{"text":"Glucose"}`, `{"coding":{"code":"x"}}`, 1), refuse: MsgKind},
		{name: "value is text", text: obsBundle(`,"valueQuantity":{"value":"12"}`), refuse: MsgKind, mark: `{"value":"12"}`},
		{name: "subject is a list", text: strings.Replace(obsBundle(""), `{"reference":"Patient/rosa"}`, `[{"reference":"Patient/rosa"}]`, 1), refuse: MsgKind},
		{name: "category is no list", text: obsBundle(`,"category":{"text":"x"}`), refuse: MsgKind},
		{name: "null", text: obsBundle(`,"method":null`), refuse: MsgKind, mark: `null`},
		{name: "31 April", text: obsBundle(`,"effectiveDateTime":"2026-04-31"`), refuse: MsgDate, mark: `"2026-04-31"`},
		{name: "time without zone", text: obsBundle(`,"effectiveDateTime":"2026-04-30T10:00:00"`), refuse: MsgDate},
		{name: "date in words", text: obsBundle(`,"effectiveDateTime":"yesterday"`), refuse: MsgDate},
		{name: "year 10000", text: obsBundle(`,"effectiveDateTime":"10000-01-01"`), refuse: MsgDate},
		{name: "birth date is a number", text: strings.Replace(bundleOf(rosa), `"1984-05-01"`, `19840501`, 1), refuse: MsgKind, mark: `19840501`},
		{name: "gender outside the list", text: strings.Replace(bundleOf(rosa), `"birthDate"`, `"gender":"x","birthDate"`, 1), refuse: MsgCode},
	}
}

func hiddenCorpus() []hostile {
	const rlo, zwsp, pdf = "\u202e", "\u200b", "\u202c"
	return []hostile{
		{name: "bidi in a value", text: obsBundle(`,"valueString":"` + rlo + `12` + pdf + `"`), refuse: MsgHidden},
		{name: "escaped bidi in a value", text: obsBundle(`,"valueString":"\u202e12"`), refuse: MsgHidden, mark: `"\u202e12"`},
		{name: "zero width in a value", text: obsBundle(`,"valueString":"1` + zwsp + `2"`), refuse: MsgHidden},
		{name: "bidi in a unit", text: obsBundle(`,"valueQuantity":{"value":12,"unit":"` + rlo + `g"}`), refuse: MsgHidden},
		{name: "zero width in a code", text: obsBundle(`,"interpretation":[{"coding":[{"code":"H` + zwsp + `"}]}]`), refuse: MsgHidden},
		{name: "bidi in an identifier", text: obsBundle(`,"identifier":[{"value":"1` + rlo + `23"}]`), refuse: MsgHidden},
		{name: "soft hyphen in a system", text: obsBundle(`,"interpretation":[{"coding":[{"system":"http://a` + "\u00ad" + `b"}]}]`), refuse: MsgHidden},
		{name: "tag characters in a value", text: obsBundle(`,"valueString":"x` + "\U000e0041" + `"`), refuse: MsgHidden},
		{name: "bidi in a reference", text: obsBundle(`,"performer":[{"reference":"Practitioner/` + rlo + `1"}]`), refuse: MsgHidden},
		{name: "bidi in a phone number", text: bundleOf(strings.Replace(rosa, `"birthDate"`, `"telecom":[{"system":"phone","value":"`+rlo+`555-0100"}],"birthDate"`, 1)), refuse: MsgHidden},
	}
}

func harmlessCorpus() []hostile {
	narrative := func(div string) string {
		b, _ := json.Marshal(div)
		return obsBundle(`,"text":{"status":"generated","div":` + string(b) + `}`)
	}
	flagged := func(f Flags) func(*testing.T, []kept) {
		return func(t *testing.T, ks []kept) {
			if ks[1].Record.Flags&f == 0 {
				t.Errorf("flag %b is missing in %b", f, ks[1].Record.Flags)
			}
		}
	}
	never := func(what string) func(*testing.T, []kept) {
		return func(t *testing.T, ks []kept) {
			o := view(t, ks[1])
			if strings.Contains(everyText(o), what) {
				t.Errorf("a page would get %q", what)
			}
		}
	}
	return append(harmlessMeta(flagged),
		hostile{name: "script in narrative", text: narrative(`<div><script>alert(1)</script></div>`), check: never("script")},
		hostile{name: "svg in narrative", text: narrative(`<div><svg onload=alert(1)></svg></div>`), check: never("svg")},
		hostile{name: "css in narrative", text: narrative(`<div style="background:url(https://x.example)">`), check: never("style")},
		hostile{name: "narrative flagged", text: narrative(`<div>text</div>`), check: flagged(FlagNarrative)},
		hostile{name: "javascript attachment", text: bundleOf(rosa, `{"resourceType":"DocumentReference","id":"d","status":"current","subject":{"reference":"Patient/rosa"},"content":[{"attachment":{"url":"javascript:alert(1)"}}]}`), check: unlinked},
		hostile{name: "data photo", text: bundleOf(rosa, observe(""), `{"resourceType":"Practitioner","id":"p","photo":[{"url":"data:text/html,<script>"}]}`), check: unlinked},
		hostile{name: "absolute reference", text: obsBundle(`,"performer":[{"reference":"http://169.254.169.254/latest/meta-data"}]`), check: func(t *testing.T, ks []kept) {
			flagged(FlagExternalRef)(t, ks)
			if o := view(t, ks[1]); len(o.Performers) != 0 {
				t.Error("an outside reference became a link")
			}
		}},
		hostile{name: "bidi in a name", text: strings.Replace(obsBundle(""), `"Glucose"`, `"Glu`+"\u202e"+`cose"`, 1), check: func(t *testing.T, ks []kept) {
			flagged(FlagHiddenText)(t, ks)
			if got := view(t, ks[1]).Name.Text.Reveal(); got != "Glu⟦U+202E⟧cose" {
				t.Errorf("shown as %q", got)
			}
		}},
		hostile{name: "markup in a value", text: obsBundle(`,"valueString":"<img src=x onerror=alert(1)>"`), check: func(t *testing.T, ks []kept) {
			if got := view(t, ks[1]).Value.Reveal(); got != `<img src=x onerror=alert(1)>` {
				t.Errorf("value is %q: it must stay text for the template to escape", got)
			}
		}},
		hostile{name: "year 9999", text: obsBundle(`,"effectiveDateTime":"9999-12-31"`), check: func(t *testing.T, ks []kept) {
			flagged(FlagOddDate)(t, ks)
			if ks[1].Record.Sort != unsorted || !view(t, ks[1]).Effective.Odd() {
				t.Error("year 9999 would stand above today's results")
			}
		}},
		hostile{name: "year 0001", text: obsBundle(`,"effectiveDateTime":"0001-01-01"`), check: flagged(FlagOddDate)},
		hostile{name: "precise decimal", text: obsBundle(`,"valueQuantity":{"value":1.10,"unit":"mg"}`), check: func(t *testing.T, ks []kept) {
			if !strings.Contains(ks[1].json, `"value":1.10,`) || view(t, ks[1]).Quantity.Value.Reveal() != "1.10" {
				t.Error("1.10 did not stay 1.10")
			}
		}},
		hostile{name: "type not stored", text: bundleOf(rosa, observe(`,"focus":[{"reference":"Basic/b"}]`), `{"resourceType":"Basic","id":"b"}`), check: flagged(FlagUnstoredRef)},
		hostile{name: "prototype pollution", text: obsBundle(`,"__proto__":{"isAdmin":true},"constructor":{"x":1}`), check: func(t *testing.T, ks []kept) { _ = view(t, ks[1]) }},
		hostile{name: "script in a display", text: obsBundle(`,"performer":[{"display":"</script><script>alert(1)"}]`), check: func(t *testing.T, ks []kept) { _ = view(t, ks[1]) }},
	)
}

func harmlessMeta(flagged func(Flags) func(*testing.T, []kept)) []hostile {
	stripped := func(what ...string) func(*testing.T, []kept) {
		return func(t *testing.T, ks []kept) {
			for _, w := range what {
				if strings.Contains(ks[len(ks)-1].json, w) {
					t.Errorf("%q was stored", w)
				}
			}
		}
	}
	return []hostile{
		{name: "forged meta.security", text: obsBundle(`,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"U"}],"tag":[{"code":"a"}]}`), check: func(t *testing.T, ks []kept) {
			stripped("security", `"U"`)(t, ks)
			flagged(FlagLabelClaim)(t, ks)
			if !strings.Contains(ks[1].json, `"meta":{"tag":[{"code":"a"}]}`) {
				t.Errorf("the tag is gone: %s", ks[1].json)
			}
		}},
		{name: "forged version and time", text: obsBundle(`,"meta":{"versionId":"99","lastUpdated":"1999-01-01T00:00:00Z"}`), check: stripped("versionId", "1999")},
		{name: "forged meta in contained", text: obsBundle(`,"contained":[{"resourceType":"Device","id":"d","meta":{"security":[{"code":"U"}]},"patient":{"reference":"Patient/rosa"}}]`), check: stripped("security")},
		{name: "forged id extension", text: obsBundle(`,"_id":{"extension":[{"url":"x","valueString":"y"}]}`), check: stripped("_id")},
		{name: "forged provenance", text: bundleOf(rosa, `{"resourceType":"Provenance","id":"p","target":[{"reference":"Patient/rosa"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"Dr. Ama Osei"}}],"signature":[{"data":"AAAA"}]}`), check: flagged(FlagSourceClaim)},
		{name: "implicit rules", text: obsBundle(`,"implicitRules":"http://x.example/negated"`), check: flagged(FlagModified)},
		{name: "modifier extension", text: obsBundle(`,"modifierExtension":[{"url":"http://x.example/not","valueBoolean":true}]`), check: flagged(FlagModified)},
		{name: "modifier deep inside", text: obsBundle(`,"component":[{"code":{"text":"a"},"modifierExtension":[{"url":"http://x.example/not","valueBoolean":true}]}]`), check: flagged(FlagModified)},
	}
}

func view(t *testing.T, k kept) Observation {
	t.Helper()
	o, err := ViewObservation(phi.NewDoc([]byte(k.json)))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// everyText joins what a page could show of an Observation.
func everyText(o Observation) string {
	texts := []string{o.Name.Text.Reveal(), o.Value.Reveal(), o.Quantity.Value.Reveal(), o.Quantity.Unit.Reveal()}
	for _, n := range o.Notes {
		texts = append(texts, n.Reveal())
	}
	return strings.Join(texts, "\n")
}

// unlinked checks that no view makes a link of the last resource's URLs.
func unlinked(t *testing.T, ks []kept) {
	t.Helper()
	last := ks[len(ks)-1]
	title, err := titleOf(phi.NewDoc([]byte(last.json)), last.Type)
	if err != nil {
		t.Fatal(err)
	}
	if s := title.Text.Reveal(); strings.Contains(s, "script") {
		t.Errorf("title is %q", s)
	}
}

func TestHostileCorpus(t *testing.T) {
	corpus := hostileCorpus()
	if len(corpus) < 60 {
		t.Fatalf("%d cases, want 60 or more", len(corpus))
	}
	seen := map[string]bool{}
	for _, h := range corpus {
		if seen[h.name] {
			t.Errorf("case %q stands twice", h.name)
		}
		seen[h.name] = true
		t.Run(h.name, func(t *testing.T) {
			p, err := planText(t, h.text)
			if h.refuse == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				h.check(t, storeAll(t, p))
				return
			}
			if err == nil {
				t.Fatal("stored")
			}
			checkRefusal(t, h, importError(t, err))
		})
	}
}

func checkRefusal(t *testing.T, h hostile, e *ImportError) {
	t.Helper()
	if e.MessageID != h.refuse {
		t.Fatalf("refused with %s, want %s: %v", e.MessageID, h.refuse, e)
	}
	if h.mark != "" {
		if want := int64(strings.Index(h.text, h.mark)); e.Offset != want {
			t.Errorf("error at byte %d, want %d: %v", e.Offset, want, e)
		}
	}
	before := h.text[:e.Offset]
	line := 1 + strings.Count(before, "\n")
	col := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	if e.Line != line || e.Col != col && !strings.Contains(before, "\xff") {
		t.Errorf("error at %d:%d, want %d:%d", e.Line, e.Col, line, col)
	}
	if e.File != "story.json" || strings.Contains(e.Error(), "story.json") || !strings.HasPrefix(e.Terminal(), fmt.Sprintf("story.json:%d:%d: ", e.Line, e.Col)) {
		t.Errorf("file name belongs in Terminal alone: %q, %q", e.Error(), e.Terminal())
	}
	for _, phiText := range []string{"Rosa", "eve", "Glucose", "1984"} {
		if strings.Contains(e.Error(), phiText) {
			t.Errorf("the error carries %q", phiText)
		}
	}
}
