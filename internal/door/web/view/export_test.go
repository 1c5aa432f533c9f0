package view

import "html/template"

// Template gives the test the parsed template of a page.
func (s *Set) Template(lang string, m Model) (*template.Template, error) { return s.template(lang, m) }

// Name gives the test the page's name.
func Name(m Model) string { return m.page() }

// Visible gives the test the last filter of a page.
func Visible(page []byte) []byte { return visible(page) }

// OnPaper and PlainText give the test the two steps of a twin.
func OnPaper(page string) (string, error)   { return onPaper(page) }
func PlainText(page string) (string, error) { return plainText(page) }
