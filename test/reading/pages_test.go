package reading

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"testing"

	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/door/web/view/viewtest"
)

// Blocks of a page that hold running text, what stands in them of other people's
// words, and all other markup.
var (
	outside  = regexp.MustCompile(`(?s)<(script|style|svg|nav|template|bdi|time|code|noscript)\b.*?</(?:script|style|svg|nav|template|bdi|time|code|noscript)>`)
	breaks   = regexp.MustCompile(`(?s)</?(?:p|li|ul|ol|h[1-6]|section|div|td|th|tr|table|dt|dd|dl|form|label|button|main|nav|header|footer|aside|summary|details|figure|caption|input|select|option|br|small)\b[^>]*>`)
	anyTag   = regexp.MustCompile(`(?s)<[^>]*>`)
	bodyPart = regexp.MustCompile(`(?s)<body.*</body>`)
)

// blocks are the texts of a page, one for each block.
func blocks(page string) []string {
	page = bodyPart.FindString(page)
	page = outside.ReplaceAllString(page, " it ")
	page = breaks.ReplaceAllString(page, "\x00")
	page = html.UnescapeString(anyTag.ReplaceAllString(page, ""))
	var out []string
	for part := range strings.SplitSeq(page, "\x00") {
		if part = strings.Join(strings.Fields(part), " "); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// The running text of each page, as it is rendered for the people of the demo, is as
// easy to read as promised.
func TestPagesAreEasyToRead(t *testing.T) {
	s := pages(t, load(t))
	for _, l := range []Language{English(), Spanish()} {
		for _, p := range viewtest.Pages(l.Tag) {
			var b bytes.Buffer
			if err := s.Render(&b, p.Model); err != nil {
				t.Fatal(err)
			}
			var running []string
			for _, text := range blocks(b.String()) {
				if len(Words(text)) >= longFrom {
					running = append(running, text)
				}
			}
			known := l
			if strings.Contains(b.String(), `<body class="staff`) {
				known.Known = vocabulary(t, "technical."+l.Tag)
			}
			if ok, told := level(known, gradeMost, easeLeast, running...); !ok {
				t.Errorf("page %s in %s: %s", p.Name, l.Tag, told)
			}
		}
	}
}

func pages(t *testing.T, c *catalog.Catalog) *view.Set {
	t.Helper()
	a, err := assets.New()
	if err != nil {
		t.Fatal(err)
	}
	s, err := view.New(view.Config{Catalog: c, Assets: a})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
