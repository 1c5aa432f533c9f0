package deid

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
)

// uuid is the identifier of label within space, shaped like a version 4 UUID
// because strict importers look at the version digit. It is a digest, so it
// stays the same when other resources come or go.
func uuid(space, label string) string {
	d := sha256.Sum256([]byte("postern synthetic\x00" + space + "\x00" + label))
	d[6] = d[6]&0x0f | 0x40
	d[8] = d[8]&0x3f | 0x80
	h := hex.EncodeToString(d[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// urn is the fullUrl of an identifier and the text of a reference to it.
func urn(id string) string { return "urn:uuid:" + id }

// dice are the deterministic randomness of one chart: the same space, the same story.
func dice(space string) *rand.Rand {
	d := sha256.Sum256([]byte("postern dice\x00" + space))
	// Predictable on purpose: fictional data must be the same on every machine, and nothing secret is drawn.
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(d[:8]), binary.BigEndian.Uint64(d[8:16]))) // #nosec G404 -- reproducible fiction, not security
}

type entryRequest struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

type entry struct {
	FullURL  string       `json:"fullUrl"`
	Resource resource     `json:"resource"`
	Request  entryRequest `json:"request"`
}

// bundleWriter writes one transaction entry by entry. After the first failure
// it does nothing more; close reports it.
type bundleWriter struct {
	w       *bufio.Writer
	line    bytes.Buffer
	enc     *json.Encoder
	entries int
	err     error
}

func newBundleWriter(w io.Writer) *bundleWriter {
	b := &bundleWriter{w: bufio.NewWriterSize(w, 32<<10)}
	b.enc = json.NewEncoder(&b.line)
	b.enc.SetEscapeHTML(false) // narrative stays legible; JSON needs no such escape
	_, b.err = b.w.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	return b
}

// add writes r and returns the reference by which the rest of the bundle names it.
func (b *bundleWriter) add(r resource) ref {
	to := urn(r.identity())
	if b.err != nil {
		return ref{Reference: to}
	}
	b.line.Reset()
	if b.entries > 0 {
		b.line.WriteByte(',')
	}
	b.line.WriteByte('\n')
	if b.err = b.enc.Encode(entry{to, r, entryRequest{"POST", r.kind()}}); b.err != nil {
		return ref{Reference: to}
	}
	b.line.Truncate(b.line.Len() - 1) // Encode ends with a line feed
	_, b.err = b.w.Write(b.line.Bytes())
	b.entries++
	return ref{Reference: to}
}

// close ends the bundle.
func (b *bundleWriter) close() error {
	if b.err == nil {
		_, b.err = b.w.WriteString("\n]}\n")
	}
	if b.err == nil {
		b.err = b.w.Flush()
	}
	if b.err != nil {
		return fmt.Errorf("write bundle: %w", b.err)
	}
	return nil
}
