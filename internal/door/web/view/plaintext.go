package view

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textWidth is how wide a line of plain text is, in letters.
const textWidth = 72

// plainText writes a page on paper as plain text. Space inside a text collapses, so no
// text of a chart can look like a heading or a line of its own.
func plainText(page string) (string, error) {
	root, err := tree(page)
	if err != nil {
		return "", err
	}
	body := root.find(func(n *node) bool { return n.name == "body" })
	if body == nil {
		return "", errUnbalanced
	}
	return strings.Join(body.lines(textWidth, false), "\n") + "\n", nil
}

// lines writes what is in an element. Blocks are set apart by an empty line, except in
// a tight one.
func (n *node) lines(width int, tight bool) []string {
	var out []string
	var run strings.Builder
	add := func(lines []string) {
		if len(lines) > 0 && len(out) > 0 && !tight {
			out = append(out, "")
		}
		out = append(out, lines...)
	}
	flush := func() {
		add(wrap(run.String(), width))
		run.Reset()
	}
	for i, k := range n.kids {
		if k.silent() {
			continue
		}
		if block(k.name) {
			flush()
			add(k.block(width, tight))
			continue
		}
		if i > 0 && k.name != "" && n.kids[i-1].name != "" {
			run.WriteByte(' ') // two elements side by side: the style sheet sets them apart
		}
		run.WriteString(k.inline())
	}
	flush()
	return out
}

// silent reports whether nothing of an element is read: a drawing or a mark beside
// words that say the same.
func (n *node) silent() bool {
	if n.name == "nav" {
		return true
	}
	hidden, _ := n.attr("aria-hidden")
	return n.name != "" && hidden == "true"
}

func block(name string) bool {
	switch name {
	case "h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "dt", "dd", "div", "section", "article", "aside", "header", "footer",
		"main", "table", "caption", "thead", "tbody", "tr", "figure", "figcaption", "details", "summary", "fieldset", "legend", "blockquote", "pre":
		return true
	default:
		return false
	}
}

// block writes one block. What somebody wrote with lines of its own, a note or a letter,
// stands further in, so that none of them looks like a heading of ours.
func (n *node) block(width int, tight bool) []string {
	if n.is("narrative", "paper") {
		return indented(n.lines(width-4, tight), "    ")
	}
	switch n.name {
	case "h1", "h2", "h3", "h4":
		lines := n.lines(width, true)
		if len(lines) == 0 {
			return nil
		}
		first, size := utf8.DecodeRuneInString(lines[0])
		lines[0] = string(unicode.ToUpper(first)) + lines[0][size:] // as the style sheet does
		if tight {
			return lines
		}
		return underlined(lines, map[string]string{"h1": "=", "h2": "-", "h3": "~", "h4": "."}[n.name])
	case "ul", "ol":
		return n.list(width)
	case "dl":
		return n.pairs(width)
	case "table":
		return n.table(width)
	case "figure":
		return n.figure(width)
	case "p":
		return n.lines(width, true)
	default:
		return n.lines(width, tight)
	}
}

// indented puts an indent before every line that is not empty.
func indented(lines []string, with string) []string {
	for i, l := range lines {
		if l != "" {
			lines[i] = with + l
		}
	}
	return lines
}

func underlined(lines []string, with string) []string {
	long := 0
	for _, l := range lines {
		long = max(long, utf8.RuneCountInString(l))
	}
	return append(lines, strings.Repeat(with, long))
}

// list writes each item behind a dash or its number, set apart where one has several
// lines.
func (n *node) list(width int) []string {
	mark := func(i int) string {
		if n.name == "ol" {
			return strconv.Itoa(i+1) + ". "
		}
		return "- "
	}
	var items [][]string
	loose := false
	for _, k := range n.kids {
		if k.name != "li" {
			continue
		}
		if lines := k.lines(width-len(mark(len(items))), true); len(lines) > 0 {
			items = append(items, lines)
			loose = loose || len(lines) > 1
		}
	}
	var out []string
	for i, lines := range items {
		if i > 0 && loose {
			out = append(out, "")
		}
		for j, l := range lines {
			switch {
			case j == 0:
				l = mark(i) + l
			case l != "":
				l = strings.Repeat(" ", len(mark(i))) + l
			}
			out = append(out, l)
		}
	}
	return out
}

