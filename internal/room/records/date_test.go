package records

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/word/person"
)

func TestParseDate(t *testing.T) {
	at := func(s string) int64 {
		x, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return x.UnixMilli()
	}
	for _, c := range []struct {
		in, low, high string
		prec          Precision
	}{
		{"2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", Year},
		{"2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", Month},
		{"2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z", Day},
		{"2024-02-29T10:20:30Z", "2024-02-29T10:20:30Z", "2024-02-29T10:20:31Z", Second},
		{"2024-02-29T10:20:30-06:00", "2024-02-29T16:20:30Z", "2024-02-29T16:20:31Z", Second},
		{"2024-02-29T00:20:30+05:30", "2024-02-28T18:50:30Z", "2024-02-28T18:50:31Z", Second},
		{"2024-02-29T10:20:30.639+00:00", "2024-02-29T10:20:30.639Z", "2024-02-29T10:20:30.640Z", Second},
		{"2024-02-29T10:20:30.1Z", "2024-02-29T10:20:30.100Z", "2024-02-29T10:20:30.101Z", Second},
		{"9999-12-31", "9999-12-31T00:00:00Z", "", Day},
	} {
		s, p, err := parseDate(c.in, false)
		if err != nil || p != c.prec || s.low != at(c.low) || c.high != "" && s.high != at(c.high) {
			t.Errorf("parseDate(%s) = %v %v %v", c.in, s, p, err)
		}
	}
	for _, bad := range []string{"", "24", "2024-13", "2024-00", "2023-02-29", "2024-1-1", "0000", "2024-02-29T", "2024-02T10:00:00Z",
		"2024-02-29T24:00:00Z", "2024-02-29T10:60:00Z", "2024-02-29T10:00:61Z", "2024-02-29T10:00:00", "2024-02-29T10:00Z",
		"2024-02-29T10:00:00.Z", "2024-02-29T10:00:00+15:00", "2024-02-29T10:00:00+0100", "2024-02-29 10:00:00Z", "２０２４",
		"2024-02-29T10:00:00.0000000000000Z", "-2024", "+2024", "2024-02-2x", "2024-02-29T1x:00:00Z", "2024-02-29T10:00:00.xZ"} {
		if _, _, err := parseDate(bad, false); err == nil {
			t.Errorf("parseDate(%q) was accepted", bad)
		}
	}
	for _, short := range []string{"2024-02-29T10:20", "2024-02-29T10:20Z", "2024-02-29T10:20:30"} {
		if _, _, err := parseDate(short, true); err != nil {
			t.Errorf("search value %s: %v", short, err)
		}
	}
}

// TestDatesOfAnyZone holds parseDate against package time.
func TestDatesOfAnyZone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sec := rapid.Int64Range(-60_000_000_000, 200_000_000_000).Draw(t, "seconds")
		minutes := rapid.IntRange(-14*60, 14*60).Draw(t, "zone")
		x := time.Unix(sec, 0).In(time.FixedZone("", minutes*60))
		s, _, err := parseDate(x.Format(time.RFC3339), false)
		if err != nil || s.low != x.UnixMilli() || s.high != s.low+1000 {
			t.Fatalf("parseDate(%s) = %v, %v", x.Format(time.RFC3339), s, err)
		}
	})
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"Rosa Field\n2nd line":  "Rosa Field\n2nd line",
		"1\u202e2":              "1⟦U+202E⟧2",
		"\u2066x\u2069":         "⟦U+2066⟧x⟦U+2069⟧",
		"a\u200bb":              "a⟦U+200B⟧b",
		"Mass/\u200bvolume":     "Mass/volume",
		"می\u200cخواهم":         "می\u200cخواهم",
		"1\u200c2":              "1⟦U+200C⟧2",
		"\ufeffx":               "⟦U+FEFF⟧x",
		"x\u0085y\u009f":        "x⟦U+0085⟧y⟦U+009F⟧",
		"\U000e0041":            "⟦U+E0041⟧",
		"Zoë Müller – 3 µg/m² ": "Zoë Müller – 3 µg/m² ",
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%+q) = %+q, want %+q", in, got, want)
		}
	}
}

