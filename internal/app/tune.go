package app

import (
	"runtime"
	"runtime/debug"
)

// What a serving process does with memory. Most of what a request allocates is
// gone with it, and collecting it is the largest cost after the database: letting
// the heap grow to three times what lives halves the collector's work. The limit
// keeps the process below the 256 MiB that a small machine can spare, whatever
// the percentage says: near it the collector works as often as it must.
const (
	gcPercent   = 300
	memoryLimit = 208 << 20
)

// processorsPerCore is how many of Go's processors stand for each core that it
// found. Waiting for the disk is a system call that keeps its processor until the
// runtime's monitor takes it away, which can last as long as the sync: on two cores one
// of two processors would be away most of the time. With twice as many the
// cores are busy (measured: 0.34 of a plain handler's rate instead of 0.19).
const processorsPerCore = 2

// Tune sets collector and processors for a process that serves and returns what sets
// them back. It comes after opening, whose garbage is collected early, so that an idle
// server is small. GOGC and GOMEMLIMIT in the environment do not outvote it: an
// installation's memory is part of what was measured. GOMAXPROCS does: what it says
// is doubled.
func Tune() (undo func()) {
	percent, limit := debug.SetGCPercent(gcPercent), debug.SetMemoryLimit(memoryLimit)
	processors := runtime.GOMAXPROCS(processorsPerCore * runtime.GOMAXPROCS(0))
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
		runtime.GOMAXPROCS(processors)
	}
}
