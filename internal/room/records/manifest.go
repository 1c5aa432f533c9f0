package records

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// Manifest names the parts of a chart's index. Its digest is the chart's head
// (vault.SetHead): every part version stands in it, every resource version in
// its part, so an older copy of any of them is refused.
type Manifest struct{ Parts []PartRef }

// PartRef is one part.
type PartRef struct {
	Type    string
	Version int64
	Count   int
	Digest  [32]byte // of the part's bytes
}

const manifestMagic = "PXM1"

// Encode gives the canonical form: parts sorted by type.
func (m Manifest) Encode() ([]byte, error) {
	parts := slices.Clone(m.Parts)
	slices.SortFunc(parts, func(a, b PartRef) int { return cmp.Compare(a.Type, b.Type) })
	b := append([]byte(manifestMagic), 0, 0)
	if len(parts) > 0xFFFF {
		return nil, fmt.Errorf("encode manifest: too many parts")
	}
	binary.BigEndian.PutUint16(b[4:], uint16(len(parts)))
	for i, p := range parts {
		if !typeName(p.Type) || i > 0 && parts[i-1].Type == p.Type || p.Version < 1 || p.Count < 0 || p.Count > maxRecords {
			return nil, fmt.Errorf("encode manifest: part %d is malformed or stands twice", i)
		}
		b = append(b, byte(len(p.Type)))
		b = append(b, p.Type...)
		b = binary.BigEndian.AppendUint64(b, uint64(p.Version))
		b = binary.BigEndian.AppendUint32(b, uint32(p.Count))
		b = append(b, p.Digest[:]...)
	}
	return b, nil
}

// decodeManifest reads bytes whose digest is the head's, of which it relies on being
// what Encode gave.
func decodeManifest(b []byte) (Manifest, error) {
	if len(b) < 6 || string(b[:4]) != manifestMagic {
		return Manifest{}, errPart
	}
	m := Manifest{Parts: make([]PartRef, 0, min(binary.BigEndian.Uint16(b[4:]), 64))}
	rest := b[6:]
	for range binary.BigEndian.Uint16(b[4:]) {
		if len(rest) < 1 || len(rest) < 1+int(rest[0])+44 {
			return Manifest{}, errPart
		}
		name, tail := string(rest[1:1+int(rest[0])]), rest[1+int(rest[0]):]
		p := PartRef{Type: name, Version: int64(binary.BigEndian.Uint64(tail)), Count: int(binary.BigEndian.Uint32(tail[8:]))}
		copy(p.Digest[:], tail[12:44])
		m.Parts = append(m.Parts, p)
		rest = tail[44:]
	}
	return m, nil
}

// Digest is the chart's head.
func (m Manifest) Digest() ([32]byte, error) {
	b, err := m.Encode()
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(b), nil
}

// Part returns the reference of a type's part.
func (m Manifest) Part(typ string) (PartRef, bool) {
	i := slices.IndexFunc(m.Parts, func(p PartRef) bool { return p.Type == typ })
	if i < 0 {
		return PartRef{}, false
	}
	return m.Parts[i], true
}

// put puts p in the place of the part of its type.
func (m *Manifest) put(p PartRef) {
	m.Parts = append(slices.DeleteFunc(slices.Clone(m.Parts), func(o PartRef) bool { return o.Type == p.Type }), p)
}