// Rosa's insurance and her diet go on: their sources write the end as 9999, which is an
// open end. They stand where they begin, not below everything.
func TestAnEndInTheYear9999IsOpen(t *testing.T) {
	for _, year := range []int{1850, 2150} {
		if at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(); at != map[int]int64{1850: earliest, 2150: latest}[year] {
			t.Errorf("%d is %d", year, at)
		}
	}
	ms := func(s string) int64 {
		at, _, err := parseDate(s, false)
		if err != nil {
			t.Fatal(err)
		}
		return at.low
	}
	end := func(s string) int64 { return ms(s) + 24*3600*1000 }
	for period, want := range map[string]struct {
		key  int64
		span span
		odd  bool
	}{
		`{"start":"2024-03-01","end":"9999-12-31"}`: {ms("2024-03-01"), span{ms("2024-03-01"), openHigh}, false},
		`{"start":"2024-03-01"}`:                    {ms("2024-03-01"), span{ms("2024-03-01"), openHigh}, false},
		`{"start":"2024-03-01","end":"2149-12-31"}`: {ms("2024-03-01"), span{ms("2024-03-01"), end("2149-12-31")}, false},
		`{"start":"2024-03-01","end":"2150"}`:       {ms("2024-03-01"), span{ms("2024-03-01"), openHigh}, false},
		`{"start":"2024-03-01","end":"1024-03-01"}`: {ms("2024-03-01"), span{ms("2024-03-01"), end("1024-03-01")}, true},
		`{"start":"0024-03-01","end":"2024-03-01"}`: {unsorted, span{ms("0024-03-01"), end("2024-03-01")}, true},
		`{"end":"2024-03-01"}`:                      {end("2024-03-01"), span{openLow, end("2024-03-01")}, false},
		`{"end":"9999-12-31"}`:                      {unsorted, span{openLow, openHigh}, false},
		`"9999-12-31"`:                              {unsorted, span{ms("9999-12-31"), end("9999-12-31")}, true},
	} {
		v, err := rawjson.Parse([]byte(`{"period":`+period+`}`), rawjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var flags Flags
		s := firstSpan(v, "period", &flags)
		if s != want.span || sortKey(s) != want.key || (flags&FlagOddDate != 0) != want.odd {
			t.Errorf("%s: %+v by %d, odd %v", period, s, sortKey(s), flags&FlagOddDate != 0)
		}
	}
}

// Of Rosa's insurances the running one is found today, and comes first.
func TestARunningCoverageComesFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		cover := func(id, period string) string {
			return `{"resourceType":"Coverage","id":"` + id + `","status":"active","type":{"text":"` + id + `"},"beneficiary":{"reference":"Patient/rosa"},"payor":[{"display":"Hillside Mutual"}],"period":` + period + `}`
		}
		chart := k.load(t, []byte(bundleOf(rosa, cover("old", `{"start":"2019-01-01","end":"2023-12-31"}`), cover("now", `{"start":"2024-01-01","end":"9999-12-31"}`)))).Patient
		c := k.people.Add(t, chart, k.Clock.Now(), person.RolePatient)
		for _, text := range []string{"", "_sort=-period"} {
			f, err := k.store.Search(t.Context(), c, "Coverage", text)
			if err != nil || f.Total != 2 || !strings.Contains(string(f.Resources[0].Doc.Reveal()), `"text":"now"`) {
				t.Errorf("%q: %d, %v", text, f.Total, err)
			}
		}
		if f, err := k.store.Search(t.Context(), c, "Coverage", "period=ge2026-11-27"); err != nil || f.Total != 1 {
			t.Errorf("today: %d, %v", f.Total, err)
		}
	})
}

func FuzzVisible(f *testing.F) {
	f.Add("1\u202e2")
	f.Fuzz(func(t *testing.T, s string) {
		out := Visible(s)
		if deceptive(out) {
			t.Fatalf("Visible(%+q) = %+q still hides something", s, out)
		}
		if Visible(out) != out {
			t.Fatalf("Visible is not stable on %+q", s)
		}
	})
}
