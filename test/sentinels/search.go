// Package sentinels searches for known plaintext where none may be: files,
// process output, headers, URLs.
//
// It owns the forms in which a leak can hide (as it is, in lower case, as a form sends it, base64,
// hexadecimal, UTF-16, gzip) and finds all of them in one pass. Its control test
// puts every needle in every form where sealing is off and finds each one, so a
// search that finds nothing means something. It is for tests only.
package sentinels

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"strings"
	"unicode/utf16"
)

// Searcher finds needles in all their forms. It is an automaton after Aho and
// Corasick: one step for each byte, however many needles there are.
type Searcher struct {
	next [][256]int32
	fail []int32
	out  [][]int32 // patterns that end in a state
	all  []pattern
}

type pattern struct{ needle, form string }

// NewSearcher prepares the search for needles.
func NewSearcher(needles []string) *Searcher {
	s := &Searcher{}
	s.state()
	for _, n := range needles {
		for form, bytes := range Forms(n) {
			for _, b := range bytes {
				s.add(pattern{n, form}, b)
			}
		}
	}
	s.link()
	return s
}

// Forms are the ways in which text can stand in a file uncompressed. Base64
// depends on where the text begins, so it comes in three alignments without the
// characters that its neighbours take part in.
func Forms(text string) map[string][][]byte {
	f := map[string][][]byte{"plain": {[]byte(text)}}
	if low := strings.ToLower(text); low != text {
		f["lower case"] = [][]byte{[]byte(low)}
	}
	if form := url.QueryEscape(text); form != text {
		f["form"] = [][]byte{[]byte(form)} // as a form sends it, and a browser keeps it
	}
	f["hex"] = [][]byte{[]byte(hex.EncodeToString([]byte(text))), []byte(strings.ToUpper(hex.EncodeToString([]byte(text))))}
	var le, be []byte
	for _, u := range utf16.Encode([]rune(text)) {
		le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
	}
	f["utf-16"] = [][]byte{le, be}
	for shift := range 3 {
		padded := append(make([]byte, shift), text...)
		whole := len(padded) / 3 * 3
		first := (shift + 2) / 3 * 4
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if enc := e.EncodeToString(padded[:whole]); len(enc) >= first+8 {
				f["base64"] = append(f["base64"], []byte(enc[first:]))
			}
		}
	}
	return f
}

func (s *Searcher) state() int32 {
	s.next = append(s.next, [256]int32{})
	s.fail = append(s.fail, 0)
	s.out = append(s.out, nil)
	return int32(len(s.next) - 1)
}

func (s *Searcher) add(p pattern, b []byte) {
	at := int32(0)
	for _, c := range b {
		if s.next[at][c] == 0 {
			n := s.state()
			s.next[at][c] = n
		}
		at = s.next[at][c]
	}
	s.all = append(s.all, p)
	s.out[at] = append(s.out[at], int32(len(s.all)-1))
}

// link fills in where to go on after a mismatch, level by level.
func (s *Searcher) link() {
	var queue []int32
	for c := range 256 {
		if n := s.next[0][c]; n != 0 {
			queue = append(queue, n)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		s.out[at] = append(s.out[at], s.out[s.fail[at]]...)
		for c := range 256 {
			n := s.next[at][c]
			if n == 0 {
				s.next[at][c] = s.next[s.fail[at]][c]
				continue
			}
			s.fail[n] = s.next[s.fail[at]][c]
			queue = append(queue, n)
		}
	}
}

// Hits are needles with the forms that were found of each.
type Hits map[string]map[string]bool

func (h Hits) add(needle, form string) {
	if h[needle] == nil {
		h[needle] = map[string]bool{}
	}
	h[needle][form] = true
}

// Search finds needles in data, and in every gzip stream that begins in it.
func (s *Searcher) Search(data []byte) Hits {
	h := Hits{}
	s.scan(data, "", h)
	for rest := data; ; {
		i := bytes.Index(rest, []byte{0x1f, 0x8b, 8})
		if i < 0 {
			return h
		}
		if z, err := gzip.NewReader(bytes.NewReader(rest[i:])); err == nil {
			inner, _ := io.ReadAll(io.LimitReader(z, 1<<26)) // what precedes damage or foreign bytes counts too
			s.scan(inner, "gzip ", h)
		}
		rest = rest[i+3:]
	}
}

func (s *Searcher) scan(data []byte, prefix string, h Hits) {
	at := int32(0)
	for _, c := range data {
		at = s.next[at][c]
		for _, p := range s.out[at] {
			h.add(s.all[p].needle, prefix+s.all[p].form)
		}
	}
}
