package browser

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"

	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/test/chrome"
)

var shots = flag.Bool("shots", false, "write docs/screens anew")

// picture is one picture: who looks at what.
type picture struct {
	name, who, path string
	act             func(p *chrome.Tab) // on the page, before the picture
}

// pictures are all pages. With -shots their pictures are written; without, they
// are only looked at for what runs out of its frame.
var pictures = []picture{
	{"demo", "", "/demo", nil}, {"sign-in", "", "/sign-in", nil}, {"enrol", "", "/enrol", nil}, {"not-found", "mother", "/nowhere", nil},
	{"home", "mother", "/", nil}, {"results", "chronic", "/results", nil},
	{"result", "chronic", "/results", func(p *chrome.Tab) {
		p.Leave(`main a[href^="/results/"]`, `location.pathname.startsWith("/results/")`)
	}},
	{"compare", "chronic", "/compare", nil}, {"visits", "chronic", "/visits", nil},
	{"visit", "chronic", "/visits", func(p *chrome.Tab) {
		p.Leave(`main a[href^="/visits/"]`, `location.pathname.startsWith("/visits/")`)
	}},
	{"imagings", "elder", "/imaging", nil},
	{"imaging", "elder", "/imaging", func(p *chrome.Tab) {
		p.Leave(`main a[href^="/imaging/"]`, `location.pathname.startsWith("/imaging/")`)
	}},
	{"visits-es", "elder", "/visits", spanish},
	{"conditions", "chronic", "/conditions", nil}, {"medications", "elder", "/medications", nil}, {"allergies", "mother", "/allergies", nil},
	{"immunizations", "teen", "/immunizations", nil}, {"security", "mother", "/security", nil}, {"access-log", "chronic", "/access-log", nil},
	{"home-es", "elder", "/", spanish}, {"results-es", "elder", "/results", spanish},
	{"access-log-others", "chronic", "/access-log?show=others", nil}, {"medications-es", "elder", "/medications", spanish},
	{"record", "chronic", "/record", nil}, {"record-list", "chronic", "/record/procedure", nil},
	{"record-one", "chronic", "/record/service-request", func(p *chrome.Tab) {
		p.Leave(`main a[href^="/record/service-request/"]`, `document.querySelector("dl")`)
	}},
	{"plan", "chronic", "/plan", nil}, {"appointments", "chronic", "/appointments", nil}, {"bills", "chronic", "/bills", nil},
	{"documents", "chronic", "/documents", nil},
	{"document", "chronic", "/documents", func(p *chrome.Tab) {
		p.Leave(`main a[href^="/documents/"]`, `document.querySelector(".paper, .note")`)
	}},
	{"record-es", "elder", "/record", spanish}, {"plan-es", "elder", "/plan", spanish}, {"appointments-es", "elder", "/appointments", spanish},
	{"bills-es", "elder", "/bills", spanish},
	{"profile", "mother", "/profile", nil}, {"card", "teen", "/immunizations/card", nil}, {"sharing", "daughter", "/sharing", nil},
	{"results-print", "chronic", "/results?as=print", nil}, {"results-large", "chronic", "/results?as=large", nil},
	{"sharing-es", "daughter", "/sharing", spanish},
	{"clinic", "doctor", "/clinic", nil},
	{"purpose", "doctor", "/clinic", func(p *chrome.Tab) {
		p.Leave(`main a[href^="/clinic/"]`, `document.querySelector("input[name=purpose]")`)
	}},
	{"chart", "doctor", "/clinic", func(p *chrome.Tab) {
		p.Leave(`main a[href^="/clinic/"]`, `document.querySelector("input[name=purpose]")`)
		p.Leave(`main form button.button-main`, `document.querySelector("header.banner")`)
	}},
	{"result-staff", "doctor", "/clinic", func(p *chrome.Tab) {
		p.Leave(`td.open button`, `document.querySelector("header.banner")`)
		p.Leave(`a.test`, `location.pathname.startsWith("/results/")`)
	}},
	{"clinic-nurse", "nurse", "/clinic", nil},
	{"chart-nurse", "nurse", "/clinic", func(p *chrome.Tab) { p.Leave(`td.open button`, `document.querySelector("header.banner")`) }},
	{"chart-chronic", "doctor", "/clinic", func(p *chrome.Tab) { p.Leave(inRow(p, "James", "td.open button"), opened) }},
	{"chart-elder", "doctor", "/clinic", func(p *chrome.Tab) { p.Leave(inRow(p, "Ernesto", "td.open button"), opened) }},
	{"look-up", "nurse", "/clinic", func(p *chrome.Tab) { lookUp(p, `document.querySelector("main .mono").innerText`) }},
	{"look-up-none", "nurse", "/clinic", func(p *chrome.Tab) { lookUp(p, `"RC-000000"`) }},
	{"look-up-half", "nurse", "/clinic", func(p *chrome.Tab) {
		chrome.Eval[bool](p, `(document.querySelector("#family").value = "Tran", true)`)
		lookUp(p, `""`)
	}},
	{"admin", "admin", "/admin", nil},
	{"admin-end", "admin", "/admin", func(p *chrome.Tab) {
		chrome.Eval[bool](p, `(document.querySelector('form[action="/admin/assignments/end"]').closest("details").open = true)`)
	}},
	{"admin-suspend", "admin", "/admin", func(p *chrome.Tab) {
		chrome.Eval[bool](p, `(`+overseer+`.closest("details").open = true)`)
	}},
	{"waiting", "admin", "/admin/waiting", nil}, {"officer", "officer", "/officer", nil},
	{"officer-verified", "officer", "/officer", func(p *chrome.Tab) {
		p.Leave(`form[action="/officer/verify"] button`, `document.querySelector("[aria-labelledby=verified]")`)
	}},
}

