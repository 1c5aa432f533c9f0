package app

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// frame is one HTTP/2 frame by hand (RFC 9113 4.1): no client does what this test does.
func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	b = append(b, flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, payload...)
}

const (
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	endStream     = 1
	endHeaders    = 4
)

// dialH2 opens an HTTP/2 connection and returns the server's settings.
func dialH2(t *testing.T, port string) (net.Conn, map[uint16]uint32) {
	t.Helper()
	c, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //#nosec G402 -- our own server
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameSettings, 0, 0)...)); err != nil {
		t.Fatal(err)
	}
	var head [9]byte
	if _, err := io.ReadFull(c, head[:]); err != nil || head[3] != frameSettings {
		t.Fatalf("first frame % x, %v", head, err)
	}
	body := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(c, body); err != nil {
		t.Fatal(err)
	}
	settings := map[uint16]uint32{}
	for ; len(body) >= 6; body = body[6:] {
		settings[binary.BigEndian.Uint16(body)] = binary.BigEndian.Uint32(body[2:])
	}
	return c, settings
}

// secureServer is a server that speaks TLS with a certificate of a test.
func secureServer(t *testing.T, tcp net.Listener, log *slog.Logger) (*http.Server, net.Listener) {
	t.Helper()
	made := httptest.NewTLSServer(http.NotFoundHandler())
	made.Close()
	l := bound(tcp, openLimits{total: 10, each: 2}, log)
	return server(http.NotFoundHandler(), l, patient, log), tls.NewListener(l, modern(&tls.Config{Certificates: made.TLS.Certificates})) //#nosec G402 -- modern sets the version
}

// One HTTP/2 connection holds few requests, and one that opens and resets streams
// without end (CVE-2023-44487) is closed while memory stays flat.
func TestRapidResetIsBounded(t *testing.T) {
	var running, most atomic.Int64
	leave := make(chan struct{})
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		most.Store(max(most.Load(), running.Add(1)))
		<-leave
		running.Add(-1)
	})
	defer close(leave)
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
	defer func() { _ = s.Close(); <-done }()
	_, port, _ := net.SplitHostPort(tcp.Addr().String())

	c, settings := dialH2(t, port)
	if settings[3] != h2Streams || settings[4] > h2Window || settings[6] == 0 || settings[6] > headerBytes+4096 {
		t.Errorf("settings %v: streams, window and head are not bounded", settings)
	}
	before := heap()
	_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
	for n := range uint32(20_000) {
		id := 2*n + 1
		b := append(frame(frameHeaders, endStream|endHeaders, id, 0x82, 0x84, 0x87, 0x41, 1, 'x'), frame(frameReset, 0, id, 0, 0, 0, 8)...)
		if _, err := c.Write(b); err != nil {
			break // closed, with what follows
		}
	}
	cut(t, "rapid reset", c)
	if n := most.Load(); n == 0 || n > h2Streams {
		t.Errorf("%d requests ran at once", n)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("it holds %d KB", grown>>10)
	}
}

// Over TLS too it is known which connections rest.
func TestTLSConnectionsRest(t *testing.T) {
	tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, l := secureServer(t, tcp, NewLogger(io.Discard))
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	defer func() { _ = s.Close(); <-done }()
	for i := range 5 {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //#nosec G402 -- our own server
		for range 2 {
			r, err := client.Get("https://" + tcp.Addr().String())
			if err != nil || r.ProtoMajor != 2 {
				t.Fatalf("client %d: %v, %v", i, r, err)
			}
			_ = r.Body.Close()
		}
		defer client.CloseIdleConnections()
	}
}
