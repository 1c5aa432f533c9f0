package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// client is one keep-alive connection. It is as small as HTTP/1.1 allows, so
// that what is measured is the server: it shares the cores with it.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	next int
}

func dial(addr string) (*client, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return &client{conn: c, r: bufio.NewReaderSize(c, 64<<10)}, nil
}

// answer is what a request got.
type answer struct {
	status int
	length int
}

// do sends a whole request and reads the whole answer; body may be nil.
func (c *client) do(request []byte, body io.Writer) (answer, error) {
	if _, err := c.conn.Write(request); err != nil {
		return answer{}, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil || len(line) < 12 {
		return answer{}, errors.Join(errors.New("no status line"), err)
	}
	a := answer{status: int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')}
	length, chunked := 0, false
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return a, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := field(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return a, err
			}
		} else if v, ok := field(line, "Transfer-Encoding: "); ok {
			chunked = string(v) == "chunked"
		}
	}
	if !chunked {
		a.length = length
		return a, c.take(length, body)
	}
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return a, err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return a, err
		}
		if err := c.take(int(n), body); err != nil {
			return a, err
		}
		if _, err := c.r.Discard(2); err != nil {
			return a, err
		}
		if a.length += int(n); n == 0 {
			return a, nil
		}
	}
}

func (c *client) take(n int, body io.Writer) error {
	if body == nil {
		_, err := c.r.Discard(n)
		return err
	}
	_, err := io.CopyN(body, c.r, int64(n))
	return err
}

func field(line []byte, name string) ([]byte, bool) {
	if len(line) < len(name) || string(line[:len(name)]) != name {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name):]), true
}

// request is a GET with a bearer token; an empty token sends none.
func request(host, path, token string) []byte {
	b := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n"
	if token != "" {
		b += "Authorization: Bearer " + token + "\r\n"
	}
	return []byte(b + "\r\n")
}

// arm is one thing that is measured: a server and who asks it for what. The
// requests of connection i are requests[i%len], one after the other.
type arm struct {
	name     string
	by       *generator
	addr     string
	requests [][][]byte
	want     int           // status
	pause    time.Duration // of each connection, after an answer

	told bool // the generator knows the requests
	id   int
}

// sample is what one window of one arm gave.
type sample struct {
	Rate      float64 // answers per second
	P50, P99  time.Duration
	Length    int           // of the longest answer
	Answers   int           // in all
	Generator time.Duration // processor time of the generator, of all answers
	CPU       time.Duration // of both processes, per answer
	Server    time.Duration // of this process alone, per answer
}

// window has the generator drive the arm with n connections for d.
func (a *arm) window(n int, d time.Duration) (sample, error) {
	o := order{Addr: a.addr, Want: a.want, Conns: n, Window: d, Pause: a.pause}
	if !a.told {
		a.by.arms++
		a.id, a.told, o.Requests = a.by.arms, true, a.requests
	}
	o.Arm = a.id
	used := cpuTime()
	s, err := a.by.tell(o)
	used = cpuTime() - used
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", a.name, err)
	}
	s.Server, s.CPU = used/time.Duration(s.Answers), (used+s.Generator)/time.Duration(s.Answers)
	return s, nil
}

// close hangs up.
func (a *arm) close() {
	if a.told {
		_, _ = a.by.tell(order{Arm: a.id})
		a.told = false
	}
}

// load is an arm as the generator sees it.
type load struct {
	addr     string
	requests [][][]byte
	want     int
	pause    time.Duration
	clients  []*client
}

// patience is how long after its window an answer may still come: a server that
// hangs is an error, and not a bench that hangs.
const patience = 30 * time.Second

