package narrative

import (
	"html"
	"strings"
)

// Plain reads a note without markup: an empty line ends a paragraph. show makes
// hidden characters visible.
func Plain(text string, show func(string) string) Doc {
	b := newBuilder(show)
	if len(text) > MaxInput {
		text, b.cut = text[:MaxInput], true
	}
	b.pre = 1
	for _, part := range strings.Split(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n"), "\n\n") {
		b.add(strings.Trim(part, "\n"))
		b.flush()
		if b.cut {
			break
		}
	}
	return b.done()
}

// Parse reads a note in XHTML or HTML. It understands any bytes: what is no tag that it
// knows is text or left out. show makes hidden characters visible.
func Parse(markup string, show func(string) string) Doc {
	b := newBuilder(show)
	if len(markup) > MaxInput {
		markup, b.cut = markup[:MaxInput], true
	}
	rest := strings.ToValidUTF8(markup, "\uFFFD")
	for rest != "" && !(b.cut && b.full()) {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			i = len(rest)
		}
		if i > 0 {
			b.add(html.UnescapeString(rest[:i]))
			rest = rest[i:]
			continue
		}
		rest = b.markup(rest)
	}
	return b.done()
}

// markup reads what begins with "<", and returns what comes after it.
func (b *builder) markup(rest string) string {
	switch {
	case strings.HasPrefix(rest, "<!--"):
		_, after, _ := strings.Cut(rest[4:], "-->")
		return after
	case strings.HasPrefix(rest, "<![CDATA["):
		text, after, _ := strings.Cut(rest[9:], "]]>")
		b.add(text)
		return after
	case strings.HasPrefix(rest, "<!"), strings.HasPrefix(rest, "<?"):
		_, after, _ := strings.Cut(rest, ">")
		return after
	}
	name, closes, after, ok := tag(rest)
	if !ok { // "<" of a sentence: "sugar < 70"
		b.add("<")
		return rest[1:]
	}
	if closes {
		b.close(name)
		return after
	}
	if unread(name) {
		b.left = b.left || shows(name)
		return skip(name, after)
	}
	b.open(name)
	return after
}

// tag reads a tag with its attributes, which are dropped.
func tag(s string) (name string, closes bool, after string, ok bool) {
	i := 1
	if i < len(s) && s[i] == '/' {
		closes, i = true, 2
	}
	start := i
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || i > start && (s[i] >= '0' && s[i] <= '9' || s[i] == ':' || s[i] == '-')) {
		i++
	}
	if i == start {
		return "", false, "", false
	}
	name = strings.ToLower(s[start:min(i, start+16)])
	var quote byte
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return name, closes, s[i+1:], true
		}
	}
	return name, closes, "", true // a tag that never ends: nothing after it is text
}

// unread are elements whose content is not text of the note.
func unread(name string) bool {
	switch name {
	case "script", "style", "head", "title", "template", "iframe", "object", "embed", "applet", "svg", "math", "noscript", "textarea", "select",
		"option", "audio", "video", "canvas", "map", "xmp", "noembed", "noframes", "plaintext", "frameset", "button", "input", "img", "link", "meta", "base":
		return true
	}
	return false
}

// shows are those of them that show something: the page says that it is missing.
func shows(name string) bool {
	switch name {
	case "img", "object", "embed", "svg", "math", "iframe", "audio", "video", "canvas":
		return true
	}
	return false
}

// skip returns what comes after the element whose start tag was read.
func skip(name, rest string) string {
	switch name {
	case "img", "link", "meta", "base", "input", "embed":
		return rest // they have no end
	}
	for depth := 1; rest != ""; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			return ""
		}
		rest = rest[i:]
		other, closes, after, ok := tag(rest)
		if !ok {
			rest = rest[1:]
			continue
		}
		if rest = after; other != name {
			continue
		}
		if !closes {
			depth++
		} else if depth--; depth == 0 {
			return rest
		}
	}
	return ""
}

func (b *builder) open(name string) {
	switch name {
	case "b", "strong", "dt":
		if name == "dt" {
			b.flush()
		}
		b.strong++
	case "i", "em", "cite":
		b.em++
	case "br":
		b.lineBreak()
	case "pre":
		b.flush()
		b.pre++
	case "h1", "h2", "h3", "h4", "h5", "h6":
		b.flush()
		b.top().heading = true
	case "ul", "ol", "menu", "dir":
		b.container(inList, Block{Kind: List, Ordered: name == "ol"})
	case "li":
		b.item()
	case "table":
		b.container(inTable, Block{Kind: Table})
	case "tr":
		b.row()
	case "td", "th":
		b.cell(name == "th")
	case "caption":
		if b.top().place == inTable {
			b.push(frame{place: inCaption})
		}
	default:
		if breaks(name) {
			b.flush()
		}
	}
}

func (b *builder) close(name string) {
	switch name {
	case "b", "strong", "dt":
		b.strong = max(0, b.strong-1)
		if name == "dt" {
			b.flush()
		}
	case "i", "em", "cite":
		b.em = max(0, b.em-1)
	case "br":
		b.lineBreak()
	case "pre":
		b.flush()
		b.pre = max(0, b.pre-1)
	case "ul", "ol", "menu", "dir":
		b.popTo(b.within(inList, inCell, inCaption), true)
	case "li":
		b.popTo(b.within(inItem, inList, inCell, inCaption), true)
	case "table":
		b.popTo(b.within(inTable), true)
	case "tr":
		b.popTo(b.within(inRow, inTable), true)
	case "td", "th":
		b.popTo(b.within(inCell, inRow), true)
	case "caption":
		b.popTo(b.within(inCaption, inTable), true)
	default:
		if breaks(name) {
			b.flush()
		}
	}
}

// breaks are elements that begin and end a paragraph.
func breaks(name string) bool {
	switch name {
	case "p", "div", "section", "article", "header", "footer", "main", "aside", "nav", "blockquote", "address", "figure", "figcaption",
		"dl", "dd", "hr", "body", "html", "form", "fieldset", "details", "summary", "center", "h1", "h2", "h3", "h4", "h5", "h6":
		return true
	}
	return false
}