// lookUp types what expression says and looks it up.
func lookUp(p *chrome.Tab, expression string) {
	chrome.Eval[bool](p, `(document.querySelector("#known").value = `+expression+`, true)`)
	p.Leave(`form[action="/clinic/look-up"] button`, `location.pathname === "/clinic/look-up"`)
}

// overseer is the form that asks for the suspension of somebody who keeps watch.
const overseer = `document.querySelector('form[action$="/suspend"] [name="reason"]').form`

func spanish(p *chrome.Tab) {
	if chrome.Eval[string](p, `document.documentElement.lang`) != "es" {
		p.Leave(`form[action="/language"] button`, `document.documentElement.lang === "es"`)
	}
}

// No page scrolls sideways at the width of a phone, and each is fit to be read and
// touched there; with -shots also of a desk.
func TestPagesFitTheirFrame(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Fill: true})
	p := chrome.Open(t, chrome.Start(t), in.Origin)
	p.LooksFocused()
	who := ""
	widths := []int64{390}
	if *shots {
		widths = append(widths, 1280)
	}
	for _, c := range pictures {
		if c.who != who && c.who != "" {
			p.Enter(c.who)
			who = c.who
		}
		p.GoTo(c.path)
		if c.act != nil {
			c.act(p)
		}
		p.Do("set the width", chromedp.EmulateViewport(390, 900))
		if !*shots {
			fit(t, p, c.name)
		}
		for _, width := range widths {
			p.Do("set the width", chromedp.EmulateViewport(width, 900))
			if wide := chrome.Eval[int64](p, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("%s is %d px wide at %d", c.name, wide, width)
			}
			if *shots {
				shoot(t, p, c.name, width)
			}
		}
		p.Expected("404 (Not Found)") // the page that is not there
	}
}

// shoot writes a picture of the whole page, at most tall enough to see what it is.
func shoot(t *testing.T, p *chrome.Tab, name string, width int64) {
	t.Helper()
	high := min(max(chrome.Eval[int64](p, `document.documentElement.scrollHeight`), 400), 2400)
	p.Do("set the height", chromedp.EmulateViewport(width, high))
	b, err := chromedp.Run(p.Ctx, chromedp.CaptureScreenshot())
	must(t, err)
	must(t, keepPNG(filepath.Join("..", "..", "docs", "screens", name+"-"+strconv.FormatInt(width, 10)+".png"), b))
}

// keepPNG writes a picture with few colours, for the repository.
func keepPNG(path string, b []byte) error {
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return err
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, few(img)); err != nil {
		return err
	}
	return os.WriteFile(path, small.Bytes(), 0o644)
}

// few reduces a picture to the 256 colours that it has most of, and their
// nearest: the pages have few, and the files stand in the repository.
func few(img image.Image) image.Image {
	b := img.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		r, g, bl, _ := img.At(x, y).RGBA()
		return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(bl >> 8), 255}
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	palette := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return count[b] - count[a] })
	out := image.NewPaletted(b, nil)
	for _, c := range palette[:min(len(palette), 256)] {
		out.Palette = append(out.Palette, c)
	}
	index := map[color.RGBA]uint8{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := at(x, y)
			i, ok := index[c]
			if !ok {
				i = uint8(out.Palette.Index(c)) // at most 255
				index[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	return out
}
