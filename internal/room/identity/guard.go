package identity

import (
	"context"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// linkAction is the action under which a link into the account is asked for. One
// administrator suffices for somebody's first link. Two people are needed where a
// link would let the one who holds it become somebody else:
//
//   - the account has a passkey, and so belongs to somebody already (the last one
//     is never removed, so "has" is "ever had");
//   - it is an administrator's, once there are two who have enrolled: otherwise one
//     could make a second self, and confirm the own proposals with it.
//
// For no account the Plan says so, once the gate was asked.
func (r *Room) linkAction(ctx context.Context, s *set) (access.Action, error) {
	switch {
	case s == nil:
		return access.IssueEnrolment, nil
	case len(s.of(kindCredential)) > 0:
		return access.RenewEnrolment, nil
	case !s.holds(person.RoleAdministrator):
		return access.IssueEnrolment, nil
	}
	two, err := r.twoAdministrators(ctx)
	if err != nil || two {
		return access.RenewEnrolment, err
	}
	return access.IssueEnrolment, nil
}

// twoAdministrators reports whether two natural persons have enrolled as
// administrators. A suspended one counts: it must not be in one administrator's
// hand to become the only one again. A damaged account counts as well.
func (r *Room) twoAdministrators(ctx context.Context) (bool, error) {
	if r.isTwo.Load() {
		return true, nil
	}
	seen, damaged := map[[16]byte]bool{}, false
	err := r.each(ctx, func(s *set) bool {
		if s == nil {
			damaged = true
			return false
		}
		if s.holds(person.RoleAdministrator) && len(s.of(kindCredential)) > 0 {
			seen[s.standing().Person] = true
		}
		return len(seen) < 2
	})
	if err != nil {
		return false, err
	}
	if len(seen) >= 2 {
		r.isTwo.Store(true) // for ever: no passkey of theirs can be the last to go
	}
	return damaged || len(seen) >= 2, nil
}

// holder is the account whose own chart this is, zero when there is none. The
// accounts say so in sealed rows, so the first question looks at every account,
// and memory answers the rest: this process is the only writer.
func (r *Room) holder(ctx context.Context, chart person.PatientID) (person.AccountID, error) {
	r.scan.Lock()
	defer r.scan.Unlock()
	if !r.scanned {
		damaged := false
		err := r.each(ctx, func(s *set) bool {
			if s == nil {
				damaged = true
				return false
			}
			if own := chartOf(s.profile()); !own.IsZero() {
				r.claim(own, s.account)
			}
			return true
		})
		if err != nil {
			return person.AccountID{}, err
		}
		if damaged { // it may be the one that holds the chart
			return person.AccountID{}, fault.New(fault.Tampered, "find account of a chart: an account fails its check")
		}
		r.scanned = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.charts[chart], nil
}

// claim takes chart for account, unless it has one.
func (r *Room) claim(chart person.PatientID, account person.AccountID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.charts[chart]; taken {
		return false
	}
	r.charts[chart] = account
	return true
}

// release undoes a claim whose account was not made.
func (r *Room) release(chart person.PatientID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.charts, chart)
}

// errTaken keeps a chart to one account. A second one would be another way in,
// made by one administrator alone; who lost the passkey gets a link that two make.
func errTaken() error {
	return fault.Say(fault.Conflict, "problem.chart-taken", "create account: the chart has an account")
}

// PatientName is the name of the account whose own chart this is, empty when there
// is none, for the holder of a Grant for ListAccounts.
func (r *Room) PatientName(ctx context.Context, g access.Grant, chart person.PatientID) (phi.Text, error) {
	if err := g.Covers(access.ListAccounts, person.Clinic(r.c.Clinic)); err != nil {
		return phi.Text{}, err
	}
	account, err := r.holder(ctx, chart)
	if err != nil || account.IsZero() {
		return phi.Text{}, err
	}
	return r.Name(ctx, g, account)
}
