package identity

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Assign puts patient under the care of the account's clinician or nurse.
func (r *Room) Assign(patient person.PatientID) (Edit, error) {
	var id [16]byte
	if err := r.draw(id[:]); err != nil {
		return Edit{}, err
	}
	return Edit{access.AssignPatient, patient, func(s *set) error {
		if !s.holds(person.RoleClinician) && !s.holds(person.RoleNurse) {
			return fault.New(fault.Invalid, "assign patient: the account treats nobody")
		}
		if _, there := s.assignment(patient); !there {
			s.put(kindAssignment, id, body{Patient: patient.Bytes(), Created: r.now()})
		}
		return nil
	}}, nil
}

// Unassign ends an assignment.
func Unassign(patient person.PatientID) Edit {
	return Edit{access.AssignPatient, patient, func(s *set) error {
		if id, there := s.assignment(patient); there {
			s.drop(kindAssignment, id)
		}
		return nil
	}}
}

// PlanSuspension prepares the end of what the account may do, until Resume. The caller
// of Apply ends its sessions too (session.EndAll). One administrator suspends an
// account. For one that keeps watch, an administrator's or an officer's, the Plan's
// action is access.SuspendOverseer, and two do (decision 27): propose Plan.Ask, and
// Apply a Plan of the moment with the confirmer's Grant.
func (r *Room) PlanSuspension(ctx context.Context, account person.AccountID) (*Plan, error) {
	now, err := r.load(ctx, account)
	if err != nil {
		return nil, err
	}
	if now == nil || !now.oversees() {
		return r.Plan(ctx, account, Edit{action: access.SuspendAccount, do: func(s *set) error {
			s.suspend() // Apply refuses when a role came in between
			return nil
		}})
	}
	return r.Plan(ctx, account, Edit{action: access.SuspendOverseer, do: func(s *set) error {
		// Here, where one change at a time is made: of two suspensions at once the second sees the first.
		if err := r.othersAdminister(ctx, s.account); err != nil {
			return err
		}
		s.suspend()
		return nil
	}})
}

func (s *set) suspend() {
	if s.active() {
		s.put(kindStatus, kindStatus.only(), body{Suspended: true})
	}
}

// oversees reports whether the account is one of those that keep each other from acting
// alone, and that read the log.
func (s *set) oversees() bool {
	return s.holds(person.RoleAdministrator) || s.holds(person.RoleCompliance)
}

// Resume undoes a suspension.
func Resume() Edit {
	return Edit{action: access.ResumeAccount, do: func(s *set) error {
		if !s.active() {
			s.put(kindStatus, kindStatus.only(), body{})
		}
		return nil
	}}
}

// RenamePasskey gives the passkey with this id (Passkey.ID) a name.
func RenamePasskey(id string, name phi.Text) Edit {
	return Edit{action: access.RenamePasskey, do: func(s *set) error {
		i, err := s.passkey(id)
		if err != nil {
			return err
		}
		b := s.rows[i].body
		if b.Name = name.Reveal(); !goodName(b.Name) {
			return fault.New(fault.Invalid, "rename passkey: the name is too long or not text")
		}
		s.put(kindCredential, s.rows[i].id, b)
		return nil
	}}
}

// RemovePasskey removes the passkey with this id, unless it is the last one.
func RemovePasskey(id string) Edit {
	return Edit{action: access.RemovePasskey, do: func(s *set) error {
		i, err := s.passkey(id)
		if err != nil {
			return err
		}
		if len(s.of(kindCredential)) < 2 {
			return fault.New(fault.Conflict, "remove passkey: it is the last one")
		}
		s.drop(kindCredential, s.rows[i].id)
		return nil
	}}
}

// maxLanguage bounds a language tag.
const maxLanguage = 16

// ChooseLanguage stores the language of the pages, a tag that the web door has
// matched against its catalogues.
func ChooseLanguage(tag string) Edit {
	return Edit{action: access.ChooseLanguage, do: func(s *set) error {
		if len(tag) > maxLanguage || !goodName(tag) {
			return fault.New(fault.Invalid, "choose language: not a tag")
		}
		b := s.profile()
		if b.Language != tag {
			b.Language = tag
			s.put(kindProfile, kindProfile.only(), b)
		}
		return nil
	}}
}

func (s *set) holds(role person.Role) bool {
	return slices.ContainsFunc(s.of(kindRole), func(r row) bool { return r.body.Role == role })
}

// assignment finds the row that assigns patient.
func (s *set) assignment(patient person.PatientID) (id [16]byte, ok bool) {
	for _, r := range s.rows {
		if r.kind == kindAssignment && bytes.Equal(r.body.Patient, patient.Bytes()) {
			return r.id, true
		}
	}
	return id, false
}

// passkey finds a passkey's row by the id that pages show.
func (s *set) passkey(id string) (int, error) {
	raw, err := hex.DecodeString(id)
	if err == nil && len(raw) == 16 {
		if i := s.index(kindCredential, [16]byte(raw)); i >= 0 {
			return i, nil
		}
	}
	return 0, fault.New(fault.NotFound, "find passkey: there is none")
}