// window drives the arm with n connections for d.
func (l *load) window(n int, d time.Duration) (sample, error) {
	for len(l.clients) < n {
		c, err := dial(l.addr)
		if err != nil {
			return sample{}, err
		}
		c.next = len(l.clients)
		l.clients = append(l.clients, c)
	}
	var wg sync.WaitGroup
	times := make([][]time.Duration, n)
	errs := make([]error, n)
	lengths := make([]int, n)
	start, used := time.Now(), cpuTime()
	for _, c := range l.clients[:n] {
		if err := c.conn.SetDeadline(start.Add(d + patience)); err != nil {
			return sample{}, err
		}
	}
	for i := range n {
		mine := l.requests[i%len(l.requests)]
		wg.Go(func() {
			until := start.Add(d)
			rest(l.pause*time.Duration(i)/time.Duration(n), until) // else all would ask at once, for ever
			times[i], lengths[i], errs[i] = l.clients[i].drive(mine, l.want, l.pause, until)
		})
	}
	wg.Wait()
	took := time.Since(start)
	used = cpuTime() - used
	if err := errors.Join(errs...); err != nil {
		return sample{}, err
	}
	all := slices.Concat(times...)
	slices.Sort(all)
	if len(all) == 0 {
		return sample{}, errors.New("no answer within the window")
	}
	return sample{Rate: float64(len(all)) / took.Seconds(), P50: all[len(all)/2], P99: all[len(all)*99/100], Length: slices.Max(lengths),
		Answers: len(all), Generator: used}, nil
}

// rest waits for d, but not beyond until.
func rest(d time.Duration, until time.Time) {
	if d = min(d, time.Until(until)); d > 0 {
		<-time.After(d)
	}
}

func (c *client) drive(requests [][]byte, want int, pause time.Duration, until time.Time) (times []time.Duration, length int, err error) {
	times = make([]time.Duration, 0, 4096)
	for now := time.Now(); now.Before(until); {
		a, err := c.do(requests[c.next%len(requests)], nil)
		if err != nil {
			return nil, 0, err
		}
		if a.status != want {
			return nil, 0, fmt.Errorf("status %d instead of %d", a.status, want)
		}
		if a.length == 0 { // nothing is asked here that is answered by nothing
			return nil, 0, errors.New("empty answer")
		}
		c.next++
		length = max(length, a.length)
		after := time.Now()
		times = append(times, after.Sub(now))
		if now = after; pause > 0 {
			rest(pause, until)
			now = time.Now()
		}
	}
	return times, length, nil
}

func (l *load) close() {
	for _, c := range l.clients {
		_ = c.conn.Close()
	}
	l.clients = nil
}

// interleaved measures the arms in turns, rounds times, after one round that
// warms caches and does not count. The order turns around every round.
func interleaved(arms []*arm, conns, rounds int, d time.Duration) (map[string][]sample, error) {
	out := map[string][]sample{}
	for round := -1; round < rounds; round++ {
		order := slices.Clone(arms)
		if round%2 == 0 {
			slices.Reverse(order)
		}
		for _, a := range order {
			s, err := a.window(conns, d)
			if err != nil {
				return nil, err
			}
			if round >= 0 {
				out[a.name] = append(out[a.name], s)
			}
		}
	}
	return out, nil
}

func median[T ~int64 | ~float64](values []T) T {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return 0
	}
	return s[len(s)/2]
}

// rates and halves pick one figure of each sample.
func rates(s []sample) (out []float64) {
	for _, x := range s {
		out = append(out, x.Rate)
	}
	return out
}

func tails(s []sample) (out []time.Duration) {
	for _, x := range s {
		out = append(out, x.P99)
	}
	return out
}

func halves(s []sample) (out []time.Duration) {
	for _, x := range s {
		out = append(out, x.P50)
	}
	return out
}

// ratio is the median of the rounds' own ratios: a and b of one round ran next
// to each other.
func ratio(a, b []sample) float64 {
	var out []float64
	for i := range a {
		out = append(out, a[i].Rate/b[i].Rate)
	}
	return median(out)
}

// cpuTime is what this process has used of all cores.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// cpuRatio says the same as ratio in time on the cores, which other programs on
// the machine disturb less than the clock, and how much of it the server takes.
func cpuRatio(a, b []sample) string {
	var all, server [2][]time.Duration
	for i, of := range [][]sample{a, b} {
		for _, s := range of {
			all[i], server[i] = append(all[i], s.CPU), append(server[i], s.Server)
		}
	}
	return fmt.Sprintf("; CPU an answer %s and %s: %.2f, the server's part %s and %s", micros(median(all[0])), micros(median(all[1])),
		float64(median(all[1]))/float64(median(all[0])), micros(median(server[0])), micros(median(server[1])))
}
