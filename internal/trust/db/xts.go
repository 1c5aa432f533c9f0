package db

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// sector is the unit of encryption and the smallest page of SQLite.
const sector = 512

// pageCipher is AES-256-XTS (IEEE 1619, NIST SP 800-38E) over sectors, with the
// sector's number in the file as tweak: the format of the library's own "xts"
// file system, which a test opens our files with. It is written here because
// golang.org/x/crypto/xts works byte by byte, several times as slowly, and a page
// that misses the cache is what a list of results costs. The cipher itself
// is the standard library's. One connection owns a pageCipher: it is not safe for
// concurrent use.
type pageCipher struct {
	data, tweak cipher.Block
	masks       [sector]byte // scratch: the tweak of each block of one sector
}

func newPageCipher(key []byte) (*pageCipher, error) {
	if len(key) != keySize {
		return nil, errors.New("the file key must be 64 bytes")
	}
	data, err := aes.NewCipher(key[:keySize/2])
	if err != nil {
		return nil, err
	}
	tweak, err := aes.NewCipher(key[keySize/2:])
	if err != nil {
		return nil, err
	}
	return &pageCipher{data: data, tweak: tweak}, nil
}

// seal encrypts whole sectors in place; first is the number of the first.
func (c *pageCipher) seal(p []byte, first uint64) { c.each(c.data.Encrypt, p, first) }

// open decrypts whole sectors in place.
func (c *pageCipher) open(p []byte, first uint64) { c.each(c.data.Decrypt, p, first) }

// each works on a sector at a time: 32 blocks are masked together, which is
// about twice as fast as block by block.
func (c *pageCipher) each(crypt func(dst, src []byte), p []byte, number uint64) {
	for ; len(p) > 0; p, number = p[sector:], number+1 {
		c.fillMasks(number)
		b := p[:sector]
		subtle.XORBytes(b, b, c.masks[:])
		for i := 0; i < sector; i += aes.BlockSize {
			block := b[i : i+aes.BlockSize]
			crypt(block, block)
		}
		subtle.XORBytes(b, b, c.masks[:])
	}
}

// fillMasks computes the tweak of each block: the encrypted number of the sector,
// then each time the last one times x modulo x^128 + x^7 + x^2 + x + 1, without
// a branch on secret bits.
func (c *pageCipher) fillMasks(number uint64) {
	tweak := c.masks[:aes.BlockSize]
	clear(tweak)
	binary.LittleEndian.PutUint64(tweak, number)
	c.tweak.Encrypt(tweak, tweak)
	lo, hi := binary.LittleEndian.Uint64(tweak[:8]), binary.LittleEndian.Uint64(tweak[8:])
	for i := 0; i < sector; i += aes.BlockSize {
		binary.LittleEndian.PutUint64(c.masks[i:], lo)
		binary.LittleEndian.PutUint64(c.masks[i+8:], hi)
		lo, hi = lo<<1^(hi>>63)*0x87, hi<<1|lo>>63
	}
}
