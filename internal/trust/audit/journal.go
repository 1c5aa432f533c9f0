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

// hashSpan is how far apart two hashes may lie to be read at once: the lower part of
// an inclusion path lies together, and one read costs more than two kilobytes.
const hashSpan = 64

// Hashes implements Reader; ascending indexes that lie close are one read.
func (s *FileStore) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]tlog.Hash, 0, len(indexes))
	for i := 0; i < len(indexes); {
		first, j := indexes[i], i+1
		for j < len(indexes) && indexes[j] > indexes[j-1] && (indexes[j] == indexes[j-1]+1 || indexes[j]-first < hashSpan) {
			j++
		}
		b, err := s.hashes.read(first, indexes[j-1]+1)
		if err != nil {
			return nil, err
		}
		for _, index := range indexes[i:j] {
			out = append(out, tlog.Hash(b[(index-first)*tlog.HashSize:][:tlog.HashSize]))
		}
		i = j
	}
	return out, nil
}
