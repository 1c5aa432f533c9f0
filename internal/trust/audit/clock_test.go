package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// Covers B-29: a clock that steps back, jumps, drifts or loses its synchronisation
// raises one alarm entry and one call.
func TestClockMonitor(t *testing.T) {
	cfg := audittest.Config()
	clock := audittest.NewClock()
	cfg.Clock = clock.Now
	l := audittest.Start(t, cfg)
	sync := audit.Sync{Known: true, Synchronised: true}
	var syncErr error
	var elapsed time.Duration
	var alarms []string
	m := audit.NewClockMonitor(audit.ClockConfig{Log: l, Clock: clock.Now, Server: "portal.example",
		Elapsed: func() time.Duration { return elapsed }, Sync: func() (audit.Sync, error) { return sync, syncErr },
		Alarm: func(id string, _ time.Duration, err error) {
			if err != nil {
				id += " unlogged"
			}
			alarms = append(alarms, id)
		}})
	pass := func(wall, mono time.Duration) { clock.Add(wall); elapsed += mono }
	expect := func(what string, want ...string) {
		t.Helper()
		m.Check(t.Context())
		if strings.Join(alarms, ",") != strings.Join(want, ",") {
			t.Fatalf("%s: alarms %v, want %v", what, alarms, want)
		}
		alarms = nil
	}
	expect("start")
	pass(5*time.Second, 5*time.Second)
	expect("steady")
	pass(5*time.Second, 4500*time.Millisecond)
	expect("half a second is allowed")
	pass(10*time.Second, 5*time.Second)
	expect("five seconds ahead", audit.ClockJumped)
	mustAppend(t, l, read(0))
	pass(-time.Minute, 5*time.Second)
	expect("a minute back, nothing logged since", audit.ClockStepped)
	pass(5*time.Second, 5*time.Second)
	mustAppend(t, l, read(0))
	expect("still behind: said once")
	pass(2*time.Minute, 2*time.Minute)
	mustAppend(t, l, read(0))
	expect("caught up")
	pass(-time.Second, time.Second)
	mustAppend(t, l, read(0))
	pass(3*time.Second, time.Second)
	expect("back and forth between two checks", audit.ClockStepped)
	pass(5*time.Second, 5*time.Second)
	expect("steady again")
	sync.Synchronised = false
	expect("unsynchronised", audit.ClockUnsynced)
	expect("said once")
	sync = audit.Sync{Known: true, Synchronised: true, Offset: -2 * time.Second}
	expect("offset", audit.ClockDrifted)
	sync = audit.Sync{Known: true, Synchronised: true}
	expect("healed")
	sync.MaxError = 2 * time.Second
	expect("error bound", audit.ClockDrifted)
	syncErr = errors.New("no answer")
	expect("unknown", audit.ClockUnknown)
	syncErr, sync = nil, audit.Sync{}
	expect("still unknown")
	var last audit.Entry
	_ = l.RiskyRead(t.Context(), l.Size()-1, l.Size(), func(e audit.Entry) error { last = e; return nil })
	if last.Event != audit.EventAlarm || !strings.HasPrefix(last.Reason, audit.ClockUnknown) || last.Server != "portal.example" {
		t.Fatalf("%+v", last)
	}
	_ = l.Close(t.Context())
	sync = audit.Sync{Known: true}
	expect("log closed", audit.ClockUnsynced+" unlogged")
}

// With its defaults the monitor asks the system, and runs until it is stopped.
func TestClockMonitorRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := audittest.New(t)
		m := audit.NewClockMonitor(audit.ClockConfig{Log: l, Clock: time.Now})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { m.Run(ctx, 5*time.Second); close(done) }()
		time.Sleep(time.Minute)
		cancel()
		<-done
		_ = l.Close(context.Background())
	})
}
