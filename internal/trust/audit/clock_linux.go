package audit

import (
	"time"

	"golang.org/x/sys/unix"
)

// SystemSync asks the kernel (adjtimex(2)).
func SystemSync() (Sync, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return syncOf(state, &t), err
}

// staNano is STA_NANO: offset is in nanoseconds, not microseconds.
const staNano = 0x2000

func syncOf(state int, t *unix.Timex) Sync {
	unit := time.Microsecond
	if t.Status&staNano != 0 {
		unit = time.Nanosecond
	}
	return Sync{Known: true, Synchronised: state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0,
		Offset: time.Duration(t.Offset) * unit, MaxError: time.Duration(t.Maxerror) * time.Microsecond}
}
