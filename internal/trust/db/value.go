package db

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	errText  = errors.New("db: text must be UTF-8 without NUL")
	errNull  = errors.New("db: null scanned into a value that cannot be null")
	errRange = errors.New("db: number does not fit")
	errCount = errors.New("db: number of columns and destinations differ")
)

// normalise reduces arguments to nil, int64, string and []byte. The list of
// types is closed: a value that is not meant for the database, such as one of
// package phi, is refused instead of printed.
func normalise(args []any) ([]any, error) {
	var out []any // a copy, made only when a value changes: the usual ones do not
	for i, a := range args {
		v, err := normaliseOne(a)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		switch b := a.(type) {
		case nil, int64, string:
			continue
		case []byte:
			if b != nil {
				continue
			}
		}
		if out == nil {
			out = slices.Clone(args)
		}
		out[i] = v
	}
	if out == nil {
		return args, nil
	}
	return out, nil
}

func normaliseOne(a any) (any, error) {
	switch v := a.(type) {
	case nil, int64:
		return v, nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case string:
		// PostgreSQL refuses these; SQLite would store them.
		if strings.IndexByte(v, 0) >= 0 || !utf8.ValidString(v) {
			return nil, errText
		}
		return v, nil
	case int:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case uint8:
		return int64(v), nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	default:
		return normalisePointer(a)
	}
}

func normalisePointer(a any) (any, error) {
	switch v := a.(type) {
	case *int64:
		return deref(v)
	case *int:
		return deref(v)
	case *uint32:
		return deref(v)
	case *uint8:
		return deref(v)
	case *bool:
		return deref(v)
	case *string:
		return deref(v)
	case *[]byte:
		return deref(v)
	default:
		return nil, fmt.Errorf("type %T is not stored", a)
	}
}

func deref[T any](p *T) (any, error) {
	if p == nil {
		return nil, nil
	}
	return normaliseOne(*p)
}

// column is one column of a current row, as an engine sees it. The getters are
// called only when the column is not null and fail on another type.
type column interface {
	null() bool
	integer() (int64, error)
	text() (string, error)
	blob() ([]byte, error)
}

// assign converts one column into dest.
func assign(c column, dest any) error {
	switch d := dest.(type) {
	case *[]byte:
		return setBytes(c, d)
	case *int64:
		return setInteger(c, d, math.MinInt64, math.MaxInt64)
	case *string:
		return setText(c, d)
	case *int:
		return setInteger(c, d, math.MinInt, math.MaxInt)
	case *uint32:
		return setInteger(c, d, 0, math.MaxUint32)
	case *uint8:
		return setInteger(c, d, 0, math.MaxUint8)
	case *bool:
		return setBool(c, d)
	default:
		return assignNullable(c, dest)
	}
}

func assignNullable(c column, dest any) error {
	switch d := dest.(type) {
	case **int64:
		return setPointer(c, d)
	case **int:
		return setPointer(c, d)
	case **uint32:
		return setPointer(c, d)
	case **uint8:
		return setPointer(c, d)
	case **bool:
		return setPointer(c, d)
	case **string:
		return setPointer(c, d)
	case **[]byte:
		return setPointer(c, d)
	default:
		return fmt.Errorf("db: type %T is not scanned", dest)
	}
}

func setPointer[T any](c column, d **T) error {
	if c.null() {
		*d = nil
		return nil
	}
	v := new(T)
	if err := assign(c, v); err != nil {
		return err
	}
	*d = v
	return nil
}

// setBytes is the one destination that takes a null without a pointer: nil.
func setBytes(c column, d *[]byte) error {
	if c.null() {
		*d = nil
		return nil
	}
	v, err := c.blob()
	if err != nil {
		return err
	}
	*d = v
	return nil
}

func setText(c column, d *string) error {
	if c.null() {
		return errNull
	}
	v, err := c.text()
	if err != nil {
		return err
	}
	*d = v
	return nil
}

func setInteger[T int64 | int | uint32 | uint8](c column, d *T, low, high int64) error {
	if c.null() {
		return errNull
	}
	v, err := c.integer()
	if err != nil {
		return err
	}
	if v < low || v > high {
		return errRange
	}
	*d = T(v)
	return nil
}

func setBool(c column, d *bool) error {
	var v uint8
	if err := setInteger(c, &v, 0, 1); err != nil {
		return err
	}
	*d = v == 1
	return nil
}

func wrongType(want, got string) error {
	return fmt.Errorf("db: %s scanned into %s", got, want)
}
