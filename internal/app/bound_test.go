package app

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// quick are timeouts that a test can wait for.
var quick = timeouts{header: 200 * time.Millisecond, read: 300 * time.Millisecond, write: time.Minute, pace: 300 * time.Millisecond, idle: time.Minute}

// patient are timeouts that no test reaches.
var patient = timeouts{header: time.Minute, read: time.Minute, write: time.Minute, pace: time.Minute, idle: time.Minute}

// serveBound serves h until the test ends.
func serveBound(t *testing.T, h http.Handler, limits openLimits, times timeouts) (port string) {
	t.Helper()
	return serveWatched(t, h, limits, times, func(net.Conn, http.ConnState) {})
}

// serveWatched is serveBound that tells of each change of a connection's state, after
// the server knows of it.
func serveWatched(t *testing.T, h http.Handler, limits openLimits, times timeouts, watch func(net.Conn, http.ConnState)) (port string) {
	t.Helper()
	tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := NewLogger(io.Discard)
	l := bound(tcp, limits, log)
	s := server(h, l, times, log)
	state := s.ConnState
	s.ConnState = func(c net.Conn, now http.ConnState) {
		state(c, now)
		watch(c, now)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	_, port, _ = net.SplitHostPort(tcp.Addr().String())
	return port
}

// dialFrom connects from one loopback address.
func dialFrom(t *testing.T, from, port string) net.Conn {
	t.Helper()
	c, err := tryFrom(t, from, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func tryFrom(t *testing.T, from, port string) (net.Conn, error) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	return d.DialContext(t.Context(), "tcp4", "127.0.0.1:"+port)
}

// getFrom asks once, from a connection of its own.
func getFrom(t *testing.T, from, port string) (string, error) {
	t.Helper()
	c := dialFrom(t, from, port)
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return "", err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r.Body)
	return r.Status + " " + string(b), err
}

// cut waits until the server hangs up, and reports what came before. It fails
// when that takes long.
func cut(t *testing.T, what string, c net.Conn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(io.LimitReader(c, 1<<20))
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Fatalf("%s: not cut off", what)
	}
	return string(b)
}

// heap is what lives, stacks included.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what a pool held goes with the second
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

const slowBody = "POST /sign-in/finish HTTP/1.1\r\nHost: x\r\nContent-Length: 16000\r\n\r\n"

// 2,000 clients that send slowly hold no more than the limit says, and somebody
// who comes from another address is served meanwhile.
func TestSlowClientsAreBounded(t *testing.T) {
	arrived := make(chan struct{}, 4000)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			arrived <- struct{}{}
			_, _ = io.ReadAll(r.Body)
		}
		_, _ = io.WriteString(w, "served")
	})
	const each = 20
	port := serveBound(t, h, openLimits{total: 40, each: each}, patient)
	attack := func(n int) (held []net.Conn) {
		for range n {
			c, err := tryFrom(t, "127.0.0.1", port)
			if err != nil {
				continue // hung up at once
			}
			if _, err := io.WriteString(c, slowBody+strings.Repeat("x", 8000)); err != nil {
				_ = c.Close()
				continue
			}
			held = append(held, c)
		}
		return held
	}
	held := attack(each)
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	for range each {
		<-arrived
	}
	before := heap()
	for range 20 {
		for _, c := range attack(100) {
			cut(t, "a slow one over the limit", c) // hung up at once: nothing is left of it
			_ = c.Close()
		}
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("2,000 slow bodies hold %d KB more", grown>>10)
	}
	for i := range 3 {
		if got, err := getFrom(t, "127.0.0.2", port); err != nil || got != "200 OK served" {
			t.Errorf("well-behaved %d: %q, %v", i, got, err)
		}
	}
	if len(held) != each || len(arrived) != 0 {
		t.Errorf("%d are held, %d arrived besides", len(held), len(arrived))
	}
}

// When the server is full, a new one takes the place of the source that has most,
// and never of somebody who has less.
func TestAFullServerIsFair(t *testing.T) {
	arrived, leave := make(chan source, 100), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			arrived <- sourceOf(r.RemoteAddr)
			<-leave
		}
		_, _ = io.WriteString(w, "served")
	})
	defer close(leave)
	port := serveBound(t, h, openLimits{total: 8, each: 5}, patient)
	wait := func(from string) net.Conn {
		c := dialFrom(t, from, port)
		if _, err := io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-arrived
		return c
	}
	calm := wait("127.0.0.3")
	var greedy []net.Conn
	for range 5 {
		greedy = append(greedy, wait("127.0.0.1"))
	}
	wait("127.0.0.4")
	wait("127.0.0.5") // eight: full
	for i := range 3 {
		if got, err := getFrom(t, "127.0.0.2", port); err != nil || got != "200 OK served" {
			t.Fatalf("well-behaved %d: %q, %v", i, got, err)
		}
	}
	cut(t, "the oldest of the greediest", greedy[0])
	for name, c := range map[string]net.Conn{"the calm one": calm, "the newest of the greediest": greedy[4]} {
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err == nil || !err.(net.Error).Timeout() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A connection that rests makes room for a new one of the same source, so that
// many people behind one address do not lock each other out.
func TestRestingConnectionsMakeRoom(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") })
	rests := make(chan string, 16)
	port := serveWatched(t, h, openLimits{total: 10, each: 3}, patient, func(c net.Conn, now http.ConnState) {
		if now == http.StateIdle {
			rests <- c.RemoteAddr().String()
		}
	})
	var resting []net.Conn
	for range 6 {
		c := dialFrom(t, "127.0.0.1", port)
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("connection %d: %v", len(resting), err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		resting = append(resting, c)
		if who := <-rests; who != c.LocalAddr().String() {
			t.Fatalf("%s rests instead of connection %d", who, len(resting))
		}
	}
	cut(t, "the first that rests", resting[0])
}

// Whoever sends a head, a body or takes an answer too slowly is cut off.
func TestSlowClientsAreCutOff(t *testing.T) {
	var failed atomic.Int64
	ended := make(chan struct{}, 10)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if _, err := io.ReadAll(r.Body); err != nil {
				failed.Add(1)
			}
			return
		}
		b := make([]byte, 1<<20)
		for range 64 { // more than the kernel takes
			if _, err := w.Write(b); err != nil {
				ended <- struct{}{}
				return
			}
		}
	})
	port := serveBound(t, h, openLimits{total: 10, each: 10}, quick)
	for what, sent := range map[string]string{"nothing": "", "half a head": "GET / HTTP/1.1\r\nHo", "half a body": slowBody + "x"} {
		c := dialFrom(t, "127.0.0.1", port)
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		if got := cut(t, what, c); strings.Contains(got, "200") && what != "half a body" {
			t.Errorf("%s: %s", what, got)
		}
	}
	if failed.Load() != 1 {
		t.Error("half a body was taken for a whole one")
	}
	c := dialFrom(t, "127.0.0.1", port)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended: // it never reads
	case <-time.After(20 * time.Second):
		t.Error("a client that takes nothing is not cut off")
	}
}

