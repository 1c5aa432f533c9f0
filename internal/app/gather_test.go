package app

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wire is the other side of a connection: it keeps what arrived and in how many
// pieces, until it breaks.
type wire struct {
	net.Conn
	got    bytes.Buffer
	pieces int
	breaks bool
	closed bool
	house  byte // whose it is: the last part of its address
}

func (w *wire) Write(b []byte) (int, error) {
	if w.breaks || w.closed {
		return 0, errors.New("connection reset")
	}
	w.pieces++
	return w.got.Write(b)
}

func (w *wire) Close() error {
	w.closed = true
	return nil
}

func (w *wire) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1+w.house), Port: 4711}
}

func connTo(w *wire) *conn {
	l := bound(nil, openLimits{total: 1, each: 1}, NewLogger(io.Discard))
	in, _ := l.admit(w)
	return in
}

// Whatever is written and whenever something is gathered, the reader gets the same bytes
// in the same order, and all of them as soon as the answer is sent.
func TestGatheringLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &wire{}
		c := connTo(w)
		var want []byte
		for i, n := range rapid.SliceOf(rapid.IntRange(0, 2*mostHeld)).Draw(rt, "writes") {
			switch rapid.IntRange(0, 3).Draw(rt, "then") {
			case 0:
				c.gather()
			case 1:
				if err := c.send(); err != nil {
					rt.Fatal(err)
				}
				if w.got.Len() != len(want) {
					rt.Fatalf("%d of %d bytes are sent", w.got.Len(), len(want))
				}
			}
			b := bytes.Repeat([]byte{byte(i)}, n)
			want = append(want, b...)
			if k, err := c.Write(b); k != n || err != nil {
				rt.Fatalf("wrote %d of %d: %v", k, n, err)
			}
		}
		if err := c.send(); err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(w.got.Bytes(), want) {
			rt.Fatal("the reader got something else")
		}
	})
}

// What was gathered of Maya's chart is wiped when it has gone out, and when it could
// not: the memory is the next patient's.
func TestGatheredBytesAreWiped(t *testing.T) {
	for what, finish := range map[string]func(*conn, *wire) error{
		"sent": func(c *conn, _ *wire) error { return c.send() },
		"sent with the rest": func(c *conn, _ *wire) error {
			_, err := c.Write(make([]byte, mostHeld))
			return err
		},
		"not sent": func(c *conn, w *wire) error {
			w.breaks = true
			if err := c.send(); err == nil {
				return errors.New("a broken connection took it")
			}
			return nil
		},
		"not sent with the rest": func(c *conn, w *wire) error {
			w.breaks = true
			if n, err := c.Write(make([]byte, mostHeld)); err == nil || n != 0 {
				return fmt.Errorf("a broken connection took %d bytes: %w", n, err)
			}
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := &wire{}
			c := connTo(w)
			c.gather()
			if _, err := io.WriteString(c, "Glucose of Maya Ortega: 98 mg/dL"); err != nil {
				t.Fatal(err)
			}
			held := c.held
			if err := finish(c, w); err != nil {
				t.Fatal(err)
			}
			if *held != (heldBytes{}) {
				t.Error("the memory still holds the answer")
			}
			if c.held != nil || c.n != 0 {
				t.Error("the connection still holds the memory")
			}
			if c.two[0] != nil || c.two[1] != nil || c.pieces != nil {
				t.Error("the connection that rests still holds the answer")
			}
		})
	}
}

// An answer goes out in one piece, its head with it; what is short or not gathered
// goes out as it is written.
func TestAnAnswerGoesOutInOnePiece(t *testing.T) {
	w := &wire{}
	c := connTo(w)
	for range 3 {
		_, _ = io.WriteString(c, "at once")
	}
	if w.pieces != 3 {
		t.Errorf("%d pieces of 3", w.pieces)
	}
	c.gather()
	for range 10 {
		_, _ = c.Write(make([]byte, 1400)) // as TLS begins
	}
	if w.pieces != 3 {
		t.Error("what is gathered went out")
	}
	if err := c.send(); err != nil || w.pieces != 4 {
		t.Errorf("%d pieces: %v", w.pieces, err)
	}
}

// Answers of every length arrive whole over HTTP/1.1 and HTTP/2, in the clear and
// encrypted, whether their length was said before or not.
func TestAnswersArriveWhole(t *testing.T) {
	lengths := []int{0, 1, gathered, gathered + 1, 4 << 10, mostHeld, paceBytes, 3*partBytes + 1}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		if r.URL.RawQuery == "said" {
			w.Header().Set("Content-Length", fmt.Sprint(n))
		}
		_, _ = w.Write(bytes.Repeat([]byte("m"), n))
	})
	made := httptest.NewTLSServer(h) // for its certificate
	defer made.Close()
	roots := x509.NewCertPool()
	roots.AddCert(made.Certificate())
	for what, major := range map[string]int{"clear": 1, "encrypted": 1, "HTTP/2": 2} {
		t.Run(what, func(t *testing.T) {
			tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			log := NewLogger(io.Discard)
			l := bound(tcp, openLimits{total: 10, each: 10}, log)
			s := server(h, l, patient, log)
			var on net.Listener = l
			address := "http://" + tcp.Addr().String()
			if what != "clear" {
				address = "https://" + tcp.Addr().String()
				on = tls.NewListener(l, modern(&tls.Config{Certificates: made.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}})) //#nosec G402 -- modern sets the version
			}
			done := make(chan error, 1)
			go func() { done <- s.Serve(on) }()
			defer func() { _ = s.Close(); <-done }()
			client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: major == 2, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}}
			defer client.CloseIdleConnections()
			for _, n := range lengths {
				for _, query := range []string{"", "?said"} {
					askWhole(t, client, fmt.Sprintf("%s/%d%s", address, n, query), n, major)
				}
			}
		})
	}
}

