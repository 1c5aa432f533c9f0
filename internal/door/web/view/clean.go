package view

import (
	"bytes"
	"errors"
	"html/template"
	"unicode/utf8"

	texttemplate "text/template"
)

// withoutValues keeps where a template failed and drops what it printed: the
// text of an execution error may quote the value that did not fit.
func withoutValues(err error) error {
	var escape *template.Error
	if errors.As(err, &escape) {
		return errors.New("escape template")
	}
	var exec texttemplate.ExecError
	if errors.As(err, &exec) {
		return errors.New("execute template " + exec.Name)
	}
	return errors.New("execute template")
}

// invisible reports whether r changes how a text reads without being seen:
// bidirectional controls (UAX #9), zero-width and other format characters, and
// controls. The joiners U+200C and U+200D stay: names are spelt with them and
// they change no order.
func invisible(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return false
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return true
	case r == 0x61c || r == 0x200b || r == 0x200e || r == 0x200f:
		return true
	case r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x206f:
		return true
	case r == 0xfeff || r >= 0xfff9 && r <= 0xfffb || r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// visible shows every invisible character as U+FFFD, the sign for a character
// that could not be shown. It runs over the finished page: Postern's own
// templates and messages hold none (test), so whatever it finds came from data,
// and no field can be forgotten.
func visible(page []byte) []byte {
	if utf8.Valid(page) && bytes.IndexFunc(page, invisible) < 0 {
		return page // nearly every page: nothing to copy
	}
	return bytes.Map(func(r rune) rune {
		if invisible(r) {
			return utf8.RuneError
		}
		return r
	}, page)
}
