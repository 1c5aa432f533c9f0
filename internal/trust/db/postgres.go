package db

import (
	"context"
	"errors"
)

func openPostgres(context.Context, Config) (engine, error) {
	return nil, errors.New("PostgreSQL is not built yet")
}
