// Package view owns what Postern's pages look like: one Go file of view models
// and one template folder per page, joined by one table, in every language of
// package catalog.
//
// It guarantees that a page is written whole or not at all (a template that
// fails writes nothing), that every text is escaped by html/template for the
// place where it stands, and that no bidirectional control or invisible
// character of a chart reaches the reader unmarked: 12 cannot be shown as 21.
// A test checks each template against the type of its model.
//
// It decides nothing and reads nothing: models are plain strings, times already
// in the clinic's time zone and small enumerations that the handlers fill right
// before rendering. It sets no header, holds no session and converts nothing to
// template.HTML (package chart does).
package view

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"sync"

	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
)

//go:embed tmpl
var files embed.FS

// Model is the view model of one page. Its page is part of its type, so a
// handler cannot render a model with another page's template.
type Model interface {
	page() string
	base() *Base
}

// Config is what New needs. Both fields are required.
type Config struct {
	Catalog *catalog.Catalog
	Assets  *assets.Set
}

// Set is every page in every language. It is safe for concurrent use.
type Set struct {
	catalog *catalog.Catalog
	pages   map[string]*page // by language and page
}

// page is a page in one language. It is parsed when somebody first asks for it: all of
// them take a third of a small server's memory, and a clinic uses few at a time. The templates
// are part of the program, so what New would have found is found by the tests.
type page struct {
	once   sync.Once
	frame  *template.Template // never executed: it could not be cloned then
	name   string
	layout *template.Template
	err    error
}

// New prepares every page in every language. The error page is parsed at once: it must
// not fail when something else did.
func New(c Config) (*Set, error) {
	icons, err := assets.Icons()
	if err != nil {
		return nil, err
	}
	s := &Set{catalog: c.Catalog, pages: map[string]*page{}}
	for _, lang := range catalog.Languages() {
		w := &writer{lang: c.Catalog.Language(lang), assets: c.Assets}
		frame := template.New("frame").Option("missingkey=error").Funcs(w.funcs())
		for name, source := range icons {
			if _, err := frame.New("icon-" + name).Parse(source); err != nil {
				return nil, fmt.Errorf("parse icon %s: %w", name, err)
			}
		}
		if _, err := frame.ParseFS(files, "tmpl/frame/*.html"); err != nil {
			return nil, fmt.Errorf("parse frame: %w", err)
		}
		for _, m := range Models() {
			s.pages[lang+" "+m.page()] = &page{frame: frame, name: m.page()}
		}
		if _, err := s.pages[lang+" "+(*Error).page(nil)].template(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Set) template(lang string, m Model) (*template.Template, error) {
	p, ok := s.pages[lang+" "+m.page()]
	if !ok {
		return nil, fmt.Errorf("find page %s: no such page", m.page())
	}
	return p.template()
}

// template is the page, parsed.
func (p *page) template() (*template.Template, error) {
	p.once.Do(func() {
		t, err := p.frame.Clone()
		if err == nil {
			t, err = t.ParseFS(files, path.Join("tmpl", p.name, "*.html"))
		}
		if err != nil {
			p.err = fmt.Errorf("parse page %s: %w", p.name, err)
			return
		}
		p.layout = t.Lookup("layout")
	})
	return p.layout, p.err
}

// Render writes the whole page of m in the language of its base. On an error
// nothing was written, and the error carries no value of the model.
func (s *Set) Render(w io.Writer, m Model) error {
	b := m.base()
	b.Lang = s.catalog.Language(b.Lang).Tag()
	t, err := s.template(b.Lang, m)
	if err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, m); err != nil {
		return fmt.Errorf("render page %s: %w", m.page(), withoutValues(err))
	}
	if _, err := w.Write(visible(out.Bytes())); err != nil {
		return fmt.Errorf("write page %s: %w", m.page(), err)
	}
	return nil
}

// Models returns the zero model of every page: the table of contents, and what
// the test checks the templates against.
func Models() []Model {
	return []Model{
		&Demo{},
		&SignIn{},
		&Enrol{},
		&Home{},
		&Results{},
		&Result{},
		&Conditions{},
		&Medications{},
		&Allergies{},
		&Immunizations{},
		&Card{},
		&Profile{},
		&Sharing{},
		&Security{},
		&AccessLog{},
		&Clinic{},
		&LookedUp{},
		&Chart{},
		&Admin{},
		&Officer{},
		&Waiting{},
		&Approve{},
		&Error{},
		&Compare{},
		&Visits{},
		&Visit{},
		&Imagings{},
		&Imaging{},
		&Records{},
		&RecordList{},
		&Record{},
		&Plan{},
		&Appointments{},
		&Bills{},
		&Documents{},
		&Document{},
	}
}
