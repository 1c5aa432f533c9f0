package db

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// oldestPostgres is the server_version_num of PostgreSQL 15, the first
	// where not everybody may create tables in the schema public.
	oldestPostgres = 150000
	// commitTimeout bounds a COMMIT, which the caller's context does not.
	commitTimeout = 30 * time.Second
	// writeConns is how many writes may run at once beside the reads.
	writeConns = 4
)

// postgresEngine is a pool of native connections.
type postgresEngine struct {
	pool   *pgxpool.Pool
	rebind sync.Map // constant SQL text -> the same with $1, $2, ...
}

func openPostgres(ctx context.Context, c Config) (engine, error) {
	cfg, err := postgresConfig(c)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, postgresError(ctx, err)
	}
	e := &postgresEngine{pool: pool}
	if err := e.check(ctx, c); err != nil {
		pool.Close()
		return nil, err
	}
	return e, nil
}

func postgresConfig(c Config) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(c.Postgres)
	if err != nil {
		// pgx quotes the URL in its error, which may hold a password.
		return nil, errors.New("the PostgreSQL URL is not valid")
	}
	if cfg.ConnConfig.Password != "" && strings.Contains(c.Postgres, cfg.ConnConfig.Password) {
		return nil, errors.New("the PostgreSQL URL must not hold the password")
	}
	cfg.ConnConfig.Password = c.Password
	if err := checkTransport(&cfg.ConnConfig.Config); err != nil {
		return nil, err
	}
	cfg.MaxConns = int32(c.ReadConns + writeConns)
	// A cancelled context cancels the query on the server too, instead of
	// abandoning a connection that goes on working.
	cfg.ConnConfig.BuildContextWatcherHandler = func(pc *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: pc, DeadlineDelay: 5 * time.Second}
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		// Statements outside of Write must not change data, as on SQLite.
		_, err := conn.Exec(ctx, "SET default_transaction_read_only = on")
		return err
	}
	return cfg, nil
}

// checkTransport refuses a connection that could travel readable or to a server
// whose name was not verified. Sockets and loopback addresses stay in the host.
func checkTransport(c *pgconn.Config) error {
	bad := func(host string, verified bool) bool { return !isLocal(host) && !verified }
	refused := bad(c.Host, c.TLSConfig != nil && !c.TLSConfig.InsecureSkipVerify)
	for _, f := range c.Fallbacks {
		refused = refused || bad(f.Host, f.TLSConfig != nil && !f.TLSConfig.InsecureSkipVerify)
	}
	if refused {
		return errors.New("a PostgreSQL server on another host needs sslmode=verify-full")
	}
	return nil
}

func isLocal(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// check refuses a server that is too old or that would lose an acknowledged write.
func (e *postgresEngine) check(ctx context.Context, c Config) error {
	var version int64
	var commit, fsync, pages string
	err := e.pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::bigint, current_setting('synchronous_commit'),
		current_setting('fsync'), current_setting('full_page_writes')`).Scan(&version, &commit, &fsync, &pages)
	switch {
	case err != nil:
		return postgresError(ctx, err)
	case version < oldestPostgres:
		return errors.New("PostgreSQL 15 or later is needed")
	case c.NoSyncForTests:
		return nil
	case commit == "off" || fsync == "off" || pages == "off":
		return errors.New("the server would lose acknowledged writes: synchronous_commit, fsync and full_page_writes must be on")
	default:
		return nil
	}
}

func (e *postgresEngine) begin(ctx context.Context, write bool) (session, error) {
	// Repeatable read is one snapshot and never fails with 40001 when read only.
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	if write {
		options = pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadWrite}
	}
	conn, err := e.acquire(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, options)
	if err != nil {
		conn.Release()
		return nil, postgresError(ctx, err)
	}
	return &postgresSession{engine: e, conn: conn, tx: tx}, nil
}

func (e *postgresEngine) single(ctx context.Context) (session, error) {
	conn, err := e.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &postgresSession{engine: e, conn: conn}, nil
}

func (e *postgresEngine) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return nil, postgresError(ctx, err)
	}
	return conn, nil
}

// close waits like SQLite's: pgxpool's own Close waits for ever.
func (e *postgresEngine) close() error {
	done := make(chan struct{})
	go func() { e.pool.Close(); close(done) }()
	t := time.NewTimer(drainTimeout)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return errors.New("a connection is still in use")
	}
}

func (e *postgresEngine) rebound(q string) string {
	if r, ok := e.rebind.Load(q); ok {
		return r.(string)
	}
	r := rebind(q)
	e.rebind.Store(q, r)
	return r
}

// postgresSession is a connection lent to one transaction or statement.
type postgresSession struct {
	engine *postgresEngine
	conn   *pgxpool.Conn
	tx     pgx.Tx // nil for a single statement
}

func (s *postgresSession) exec(ctx context.Context, q string, args []any) (int64, error) {
	tag, err := s.conn.Exec(ctx, s.engine.rebound(q), args...)
	if err != nil {
		return 0, postgresError(ctx, err)
	}
	if tag.Insert() || tag.Update() || tag.Delete() {
		return tag.RowsAffected(), nil
	}
	return 0, nil
}

func (s *postgresSession) query(ctx context.Context, q string, args []any) (cursor, error) {
	rows, err := s.conn.Query(ctx, s.engine.rebound(q), args...)
	if err != nil {
		return nil, postgresError(ctx, err)
	}
	return &postgresCursor{ctx: ctx, rows: rows}, nil
}

// commit is bounded by its own time limit only, so that a browser that goes away
// cannot make the outcome unknown.
func (s *postgresSession) commit() error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	err := s.tx.Commit(ctx)
	if err == nil {
		return nil
	}
	var answer *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return &engineError{code: "25P02", name: "commit of a failed transaction"}
	case errors.As(err, &answer) && !endsConnection(answer.Code):
		return fmt.Errorf("commit: %w", postgresError(ctx, err))
	default:
		return fmt.Errorf("commit: %w", errors.Join(ErrCommitUnknown, postgresError(ctx, err)))
	}
}

// endsConnection reports whether the server's answer to a COMMIT may have come
// after the commit: it was shutting down, or waiting for a replica.
func endsConnection(code string) bool {
	return strings.HasPrefix(code, "57P") || strings.HasPrefix(code, "08") || code == "40003" || strings.HasPrefix(code, "XX")
}

// end rolls back what was not committed. A connection that does not come back
// to rest is closed by the pool.
func (s *postgresSession) end() {
	if s.tx != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.tx.Rollback(ctx) // ErrTxClosed after a commit; else the pool drops the connection
	}
	s.conn.Release()
}
