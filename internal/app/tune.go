package app

import "runtime/debug"

// What a serving process does with memory. Most of what a request allocates is
// gone with it, and collecting it is the largest cost after the database: letting
// the heap grow to three times what lives halves the collector's work. The limit
// keeps the process below the 256 MiB that a small machine can spare, whatever
// the percentage says: near it the collector works as often as it must.
const (
	gcPercent   = 300
	memoryLimit = 208 << 20
)

// Tune sets the collector for a process that serves and returns what sets it back. It
// comes after opening, whose garbage is collected early, so that an idle server is
// small. GOGC and GOMEMLIMIT in the environment do not outvote it: an installation's
// memory is part of what was measured.
func Tune() (undo func()) {
	percent, limit := debug.SetGCPercent(gcPercent), debug.SetMemoryLimit(memoryLimit)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}
