package records

import (
	"container/list"
	"sync"

	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// cacheKey names sealed bytes. A manifest has neither type nor id, an index part has a
// type, a row an id: these never change, because a version is sealed once. An answer has a
// field, and is sealed again when it was found anew.
type cacheKey struct {
	owner   person.Owner
	typ     string
	id      person.ResourceID
	version int64
	field   vault.Field
}

// cache keeps sealed bytes, least recently used out first. What it holds is as
// worthless to a thief as the database, and opening it needs a Grant as well.
type cache struct {
	most int64

	mu   sync.Mutex
	size int64
	at   map[cacheKey]*list.Element
	ring *list.List
}

type cached struct {
	key   cacheKey
	bytes []byte
	row   rowBytes
}

func newCache(most int64) *cache {
	return &cache{most: most, at: map[cacheKey]*list.Element{}, ring: list.New()}
}

// overhead is about what the map and list cost beside the bytes.
const overhead = 256

func (c *cached) size() int64 {
	return int64(len(c.bytes)+len(c.row.header)+len(c.row.body)) + overhead
}

func (c *cache) get(k cacheKey) ([]byte, bool) {
	v, ok := c.find(k)
	return v.bytes, ok
}

func (c *cache) getRow(k cacheKey) (rowBytes, bool) {
	v, ok := c.find(k)
	return v.row, ok
}

func (c *cache) find(k cacheKey) (*cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.at[k]
	if !ok {
		return &cached{}, false
	}
	c.ring.MoveToFront(e)
	v, ok := e.Value.(*cached)
	return v, ok
}

func (c *cache) put(k cacheKey, b []byte)      { c.add(cached{key: k, bytes: b}) }
func (c *cache) putRow(k cacheKey, r rowBytes) { c.add(cached{key: k, row: r}) }

// takes reports whether n bytes are kept: a few large things would drive out all others.
func (c *cache) takes(n int) bool { return int64(n)+overhead <= c.most/4 }

// add puts v in the place of what had its name: of an answer that was found anew, what is
// shared in it may have changed. So what is too large leaves nothing there.
func (c *cache) add(v cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.at[v.key]; ok {
		c.drop(e)
	}
	if !c.takes(int(v.size() - overhead)) {
		return
	}
	c.at[v.key] = c.ring.PushFront(&v)
	c.size += v.size()
	for c.size > c.most {
		c.drop(c.ring.Back())
	}
}

// drop forgets what stands at e; the caller holds mu.
func (c *cache) drop(e *list.Element) {
	old, _ := c.ring.Remove(e).(*cached)
	delete(c.at, old.key)
	c.size -= old.size()
}
