package app

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whoever was cut off in the middle of an answer gets nothing more: the head of the next
// answer would be taken for the rest of that one, and by a proxy for somebody else's.
func TestNothingFollowsAPartOfAnAnswer(t *testing.T) {
	const asked = 400 // more than the kernel takes
	body := bytes.Repeat([]byte("m"), 9<<10)
	failed := make(chan error, asked)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9216")
		if _, err := w.Write(body); err != nil {
			failed <- err
		}
	})
	c := dialFrom(t, "127.0.0.1", serveBound(t, h, openLimits{total: 10, each: 10}, quick))
	if _, err := io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", asked)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-failed: // it did not read
	case <-time.After(20 * time.Second):
		t.Fatal("a client that takes nothing is not cut off")
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	for n := range asked {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			return
		}
		if !bytes.Equal(got, body) {
			t.Fatalf("answer %d holds the head of another one", n)
		}
	}
	t.Error("it got every answer")
}

// A connection on which gathered bytes were lost is closed, because net/http, which gave
// them, takes them for sent.
func TestAConnectionThatLostBytesIsClosed(t *testing.T) {
	w := &wire{}
	c := connTo(w)
	c.gather()
	if _, err := io.WriteString(c, "half an answer"); err != nil {
		t.Fatal(err)
	}
	w.breaks = true
	if err := c.send(); err == nil {
		t.Fatal("a broken connection took it")
	}
	w.breaks = false // as with a new deadline
	if _, err := io.WriteString(c, "the next one"); err == nil || w.got.Len() != 0 {
		t.Errorf("%q followed: %v", w.got.String(), err)
	}
}

// pipes is a listener of connections in memory: the other sides of all have one address,
// as those of a network behind one address may have that reach the server at two.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// Somebody who does not take his answer holds up his own alone, also when another
// connection comes from the same address and port.
func TestAnAnswerIsGatheredInItsOwnConnection(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 1
		if r.URL.Path == "/long" {
			n = 2 * mostHeld
		}
		_, _ = w.Write(make([]byte, n))
	})
	log := NewLogger(io.Discard)
	in := make(pipes)
	l := bound(in, openLimits{total: 10, each: 10}, log)
	s := server(h, l, patient, log)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	defer func() { close(in); <-done; _ = s.Close() }()
	dial := func() net.Conn {
		c, other := net.Pipe()
		in <- other
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ask := func(c net.Conn, path string) {
		t.Helper()
		if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	slow, quick := dial(), dial()
	ask(quick, "/") // it is there, and newer
	r := bufio.NewReader(quick)
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Discard(1); err != nil {
		t.Fatal(err)
	}
	ask(slow, "/long")
	if _, err := slow.Read(make([]byte, 1)); err != nil { // the rest waits
		t.Fatal(err)
	}
	_ = quick.SetDeadline(time.Now().Add(5 * time.Second))
	ask(quick, "/")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Error("another's answer holds it up:", err)
	}
}

// A panic after the head of an answer was made, or after a part of it has left: the error
// carries nothing of that answer, and is not the end of one that has begun.
func TestAPanicLeavesNothingOfTheAnswer(t *testing.T) {
	h := testFront(t, frontConfig{Origin: "http://x", Web: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `W/"7"`)
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Content-Type", "application/fhir+json")
		if r.URL.Path == "/begun" {
			_, _ = w.Write(make([]byte, 8<<10))
			panic("after a part")
		}
		w.Header().Set("Content-Length", "5000")
		panic("before it")
	})})
	port := serveBound(t, h, openLimits{total: 10, each: 10}, patient)
	for path, whole := range map[string]bool{"/": true, "/begun": false} {
		c := dialFrom(t, "127.0.0.1", port)
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(path, err)
		}
		body, err := io.ReadAll(resp.Body)
		if whole != (err == nil) || whole != strings.Contains(string(body), "Something went wrong") {
			t.Errorf("%s: %d bytes: %v", path, len(body), err)
		}
		if whole && (resp.Header.Get("Etag")+resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Cache-Control") != "no-store" ||
			resp.Header.Get("X-Frame-Options") != "DENY") {
			t.Errorf("%s: %v", path, resp.Header)
		}
	}
}
