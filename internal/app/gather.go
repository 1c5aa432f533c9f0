package app

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// gathered is the length of a part of an answer from which it is gathered.
	// What is shorter leaves in one piece anyway: net/http sends 4 KiB at once.
	gathered = 2 << 10
	// mostHeld is how much is gathered: the head and the start of a body, or the
	// small records with which TLS begins.
	mostHeld = 16 << 10
	// paceBytes is what a reader must take within timeouts.pace: 2 KiB a second.
	paceBytes = 32 << 10
	// partBytes is how much of an answer has a deadline of its own.
	partBytes = 4 * paceBytes
)

// heldBytes is the memory in which one connection gathers.
type heldBytes [mostHeld]byte

// paced writes an answer of one request. It cuts off whoever does not take it: each
// part has its own deadline, so that a large answer may take long and a slow reader
// may not. And it gathers: left to themselves, net/http sends the head with the start
// of the body before the rest, and TLS sends records of one packet, each of which
// costs a call into the kernel and wakes the reader for little.
type paced struct {
	http.ResponseWriter
	control http.ResponseController
	each    time.Duration
	conn    *conn // what is gathered; nil for HTTP/2, where others write too
	begun   bool  // the head of the answer is made: nothing changes it any more
}

func pace(w http.ResponseWriter, r *http.Request, each time.Duration) *paced {
	p := &paced{ResponseWriter: w, control: *http.NewResponseController(w), each: each}
	if r.ProtoMajor == 1 {
		p.conn, _ = r.Context().Value(connKey{}).(*conn)
	}
	return p
}

// connKey finds a request's connection in its context. An address would not do: two
// connections to two addresses of ours may come from one address and port.
type connKey struct{}

// withConn is an http.Server's ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, bounded(c))
}

// Unwrap is for http.ResponseController.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (p *paced) WriteHeader(status int) {
	p.begun = true
	p.ResponseWriter.WriteHeader(status)
}

func (p *paced) Write(b []byte) (n int, err error) {
	p.begun = true
	for {
		part := b[n:min(len(b), n+partBytes)]
		units := max(1, (len(part)+paceBytes-1)/paceBytes)
		_ = p.control.SetWriteDeadline(time.Now().Add(time.Duration(units) * p.each)) // a recorder of a test has none
		k, err := p.write(part)
		if n += k; err != nil || n == len(b) {
			return n, err
		}
	}
}

func (p *paced) write(part []byte) (n int, err error) {
	if len(part) > gathered && p.conn != nil {
		p.conn.gather()
		defer func() {
			if e := p.conn.send(); err == nil {
				err = e
			}
		}()
	}
	return p.ResponseWriter.Write(part)
}

// gather has c keep what is written to it until send, as far as there is room.
func (c *conn) gather() {
	c.out.Lock()
	defer c.out.Unlock()
	c.gathers = true
}

// send sends what was gathered. When it cannot, c is closed: net/http takes what it wrote
// for sent, and would write the next answer behind a part of this one.
func (c *conn) send() error {
	c.out.Lock()
	defer c.out.Unlock()
	c.gathers = false
	if c.n == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.held[:c.n])
	c.drop()
	if err != nil {
		reset(c.Conn)
	}
	return err
}

// Write sends b, and what was gathered before it in the same call into the kernel.
func (c *conn) Write(b []byte) (int, error) {
	c.out.Lock()
	defer c.out.Unlock()
	if c.gathers && c.n+len(b) <= mostHeld {
		if c.held == nil {
			c.held, _ = c.of.spare.Get().(*heldBytes)
		}
		c.n += copy(c.held[c.n:], b)
		return len(b), nil
	}
	if c.n == 0 {
		return c.Conn.Write(b)
	}
	first := c.n
	c.two = [2][]byte{c.held[:first], b}
	c.pieces = c.two[:]
	n, err := c.pieces.WriteTo(c.Conn)
	c.two, c.pieces = [2][]byte{}, nil
	c.drop()
	return max(0, int(n)-first), err
}

// drop wipes what was gathered and gives its memory back.
func (c *conn) drop() {
	clear(c.held[:c.n])
	c.of.spare.Put(c.held)
	c.held, c.n = nil, 0
}

// outgoing is what a connection gathers of an answer.
type outgoing struct {
	out     sync.Mutex // guards what follows
	gathers bool
	held    *heldBytes // nil when nothing is held
	n       int
	two     [2][]byte // what a Write sends at once, and pieces is what is left of it
	pieces  net.Buffers
}
