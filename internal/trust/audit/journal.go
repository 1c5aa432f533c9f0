package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"

	"golang.org/x/mod/sumdb/tlog"
)

func frameSumAll(b []byte) uint32 { return crc32.Checksum(b, crcTable()) }

// readJournal fills b from position pos on, across segments. The caller holds mu or
// is the only user.
func (s *FileStore) readJournal(b []byte, pos int64) error {
	return readSegments(s.segs, b, pos)
}

func readSegments(segs []segment, b []byte, pos int64) error {
	i := sort.Search(len(segs), func(i int) bool { return segs[i].base > pos }) - 1
	for len(b) > 0 {
		if i < 0 || i >= len(segs) {
			return fmt.Errorf("read journal at %d: %w", pos, ErrDamaged)
		}
		n := len(b)
		if i+1 < len(segs) {
			n = int(min(int64(n), segs[i+1].base-pos))
		}
		if _, err := segs[i].f.ReadAt(b[:n], pos-segs[i].base); err != nil {
			if errors.Is(err, io.EOF) {
				err = ErrDamaged
			}
			return fmt.Errorf("read journal at %d: %w", pos, err)
		}
		b, pos, i = b[n:], pos+int64(n), i+1
	}
	return nil
}

// journalReader reads frames in sequence through one buffer.
type journalReader struct {
	segs  []segment
	pos   int64 // of the next frame
	limit int64
	buf   []byte
	have  []byte // unread part of buf
}

const journalBuffer = 1 << 20

func newJournalReader(s *FileStore, pos, limit int64) *journalReader {
	return &journalReader{segs: s.segs, pos: pos, limit: limit, buf: make([]byte, min(max(limit-pos, 0), journalBuffer))}
}

// next returns the frame at pos, io.EOF at the limit. The frame is valid until the
// next call.
func (r *journalReader) next() (frame, error) {
	if r.pos == r.limit {
		return frame{}, io.EOF
	}
	f, err := parseFrame(r.have)
	if errors.Is(err, errFrameShort) {
		n := min(int64(len(r.buf)), r.limit-r.pos)
		if err := readSegments(r.segs, r.buf[:n], r.pos); err != nil {
			return frame{}, err
		}
		r.have = r.buf[:n]
		f, err = parseFrame(r.have)
	}
	if err != nil {
		return frame{}, err
	}
	r.have = r.have[f.size:]
	r.pos += int64(f.size)
	return f, nil
}

// Records implements Reader. It goes by the offsets to the first record and from
// there by the journal itself, and finds an offset that disagrees.
func (s *FileStore) Records(ctx context.Context, from, to int64, fn func(Record) error) error {
	if from >= to {
		return nil
	}
	s.mu.RLock()
	offs, err := s.offsets.read(from, to)
	limit, segs := s.end, s.segs
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	first := int64(beUint64(offs))
	if first < 0 || first > limit {
		return &BadRecord{from, "offset"}
	}
	if to-from == 1 { // one record: do not read a megabyte for it
		limit = min(limit, first+maxFrame)
	}
	r := &journalReader{segs: segs, pos: first, limit: limit,
		buf: make([]byte, min(max(limit-first, 0), int64(journalBuffer), (to-from)*maxFrame))}
	for seq := from; seq < to; seq++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if int64(beUint64(offs[(seq-from)*8:])) != r.pos {
			return &BadRecord{seq, "offset"}
		}
		f, err := r.next()
		if err != nil || f.record.Seq != seq {
			return &BadRecord{seq, "journal"}
		}
		if err := fn(f.record); err != nil {
			return err
		}
	}
	return nil
}

// BadRecord is an ErrDamaged that says which record.
type BadRecord struct {
	Seq   int64
	Where string // which copy of it disagrees
}

func (e *BadRecord) Error() string {
	return fmt.Sprintf("audit: record %d: %s is damaged", e.Seq, e.Where)
}

// Is makes a BadRecord an ErrDamaged.
func (e *BadRecord) Is(target error) bool { return target == ErrDamaged }

// hashWindow is how many hashes are read at once around a wanted one: the lower
// half of an inclusion path lies together.
const hashWindow = 256

// Hashes implements Reader; runs of consecutive indexes are one read.
func (s *FileStore) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]tlog.Hash, 0, len(indexes))
	var windows hashWindows
	for i := 0; i < len(indexes); {
		j := i + 1
		for j < len(indexes) && indexes[j] == indexes[j-1]+1 {
			j++
		}
		b, err := windows.read(&s.hashes, indexes[i], indexes[j-1]+1)
		if err != nil {
			return nil, err
		}
		for ; len(b) > 0; b = b[tlog.HashSize:] {
			out = append(out, tlog.Hash(b[:tlog.HashSize]))
		}
		i = j
	}
	return out, nil
}

// hashWindows are the parts of the hash file that one call has read.
type hashWindows []struct {
	first int64
	b     []byte
}

func (w *hashWindows) read(d *derived, from, to int64) ([]byte, error) {
	for _, x := range *w {
		if from >= x.first && (to-x.first)*tlog.HashSize <= int64(len(x.b)) {
			return x.b[(from-x.first)*tlog.HashSize : (to-x.first)*tlog.HashSize], nil
		}
	}
	first := from - from%hashWindow
	end := min(first+hashWindow, d.n+int64(len(d.tail))/d.unit)
	if from < 0 || to > end { // a long run, or beyond the end
		return d.read(from, to)
	}
	b, err := d.read(first, end)
	if err != nil {
		return nil, err
	}
	*w = append(*w, struct {
		first int64
		b     []byte
	}{first, b})
	return b[(from-first)*tlog.HashSize : (to-first)*tlog.HashSize], nil
}
