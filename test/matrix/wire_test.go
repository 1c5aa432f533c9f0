package matrix

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ask is a request as it goes over the wire: no client of Go's tidies its method,
// its path or its headers.
type ask struct {
	method, target string
	header         []string // name and value in turn
	body           string
}

// with is a with more headers.
func (a ask) with(header ...string) ask {
	a.header = append(append([]string(nil), a.header...), header...)
	return a
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// wire is one connection to the server, made anew when the server closes it.
type wire struct {
	address, host string
	conn          net.Conn
	in            *bufio.Reader
}

// send sends a and reads the whole answer. A connection that the server has closed
// meanwhile is made anew, once.
func (w *wire) send(a ask) (answer, error) {
	fresh := w.conn == nil
	out, err := w.once(a)
	if err != nil && !fresh {
		w.close()
		out, err = w.once(a)
	}
	if err != nil {
		w.close()
		return answer{}, fmt.Errorf("%s %s: %w", a.method, a.target, err)
	}
	return out, nil
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close() // nothing more is wanted of it
		w.conn = nil
	}
}

func (w *wire) once(a ask) (answer, error) {
	if w.conn == nil {
		conn, err := net.Dial("tcp", w.address)
		if err != nil {
			return answer{}, err
		}
		w.conn, w.in = conn, bufio.NewReader(conn)
	}
	if err := w.conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		return answer{}, err
	}
	if _, err := w.conn.Write(a.bytes(w.host)); err != nil {
		return answer{}, err
	}
	method := a.method
	if method == http.MethodConnect {
		method = http.MethodGet // its refusal has a body like any other
	}
	r, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return answer{}, err
	}
	if r.Close {
		w.close()
	}
	return answer{r.StatusCode, r.Header, body}, nil
}

func (a ask) bytes(host string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", a.method, a.target)
	own := false
	for i := 0; i < len(a.header); i += 2 {
		own = own || strings.EqualFold(a.header[i], "Host")
	}
	if !own {
		fmt.Fprintf(&b, "Host: %s\r\n", host)
	}
	b.WriteString("User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n")
	for i := 0; i < len(a.header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", a.header[i], a.header[i+1])
	}
	if a.body != "" || a.method == http.MethodPost {
		b.WriteString("Content-Length: " + strconv.Itoa(len(a.body)) + "\r\n")
	}
	b.WriteString("\r\n" + a.body)
	return b.Bytes()
}
