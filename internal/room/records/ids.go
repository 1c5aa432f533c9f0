package records

import "postern.example/postern/internal/word/person"

// The kinds of person.ID have no exported names; like carries the kind.

func parseLike[K person.Kind](_ person.ID[K], s string) (person.ID[K], error) {
	return person.ParseID[K](s)
}

func bytesLike[K person.Kind](_ person.ID[K], b []byte) (person.ID[K], error) {
	return person.IDFromBytes[K](b)
}

func parseResourceID(s string) (person.ResourceID, error) { return parseLike(person.ResourceID{}, s) }

func resourceIDFromBytes(b []byte) person.ResourceID {
	id, _ := bytesLike(person.ResourceID{}, b) // the caller passes 16 bytes
	return id
}
