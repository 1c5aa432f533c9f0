package records

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// What is kept under a name is what was put there last: an answer that was found anew,
// because something shared in it is another now, must not be given out as it was.
func TestTheCacheKeepsTheLatest(t *testing.T) {
	k := cacheKey{owner: person.Patient(person.PatientOf(numberedID(1))), typ: "Observation", version: 3, field: vault.FieldList}
	c := newCache(10_000)
	c.put(k, []byte("Dr. Osei"))
	c.put(k, []byte("Dr. Osei-Lund"))
	if b, ok := c.get(k); !ok || string(b) != "Dr. Osei-Lund" {
		t.Errorf("kept: %s, %v", b, ok)
	}
	if want := int64(len("Dr. Osei-Lund") + overhead); c.size != want || c.ring.Len() != 1 {
		t.Errorf("%d bytes in %d places, want %d in 1", c.size, c.ring.Len(), want)
	}
}

// Whatever comes and goes, the cache counts what it holds and holds no more than it may.
func TestTheCacheCountsWhatItHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCache(4_000)
		last := map[cacheKey]string{}
		for i := range rapid.IntRange(0, 60).Draw(t, "puts") {
			k := cacheKey{version: rapid.Int64Range(0, 9).Draw(t, "key")}
			b := slices.Repeat([]byte(fmt.Sprint(i%10)), rapid.IntRange(0, 1_200).Draw(t, "size"))
			c.put(k, b)
			if last[k] = string(b); !c.takes(len(b)) && c.at[k] != nil {
				t.Fatal("what is too large left what was there before")
			}
			size := int64(0)
			for e := c.ring.Front(); e != nil; e = e.Next() {
				size += e.Value.(*cached).size()
			}
			if size != c.size || size > c.most || c.ring.Len() != len(c.at) {
				t.Fatalf("%d bytes, counted %d, of %d; %d places of %d", size, c.size, c.most, c.ring.Len(), len(c.at))
			}
		}
		for k := range c.at {
			if b, _ := c.get(k); string(b) != last[k] {
				t.Fatalf("%v is not what was put last", k)
			}
		}
	})
}
