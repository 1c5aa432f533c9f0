package app

import (
	"bufio"
	"bytes"
	"io"
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
