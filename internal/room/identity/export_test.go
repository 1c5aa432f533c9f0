package identity

import "postern.example/postern/internal/word/person"

// Claimed is the account that memory says a chart belongs to.
func Claimed(r *Room, chart person.PatientID) person.AccountID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.charts[chart]
}
