package narrative

import "strings"

// MaxInput is how many bytes of markup are read of one note.
const MaxInput = 1 << 20

// Bounds of one note.
const (
	maxText  = 48 << 10
	maxParts = 4000
	maxDepth = 10
)

// place is where the builder stands: text goes into a root, an item or a cell.
type place uint8

const (
	inRoot place = iota
	inItem
	inCell
	inCaption
	inList
	inTable
	inRow
)

// frame is one open container.
type frame struct {
	place   place
	head    bool // a header cell
	heading bool // the open spans are one
	block   Block
	blocks  []Block // closed, of a root or item
	spans   []Span
	cells   []Cell
}

// builder puts text and tags together. It closes what the source left open.
type builder struct {
	show       func(string) string
	stack      []frame
	strong, em int
	pre        int
	text       int
	parts      int
	cut, left  bool
}

func newBuilder(show func(string) string) *builder {
	return &builder{show: show, stack: []frame{{}}}
}

func (b *builder) top() *frame { return &b.stack[len(b.stack)-1] }

// full counts a part, and reports that the note is too long already.
func (b *builder) full() bool {
	if b.parts++; b.parts > maxParts || b.text > maxText {
		b.cut = true
	}
	return b.cut
}

func (b *builder) push(f frame) { b.stack = append(b.stack, f) }

// add puts text where the builder stands.
func (b *builder) add(text string) {
	if b.pre == 0 {
		text = collapse(text)
	}
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if i > 0 {
			b.lineBreak()
		}
		b.run(line)
	}
}

func (b *builder) run(text string) {
	blank := strings.TrimSpace(text) == ""
	if text == "" || blank && len(b.top().spans) == 0 || b.full() {
		return
	}
	switch b.top().place { // text between items or rows
	case inList:
		if blank {
			return
		}
		b.push(frame{place: inItem})
	case inTable, inRow:
		if blank {
			return
		}
		b.cell(false)
	}
	if b.text += len(text); b.text > maxText {
		text = strings.ToValidUTF8(text[:max(0, len(text)-(b.text-maxText))], "")
		b.cut = true
	}
	f, s := b.top(), Span{Text: b.show(text), Strong: b.strong > 0, Em: b.em > 0}
	if n := len(f.spans); n > 0 {
		last := &f.spans[n-1]
		if b.pre == 0 && (last.Break || strings.HasSuffix(last.Text, " ")) {
			s.Text = strings.TrimLeft(s.Text, " ")
		}
		if !last.Break && last.Strong == s.Strong && last.Em == s.Em {
			last.Text += s.Text
			return
		}
	} else if b.pre == 0 {
		s.Text = strings.TrimLeft(s.Text, " ")
	}
	if s.Text != "" {
		f.spans = append(f.spans, s)
	}
}

func (b *builder) lineBreak() {
	f := b.top()
	if n := len(f.spans); n > 0 && !f.spans[n-1].Break && !b.full() {
		f.spans = append(f.spans, Span{Break: true})
	}
}

// collapse makes each run of spaces one space.
func collapse(s string) string {
	out := strings.Join(strings.Fields(s), " ")
	if out == "" {
		if s == "" {
			return ""
		}
		return " "
	}
	if strings.TrimLeft(s, " \t\r\n\f") != s {
		out = " " + out
	}
	if strings.TrimRight(s, " \t\r\n\f") != s {
		out += " "
	}
	return out
}

// flush ends the paragraph or heading that is open. In a cell it is a line break.
func (b *builder) flush() {
	f := b.top()
	switch f.place {
	case inCell, inCaption:
		b.lineBreak()
		return
	case inList, inTable, inRow:
		return
	}
	if spans := trimmed(f.spans); len(spans) > 0 {
		kind := Paragraph
		if f.heading {
			kind = Heading
		}
		f.blocks = append(f.blocks, Block{Kind: kind, Spans: spans})
	}
	f.spans, f.heading = nil, false
}

// trimmed drops the space and the breaks at both ends.
func trimmed(spans []Span) []Span {
	for n := len(spans); n > 0; n = len(spans) {
		last := &spans[n-1]
		last.Text = strings.TrimRight(last.Text, " ")
		if !last.Break && last.Text != "" {
			break
		}
		spans = spans[:n-1]
	}
	return spans
}

// pop closes the innermost container into the one around it.
func (b *builder) pop() {
	b.flush()
	f := *b.top()
	b.stack = b.stack[:len(b.stack)-1]
	up := b.top()
	switch f.place {
	case inItem:
		if len(f.blocks) > 0 {
			up.block.Items = append(up.block.Items, f.blocks)
		}
	case inCell:
		up.cells = append(up.cells, Cell{f.head, trimmed(f.spans)})
	case inCaption:
		up.block.Spans = trimmed(f.spans)
	case inRow:
		if len(f.cells) > 0 {
			up.block.Rows = append(up.block.Rows, f.cells)
		}
	case inList:
		if len(f.block.Items) > 0 {
			up.blocks = append(up.blocks, f.block)
		}
	case inTable:
		if len(f.block.Rows) > 0 {
			up.blocks = append(up.blocks, f.block)
		}
	}
}

// within finds the innermost container of one of the places, above any of the walls.
func (b *builder) within(p place, walls ...place) int {
	for i := len(b.stack) - 1; i > 0; i-- {
		if b.stack[i].place == p {
			return i
		}
		for _, w := range walls {
			if b.stack[i].place == w {
				return -1
			}
		}
	}
	return -1
}

// popTo closes everything inside container i, and with itself also i.
func (b *builder) popTo(i int, itself bool) {
	for i > 0 && len(b.stack) > i+1 {
		b.pop()
	}
	if itself && i > 0 {
		b.pop()
	}
}

// container opens a list or table where one can stand; elsewhere its text runs on.
func (b *builder) container(p place, block Block) {
	b.flush()
	if f := b.top(); (f.place == inRoot || f.place == inItem) && len(b.stack) < maxDepth && !b.full() {
		b.push(frame{place: p, block: block})
	}
}

func (b *builder) item() {
	i := b.within(inList, inCell, inCaption)
	if i < 0 {
		b.flush()
		return
	}
	b.popTo(i, false)
	b.push(frame{place: inItem})
}

func (b *builder) row() bool {
	i := b.within(inTable)
	if i < 0 {
		b.flush()
		return false
	}
	b.popTo(i, false)
	b.push(frame{place: inRow})
	return true
}

func (b *builder) cell(head bool) {
	if i := b.within(inRow); i > 0 {
		b.popTo(i, false)
	} else if !b.row() {
		return
	}
	if b.full() {
		return // an empty cell is a part too: a note of nothing else would make a page of megabytes
	}
	b.push(frame{place: inCell, head: head})
}

// done closes everything.
func (b *builder) done() Doc {
	for len(b.stack) > 1 {
		b.pop()
	}
	b.flush()
	return Doc{p: &tree{blocks: b.top().blocks, cut: b.cut, left: b.left}}
}
