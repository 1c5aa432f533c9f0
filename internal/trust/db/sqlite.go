package db

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"
)

const (
	// busyTimeout is how long a statement waits for another process (a backup,
	// a drill) to release the file. Within the process nobody waits: there is one writer.
	busyTimeout = 5 * time.Second
	// drainTimeout is how long Close waits for running transactions.
	drainTimeout = 10 * time.Second
	// walLimit is the size to which the write-ahead log shrinks at a checkpoint.
	walLimit = 64 << 20
)

// sqliteEngine is one writing and several reading connections to one file.
// Native connections instead of database/sql save about half of a point read.
type sqliteEngine struct {
	writer  *pool
	readers *pool
	index   *walIndex
}

func openSQLite(ctx context.Context, c Config) (engine, error) {
	if err := createFile(c.Path); err != nil {
		return nil, err
	}
	registerVFS()
	open := opener(c)
	index := newWALIndex(c.Path)
	e := &sqliteEngine{
		index:   index,
		writer:  newPool(1, func(ctx context.Context) (*sqliteConn, error) { return open(ctx, true) }, index.forget),
		readers: newPool(c.ReadConns, func(ctx context.Context) (*sqliteConn, error) { return open(ctx, false) }, index.forget),
	}
	// The writer opens now: it proves the key and switches a new file to WAL.
	w, err := e.writer.get(ctx)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.writer.put(w)
	return e, nil
}

// createFile makes an empty database file that only its owner can read, since
// SQLite's own default follows the umask.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// opener returns a function that opens one connection. It keeps the key in hex
// because readers open when load first needs them.
func opener(c Config) func(context.Context, bool) (*sqliteConn, error) {
	key := hex.EncodeToString(c.Key)
	return func(ctx context.Context, write bool) (*sqliteConn, error) {
		path, err := filepath.Abs(c.Path)
		if err != nil {
			return nil, err
		}
		// modeof: the write-ahead log gets the database file's mode.
		q := url.Values{"modeof": {path}, "vfs": {encryptedVFS}}
		if c.UnencryptedForTests {
			q.Set("vfs", plainVFS)
		}
		u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
		// The key is no part of the name: file names reach error texts.
		raw, err := sqlite3.OpenContext(ctx, u.String())
		if err != nil {
			return nil, sqliteError(ctx, err)
		}
		conn := &sqliteConn{c: raw, stmts: make(map[string]*cachedStmt)}
		if err := conn.prepareForUse(ctx, c, key, write); err != nil {
			return nil, errors.Join(err, conn.close())
		}
		return conn, nil
	}
}

// prepareForUse gives the key, sets the pragmas and checks those that promises rest on.
func (c *sqliteConn) prepareForUse(ctx context.Context, cfg Config, key string, write bool) error {
	c.c.SetInterrupt(ctx)
	defer c.c.SetInterrupt(context.Background())
	if key != "" {
		if err := c.c.Exec("PRAGMA hexkey='" + key + "'"); err != nil {
			return sqliteError(ctx, err)
		}
	}
	if err := c.c.BusyTimeout(busyTimeout); err != nil {
		return sqliteError(ctx, err)
	}
	synchronous := "FULL"
	if cfg.NoSyncForTests {
		synchronous = "OFF"
	}
	// temp_store: temporary files would be encrypted with AES-128 only.
	// recursive_triggers: else REPLACE deletes rows past the append-only guard.
	script := `PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON;
		PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON; PRAGMA trusted_schema=OFF; PRAGMA synchronous=` + synchronous +
		`; PRAGMA cache_size=-` + strconv.Itoa(cfg.CacheKiB) +
		`; PRAGMA journal_size_limit=` + strconv.Itoa(walLimit) + `;`
	if write {
		script += `PRAGMA journal_mode=WAL;`
	} else {
		script += `PRAGMA query_only=ON;`
	}
	if err := c.c.Exec(script); err != nil {
		return sqliteError(ctx, err)
	}
	return c.harden(ctx, synchronous)
}

// harden switches off what a hostile file or a defect could use, and reads
// back the settings on which durability rests.
func (c *sqliteConn) harden(ctx context.Context, synchronous string) error {
	for _, o := range []struct {
		op sqlite3.DBConfig
		on bool
	}{
		{sqlite3.DBCONFIG_DEFENSIVE, true}, // no writable_schema, no shadow tables
		{sqlite3.DBCONFIG_DQS_DML, false},  // "x" is a column, never a string
		{sqlite3.DBCONFIG_DQS_DDL, false},
	} {
		if _, err := c.c.Config(o.op, o.on); err != nil {
			return sqliteError(ctx, err)
		}
	}
	want := map[string]string{"FULL": "2", "OFF": "0"}[synchronous]
	for _, p := range [][2]string{{"PRAGMA journal_mode", "wal"}, {"PRAGMA synchronous", want}, {"PRAGMA temp_store", "2"}} {
		got, err := c.text(ctx, p[0])
		if err != nil {
			return err
		}
		if got != p[1] {
			return fmt.Errorf("%s is %q instead of %q", p[0], got, p[1])
		}
	}
	return nil
}

func (e *sqliteEngine) begin(ctx context.Context, write bool) (session, error) {
	p, q := e.readers, "BEGIN DEFERRED"
	if write {
		p, q = e.writer, "BEGIN IMMEDIATE"
	}
	c, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	s := &sqliteSession{conn: c, pool: p}
	if _, err := s.exec(ctx, q, nil); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (e *sqliteEngine) single(ctx context.Context) (session, error) {
	c, err := e.readers.get(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteSession{conn: c, pool: e.readers}, nil
}

// stamp implements stamper.
func (e *sqliteEngine) stamp() (Stamp, bool) { return e.index.read() }

// close ends with the writer: SQLite folds the log into the file when its last
// connection closes, and readers are query_only.
func (e *sqliteEngine) close() error {
	defer e.index.forget()
	return errors.Join(e.readers.close(), e.writer.close())
}

// pool lends connections, the most recently used first, since its page cache is
// the warmest. It opens them when first needed.
type pool struct {
	slots chan struct{} // one token for each connection lent
	open  func(context.Context) (*sqliteConn, error)
	gone  func() // called before and after a connection is dropped

	mu     sync.Mutex
	idle   []*sqliteConn
	closed bool
}

func newPool(size int, open func(context.Context) (*sqliteConn, error), gone func()) *pool {
	return &pool{slots: make(chan struct{}, size), open: open, gone: gone}
}

func (p *pool) get(ctx context.Context) (*sqliteConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c, err := p.take(ctx)
	if err != nil {
		<-p.slots
	}
	return c, err
}

func (p *pool) take(ctx context.Context) (*sqliteConn, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	return p.open(ctx)
}

// put takes a connection back. One that cannot be brought to rest is dropped.
func (p *pool) put(c *sqliteConn) {
	if err := c.rest(); err != nil {
		p.gone()
		_ = c.close() // its transaction is lost either way
		p.gone()
	} else {
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
	<-p.slots
}

// close refuses new loans, waits for the running ones and closes all.
func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	t := time.NewTimer(drainTimeout)
	defer t.Stop()
	for range cap(p.slots) {
		select {
		case p.slots <- struct{}{}:
		case <-t.C:
			return errors.New("a connection is still in use")
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.close())
	}
	p.idle = nil
	for range cap(p.slots) {
		<-p.slots
	}
	return errors.Join(errs...)
}