func askWhole(t *testing.T, client *http.Client, url string, n, major int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != strings.Repeat("m", n) {
		t.Errorf("%s: got %d bytes: %v", url, len(got), err)
	}
	if resp.ProtoMajor != major {
		t.Errorf("%s: HTTP/%d", url, resp.ProtoMajor)
	}
}

// through is an answer that is written straight to a connection.
type through struct {
	http.ResponseWriter
	c     *conn
	parts []int           // lengths
	until []time.Duration // how long each part may take
	held  bool            // something was gathered meanwhile
}

func (a *through) Write(b []byte) (int, error) {
	a.parts = append(a.parts, len(b))
	a.held = a.held || a.c.gathers
	return a.c.Write(b)
}

func (a *through) SetWriteDeadline(at time.Time) error {
	a.until = append(a.until, time.Until(at))
	return nil
}

// answerTo is an answer to a request of an HTTP version that came over w.
func answerTo(t *testing.T, w *wire, major int) (*paced, *through) {
	t.Helper()
	a := &through{ResponseWriter: httptest.NewRecorder(), c: connTo(w)}
	r := httptest.NewRequestWithContext(withConn(t.Context(), a.c), http.MethodGet, "/", nil)
	r.ProtoMajor = major
	return pace(a, r, time.Hour), a
}

// What a connection of HTTP/1.1 gathers is one answer. In HTTP/2 other answers go over
// it too: nothing of them may wait until this one has been sent.
func TestOnlyAConnectionOfOneAnswerGathers(t *testing.T) {
	for major, want := range map[int]bool{1: true, 2: false} {
		p, a := answerTo(t, &wire{}, major)
		if _, err := p.Write(make([]byte, gathered+1)); err != nil || a.held != want || a.c.gathers {
			t.Errorf("HTTP/%d: gathered %v, goes on %v: %v", major, a.held, a.c.gathers, err)
		}
	}
}

// An answer that stays in the connection because it broke has not been written.
func TestAnAnswerThatIsNotSentIsAnError(t *testing.T) {
	p, _ := answerTo(t, &wire{breaks: true}, 1)
	if _, err := p.Write(make([]byte, gathered+1)); err == nil {
		t.Error("a broken connection took the answer")
	}
}

// However long an answer is, whoever takes nothing of it is cut off after the time of
// one part; and each part has the time that a slow reader needs for it.
func TestEachPartHasItsOwnTime(t *testing.T) {
	p, a := answerTo(t, &wire{}, 1)
	if n, err := p.Write(make([]byte, 2*partBytes+paceBytes+1)); err != nil || n != 2*partBytes+paceBytes+1 {
		t.Fatal(n, err)
	}
	if !slices.Equal(a.parts, []int{partBytes, partBytes, paceBytes + 1}) {
		t.Errorf("parts of %d", a.parts)
	}
	for i, hours := range []int{4, 4, 2} {
		if got := a.until[i].Round(time.Minute); got != time.Duration(hours)*time.Hour {
			t.Errorf("part %d may take %s", i, got)
		}
	}
}

// counted is a listener whose only connection counts what is written to it.
type counted struct {
	net.Listener
	writes atomic.Int64
}

type countedConn struct {
	net.Conn
	of *counted
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countedConn{c, l}, err
}

func (c countedConn) Write(b []byte) (int, error) {
	c.of.writes.Add(1)
	return c.Conn.Write(b)
}

// A page of a few KiB leaves the server in one piece, whatever net/http does.
func TestTheServerSendsAPageInOnePiece(t *testing.T) {
	tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const size = 8 << 10
	log, wires := NewLogger(io.Discard), &counted{Listener: tcp}
	l := bound(wires, openLimits{total: 1, each: 1}, log)
	s := server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = w.Write(bytes.Repeat([]byte("m"), size))
	}), l, patient, log)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	defer func() { _ = s.Close(); <-done }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	askWhole(t, client, "http://"+tcp.Addr().String(), size, 1)
	if n := wires.writes.Load(); n != 1 {
		t.Errorf("%d pieces", n)
	}
}

// A phone loses its network and comes back from the same port before the server has
// missed it. The old connection ends, more than once, then the new one: nothing is left
// of either.
func TestNothingIsLeftOfAConnection(t *testing.T) {
	l := bound(nil, openLimits{total: 2, each: 2}, NewLogger(io.Discard))
	old, _ := l.admit(&wire{})
	again, _ := l.admit(&wire{})
	for range 2 { // net/http closes more than once
		_ = old.Close()
	}
	if l.by[again.source] != 1 {
		t.Errorf("%d connections of the source are open", l.by[again.source])
	}
	_ = again.Close()
	if len(l.by) != 0 || l.conns.Len() != 0 {
		t.Errorf("left: %d sources, %d connections", len(l.by), l.conns.Len())
	}
	s := newShare(openLimits{total: 2, each: 2})
	for range 2 {
		if !s.take(again.source) {
			t.Fatal("there is no room")
		}
	}
	s.give(again.source)
	s.give(again.source)
	if len(s.by) != 0 || s.open != 0 {
		t.Errorf("left: %d sources, %d requests", len(s.by), s.open)
	}
}
