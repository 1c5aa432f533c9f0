package db_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"

	"postern.example/postern/internal/trust/db"
)

// wide is a table shaped like a chart's rows: clustered by owner, 2 KB sealed.
func wide() []db.Migration {
	return []db.Migration{{Number: 1, Room: "bench", Name: "wide", Tables: []db.Table{{
		Name: "wide", Purpose: "benchmark", Key: []string{"patient", "id"},
		Columns: []db.Column{
			{Name: "patient", Type: db.Bytes, Class: db.RandomID, Purpose: "p", Retention: "r"},
			{Name: "id", Type: db.Bytes, Class: db.RandomID, Purpose: "p", Retention: "r"},
			{Name: "body", Type: db.Bytes, Class: db.Sealed, Purpose: "p", Retention: "r"},
		},
	}}}}
}

func BenchmarkPointRead(b *testing.B) {
	for _, plain := range []bool{false, true} {
		for _, n := range []int{1000, 40000} {
			b.Run(fmt.Sprintf("plain=%v/rows=%d", plain, n), func(b *testing.B) {
				cfg := db.Config{Path: filepath.Join(b.TempDir(), "b.db"), UnencryptedForTests: plain}
				if !plain {
					cfg.Key = make([]byte, 64)
					_, _ = rand.Read(cfg.Key)
				}
				d, err := db.Open(context.Background(), cfg)
				if err != nil {
					b.Fatal(err)
				}
				defer d.Close()
				pointReads(b, d, n)
			})
		}
	}
}

func pointReads(b *testing.B, d *db.DB, n int) {
	ctx := context.Background()
	if err := d.Migrate(ctx, wide()); err != nil {
		b.Fatal(err)
	}
	ids := make([][2][]byte, n)
	body := make([]byte, 2048)
	err := d.Write(ctx, func(tx *db.Tx) error {
		patient := make([]byte, 16)
		for i := range ids {
			if i%1000 == 0 {
				patient = make([]byte, 16)
				_, _ = rand.Read(patient)
			}
			id := make([]byte, 16)
			_, _ = rand.Read(id)
			_, _ = rand.Read(body)
			ids[i] = [2][]byte{patient, id}
			if _, err := tx.Exec(ctx, "INSERT INTO wide (patient, id, body) VALUES (?, ?, ?)", patient, id, body); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, w := range []struct {
		name string
		span int
	}{{"hot", 16}, {"all", n}} {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				k := ids[(i*7919)%w.span]
				i++
				var out []byte
				if err := d.QueryRow(ctx, "SELECT body FROM wide WHERE patient = ? AND id = ?", k[0], k[1]).Scan(&out); err != nil || len(out) != 2048 {
					b.Fatal(err, len(out))
				}
			}
		})
	}
}
