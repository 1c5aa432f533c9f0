package audit

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSyncOf(t *testing.T) {
	for _, c := range []struct {
		state  int
		timex  unix.Timex
		synced bool
		offset time.Duration
	}{
		{0, unix.Timex{Offset: 1500}, true, 1500 * time.Microsecond},
		{0, unix.Timex{Offset: 1500, Status: staNano}, true, 1500},
		{0, unix.Timex{Status: unix.STA_UNSYNC}, false, 0},
		{unix.TIME_ERROR, unix.Timex{}, false, 0},
	} {
		got := syncOf(c.state, &c.timex)
		if !got.Known || got.Synchronised != c.synced || got.Offset != c.offset {
			t.Errorf("%+v", got)
		}
	}
	if s, err := SystemSync(); err != nil || !s.Known {
		t.Error(s, err)
	}
	if n, err := FreeSpace(t.TempDir()); err != nil || n <= 0 {
		t.Error(n, err)
	}
	if _, err := FreeSpace("/nowhere"); err == nil {
		t.Error("free space of nothing")
	}
}
