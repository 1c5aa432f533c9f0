package app

import (
	"container/list"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// sendBuffer is what the kernel may hold of an answer that its reader does not
// take; it would grow to megabytes for each connection.
const sendBuffer = 128 << 10

// source is who stands behind an address for the sake of limits: one IPv4 address,
// one /64 of IPv6, because whoever has one address of it has all. The zero source is
// everybody whose address says nothing.
type source netip.Prefix

// sourceOf reads an address host:port.
func sourceOf(address string) source {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return source{}
	}
	a, bits := ap.Addr().Unmap().WithZone(""), 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return source{}
	}
	return source(p)
}

// share bounds how much is open at once, in all and for each source.
type share struct {
	total, each int

	mu   sync.Mutex
	open int
	by   map[source]int
}

func newShare(l openLimits) *share {
	return &share{total: l.total, each: l.each, by: map[source]int{}}
}

// take reports whether there was room; then give follows.
func (s *share) take(from source) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.total || s.by[from] >= s.each {
		return false
	}
	s.open++
	s.by[from]++
	return true
}

func (s *share) give(from source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.by[from]--; s.by[from] == 0 {
		delete(s.by, from)
	}
}

// listener bounds the connections that are open, in all and for each source.
// A new one takes the place of one that rests between requests. When every one is
// busy and no room is left in all, it takes the place of the oldest one of the
// source that has most, so that whoever fills the server has it against himself
// and not against somebody who comes once.
type listener struct {
	net.Listener
	limits openLimits
	log    *slog.Logger

	spare sync.Pool // of *heldBytes
	mu    sync.Mutex
	conns *list.List     // of *conn, oldest first
	by    map[source]int // open connections of a source
	turn  int64          // counts changes of state: the smaller, the longer ago
}

// conn is one connection of a listener.
type conn struct {
	net.Conn
	of     *listener
	source source
	at     *list.Element // nil when it is closed; under of.mu
	rests  int64         // turn at which it began to rest, 0 while it is busy; under of.mu
	outgoing
}

func bound(l net.Listener, limits openLimits, log *slog.Logger) *listener {
	return &listener{Listener: l, limits: limits, log: log, conns: list.New(), by: map[source]int{},
		spare: sync.Pool{New: func() any { return new(heldBytes) }}}
}

// Accept waits for a connection for which there is room. Others are closed at
// once, without a word: an answer would cost what the limit saves.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetWriteBuffer(sendBuffer) // without it the kernel's own limit holds
		}
		in, out := l.admit(c)
		if out != nil {
			reset(out.Conn)
		}
		if in != nil {
			return in, nil
		}
		l.log.Warn("connection refused: too many are open")
		reset(c)
	}
}

// reset closes c without leaving anything in the kernel.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // closing goes on without it
	}
	_ = c.Close() // it is given up
}

// admit makes room for c, and returns which connection has to go for it. in is nil
// when there is no room.
func (l *listener) admit(c net.Conn) (in, out *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := sourceOf(c.RemoteAddr().String())
	switch {
	case l.by[from] >= l.limits.each:
		out = l.resting(&from)
	case l.conns.Len() >= l.limits.total:
		if out = l.resting(nil); out == nil {
			out = l.greediest(from)
		}
	default:
		return l.add(c, from), nil
	}
	if out == nil {
		return nil, nil
	}
	l.remove(out)
	return l.add(c, from), out
}

func (l *listener) add(c net.Conn, from source) *conn {
	in := &conn{Conn: c, of: l, source: from}
	in.at = l.conns.PushBack(in)
	l.by[from]++
	return in
}

func (l *listener) remove(c *conn) {
	if c.at == nil {
		return
	}
	l.conns.Remove(c.at)
	c.at = nil
	if l.by[c.source]--; l.by[c.source] == 0 {
		delete(l.by, c.source)
	}
}

// resting is the connection that has rested longest, of one source or of anybody.
func (l *listener) resting(of *source) (found *conn) {
	for el := l.conns.Front(); el != nil; el = el.Next() {
		c := el.Value.(*conn)
		if c.rests > 0 && (of == nil || c.source == *of) && (found == nil || c.rests < found.rests) {
			found = c
		}
	}
	return found
}

// greediest is the oldest connection of the source that has most, if that is more
// than newcomer would have then.
func (l *listener) greediest(newcomer source) *conn {
	most, greedy, found := l.by[newcomer]+1, source{}, false
	for s, n := range l.by {
		if n > most {
			most, greedy, found = n, s, true
		}
	}
	for el := l.conns.Front(); el != nil && found; el = el.Next() {
		if c := el.Value.(*conn); c.source == greedy {
			return c
		}
	}
	return nil
}

// bounded is the connection of a listener below c, nil when there is none.
func bounded(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	in, _ := c.(*conn)
	return in
}

// state is an http.Server's ConnState: it tells which connections rest. One whose
// next request has not arrived in full still rests.
func (l *listener) state(c net.Conn, s http.ConnState) {
	in := bounded(c)
	if in == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn++
	in.rests = 0
	if s == http.StateIdle {
		in.rests = l.turn
	}
}

// Close gives the place back.
func (c *conn) Close() error {
	c.of.mu.Lock()
	c.of.remove(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
