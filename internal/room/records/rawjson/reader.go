package rawjson

import (
	"bufio"
	"errors"
	"io"
)

// Config describes an input to NewReader.
type Config struct {
	Limits Limits
	Size   int64 // most bytes of the whole input; 0 means 64 MiB
}

// Reader steps through the outer containers of a large input and hands out
// the values inside one at a time, each checked as by Parse. After an error it
// is spent.
//
// The calls follow the input: Object, then NextMember until it says no, then
// Array, then NextItem until it says no, Value for what is taken whole, End.
type Reader struct {
	src   *bufio.Reader
	cfg   Config
	pos   Pos
	start Pos
	open  []container
	buf   []byte
}

type container struct {
	closing byte
	filled  bool
	names   map[string]bool
}

// NewReader reads from src.
func NewReader(src io.Reader, cfg Config) *Reader {
	if cfg.Size == 0 {
		cfg.Size = 64 << 20
	}
	cfg.Limits = cfg.Limits.withDefaults()
	return &Reader{src: bufio.NewReaderSize(src, 64<<10), cfg: cfg, pos: Start()}
}

// Pos is the place of the next byte.
func (r *Reader) Pos() Pos { return r.pos }

// Object expects the start of an object.
func (r *Reader) Object() error { return r.enter('{', '}') }

// Array expects the start of an array.
func (r *Reader) Array() error { return r.enter('[', ']') }

func (r *Reader) enter(opening, closing byte) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != opening {
		return r.wrong(c)
	}
	if len(r.open) >= r.cfg.Limits.Depth {
		return &Error{Depth, r.pos}
	}
	r.open = append(r.open, container{closing: closing})
	return r.take()
}

// wrong tells another kind of value from what is no JSON at all.
func (r *Reader) wrong(c byte) error {
	switch c {
	case '{', '[', '"', 't', 'f', 'n', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return &Error{Kind, r.pos}
	case 0xEF, 0xFE, 0xFF: // a byte order mark
		return &Error{Encoding, r.pos}
	default:
		return &Error{Syntax, r.pos}
	}
}

// NextMember steps to the next member of the open object and returns its name
// and the place of the name; ok is false after the last one, which closes the
// object.
func (r *Reader) NextMember() (name string, at Pos, ok bool, err error) {
	if ok, err = r.next(); !ok || err != nil {
		return "", r.pos, false, err
	}
	in, err := r.capture(256)
	if err != nil {
		return "", r.start, false, err
	}
	at = r.start
	s := scanner{b: in, lim: r.cfg.Limits}
	if end := s.name(0); end != len(in) {
		if end >= 0 {
			s.fail(0, Syntax)
		}
		return "", at, false, &Error{s.why, at}
	}
	name = string(in[1 : len(in)-1])
	top := &r.open[len(r.open)-1]
	if top.names[name] {
		return "", at, false, &Error{Duplicate, at}
	}
	if top.names == nil {
		top.names = map[string]bool{}
	}
	top.names[name] = true
	c, err := r.peek()
	if err != nil {
		return "", at, false, err
	}
	if c != ':' {
		return "", at, false, &Error{Syntax, r.pos}
	}
	return name, at, true, r.take()
}

// NextItem steps to the next element of the open array; ok is false after the
// last one, which closes the array.
func (r *Reader) NextItem() (ok bool, err error) { return r.next() }

func (r *Reader) next() (bool, error) {
	top := &r.open[len(r.open)-1]
	c, err := r.peek()
	if err != nil {
		return false, err
	}
	if c == top.closing {
		r.open = r.open[:len(r.open)-1]
		return false, r.take()
	}
	if top.filled {
		if c != ',' {
			return false, &Error{Syntax, r.pos}
		}
		if err := r.take(); err != nil {
			return false, err
		}
		if c, err = r.peek(); err != nil {
			return false, err
		}
		if c == top.closing {
			return false, &Error{Syntax, r.pos}
		}
	}
	top.filled = true
	return true, nil
}

// Value takes the next value whole, at most limit bytes of it, and checks it.
// The Value is good until the next call of a method. at is the place of its first
// byte, to which Offset adds.
func (r *Reader) Value(limit int) (v Value, at Pos, err error) {
	in, err := r.capture(limit)
	if err != nil {
		return Value{}, r.start, err
	}
	at = r.start
	lim := r.cfg.Limits
	if lim.Depth -= len(r.open); lim.Depth <= 0 {
		lim.Depth = -1 // scalars only
	}
	s := scanner{b: in, lim: lim}
	end := s.value(0, 0)
	if end >= 0 && end != len(in) {
		end = s.fail(end, Syntax)
	}
	if end < 0 {
		if s.why == Truncated { // the value ended here, the file did not
			s.why = Syntax
		}
		return Value{}, at, &Error{s.why, at.After(in[:s.at])}
	}
	return Value{b: in}, at, nil
}

// End expects nothing but white space up to the end of the input.
func (r *Reader) End() error {
	_, err := r.peek()
	var e *Error
	switch {
	case err == nil:
		return &Error{Trailing, r.pos}
	case errors.As(err, &e) && e.Reason == Truncated:
		return nil
	default:
		return err
	}
}

// peek skips white space and returns the next byte without taking it.
func (r *Reader) peek() (byte, error) {
	for {
		c, err := r.src.ReadByte()
		if err != nil {
			return 0, r.broken(err)
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, r.src.UnreadByte()
		}
		r.pos.step(c)
		if r.pos.Offset > r.cfg.Size {
			return 0, &Error{TooLarge, r.pos}
		}
	}
}

func (r *Reader) take() error {
	c, err := r.src.ReadByte()
	if err != nil {
		return r.broken(err)
	}
	r.pos.step(c)
	if r.pos.Offset > r.cfg.Size {
		return &Error{TooLarge, r.pos}
	}
	return nil
}

func (r *Reader) broken(err error) error {
	if errors.Is(err, io.EOF) {
		return &Error{Truncated, r.pos}
	}
	return err
}

// capture reads the bytes of one value into buf by its brackets and quotes
// alone; the check of what is between them comes after.
func (r *Reader) capture(limit int) ([]byte, error) {
	c, err := r.peek()
	r.start = r.pos
	if err != nil {
		return nil, err
	}
	scalar := c != '{' && c != '[' && c != '"'
	r.buf = r.buf[:0]
	for depth, quoted, escaped := 0, false, false; ; {
		c, err := r.src.ReadByte()
		if err != nil {
			if scalar && errors.Is(err, io.EOF) {
				return r.buf, nil
			}
			return nil, r.broken(err)
		}
		if scalar && (delimiter(c) || c == ':') {
			return r.buf, r.src.UnreadByte()
		}
		r.pos.step(c)
		if len(r.buf) >= limit || r.pos.Offset > r.cfg.Size {
			return nil, &Error{TooLarge, r.start}
		}
		r.buf = append(r.buf, c)
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted || scalar:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if !scalar && depth == 0 && !quoted && !escaped {
			return r.buf, nil
		}
	}
}
