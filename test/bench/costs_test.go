package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// costs says what three promises cost: equal lengths, fresh heads, equal refusals.
func (b *bench) costs(ctx context.Context, st *stand) error {
	if err := b.padding(); err != nil {
		return err
	}
	return b.heads(ctx, st)
}

// padding compares the lengths of resources with the lengths under which they
// are stored (records.padding: steps of 256, doubling above 8 of them).
func (b *bench) padding() error {
	var out bytes.Buffer
	if err := deid.BigChart(0, seedDay(), bigChart).WriteBundle(&out); err != nil {
		return err
	}
	var bundle struct {
		Entry []struct{ Resource json.RawMessage }
	}
	if err := json.Unmarshal(out.Bytes(), &bundle); err != nil {
		return err
	}
	plain, stored := 0, 0
	for _, e := range bundle.Entry {
		n, step := len(e.Resource), 256
		for n > 8*step {
			step *= 2
		}
		plain, stored = plain+n, stored+(n+step-1)/step*step
	}
	e, err := readEntry()
	if err != nil {
		return err
	}
	entry, err := json.Marshal(e)
	if err != nil {
		return err
	}
	b.report.line("cost of padding", fmt.Sprintf("resources are stored %.0f %% longer (mean %d bytes); a log entry of about %d bytes fills a bucket of 512 or 1,024",
		100*(float64(stored)/float64(plain)-1), plain/len(bundle.Entry), len(entry)))
	return nil
}

// heads measures the trusted head of a chart: the first look reads and verifies
// a path of the tree, the next ones are memory.
func (b *bench) heads(ctx context.Context, st *stand) error {
	var first, again []time.Duration
	for i := range readers {
		account, err := st.app.Identity.FindPersona(ctx, fmt.Sprintf("reader-%d", i))
		if err != nil {
			return err
		}
		standing, err := st.app.Identity.Standing(ctx, account)
		if err != nil {
			return err
		}
		ref := vault.HeadRef{Owner: person.Patient(standing.Chart), Kind: vault.HeadChart}
		for _, times := range []*[]time.Duration{&first, &again} {
			start := time.Now()
			if _, err := st.fresh.Head(ctx, ref); err != nil {
				return err
			}
			*times = append(*times, time.Since(start))
		}
	}
	b.report.line("cost of heads", fmt.Sprintf("first look at a chart's head (row, path to the root) %s, every later one %.1f us; p50",
		micros(median(first)), float64(median(again).Nanoseconds())/1000))
	return nil
}
