package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// derived is a file of fixed-size units that can be computed from the journal. What
// could not be written yet stays in tail and is served from there, so that a full
// disk never loses it while the process lives.
type derived struct {
	f    file // nil in a reader whose file is missing
	unit int64
	n    int64  // units in the file
	tail []byte // units behind them
}

func (d *derived) add(b []byte) { d.tail = append(d.tail, b...) }

func (d *derived) addInt(v int64) { d.tail = binary.BigEndian.AppendUint64(d.tail, uint64(v)) }

func (d *derived) flush() {
	if len(d.tail) == 0 || d.f == nil {
		return
	}
	if _, err := d.f.WriteAt(d.tail, d.n*d.unit); err != nil {
		return
	}
	d.n += int64(len(d.tail)) / d.unit
	d.tail = d.tail[:0]
}

// cut drops everything from unit n on, in memory and, unless readOnly, in the file.
func (d *derived) cut(n int64, readOnly bool) error {
	d.n, d.tail = n, nil
	if readOnly {
		return nil
	}
	return d.f.Truncate(n * d.unit)
}

// read returns the units from..to-1.
func (d *derived) read(from, to int64) ([]byte, error) {
	if from < 0 || to < from || to > d.n+int64(len(d.tail))/d.unit {
		return nil, fmt.Errorf("read unit %d of derived log file: %w", to-1, ErrDamaged)
	}
	b := make([]byte, (to-from)*d.unit)
	inFile := max(0, min(to, d.n)-from) * d.unit
	if inFile > 0 {
		if _, err := d.f.ReadAt(b[:inFile], from*d.unit); err != nil {
			return nil, fmt.Errorf("read derived log file: %w", errors.Join(err, ErrDamaged))
		}
	}
	if inFile < int64(len(b)) {
		copy(b[inFile:], d.tail[(max(from, d.n)-d.n)*d.unit:])
	}
	return b, nil
}

func beUint64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }
