package identity

import (
	"context"
	"time"
)

// Pause replaces the wait before rows that do not match are looked at again.
func (r *Room) Pause(f func(context.Context, time.Duration) error) { r.pause = f }
