package main

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"time"

	"postern.example/postern/internal/word/person"
)

// try is one refused request and how long its answer took.
type try struct {
	foreign bool
	took    time.Duration
}

// accuracy trains a threshold on half of the tries (every other one, so that a
// drift of the machine is in both halves) and says how many of the rest it puts
// on the right side.
func accuracy(tries []try) float64 {
	var train, rest []try
	for i, t := range tries {
		if i/2%2 == 0 { // in pairs: tries alternate between the kinds
			train = append(train, t)
		} else {
			rest = append(rest, t)
		}
	}
	limit, above := threshold(train)
	right := 0
	for _, t := range rest {
		if (t.took > limit) == above == t.foreign {
			right++
		}
	}
	return float64(right) / float64(max(len(rest), 1))
}

// threshold is the limit that separates train best; above says that the foreign
// ones are those over it.
func threshold(train []try) (limit time.Duration, above bool) {
	s := slices.Clone(train)
	slices.SortFunc(s, func(a, b try) int { return int(a.took - b.took) })
	foreign := 0
	for _, t := range s {
		if t.foreign {
			foreign++
		}
	}
	best, below := -1, 0
	for i, t := range s {
		if t.foreign {
			below++
		}
		// Foreign above: the others at or below the limit, and the foreign ones over it, are right.
		if right := (i + 1 - below) + (foreign - below); right > best {
			best, limit, above = right, t.took, true
		}
		if right := len(s) - ((i + 1 - below) + (foreign - below)); right > best {
			best, limit, above = right, t.took, false
		}
	}
	return limit, above
}

// timing asks for identifiers of other people's resources and for identifiers
// that do not exist, in turns and in random order within each pair.
func (b *bench) timing(st *stand) error {
	foreign := slices.Concat(st.bigIDs...)
	for _, ids := range st.small[1:] {
		foreign = append(foreign, ids...)
	}
	mathrand.Shuffle(len(foreign), func(i, j int) { foreign[i], foreign[j] = foreign[j], foreign[i] })
	foreign = foreign[:min(len(foreign), b.tries/2)]
	for _, again := range []string{"first try of each identifier (a durable entry)", "second try within the minute (counted)"} {
		c, err := dial(st.product.addr)
		if err != nil {
			return err
		}
		unknown, err := unknowns(again, len(foreign))
		if err != nil {
			return err
		}
		if again[0] == 's' { // the second time: warm both kinds first, untimed
			if err := refuseAll(c, st, unknown); err != nil {
				return err
			}
			if err := refuseAll(c, st, foreign); err != nil {
				return err
			}
		}
		tries, err := b.pairs(c, st, foreign, unknown)
		_ = c.conn.Close()
		if err != nil {
			return err
		}
		var f, u []time.Duration
		for _, t := range tries {
			if t.foreign {
				f = append(f, t.took)
			} else {
				u = append(u, t.took)
			}
		}
		b.report.atMost("foreign against nonexistent identifier, "+again, "% right by a threshold classifier", 52, 100*accuracy(tries),
			fmt.Sprintf("%d tries over HTTP; p50 foreign %s, nonexistent %s; equal refusals cost a look into an index, and %s", len(tries), micros(median(f)), micros(median(u)),
				map[bool]string{true: "a durable entry", false: "a counter"}[again[0] == 'f']))
	}
	return nil
}

func unknowns(_ string, n int) ([]string, error) {
	out := make([]string, 0, n)
	for range n {
		id, err := person.NewResourceID(rand.Reader)
		if err != nil {
			return nil, err
		}
		out = append(out, "/fhir/R4/Observation/"+id.String())
	}
	return out, nil
}

func refuseAll(c *client, st *stand, paths []string) error {
	for _, p := range paths {
		if _, err := refused(c, st, p); err != nil {
			return err
		}
	}
	return nil
}

func refused(c *client, st *stand, path string) (time.Duration, error) {
	req := request(host, path, st.tokens[0])
	start := time.Now()
	a, err := c.do(req, nil)
	took := time.Since(start)
	if err == nil && a.status != http.StatusNotFound {
		err = fmt.Errorf("a refused request got %d", a.status)
	}
	return took, err
}

func (b *bench) pairs(c *client, st *stand, foreign, unknown []string) ([]try, error) {
	var out []try
	for i := range foreign {
		order := []bool{true, false}
		if mathrand.IntN(2) == 0 {
			slices.Reverse(order)
		}
		for _, isForeign := range order {
			path := unknown[i]
			if isForeign {
				path = foreign[i]
			}
			took, err := refused(c, st, path)
			if err != nil {
				return nil, err
			}
			out = append(out, try{isForeign, took})
		}
	}
	return out, nil
}
