package audit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Recovery: what the journal holds is the log. It is read from the last clean mark
// on; hashes and offsets behind the mark are computed again, because they were
// written without sync and a power cut may have taken any part of them.

// cleanMark says that hashes and offsets were on the disk up to a head, and where
// the journal stood then. A mark that cannot be read, or whose root is not that of
// the hashes, is no mark, and everything is computed from the journal's start.
type cleanMark struct {
	head Head
	end  int64
}

func (c cleanMark) format() []byte {
	b := binary.BigEndian.AppendUint64([]byte("PCL1"), uint64(c.head.Size))
	b = binary.BigEndian.AppendUint64(b, uint64(c.end))
	b = append(b, c.head.Root[:]...)
	return binary.BigEndian.AppendUint32(b, frameSumAll(b))
}

func parseClean(b []byte) (cleanMark, bool) {
	const size = 4 + 8 + 8 + tlog.HashSize
	if len(b) != size+4 || !bytes.HasPrefix(b, []byte("PCL1")) || frameSumAll(b[:size]) != binary.BigEndian.Uint32(b[size:]) {
		return cleanMark{}, false
	}
	c := cleanMark{Head{Size: int64(beUint64(b[4:]))}, int64(beUint64(b[12:]))}
	copy(c.head.Root[:], b[20:])
	return c, c.head.Size >= 0 && c.end >= 0
}

// openSegments opens the journal's segments and checks that none is missing: each
// begins where the one before ends.
func (s *FileStore) openSegments() error {
	names, err := s.disk.list()
	if err != nil {
		return err
	}
	for _, name := range names {
		hex, is := strings.CutPrefix(name, journalPrefix)
		base, err := strconv.ParseInt(hex, 16, 64)
		if !is || err != nil {
			continue
		}
		f, err := s.disk.open(name, false)
		if err != nil {
			return err
		}
		s.segs = append(s.segs, segment{base, f})
	}
	sort.Slice(s.segs, func(i, j int) bool { return s.segs[i].base < s.segs[j].base })
	var end int64
	for _, g := range s.segs {
		n, err := g.f.size()
		if err != nil {
			return err
		}
		if g.base != end {
			return fmt.Errorf("journal segment at %d is missing: %w", end, ErrDamaged)
		}
		end = g.base + n
	}
	s.end = end // for now everything there is; recover finds the end of the last batch
	return nil
}

// recover finds the end of the journal's last whole batch and makes the derived
// files agree with it. The caller holds mu.
func (s *FileStore) recover(clean []byte, known int64) error {
	mark, e, err := s.startingPoint(clean)
	if err != nil {
		return err
	}
	if err := s.hashes.cut(tlog.StoredHashCount(mark.head.Size), s.readOnly); err != nil {
		return err
	}
	if err := s.offsets.cut(mark.head.Size, s.readOnly); err != nil {
		return err
	}
	limit := s.end
	s.size, s.end = mark.head.Size, mark.end
	if err := s.scan(&e, limit); err != nil {
		return err
	}
	if s.size < known {
		return fmt.Errorf("journal has %d records, %d were durable: %w", s.size, known, ErrDamaged)
	}
	if s.readOnly {
		return nil
	}
	return s.settle(limit)
}

// settle makes durable what recovery found. The journal is synced before the
// derived files are written, because a batch whose Append had failed may have been
// found in the page cache only.
func (s *FileStore) settle(limit int64) error {
	if err := s.cutJournal(limit); err != nil {
		return err
	}
	if len(s.segs) > 0 {
		if err := s.segs[len(s.segs)-1].f.datasync(); err != nil {
			return err
		}
	}
	s.hashes.flush()
	s.offsets.flush()
	return nil
}

// known is a number of records that were durable: a stored hash or offset is
// written only after its record is, whatever else a crash did to the file.
func (s *FileStore) known() (int64, error) {
	var counts [2]int64
	for i, d := range []*derived{&s.hashes, &s.offsets} {
		if d.f == nil {
			continue
		}
		n, err := d.f.size()
		if err != nil {
			return 0, err
		}
		d.n = n / d.unit
		counts[i] = d.n
	}
	n := counts[0] / 2 // n records store at most 2n hashes
	for tlog.StoredHashCount(n+1) <= counts[0] {
		n++
	}
	return max(n, counts[1]), nil
}

