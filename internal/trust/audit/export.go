package audit

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/word/fault"
)

// An export is a folder in the layout of C2SP tlog-tiles 0.1: checkpoint,
// tile/<L>/<N>, tile/entries/<N>, and beside it log.vkey and payload/<N>, which holds
// the sealed payloads of the same 256 entries with a 32-bit length before each.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	vkeyName   = "log.vkey"
)

// ErrNoCheckpoint means that a log has nothing signed that could be exported.
var ErrNoCheckpoint = errors.New("audit: the log has no checkpoint yet")

// Export writes the tree of the store's newest checkpoint into dir, which must be
// empty or absent. It needs no key and opens no payload.
func Export(ctx context.Context, s Reader, vkey, dir string) (Head, error) {
	k, err := parseVKey(vkey)
	if err != nil {
		return Head{}, err
	}
	note, err := s.Checkpoint(ctx)
	if err != nil {
		return Head{}, fmt.Errorf("export log: %w", err)
	}
	if note == nil {
		return Head{}, fault.Wrap(fault.Unavailable, "export log", ErrNoCheckpoint)
	}
	h, err := k.open(note)
	if err != nil {
		return Head{}, fault.Wrap(fault.Tampered, "export log", err)
	}
	if err := emptyDir(dir); err != nil {
		return Head{}, err
	}
	w := exportWriter{dir: dir}
	for _, t := range tlog.NewTiles(tileHeight, 0, h.Size) {
		b, err := tlog.ReadTileData(t, hashReader(ctx, s))
		if err != nil {
			return Head{}, fmt.Errorf("export log: %w", err)
		}
		w.write(tilePath(t), b)
	}
	for n := int64(0); n*tileWidth < h.Size; n++ {
		if err := exportBundle(ctx, s, &w, n, min(h.Size, (n+1)*tileWidth)); err != nil {
			return Head{}, fmt.Errorf("export log: %w", err)
		}
	}
	w.write(vkeyName, []byte(k.text+"\n"))
	w.write(checkpointName, note) // last: an export that broke off has none
	return h, w.err
}

func emptyDir(dir string) error {
	es, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil && len(es) > 0 {
		return fault.New(fault.Conflict, "export log: the folder is not empty")
	}
	if err != nil {
		return fmt.Errorf("export log: %w", err)
	}
	return nil
}

// tilePath drops the height that tlog puts into a tile's path; tlog-tiles fixes it.
func tilePath(t tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
}

// bundlePath is the path of a bundle of w entries below folder.
func bundlePath(folder string, n int64, w int) string {
	t := tlog.Tile{H: tileHeight, L: 0, N: n, W: w}
	return path.Join(folder, strings.TrimPrefix(tilePath(t), "tile/0/"))
}

func exportBundle(ctx context.Context, s Reader, out *exportWriter, n, to int64) error {
	var leaves, payloads []byte
	err := s.Records(ctx, n*tileWidth, to, func(r Record) error {
		leaves = append(binary.BigEndian.AppendUint16(leaves, leafSize), r.Leaf[:]...)
		payloads = append(binary.BigEndian.AppendUint32(payloads, uint32(len(r.Sealed))), r.Sealed...)
		return nil
	})
	w := int(to - n*tileWidth)
	out.write(bundlePath("tile/entries", n, w), leaves)
	out.write(bundlePath("payload", n, w), payloads)
	return err
}

// exportWriter writes files until one fails.
type exportWriter struct {
	dir string
	err error
}

func (w *exportWriter) write(name string, b []byte) {
	full := filepath.Join(w.dir, filepath.FromSlash(name))
	if w.err == nil {
		w.err = os.MkdirAll(filepath.Dir(full), 0o700)
	}
	if w.err == nil {
		w.err = os.WriteFile(full, b, 0o600)
	}
}

