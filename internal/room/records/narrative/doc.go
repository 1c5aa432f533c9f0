// Package narrative reads the notes that people wrote, in XHTML (the text of a
// resource), HTML or plain text, into a small tree of its own: paragraphs, headings,
// lists, tables, emphasis and line breaks.
//
// It guarantees that nothing of the source's markup survives but that shape: no
// attribute, no link, no picture, no style, no script, no comment. What the source meant
// to hide by a style is shown like everything else. Each text has passed the function that
// the caller gives, which makes hidden characters visible. Input, depth and output
// are bounded; what is beyond is cut off, and the tree says so.
//
// It never returns markup: pages write the tree through html/template, which escapes
// each text. Whatever this parser misreads can therefore look odd and do nothing.
package narrative
