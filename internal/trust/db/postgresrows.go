package db

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

type postgresCursor struct {
	ctx  context.Context
	rows pgx.Rows
}

func (c *postgresCursor) next() (bool, error) {
	if c.rows.Next() {
		return true, nil
	}
	return false, postgresError(c.ctx, c.rows.Err())
}

func (c *postgresCursor) scan(dest []any) error {
	raw, fields := c.rows.RawValues(), c.rows.FieldDescriptions()
	if len(raw) != len(dest) {
		return errCount
	}
	for i, d := range dest {
		col := postgresColumn{raw: raw[i], field: &fields[i], types: c.rows.Conn().TypeMap()}
		if err := assign(col, d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func (c *postgresCursor) close() error {
	c.rows.Close()
	return postgresError(c.ctx, c.rows.Err())
}

// postgresColumn reads one column of the current row, as strictly as SQLite's:
// integers of any width, text and bytes do not turn into each other.
type postgresColumn struct {
	raw   []byte
	field *pgconn.FieldDescription
	types *pgtype.Map
}

func (c postgresColumn) null() bool { return c.raw == nil }

func (c postgresColumn) integer() (int64, error) {
	switch c.field.DataTypeOID {
	case pgtype.BoolOID:
		var v bool
		err := c.decode(&v)
		return int64(flag(v)), err
	case pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID:
		var v int64
		err := c.decode(&v)
		return v, err
	case pgtype.NumericOID: // the sum of bigints
		var v pgtype.Int8
		err := c.decode(&v)
		return v.Int64, err
	default:
		return 0, wrongType("an integer", c.name())
	}
}

func (c postgresColumn) text() (string, error) {
	switch c.field.DataTypeOID {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.NameOID:
		return string(c.raw), nil // the same bytes in both wire formats
	default:
		return "", wrongType("text", c.name())
	}
}

func (c postgresColumn) blob() ([]byte, error) {
	if c.field.DataTypeOID != pgtype.ByteaOID {
		return nil, wrongType("bytes", c.name())
	}
	v := make([]byte, 0, len(c.raw))
	if c.field.Format == pgtype.BinaryFormatCode {
		return append(v, c.raw...), nil
	}
	err := c.decode(&v)
	return v, err
}

func (c postgresColumn) decode(v any) error {
	if err := c.types.Scan(c.field.DataTypeOID, c.field.Format, c.raw, v); err != nil {
		return errRange // pgx's own error quotes the value
	}
	return nil
}

func (c postgresColumn) name() string {
	if t, ok := c.types.TypeForOID(c.field.DataTypeOID); ok {
		return t.Name
	}
	return fmt.Sprintf("type %d", c.field.DataTypeOID)
}

// rebind turns `?` into $1, $2, ... outside of quotes and comments.
func rebind(q string) string {
	var b strings.Builder
	n := 0
	for i := 0; i < len(q); {
		if end := quoted(q[i:]); end > 0 {
			b.WriteString(q[i : i+end])
			i += end
			continue
		}
		if q[i] == '?' && n < math.MaxUint16 {
			n++
			fmt.Fprintf(&b, "$%d", n)
		} else {
			b.WriteByte(q[i])
		}
		i++
	}
	return b.String()
}

// quoted returns the length of the string, quoted name or comment at the start of q, 0 for none.
func quoted(q string) int {
	for _, mark := range [][2]string{{"'", "'"}, {`"`, `"`}, {"--", "\n"}, {"/*", "*/"}} {
		if !strings.HasPrefix(q, mark[0]) {
			continue
		}
		if end := strings.Index(q[len(mark[0]):], mark[1]); end >= 0 {
			return len(mark[0]) + end + len(mark[1])
		}
		return len(q)
	}
	return 0
}