// startingPoint is the clean mark and the edge there, or the beginning.
func (s *FileStore) startingPoint(clean []byte) (cleanMark, edge, error) {
	c, ok := parseClean(clean)
	if !ok || tlog.StoredHashCount(c.head.Size) > s.hashes.n || c.head.Size > s.offsets.n || c.end > s.end {
		return cleanMark{}, edge{}, nil
	}
	e := edge{size: c.head.Size}
	for _, i := range edgeIndexes(c.head.Size) {
		h, err := s.hashes.read(i, i+1)
		if err != nil {
			return cleanMark{}, edge{}, err
		}
		e.roots = append(e.roots, tlog.Hash(h))
	}
	if e.root() == c.head.Root {
		return c, e, nil
	}
	if s.readOnly { // the verifier reports what a start would repair
		return cleanMark{}, edge{}, fmt.Errorf("stored hashes before record %d: %w", c.head.Size, ErrDamaged)
	}
	return cleanMark{}, edge{}, nil
}

// scan reads whole batches from s.end up to limit, adding to the derived files.
func (s *FileStore) scan(e *edge, limit int64) error {
	r := newJournalReader(s, s.end, limit)
	var batch []Record // leaves only; payloads are not kept
	var at []int64
	for {
		pos := r.pos
		f, err := r.next()
		if err == nil && (f.record.Seq != s.size+int64(len(batch)) || len(batch) == 0 && f.first != s.size) {
			err = errFrame
		}
		if err == io.EOF && len(batch) == 0 {
			return nil
		}
		if err == io.EOF || errors.Is(err, errFrame) || errors.Is(err, errFrameShort) {
			return s.torn(pos, limit, s.size+int64(len(batch)))
		}
		if err != nil {
			return err
		}
		batch, at = append(batch, Record{Leaf: f.record.Leaf}), append(at, pos)
		if f.record.Seq < f.last {
			continue
		}
		var hs []tlog.Hash
		for i := range batch {
			hs = e.add(batch[i].Leaf.Hash(), hs[:0])
			for _, h := range hs {
				s.hashes.add(h[:])
			}
			s.offsets.addInt(at[i])
		}
		s.size, s.end = e.size, r.pos
		batch, at = batch[:0], at[:0]
	}
}

// torn decides about a record that cannot be read: it is the tail of a batch that
// a crash tore, or zeros that wait for one, unless a record of a later batch follows,
// which was only begun after this one was durable. A reader beside a server may have
// come while the record was being written: then it can be read now, and the log that
// the reader sees ends before it.
func (s *FileStore) torn(pos, limit, seq int64) error {
	rest := make([]byte, min(limit-pos, 2*maxGroup*maxFrame))
	if err := s.readJournal(rest, pos); err != nil {
		return err
	}
	magic := binary.BigEndian.AppendUint32(nil, frameMagic)
	for i := 0; ; i++ {
		k := bytes.Index(rest[i:], magic)
		if k < 0 {
			return nil
		}
		i += k
		if f, err := parseFrame(rest[i:]); err == nil && f.first > seq {
			if s.readOnly && s.readable(pos, limit, seq) {
				return nil
			}
			return fmt.Errorf("journal record %d: %w", seq, ErrDamaged)
		}
	}
}

// readable reads the record at pos once more.
func (s *FileStore) readable(pos, limit, seq int64) bool {
	f, err := newJournalReader(s, pos, min(limit, pos+maxFrame)).next()
	return err == nil && f.record.Seq == seq
}

// cutJournal removes a torn tail, so that the next batch follows the last whole
// one. Only the last segment can have one: a segment begins with a batch.
func (s *FileStore) cutJournal(limit int64) error {
	if limit == s.end {
		return nil
	}
	g := s.segs[len(s.segs)-1]
	if g.base > s.end {
		return fmt.Errorf("journal segment at %d lies behind a torn record: %w", g.base, ErrDamaged)
	}
	return g.f.Truncate(s.end - g.base)
}

// rotate begins a new segment when the present one is full.
func (s *FileStore) rotate(n int64) error {
	if k := len(s.segs); k > 0 && s.end-s.segs[k-1].base < s.cfg.Segment {
		return nil
	}
	f, err := s.disk.open(segmentName(s.end), true)
	if err != nil {
		return err
	}
	if err := s.disk.sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segs = append(s.segs, segment{s.end, f})
	return nil
}
