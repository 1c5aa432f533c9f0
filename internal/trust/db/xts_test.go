package db_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/vfs/xts" // the library's own file system, as a second opinion
	"golang.org/x/crypto/xts"
	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
)

func TestThePageCipherIsXTS(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(r, "key")
		number := rapid.Uint64Max(1<<55).Draw(r, "sector")
		plain := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 512, 512).Draw(r, "plain"), rapid.IntRange(1, 3).Draw(r, "sectors"))
		reference, err := xts.NewCipher(aes.NewCipher, key)
		if err != nil {
			r.Fatal(err)
		}
		want := bytes.Clone(plain)
		for i := 0; i < len(want); i += 512 {
			reference.Encrypt(want[i:i+512], want[i:i+512], number+uint64(i/512))
		}
		got := bytes.Clone(plain)
		seal, open, err := db.PageCipher(key)
		if err != nil {
			r.Fatal(err)
		}
		if seal(got, number); !bytes.Equal(got, want) {
			r.Fatal("ciphertext differs from golang.org/x/crypto/xts")
		}
		if open(got, number); !bytes.Equal(got, plain) {
			r.Fatal("does not decrypt")
		}
	})
	if _, _, err := db.PageCipher(make([]byte, 32)); err == nil {
		t.Error("AES-128 was accepted")
	}
}

// TestIEEE1619Vector10 is the first AES-256 vector of the standard: a whole
// sector, number 0xff. Its ciphertext begins and ends as printed there.
func TestIEEE1619Vector10(t *testing.T) {
	key, _ := hex.DecodeString("2718281828459045235360287471352662497757247093699959574966967627" +
		"3141592653589793238462643383279502884197169399375105820974944592")
	p := make([]byte, 512)
	for i := range p {
		p[i] = byte(i)
	}
	seal, _, err := db.PageCipher(key)
	must(t, err)
	seal(p, 0xff)
	if got := hex.EncodeToString(p[:16]); got != "1c3b3a102f770386e4836c99e370cf9b" {
		t.Errorf("begins with %s", got)
	}
}

// TestTheLibraryReadsOurFiles opens a file of ours, write-ahead log included,
// with the library's own encryption, and the other way round.
func TestTheLibraryReadsOurFiles(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline())
	fill(t, d)
	raw := dbtest.Raw(d)
	if n := raw.Query(t, "SELECT COUNT(*) FROM counter")[0][0]; n != int64(200) {
		t.Errorf("the library counts %v rows", n)
	}
	raw.Exec(t, "UPDATE counter SET n = n + 1000")
	if n := raw.Query(t, "PRAGMA integrity_check")[0][0]; n != "ok" {
		t.Errorf("integrity: %v", n)
	}
	var low int64
	must(t, d.QueryRow(t.Context(), "SELECT MIN(n) FROM counter").Scan(&low))
	if low != 1000 {
		t.Errorf("lowest %d", low)
	}
}

// TestTheFileSystemAgainstTheLibrary writes random bytes at random places in a
// rollback-journal database of odd page sizes through both.
func TestTheFileSystemAgainstTheLibrary(t *testing.T) {
	d := dbtest.New(t, db.SQLite, nil) // registers the file system
	key := dbtest.ConfigsOf(d).Serving.Key
	for _, size := range []int{512, 4096, 65536} {
		path := filepath.Join(t.TempDir(), fmt.Sprint(size))
		for round, vfs := range []string{"postern-xts", "xts", "postern-xts", "xts"} {
			c, err := sqlite3.Open("file:" + path + "?vfs=" + vfs)
			must(t, err)
			must(t, c.Exec("PRAGMA hexkey='"+hex.EncodeToString(key)+"'"))
			must(t, c.Exec(fmt.Sprintf(`PRAGMA page_size=%d; PRAGMA synchronous=OFF; PRAGMA cache_size=10; PRAGMA temp_store=FILE;
				CREATE TABLE IF NOT EXISTS t (i INTEGER, b BLOB);
				BEGIN; WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 80)
				INSERT INTO t SELECT i, randomblob(i * 25) FROM s; UPDATE t SET b = randomblob(900) WHERE i %% 3 = 0; COMMIT;
				BEGIN; DELETE FROM t; ROLLBACK; VACUUM; CREATE INDEX IF NOT EXISTS x ON t (b)`, size)))
			stmt, _, err := c.Prepare("SELECT COUNT(*), (SELECT * FROM pragma_integrity_check) FROM t")
			must(t, err)
			if !stmt.Step() || stmt.ColumnInt(0) != 80*(round+1) || stmt.ColumnText(1) != "ok" {
				t.Errorf("page size %d, %s: %d rows, %s", size, vfs, stmt.ColumnInt(0), stmt.ColumnText(1))
			}
			must(t, stmt.Close())
			must(t, c.Close())
		}
	}
}

func TestAFileWithoutItsKeyStaysShut(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline())
	path := dbtest.ConfigsOf(d).Serving.Path
	must(t, d.Close())
	c, err := sqlite3.Open("file:" + path + "?vfs=postern-xts")
	must(t, err)
	defer c.Close()
	for _, q := range []string{"PRAGMA hexkey='00'", "PRAGMA hexkey='x'", "SELECT * FROM sqlite_schema", "CREATE TABLE t (x)"} {
		if c.Exec(q) == nil {
			t.Errorf("%q went through without a key", q)
		}
	}
}

func BenchmarkPageCipher(b *testing.B) {
	_, open, err := db.PageCipher(bytes.Repeat([]byte("0123456789abcdef"), 4))
	must(b, err)
	page := make([]byte, 4096)
	b.SetBytes(4096)
	for b.Loop() {
		open(page, 7)
	}
}

// BenchmarkList reads 50 neighbouring rows, as a list of observations does.
func BenchmarkList(b *testing.B) {
	d := dbtest.New(b, db.SQLite, wide())
	ctx := context.Background()
	must(b, d.Write(ctx, func(tx *db.Tx) error {
		for i := range 20000 {
			patient, id := fmt.Appendf(nil, "%016d", i/2000), fmt.Appendf(nil, "%016d", i%2000)
			if _, err := tx.Exec(ctx, "INSERT INTO wide (patient, id, body) VALUES (?, ?, ?)", patient, id, make([]byte, 1400)); err != nil {
				return err
			}
		}
		return nil
	}))
	i := 0
	for b.Loop() {
		i++
		rows, err := d.Query(ctx, "SELECT body FROM wide WHERE patient = ? AND id >= ? ORDER BY id LIMIT 50",
			fmt.Appendf(nil, "%016d", i%10), fmt.Appendf(nil, "%016d", i*733%1900))
		must(b, err)
		n := 0
		for rows.Next() {
			var body []byte
			must(b, rows.Scan(&body))
			n++
		}
		must(b, rows.Close())
		if n != 50 {
			b.Fatal(n)
		}
	}
}
