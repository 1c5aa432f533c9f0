package db

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgresError reduces an error of pgx to an engineError.
func postgresError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var p *pgconn.PgError
	if !errors.As(err, &p) {
		if strings.Contains(err.Error(), "closed pool") {
			return ErrClosed
		}
		// A lost connection, a name that does not resolve, a refused
		// password: pgx's text names host and user, so it stays out.
		return &engineError{kind: ErrUnavailable, code: "08000", name: networkReason(err)}
	}
	e := &engineError{code: p.Code, kind: postgresKind(p.Code), name: p.ConstraintName}
	e.retry = p.Code == "40001" || p.Code == "40P01"
	if strings.HasPrefix(p.Code, "42") {
		e.name = p.Message // about the constant SQL and the schema; quotes no value
	}
	return e
}

func networkReason(err error) string {
	var n net.Error
	switch {
	case errors.As(err, &n) && n.Timeout():
		return "timeout"
	case errors.As(err, new(*pgconn.ConnectError)):
		return "cannot connect"
	case strings.Contains(err.Error(), "expected") && strings.Contains(err.Error(), "arguments"):
		return "number of arguments"
	default:
		return "connection"
	}
}

func postgresKind(code string) error {
	switch code {
	case "23505":
		return ErrConflict
	case "40001", "40P01":
		return ErrBusy
	case "42501":
		return ErrDenied
	case "25006":
		return ErrReadOnly
	case "53100":
		return ErrFull
	case "XX001", "XX002":
		return ErrCorrupt
	}
	switch {
	case strings.HasPrefix(code, "23"), strings.HasPrefix(code, "22"), code == "42804":
		return ErrConstraint
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "28"):
		return ErrUnavailable
	default:
		return nil
	}
}
