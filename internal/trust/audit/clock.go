package audit

import (
	"context"
	"fmt"
	"time"
)

// MaxDrift is how far the clock may be off before it raises an alarm.
const MaxDrift = time.Second

// Sync is what the system knows about its own clock.
type Sync struct {
	Known        bool          // false where the system does not say
	Synchronised bool          // a time service disciplines the clock
	Offset       time.Duration // last measured offset
	MaxError     time.Duration // the kernel's upper bound of the error
}

// ClockConfig describes a ClockMonitor.
type ClockConfig struct {
	Log     *Log                 // required: alarms are entries, and its times are what the clock is compared with
	Clock   func() time.Time     // required: the clock that the log uses
	Elapsed func() time.Duration // a clock that nobody can set; nil uses the process's monotonic clock
	Sync    func() (Sync, error) // nil asks the system (SystemSync)
	Server  string               // stands in the entries
	// Alarm is called after the alarm's entry has become durable (err is nil) or has
	// failed. It must not block. Nil ignores.
	Alarm func(id string, by time.Duration, err error)
}

// The alarms, as they stand in Entry.Reason.
const (
	ClockStepped  = "clock-stepped-back"
	ClockJumped   = "clock-jumped"
	ClockDrifted  = "clock-drifted"
	ClockUnsynced = "clock-not-synchronised"
	ClockUnknown  = "clock-synchronisation-unknown"
)

// ClockMonitor compares the wall clock with the log's entries, with a clock that
// cannot be set, and with the system's synchronisation state (45 CFR 170.210(g)).
// Times in the log never run backwards whatever the clock does; the monitor makes
// the reason known. It is not safe for concurrent use.
type ClockMonitor struct {
	c       ClockConfig
	wall    time.Time
	elapsed time.Duration
	back    time.Duration // how far behind the log the clock was at the last check
	state   string        // the synchronisation alarm raised last, so that it is raised once
}

// NewClockMonitor takes its first bearings.
func NewClockMonitor(c ClockConfig) *ClockMonitor {
	if c.Elapsed == nil {
		start := time.Now()
		c.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if c.Sync == nil {
		c.Sync = SystemSync
	}
	if c.Alarm == nil {
		c.Alarm = func(string, time.Duration, error) {}
	}
	return &ClockMonitor{c: c, wall: c.Clock(), elapsed: c.Elapsed()}
}

// Run checks every interval until ctx is done.
func (m *ClockMonitor) Run(ctx context.Context, interval time.Duration) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		m.Check(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Check raises an alarm entry and calls Alarm for everything that is wrong now.
func (m *ClockMonitor) Check(ctx context.Context) {
	wall, elapsed := m.c.Clock(), m.c.Elapsed()
	jump := wall.Round(0).Sub(m.wall.Round(0)) - (elapsed - m.elapsed)
	m.wall, m.elapsed = wall, elapsed
	back := m.c.Log.StepBack()
	if behind := m.c.Log.LastTime().Sub(wall); behind > back {
		back = behind
	}
	switch {
	case back > 0 && (m.back == 0 || back > m.back+MaxDrift): // once per step, while the clock catches up
		m.raise(ctx, ClockStepped, back)
	case back == 0 && jump.Abs() > MaxDrift:
		m.raise(ctx, ClockJumped, jump)
	}
	m.back = back
	id, by := m.synchronisation()
	if id != m.state && id != "" {
		m.raise(ctx, id, by)
	}
	m.state = id
}

// synchronisation returns the alarm that the system's state calls for.
func (m *ClockMonitor) synchronisation() (string, time.Duration) {
	s, err := m.c.Sync()
	switch {
	case err != nil || !s.Known:
		return ClockUnknown, 0
	case !s.Synchronised:
		return ClockUnsynced, s.MaxError
	case s.Offset.Abs() > MaxDrift:
		return ClockDrifted, s.Offset
	case s.MaxError > MaxDrift:
		return ClockDrifted, s.MaxError
	default:
		return "", 0
	}
}

func (m *ClockMonitor) raise(ctx context.Context, id string, by time.Duration) {
	_, err := m.c.Log.Append(ctx, Entry{Event: EventAlarm, Outcome: Failed, Class: ClassCare,
		Server: m.c.Server, Reason: fmt.Sprintf("%s %s", id, by.Round(time.Millisecond))})
	m.c.Alarm(id, by, err)
}
