package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// A message that comes without end is written a few times a minute, the rest is
// counted, and others are written as ever.
func TestTheLogCannotBeFlooded(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out)
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	say := func(at time.Time, message string) {
		r := slog.NewRecord(at, slog.LevelWarn, message, 0)
		if err := log.With("a", 1).WithGroup("g").Handler().Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	for range 10_000 {
		say(now, "flood")
	}
	say(now, "other")
	if n := strings.Count(out.String(), "\n"); n != quietMost+1 || !strings.Contains(out.String(), "msg=other") {
		t.Errorf("%d lines", n)
	}
	out.Reset()
	say(now.Add(quietWindow), "flood")
	if s := out.String(); strings.Count(s, "\n") != 2 || !strings.Contains(s, `msg="lines left out"`) || !strings.Contains(s, fmt.Sprint("count=", 10_000-quietMost)) || !strings.Contains(s, "msg=flood") {
		t.Errorf("a minute later:\n%s", s)
	}
	out.Reset()
	for i := range 10_000 {
		say(now, fmt.Sprint("made up ", i))
	}
	if n := strings.Count(out.String(), "\n"); n > quietKinds+quietMost {
		t.Errorf("%d lines of made-up messages", n)
	}
}

// Nonsense sent to the TLS port is one line each at first, and then none: a
// stranger can send it for nothing.
func TestBrokenHandshakesDoNotFloodTheLog(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out)
	tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, l := secureServer(t, tcp, log)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	_, port, _ := net.SplitHostPort(tcp.Addr().String())
	for range 3 * quietMost {
		c := dialFrom(t, "127.0.0.1", port)
		_, _ = io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
		cut(t, "nonsense", c)
		_ = c.Close()
	}
	_ = s.Close()
	<-done
	if n := strings.Count(out.String(), "connection failed"); n != quietMost || strings.Contains(out.String(), "127.0.0.1") {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}
