package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
)

// The pages of every type: they know no type by name, but take title, lines and
// words from its definition. A type with a better page of its own stands in ownPage.

// recordPage is how many resources one list shows.
const recordPage = 40

// ownPage is the page that shows a type better than the generic list does, empty for none.
func ownPage(typ string) view.Place {
	switch typ {
	case "Observation":
		return view.PlaceResults
	case "Condition":
		return view.PlaceConditions
	case "MedicationRequest":
		return view.PlaceMedications
	case "AllergyIntolerance":
		return view.PlaceAllergies
	case "Immunization":
		return view.PlaceImmunizations
	case "Encounter":
		return view.PlaceVisits
	case "ImagingStudy":
		return view.PlaceImaging
	case "CarePlan", "CareTeam", "Goal":
		return view.PlacePlan
	case "DocumentReference":
		return view.PlaceDocuments
	case "Appointment":
		return view.PlaceAppointments
	case "Claim", "Coverage", "ExplanationOfBenefit":
		return view.PlaceBills
	default:
		return ""
	}
}

// onePage is the address of one resource: of its own page, where its type has one.
func onePage(typ, id string) string {
	switch typ {
	case "Observation":
		return "/results/" + id
	case "Encounter":
		return "/visits/" + id
	case "DocumentReference":
		return "/documents/" + id
	case "ImagingStudy":
		return "/imaging/studies/" + id
	default:
		return "/record/" + slug(typ) + "/" + id
	}
}

