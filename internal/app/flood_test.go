package app

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"postern.example/postern/test/covers"
)

const frameContinuation = 9

// serveH2 serves h over TLS until the test ends.
func serveH2(t *testing.T, h http.Handler) (port string) {
	t.Helper()
	made := httptest.NewTLSServer(h) // for its certificate
	made.Close()
	tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := NewLogger(io.Discard)
	l := bound(tcp, openLimits{total: 10, each: 5}, log)
	s := server(h, l, patient, log)
	done := make(chan error, 1)
	go func() {
		done <- s.Serve(tls.NewListener(l, modern(&tls.Config{Certificates: made.TLS.Certificates}))) //#nosec G402 -- modern sets the version
	}()
	t.Cleanup(func() { _ = s.Close(); <-done })
	_, port, _ = net.SplitHostPort(tcp.Addr().String())
	return port
}

// A head that goes on in frame after frame (CVE-2024-27316 and its kin) is broken off, no
// handler hears of it, and memory stays flat.
func TestAHeadWithoutAnEndIsBoundedInMemory(t *testing.T) {
	covers.Covers(t, "SD-6")
	var heard atomic.Int64
	port := serveH2(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	// A literal field without indexing, of eight kilobytes: name "x", value of 0x41.
	field := append([]byte{0x00, 1, 'x', 0x7f, 0x81, 0x3f}, make([]byte, 127+0x81-0x80+(0x3f<<7))...)
	for i := 6; i < len(field); i++ {
		field[i] = 'A'
	}
	for what, more := range map[string][]byte{"fields": field, "nothing": nil} {
		c, _ := dialH2(t, port)
		before := heap()
		_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		// HEADERS with the four pseudo-header fields, and no END_HEADERS.
		_, err := c.Write(frame(frameHeaders, endStream, 1, 0x82, 0x84, 0x87, 0x41, 1, 'x'))
		sent := 0
		for range 20_000 {
			if err != nil {
				break
			}
			_, err = c.Write(frame(frameContinuation, 0, 1, more...))
			sent += len(more)
		}
		if more != nil && err == nil {
			t.Errorf("%s: %d MB of one head were taken", what, sent>>20)
		}
		if grown := heap() - before; grown > 4<<20 {
			t.Errorf("%s: it holds %d KB", what, grown>>10)
		}
		_ = c.Close()
	}
	if heard.Load() != 0 {
		t.Error("a handler heard of a head without an end")
	}
}

// Hundreds of clients, one after the other, that send half a head, half a body, or never take
// their answer leave nothing behind.
func TestSlowClientsLeaveNothing(t *testing.T) {
	covers.Covers(t, "SD-6")
	answer := make([]byte, 1<<20)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		for range 64 {
			if _, err := w.Write(answer); err != nil {
				return
			}
		}
	})
	const at = 30
	port := serveBound(t, h, openLimits{total: at, each: at}, quick)
	for what, sent := range map[string]string{"head": "GET / HTTP/1.1\r\nHo", "body": slowBody + "x", "reader": "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} {
		round := func() {
			var held []net.Conn
			for range at {
				c, err := tryFrom(t, "127.0.0.1", port)
				if err != nil {
					continue
				}
				if _, err := io.WriteString(c, sent); err != nil {
					_ = c.Close()
					continue
				}
				held = append(held, c)
			}
			for _, c := range held {
				if what != "reader" {
					cut(t, "slow "+what, c)
				}
				_ = c.Close()
			}
		}
		round() // what is made once is made now
		before := heap()
		for range 3 {
			round()
		}
		if grown := heap() - before; grown > 4<<20 {
			t.Errorf("slow %ss hold %d KB", what, grown>>10)
		}
	}
}