// pairs writes a list of terms as "term: what it is".
func (n *node) pairs(width int) []string {
	var out []string
	term := ""
	for _, k := range n.kids {
		switch k.name {
		case "dt":
			term = k.flat()
		case "dd":
			out = append(out, labelled(term, k.flat(), width)...)
		case "div":
			out = append(out, k.pairs(width)...)
		}
	}
	return out
}

// labelled is "label: value" in as many lines as it takes, or nothing without a value.
func labelled(label, value string, width int) []string {
	if value == "" {
		return nil
	}
	if label != "" && !strings.HasSuffix(label, ":") {
		label += ":"
	}
	lines := wrap(label+" "+value, width-2)
	for i := range lines[1:] {
		lines[i+1] = "  " + lines[i+1]
	}
	return lines
}

// table writes a row as one line for each cell, "column: value", and an empty line
// between rows.
func (n *node) table(width int) []string {
	var out, columns []string
	if caption := n.find(func(k *node) bool { return k.name == "caption" }); caption != nil {
		out = caption.lines(width, true)
	}
	for _, row := range n.rows() {
		cells := slices.DeleteFunc(slices.Clone(row.kids), func(k *node) bool { return k.name != "td" && k.name != "th" })
		if columns == nil && len(cells) > 1 && !slices.ContainsFunc(cells, func(k *node) bool { return k.name != "th" }) {
			for _, cell := range cells {
				columns = append(columns, cell.flat())
			}
			continue
		}
		var lines []string
		for i, cell := range cells {
			lines = append(lines, labelled(cell.label(columns, i), cell.flat(), width)...)
		}
		if len(lines) > 0 && len(out) > 0 {
			out = append(out, "")
		}
		out = append(out, lines...)
	}
	return out
}

// rows are the rows of a table, its head's included.
func (n *node) rows() []*node {
	var out []*node
	for _, k := range n.kids {
		switch k.name {
		case "tr":
			out = append(out, k)
		case "thead", "tbody", "tfoot":
			out = append(out, k.rows()...)
		}
	}
	return out
}

func (n *node) label(columns []string, i int) string {
	if label, ok := n.attr("data-label"); ok {
		return label
	}
	if i < len(columns) {
		return columns[i]
	}
	return ""
}

// figure writes what a drawing says, once: it is drawn for a wide and a narrow screen.
func (n *node) figure(width int) []string {
	var out []string
	said := ""
	for _, k := range n.kids {
		switch words := k.flat(); {
		case k.name != "svg":
			out = append(out, wrap(words, width)...)
		case words != said:
			out, said = append(out, wrap(words, width)...), words
		}
	}
	return out
}

// flat is all words of an element in one line; what stands in blocks or lines of its
// own is set apart.
func (n *node) flat() string {
	if n.name == "svg" {
		return strings.Join(words(n.inline()), " ")
	}
	return strings.Join(n.lines(1<<20, true), "; ")
}

// inline is the words of a text or an inline element.
func (n *node) inline() string {
	switch n.name {
	case "":
		return n.text
	case "br":
		return "\x00" // a line ends: no text of a page holds it (visible)
	case "svg":
		if title := n.find(func(k *node) bool { return k.name == "title" }); title != nil {
			return title.inline()
		}
		return ""
	}
	var out strings.Builder
	for i, k := range n.kids {
		if k.silent() {
			continue
		}
		if i > 0 && k.name != "" && n.kids[i-1].name != "" {
			out.WriteByte(' ')
		}
		out.WriteString(k.inline())
	}
	if class, _ := n.attr("class"); class == "tag" {
		return "(" + strings.TrimSpace(out.String()) + ")" // its frame sets it apart on the page
	}
	return out.String()
}

// words splits a text at the white space of HTML. A space that does not break stays
// inside a word.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' })
}

// wrap breaks a text into lines. A word that is longer than a line stays whole. Whoever
// writes such words chooses where the lines end, so the lines after one stand further in.
func wrap(s string, width int) []string {
	var out []string
	for part := range strings.SplitSeq(s, "\x00") {
		line, long, from, forced := "", 0, len(out), false
		for _, w := range words(part) {
			n := utf8.RuneCountInString(w)
			forced = forced || n > width/2
			switch {
			case line == "":
				line, long = w, n
			case long+1+n > width:
				out = append(out, line)
				line, long = w, n
			default:
				line, long = line+" "+w, long+1+n
			}
		}
		if line != "" {
			out = append(out, line)
		}
		if forced && len(out) > from {
			indented(out[from+1:], "  ")
		}
	}
	return out
}