// slug is a type's name as it stands in an address: CarePlan is care-plan.
func slug(typ string) string {
	var b strings.Builder
	for i, r := range typ {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// typeOf is the definition whose slug stands in the path. One that charts do not
// hold is like any page that is not there: it names nobody's data.
func (v *Visit) typeOf() (records.Definition, error) {
	for _, d := range v.door.c.Records.ChartTypes() {
		if slug(d.Type) == v.Path("type") {
			return d, nil
		}
	}
	return records.Definition{}, fault.New(fault.NotFound, "show record: no such type")
}

// record is GET /record: what kinds of things the chart holds.
func (d *Door) record(v *Visit) error {
	s, err := v.self()
	if err != nil {
		return err
	}
	counts, err := d.c.Records.Counts(v.Context(), v.caller, s.Chart, "page/record")
	if err != nil {
		return err
	}
	m := &view.Records{Base: v.Base(view.PlaceRecord)}
	for _, def := range d.c.Records.ChartTypes() {
		n := counts[def.Type]
		if n == 0 {
			continue
		}
		own := string(ownPage(def.Type))
		if own == "" {
			m.Rest = append(m.Rest, view.RecordKind{Name: def.Title.Many.In(v.language()), Path: "/record/" + slug(def.Type), Count: n})
			continue
		}
		i := slices.IndexFunc(m.Main, func(k view.RecordKind) bool { return k.Path == own })
		if i < 0 {
			i = len(m.Main)
			m.Main = append(m.Main, view.RecordKind{Path: own})
		}
		m.Main[i].Count += n
	}
	slices.SortFunc(m.Rest, func(a, b view.RecordKind) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return v.Render(http.StatusOK, m)
}

// recordList is GET /record/{type}: newest first, a page at a time.
func (d *Door) recordList(v *Visit) error {
	def, err := v.typeOf()
	if err != nil {
		return err
	}
	path := "/record/" + slug(def.Type)
	if _, over := v.chosen(); over {
		return v.done("query-over", path)
	}
	from, err := cursor(v.Field("older"))
	if err != nil {
		return err
	}
	c, err := v.chart("page/record", def.Type)
	if err != nil {
		return err
	}
	m := &view.RecordList{Base: v.Base(view.PlaceRecord), Title: def.Title.Many.In(v.language()), Path: path, Later: from > 0}
	all := c.Resources(def.Type)
	m.Total = len(all)
	shown := all[min(from, len(all)):]
	if len(shown) > recordPage {
		shown = shown[:recordPage]
		q, err := v.seal(path, url.Values{"older": {strconv.Itoa(from + recordPage)}})
		if err != nil {
			return err
		}
		m.Older = path + "?q=" + q
	}
	for _, r := range shown {
		x, err := def.Shows(r.Doc)
		if err != nil {
			return err
		}
		m.Items = append(m.Items, v.recordItem(def, x))
	}
	return v.Render(http.StatusOK, m)
}

// cursor reads how many entries a page passes over, which this door sealed.
func cursor(older string) (int, error) {
	if older == "" {
		return 0, nil
	}
	from, err := strconv.Atoi(older)
	if err != nil || from < 0 {
		return 0, fault.New(fault.Invalid, "list record: the cursor is malformed")
	}
	return from, nil
}

func (v *Visit) recordItem(def records.Definition, x records.Shown) view.RecordItem {
	item := view.RecordItem{Path: "/record/" + slug(def.Type) + "/" + x.ID.String(), When: v.day(x.When), Sense: string(x.Sense)}
	item.Name, item.NameLang = v.headline(def, x)
	for _, l := range x.Lines {
		if l.Kind == records.ShowStatus && item.Status.Text == "" {
			item.Status = v.value(def, x.Common, l.Kind, l.Values[0])
		}
	}
	if x.Sense == records.Mistake && item.Status.Text != "" {
		item.Sense = "" // the status says it
	}
	return item
}

// headline is what a resource is called, by its first line or else by its type.
func (v *Visit) headline(def records.Definition, x records.Shown) (name, lang string) {
	if one, ok := def.Headline(x); ok {
		if value := v.value(def, x.Common, def.Show[0].Kind, one); value.Text != "" && value.Question == "" {
			return value.Text, value.Lang
		}
	}
	return def.Title.One.In(v.language()), ""
}

// recordOne is GET /record/{type}/{id}.
func (d *Door) recordOne(v *Visit) error {
	def, err := v.typeOf()
	if err != nil {
		return err
	}
	_, r, err := v.around(v.caller, def.Type, v.Path("id"))
	if err != nil {
		return err
	}
	x, err := def.Shows(r.Doc)
	if err != nil {
		return err
	}
	m := &view.Record{Base: v.Base(view.PlaceRecord), Kind: def.Title.One.In(v.language()), Many: def.Title.Many.In(v.language()), Back: "/record/" + slug(def.Type),
		Sense: string(x.Sense), Remark: x.Flags&records.FlagModified != 0}
	m.Name, m.NameLang = v.headline(def, x)
	if own := ownPage(def.Type); own != "" {
		m.Back = string(own)
	}
	for i, l := range x.Lines {
		line := view.RecordLine{Label: l.Words.In(v.language())}
		for _, one := range l.Values {
			if value := v.value(def, x.Common, l.Kind, one); !value.Empty() {
				line.Values = append(line.Values, value)
			}
		}
		headline := i == 0 && len(line.Values) == 1 && line.Values[0].Text == m.Name && line.Values[0].Written == ""
		if len(line.Values) > 0 && !headline {
			m.Lines = append(m.Lines, line)
		}
	}
	return v.Render(http.StatusOK, m)
}

// value is one value of a line in the reader's words, or in the chart's, marked
// with their language.
func (v *Visit) value(def records.Definition, c records.Common, kind records.ShowKind, x records.Value) view.RecordValue {
	foreign := v.foreign(c)
	switch kind {
	case records.ShowDate:
		return v.recordDay(x)
	case records.ShowPeriod:
		return view.RecordValue{Span: true, Day: v.day(x.From), To: v.day(x.To)}
	case records.ShowQuantity:
		return view.RecordValue{Text: strings.TrimSpace(x.Quantity.Comparator + x.Quantity.Value.Reveal() + " " + x.Quantity.Unit.Reveal())}
	case records.ShowMoney:
		return view.RecordValue{Text: amount(records.Money{Value: x.Quantity.Value, Currency: x.Text})}
	case records.ShowStatus, records.ShowYesNo:
		if words := v.codeWords(x.Code); words != "" {
			return view.RecordValue{Text: words}
		}
		return view.RecordValue{Text: cmp.Or(x.Text.Reveal(), x.Code), Lang: foreign}
	case records.ShowCoded:
		return v.codedValue(def, x.Coded, foreign)
	case records.ShowReference:
		return v.linkValue(x.Link, foreign)
	case records.ShowName, records.ShowContact:
		return view.RecordValue{Text: x.Text.Reveal()}
	case records.ShowAnswers:
		out := view.RecordValue{Question: x.Question.Reveal(), Text: v.codeWords(x.Code), QuestionLang: foreign}
		if out.Text == "" {
			out.Text, out.Lang = x.Text.Reveal(), foreign
		}
		return out
	default:
		return view.RecordValue{Text: x.Text.Reveal(), Lang: foreign}
	}
}

// recordDay is a date, with the time of day where the chart gives one.
func (v *Visit) recordDay(x records.Value) view.RecordValue {
	out := view.RecordValue{Day: v.day(x.From)}
	if _, precision := x.From.Reveal(); precision >= records.Second && out.Day.Known() {
		out.At = v.moment(x.From)
	}
	return out
}

// codedValue is a concept in plain words, with the chart's own beside them when they differ.
func (v *Visit) codedValue(def records.Definition, c records.Coded, foreign string) view.RecordValue {
	written := c.Text.Reveal()
	plain, _ := v.plain(c)
	for _, kind := range []catalog.Kind{kindMedicine, kindVaccine, kindAllergy, kindCondition, kindReaction, kindProcedure, kindCare, kindVisit, catalog.Answer} {
		if plain == "" {
			plain = v.wordsFor(kind, c)
		}
	}
	if plain == "" && hl7(c.System.Reveal()) {
		if plain = v.codeWords(c.Code.Reveal()); plain != "" {
			return view.RecordValue{Text: plain}
		}
	}
	switch {
	case plain == "":
		return view.RecordValue{Text: written, Lang: foreign}
	case strings.EqualFold(plain, written) || def.Type == "MedicationRequest" && foreign == "" && saysMore(written, plain):
		return view.RecordValue{Text: written}
	default:
		return view.RecordValue{Text: plain, Written: written, WrittenLang: foreign}
	}
}

// hl7 reports whether a code is of one of the small lists that FHIR itself defines.
func hl7(system string) bool {
	return strings.HasPrefix(system, "http://terminology.hl7.org/CodeSystem/") || strings.HasPrefix(system, "http://hl7.org/fhir/")
}

// codeWords are the reader's words for a code of a short list, empty without any.
func (v *Visit) codeWords(code string) string {
	words := v.door.c.Catalog.Language(v.language())
	if code == "" || !words.Has("code."+code) {
		return ""
	}
	text, _ := words.Text("code." + code) // it is there, and has no placeholder: a test looks
	return text
}

// linkValue is another resource: by its name, with a way to it when it is of this chart.
func (v *Visit) linkValue(l records.Link, foreign string) view.RecordValue {
	out := view.RecordValue{Text: l.Display.Reveal(), Lang: foreign}
	for _, d := range v.door.c.Records.ChartTypes() {
		if d.Type != l.Type || l.Type == "Patient" {
			continue
		}
		out.Href = onePage(l.Type, l.ID.String())
		if out.Text == "" {
			out.Text, out.Lang = d.Title.One.In(v.language()), ""
		}
	}
	if out.Text != "" && out.Href == "" {
		out.Lang = "" // a name
	}
	return out
}

// amount writes money as it stands in the chart.
func amount(m records.Money) string {
	switch currency := m.Currency.Reveal(); {
	case m.IsZero():
		return ""
	case currency == "USD" || currency == "":
		return "$" + m.Value.Reveal()
	default:
		return m.Value.Reveal() + " " + currency
	}
}

// past reports whether a moment lies before the start of today at the clinic.
func (v *Visit) past(t time.Time) bool {
	now := v.now()
	return t.Before(time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()))
}