// VerifyExport verifies an exported folder with the given key, not with the one that
// lies in the folder, and the given checkpoints from outside.
func VerifyExport(ctx context.Context, dir, vkey string, outside ...[]byte) (Report, error) {
	k, err := parseVKey(vkey)
	if err != nil {
		return Report{}, err
	}
	x := &exportReader{dir: os.DirFS(dir)}
	note, err := x.Checkpoint(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify export: %w", err)
	}
	h, err := k.open(note)
	if err != nil {
		var r Report
		return r.bad(fmt.Errorf("the log's own checkpoint: %w", err)), nil
	}
	x.size = h.Size
	return Verify(ctx, VerifyConfig{Store: x, VKey: vkey, Outside: outside})
}

// exportReader reads an export as a store. A file that is missing or short is damage.
type exportReader struct {
	dir  fs.FS
	size int64
}

func (x *exportReader) Size(context.Context) (int64, error) { return x.size, nil }

func (x *exportReader) Checkpoint(context.Context) ([]byte, error) {
	return fs.ReadFile(x.dir, checkpointName)
}

func (x *exportReader) width(n int64) int { return int(min(tileWidth, x.size-n*tileWidth)) }

// Records reads the bundles that hold from..to-1. It is asked for whole bundles only,
// because the verifier's blocks are.
func (x *exportReader) Records(ctx context.Context, from, to int64, fn func(Record) error) error {
	for n := from / tileWidth; n*tileWidth < to; n++ {
		if err := x.bundle(n, fn); err != nil {
			return err
		}
	}
	return nil
}

func (x *exportReader) bundle(n int64, fn func(Record) error) error {
	w := x.width(n)
	leaves, err := fs.ReadFile(x.dir, bundlePath("tile/entries", n, w))
	if err != nil {
		return &BadRecord{n * tileWidth, "entry bundle"}
	}
	f, err := x.dir.Open(bundlePath("payload", n, w))
	if err != nil {
		return &BadRecord{n * tileWidth, "payload file"}
	}
	defer f.Close() //nolint:errcheck // reading only
	payloads := bufio.NewReader(f)
	const stride = 2 + leafSize
	for i := range int64(w) {
		seq := n*tileWidth + i
		if int64(len(leaves)) < (i+1)*stride || binary.BigEndian.Uint16(leaves[i*stride:]) != leafSize {
			return &BadRecord{seq, "entry bundle"}
		}
		sealed, err := readPayload(payloads)
		if err != nil {
			return &BadRecord{seq, "payload file"}
		}
		if err := fn(Record{Seq: seq, Leaf: Leaf(leaves[i*stride+2 : (i+1)*stride]), Sealed: sealed}); err != nil {
			return err
		}
	}
	if _, err := payloads.ReadByte(); err != io.EOF || len(leaves) != w*stride {
		return &BadRecord{n*tileWidth + int64(w) - 1, "bundle has more than its entries"}
	}
	return nil
}

func readPayload(r io.Reader) ([]byte, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(n[:])
	if size > maxSealed {
		return nil, ErrDamaged
	}
	b := make([]byte, size)
	_, err := io.ReadFull(r, b)
	return b, err
}

// Hashes reads hashes from the tiles; those inside a tile are computed from its row.
func (x *exportReader) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var have tlog.Tile
	var data []byte
	for i, index := range indexes {
		t := tlog.TileForIndex(tileHeight, index)
		t.W = int(min(tileWidth, x.size>>(t.L*tileHeight)-t.N*tileWidth))
		if t != have {
			b, err := fs.ReadFile(x.dir, tilePath(t))
			if err != nil || len(b) != t.W*tlog.HashSize {
				b = nil // HashFromTile refuses it
			}
			have, data = t, b
		}
		h, err := tlog.HashFromTile(t, data, index)
		if err != nil {
			return nil, &BadRecord{(t.N * tileWidth) << (t.L * tileHeight), "tile"}
		}
		out[i] = h
	}
	return out, nil
}
