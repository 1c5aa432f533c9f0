package view

import (
	"errors"
	"html"
	"iter"
	"slices"
	"strings"
)

// What this file reads is what Set.Render wrote and nothing else: html/template and
// package chart write no bare < or > in a text or a value, quote every value, and the
// templates close what they open (Twin refuses a page that does not). So a page is
// split at its brackets, and no parser of other people's HTML becomes part of Postern.

// piece is one piece of a page: a text, or a tag.
type piece struct {
	raw  string
	name string // of the tag; empty for a text
	end  bool   // closes an element
	void bool   // opens none
}

// pieces splits a page.
func pieces(page string) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		for page != "" {
			var p piece
			switch end := strings.IndexByte(page, '>') + 1; {
			case page[0] == '<' && end > 0:
				p = tagOf(page[:end])
			default:
				text, _, _ := strings.Cut(page[1:], "<")
				p.raw = page[:1+len(text)]
			}
			page = page[len(p.raw):]
			if !yield(p) {
				return
			}
		}
	}
}

// tagOf reads a tag, from its < to its >.
func tagOf(raw string) piece {
	name := strings.TrimPrefix(raw[1:len(raw)-1], "/")
	if i := strings.IndexAny(name, " \t\r\n/"); i >= 0 {
		name = name[:i]
	}
	p := piece{raw: raw, name: name, end: raw[1] == '/'}
	switch name {
	case "!doctype", "meta", "link", "input", "br", "hr", "img", "wbr":
		p.void = true
	default:
		p.void = strings.HasSuffix(raw, "/>")
	}
	return p
}

// attr is the value of an attribute, and whether the tag has it.
func (p piece) attr(name string) (string, bool) {
	if _, rest, ok := strings.Cut(p.raw, " "+name+`="`); ok {
		value, _, _ := strings.Cut(rest, `"`)
		return html.UnescapeString(value), true
	}
	bare := strings.TrimRight(p.raw, "/>")
	return "", strings.HasSuffix(bare, " "+name) || strings.Contains(bare, " "+name+" ")
}

// is reports whether the tag has one of the classes.
func (p piece) is(classes ...string) bool {
	value, _ := p.attr("class")
	return slices.ContainsFunc(strings.Fields(value), func(c string) bool { return slices.Contains(classes, c) })
}

// node is an element of a page, or a text.
type node struct {
	piece
	text string // unescaped
	kids []*node
}

// errUnbalanced is of a template, never of data.
var errUnbalanced = errors.New("read page: an element is not closed")

// tree reads a page as a tree.
func tree(page string) (*node, error) {
	root := &node{}
	open := []*node{root}
	for p := range pieces(page) {
		last := open[len(open)-1]
		switch {
		case p.name == "":
			last.kids = append(last.kids, &node{piece: p, text: html.UnescapeString(p.raw)})
		case p.end && (len(open) == 1 || last.name != p.name):
			return nil, errUnbalanced
		case p.end:
			open = open[:len(open)-1]
		default:
			n := &node{piece: p}
			last.kids = append(last.kids, n)
			if !p.void {
				open = append(open, n)
			}
		}
	}
	if len(open) > 1 {
		return nil, errUnbalanced
	}
	return root, nil
}

// find is the first element below n that ok accepts, nil for none.
func (n *node) find(ok func(*node) bool) *node {
	for _, k := range n.kids {
		if k.name != "" && ok(k) {
			return k
		}
		if found := k.find(ok); found != nil {
			return found
		}
	}
	return nil
}
