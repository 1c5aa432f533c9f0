package assets

import (
	"compress/gzip"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func set(t *testing.T) *Set {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, s *Set, path, encoding string) *http.Response {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET "+Pattern, s)
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Result()
}

func TestServe(t *testing.T) {
	s := set(t)
	for _, name := range s.Names() {
		url, err := s.URL(name)
		if err != nil {
			t.Fatal(err)
		}
		plain, small := get(t, s, url, ""), get(t, s, url, "br, gzip")
		a, _ := io.ReadAll(plain.Body)
		z, err := gzip.NewReader(small.Body)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(z)
		if plain.StatusCode != 200 || string(a) != string(b) || len(a) == 0 {
			t.Errorf("%s: status %d, plain %d bytes, unzipped %d", name, plain.StatusCode, len(a), len(b))
		}
		if c := plain.Header.Get("Cache-Control"); !strings.Contains(c, "immutable") {
			t.Errorf("%s: Cache-Control %q", name, c)
		}
	}
	for _, path := range []string{"/assets/0000000000000000/postern.css", "/assets/" + s.hash + "/none.css", "/assets/" + s.hash + "/..%2fassets.go"} {
		if r := get(t, s, path, ""); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if _, err := s.URL("none.css"); err == nil {
		t.Error("a URL for a file that does not exist")
	}
	if acceptsGzip("gzip;q=0") || !acceptsGzip("deflate, gzip;q=0.5") {
		t.Error("Accept-Encoding")
	}
}

// Nothing in the set reaches out: no other origin, no way around Trusted Types.
func TestNothingReachesOut(t *testing.T) {
	s := set(t)
	for name, f := range s.files {
		text := strings.ReplaceAll(string(f.plain), "http://www.w3.org/2000/svg", "")
		for _, bad := range []string{"http:", "https:", "//cdn", "@import", "innerHTML", "outerHTML", "insertAdjacentHTML",
			"document.write", "eval(", "new Function", "localStorage", "sessionStorage", "setAttribute('on"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s contains %q", name, bad)
			}
		}
	}
	if n := len(s.files["postern.css"].small); n > 12_000 {
		t.Errorf("the style sheet is %d bytes compressed", n)
	}
}

// luminance of an OKLCH colour (CSS Color 4, section 10; WCAG relative luminance).
func luminance(l, c, h float64) float64 {
	a, b := c*math.Cos(h*math.Pi/180), c*math.Sin(h*math.Pi/180)
	x := math.Pow(l+0.3963377774*a+0.2158037573*b, 3)
	y := math.Pow(l-0.1055613458*a-0.0638541728*b, 3)
	z := math.Pow(l-0.0894841775*a-1.2914855480*b, 3)
	clamp := func(v float64) float64 { return math.Max(0, math.Min(1, v)) }
	red := clamp(4.0767416621*x - 3.3077115913*y + 0.2309699292*z)
	green := clamp(-1.2684380046*x + 2.6097574011*y - 0.3413193965*z)
	blue := clamp(-0.0041960863*x - 0.7034186147*y + 1.7076147010*z)
	return 0.2126*red + 0.7152*green + 0.0722*blue
}

func tokens(t *testing.T, css string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for _, m := range regexp.MustCompile(`--([a-z0-9-]+): oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)`).FindAllStringSubmatch(css, -1) {
		var v [3]float64
		for i := range v {
			n, err := strconv.ParseFloat(m[i+2], 64)
			if err != nil {
				t.Fatal(err)
			}
			v[i] = n
		}
		out[m[1]] = luminance(v[0]/100, v[1], v[2])
	}
	return out
}

// Text stands at 7:1 and more on whatever it stands on, marks and edges at 3:1,
// in light and in dark.
func TestContrast(t *testing.T) {
	light, rest, ok := strings.Cut(string(set(t).files["postern.css"].plain), "prefers-color-scheme: dark")
	dark, _, ok2 := strings.Cut(rest, "\n}\n")
	if !ok || !ok2 {
		t.Fatal("the style sheet has no light and dark tokens")
	}
	text := map[string][]string{"ink": {"paper", "surface", "accent-soft", "watch-soft", "alert-soft", "band"},
		"ink-2": {"paper", "surface", "accent-soft", "watch-soft", "alert-soft"}, "accent": {"paper", "surface", "accent-soft", "watch-soft"},
		"accent-deep": {"paper", "surface", "accent-soft"}, "on-accent": {"accent", "accent-deep"}, "good": {"surface", "paper", "accent-soft"},
		"watch": {"surface", "paper", "watch-soft", "accent-soft"}, "alert": {"surface", "paper", "alert-soft"}}
	marks := map[string][]string{"edge": {"paper", "surface", "accent-soft"}, "band-edge": {"surface"}, "accent": {"band"}, "watch": {"band"}}
	for name, css := range map[string]string{"light": light, "dark": dark} {
		tok := tokens(t, css)
		check := func(pairs map[string][]string, least float64) {
			for fg, bgs := range pairs {
				for _, bg := range bgs {
					f, okF := tok[fg]
					b, okB := tok[bg]
					if r := (math.Max(f, b) + 0.05) / (math.Min(f, b) + 0.05); !okF || !okB || r < least {
						t.Errorf("%s: %s on %s is %.2f:1, wants %.0f:1", name, fg, bg, r, least)
					}
				}
			}
		}
		check(text, 7)
		check(marks, 3)
	}
}

func TestHeadAndIcons(t *testing.T) {
	s := set(t)
	url, err := s.URL("talk.js")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("HEAD", url, nil)
	w := httptest.NewRecorder()
	mux := http.NewServeMux()
	mux.Handle("GET "+Pattern, s)
	mux.ServeHTTP(w, r)
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	icons, err := Icons()
	if err != nil {
		t.Fatal(err)
	}
	for name, svg := range icons {
		if !strings.HasPrefix(svg, "<svg") || !strings.Contains(svg, `aria-hidden="true"`) || strings.Contains(svg, "style") {
			t.Errorf("icon %s: %s", name, svg)
		}
	}
	if _, err := mediaTypeOf("x.exe"); err == nil {
		t.Error("an unknown kind of file has no media type")
	}
}