// A large answer may take long, as long as it goes on: the deadline is for each
// part, not for the whole.
func TestALongAnswerGoesOn(t *testing.T) {
	const size = 3 << 20
	times := quick
	times.write, times.pace = 100*time.Millisecond, 5*time.Second // the first part moves the deadline
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) })
	port := serveBound(t, h, openLimits{total: 10, each: 10}, times)
	c := dialFrom(t, "127.0.0.1", port)
	if err := c.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	got := 0
	for b := make([]byte, 48<<10); got < size; <-tick.C {
		n, err := io.ReadAtLeast(r.Body, b, 1)
		if got += n; err != nil {
			t.Fatalf("broke off after %d bytes: %v", got, err)
		}
	}
}

// A head that is too long is refused before any door sees it.
func TestLongHeadsAreRefused(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") })
	port := serveBound(t, h, openLimits{total: 10, each: 10}, patient)
	for what, head := range map[string]string{
		"query":  "GET /?" + strings.Repeat("q", 24<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"cookie": "GET / HTTP/1.1\r\nHost: x\r\nCookie: a=" + strings.Repeat("c", 24<<10) + "\r\n\r\n",
		"many":   "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 4<<10) + "\r\n",
	} {
		c := dialFrom(t, "127.0.0.1", port)
		_, _ = io.WriteString(c, head) // the server may hang up before the end
		if got := cut(t, what, c); strings.Contains(got, "served") {
			t.Errorf("%s was served", what)
		}
	}
}

// What one source may have at once it may have at once, and no more; requests of
// HTTP/2 count like connections.
func TestRequestsAreBounded(t *testing.T) {
	arrived, leave := make(chan struct{}, 10), make(chan struct{})
	h := testFront(t, frontConfig{Origin: "http://x", Requests: newShare(openLimits{total: 3, each: 2}),
		Web: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				arrived <- struct{}{}
				<-leave
			}
		})})
	port := serveBound(t, h, openLimits{total: 100, each: 100}, patient)
	for _, from := range []string{"127.0.0.1", "127.0.0.1"} {
		if _, err := io.WriteString(dialFrom(t, from, port), "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-arrived
	}
	is := func(what, from, want string) {
		t.Helper()
		if got, err := getFrom(t, from, port); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	is("a third of the same source", "127.0.0.1", "429")
	is("somebody else", "127.0.0.2", "200")
	if _, err := io.WriteString(dialFrom(t, "127.0.0.2", port), "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-arrived
	is("one too many in all", "127.0.0.3", "429")
	close(leave)
}

// The addresses that one person has many of are one source.
func TestSources(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:443": "192.0.2.7/32", "[::ffff:192.0.2.7]:1": "192.0.2.7/32", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64",
		"[2001:db8:1:2::9]:2": "2001:db8:1:2::/64", "[fe80::1%eth0]:3": "fe80::/64", "@": "invalid Prefix",
	} {
		if got := netip.Prefix(sourceOf(address)).String(); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

// The defaults are those that docs/configuration.md states.
func TestLimitDefaults(t *testing.T) {
	tls := TLS{Certificate: "c.pem", Key: "k.pem"}
	for name, c := range map[string]struct {
		c    Config
		want openLimits
	}{
		"TLS":              {Config{TLS: tls}, openLimits{1024, 64}},
		"ACME":             {Config{TLS: TLS{ACME: ACME{Email: "it@clinic.example"}}}, openLimits{1024, 64}},
		"few":              {Config{TLS: tls, Limits: Limits{Connections: 10}}, openLimits{10, 10}},
		"behind a proxy":   {Config{}, openLimits{1024, 1024}},
		"as said":          {Config{TLS: tls, Limits: Limits{Connections: 300, ConnectionsPerAddress: 200}}, openLimits{300, 200}},
		"as said, a proxy": {Config{Limits: Limits{ConnectionsPerAddress: 7}}, openLimits{1024, 7}},
	} {
		if got := c.c.openLimits(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
