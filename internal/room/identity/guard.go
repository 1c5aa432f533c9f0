package identity

import (
	"context"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// linkAction is the action under which a link into the account is asked for, and how
// many administrators had enrolled when that was found out (of no meaning for links
// into other accounts). One administrator suffices for somebody's first link. Two
// people are needed where a link would let the one who holds it become somebody else:
//
//   - the account has a passkey, and so belongs to somebody already (the last one
//     is never removed, so "has" is "ever had");
//   - it is an administrator's, once there are two who have enrolled: otherwise one
//     could make a second self, and confirm the own proposals with it.
//
// For no account the Plan says so, once the gate was asked.
func (r *Room) linkAction(ctx context.Context, s *set) (access.Action, int, error) {
	switch {
	case s == nil:
		return access.IssueEnrolment, 0, nil
	case len(s.of(kindCredential)) > 0:
		return access.RenewEnrolment, 0, nil
	case !s.holds(person.RoleAdministrator):
		return access.IssueEnrolment, 0, nil
	}
	n, err := r.enrolledAdministrators(ctx)
	if err != nil || n >= enough {
		return access.RenewEnrolment, n, err
	}
	return access.IssueEnrolment, n, nil
}

// stillGood asks the rule once more under which a link was made: a link that one person
// made is no good any more when two would be needed now, nor, for an administrator's
// account, when another administrator has enrolled since. Otherwise who makes several
// first links at once has a second self with each that is used after the first.
func (r *Room) stillGood(ctx context.Context, s *set, link body) error {
	if link.ByTwo {
		return nil
	}
	action, n, err := r.linkAction(ctx, s)
	if err != nil {
		return err
	}
	if action != access.IssueEnrolment || n != link.Enrolled {
		return refused(errAnswer)
	}
	return nil
}

// enough administrators keep each other from acting alone.
const enough = 2

// enrolledAdministrators counts the natural persons who have enrolled as
// administrators, up to two. A suspended one counts: it must not be in one
// administrator's hand to become the only one again. A damaged account counts as two.
func (r *Room) enrolledAdministrators(ctx context.Context) (int, error) {
	if r.isTwo.Load() {
		return enough, nil
	}
	seen, damaged := map[[16]byte]bool{}, false
	err := r.each(ctx, func(_ person.AccountID, s *set) bool {
		if s == nil {
			damaged = true
			return false
		}
		if s.holds(person.RoleAdministrator) && len(s.of(kindCredential)) > 0 {
			seen[s.standing().Person] = true
		}
		return len(seen) < enough
	})
	if err != nil {
		return 0, err
	}
	if len(seen) >= enough {
		r.isTwo.Store(true) // for ever: no passkey of theirs can be the last to go
	}
	if damaged {
		return enough, nil
	}
	return len(seen), nil
}

// othersAdminister returns fault.Conflict unless an administrator other than account is
// there to resume somebody: active, and enrolled (the demo's people step in without).
func (r *Room) othersAdminister(ctx context.Context, account person.AccountID) error {
	found := false
	err := r.each(ctx, func(_ person.AccountID, s *set) bool {
		found = s != nil && s.account != account && s.active() && s.holds(person.RoleAdministrator) &&
			(len(s.of(kindCredential)) > 0 || r.c.Environment == keys.Demo)
		return !found
	})
	if err == nil && !found {
		err = fault.Say(fault.Conflict, "problem.last-administrator", "suspend account: no administrator would be left")
	}
	return err
}

// holder is the account whose own chart this is, zero when there is none. The
// accounts say so in sealed rows, so the first question looks at every account,
// and memory answers the rest: this process is the only writer. dark are accounts that are
// damaged so that nobody can tell which chart is theirs: any of them may be it.
func (r *Room) holder(ctx context.Context, chart person.PatientID) (account person.AccountID, dark []person.AccountID, err error) {
	if dark, err = r.learnCharts(ctx); err != nil {
		return person.AccountID{}, nil, err
	}
	r.mu.Lock()
	account = r.charts[chart]
	doubtful := r.doubtful[chart]
	r.mu.Unlock()
	if account.IsZero() {
		return account, dark, nil
	}
	if doubtful { // then the claim of another account, inside a change, finds out
		if s, err := r.load(ctx, account); err != nil || s == nil {
			return person.AccountID{}, dark, err
		}
	}
	return account, nil, nil
}

// learnCharts looks at every account the first time, and afterwards again at those whose
// own chart could not be told. It returns those of whom that is still so.
func (r *Room) learnCharts(ctx context.Context) (dark []person.AccountID, err error) {
	r.scan.Lock()
	defer r.scan.Unlock()
	look := r.dark
	if !r.scanned {
		look = nil
		err := r.each(ctx, func(id person.AccountID, s *set) bool {
			if s == nil {
				look = append(look, id)
			} else if own := chartOf(s.profile()); !own.IsZero() {
				r.learn(own, id)
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	for _, id := range look {
		own, ok, err := r.chartBeside(ctx, id)
		if err != nil {
			return nil, err
		}
		if !ok {
			dark = append(dark, id)
		} else if !own.IsZero() {
			r.learn(own, id)
		}
	}
	r.scanned, r.dark = true, dark
	return dark, nil
}

// learn notes that chart is account's own.
func (r *Room) learn(chart person.PatientID, account person.AccountID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.charts[chart]; !known {
		r.charts[chart] = account
	}
}

// claim takes chart for account inside the change that makes it, unless another has it.
// One that a change of unknown outcome was to make has it only if it was made, which is
// known by now: a change begins when that of the one before is.
func (r *Room) claim(ctx context.Context, tx *vault.ChangeTx, chart person.PatientID, account person.AccountID) error {
	r.mu.Lock()
	other, taken := r.charts[chart]
	doubtful := r.doubtful[chart]
	r.mu.Unlock()
	if taken && !doubtful {
		return errTaken()
	}
	if doubtful {
		head, err := tx.Head(ctx, headOf(other))
		if err != nil {
			return err
		}
		if head.Version > 0 {
			return errTaken()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.charts[chart] = account // changes come one at a time
	delete(r.doubtful, chart)
	return nil
}

// doubt keeps a claim of whose account nobody knows whether it was made.
func (r *Room) doubt(chart person.PatientID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doubtful[chart] = true
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
// is none or it is damaged, for the holder of a Grant for ListAccounts.
func (r *Room) PatientName(ctx context.Context, g access.Grant, chart person.PatientID) (phi.Text, error) {
	if err := g.Covers(access.ListAccounts, person.Clinic(r.c.Clinic)); err != nil {
		return phi.Text{}, err
	}
	account, _, err := r.holder(ctx, chart)
	if err != nil || account.IsZero() {
		return phi.Text{}, err
	}
	name, err := r.Name(ctx, g, account)
	if fault.Is(err, fault.Tampered) {
		return phi.Text{}, nil // the alarm names it, and who lists others goes on
	}
	return name, err
}
