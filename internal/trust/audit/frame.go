package audit

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A frame is one record in the journal:
//
//	magic 4 | size of the rest 4 | seq 8 | first 8 | last 8 | CRC-32C 4 | leaf 65 | sealed
//
// first and last name the batch, so that recovery can tell a batch that was torn
// while it was written from a record that was durable and is broken now. The
// checksum finds torn writes, not attackers; the tree finds those.
const (
	frameMagic  = 0x504a4c31 // "PJL1"
	frameHeader = 36
	maxSealed   = 32 << 10 // a sealed payload is at most 16 KiB and a little
	maxFrame    = frameHeader + leafSize + maxSealed
)

// frame is a parsed frame. Sealed points into the buffer that was parsed.
type frame struct {
	record      Record
	first, last int64
	size        int // bytes in the journal
}

var (
	errFrameShort = errors.New("audit: journal ends inside a record")
	errFrame      = errors.New("audit: not a record")
)

// crcTable is made on each use because the library keeps one per polynomial.
func crcTable() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendFrames encodes a batch and returns each record's position in it.
func appendFrames(b []byte, rs []Record) ([]byte, []int64) {
	at := make([]int64, len(rs))
	for i, r := range rs {
		at[i] = int64(len(b))
		start := len(b)
		b = binary.BigEndian.AppendUint32(b, frameMagic)
		b = binary.BigEndian.AppendUint32(b, uint32(leafSize+len(r.Sealed)))
		b = binary.BigEndian.AppendUint64(b, uint64(r.Seq))
		b = binary.BigEndian.AppendUint64(b, uint64(rs[0].Seq))
		b = binary.BigEndian.AppendUint64(b, uint64(rs[len(rs)-1].Seq))
		b = append(b, 0, 0, 0, 0)
		b = append(append(b, r.Leaf[:]...), r.Sealed...)
		binary.BigEndian.PutUint32(b[start+32:], frameSum(b[start:]))
	}
	return b, at
}

func frameSum(f []byte) uint32 {
	sum := crc32.Update(0, crcTable(), f[:32])
	return crc32.Update(sum, crcTable(), f[frameHeader:])
}

// parseFrame reads the frame at the start of b. errFrameShort means that a valid
// header asks for more bytes than there are.
func parseFrame(b []byte) (frame, error) {
	if len(b) < frameHeader {
		return frame{}, errFrameShort
	}
	n := int(binary.BigEndian.Uint32(b[4:]))
	if binary.BigEndian.Uint32(b) != frameMagic || n < leafSize || n > leafSize+maxSealed {
		return frame{}, errFrame
	}
	f := frame{size: frameHeader + n, first: int64(beUint64(b[16:])), last: int64(beUint64(b[24:]))}
	if len(b) < f.size {
		return frame{}, errFrameShort
	}
	f.record.Seq = int64(beUint64(b[8:]))
	if frameSum(b[:f.size]) != binary.BigEndian.Uint32(b[32:]) ||
		f.record.Seq < f.first || f.record.Seq > f.last || f.first < 0 {
		return frame{}, errFrame
	}
	copy(f.record.Leaf[:], b[frameHeader:])
	f.record.Sealed = b[frameHeader+leafSize : f.size]
	return f, nil
}
