package app

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// What a command asks for is checked before a person sees it, and the words that
// the person approves say everything that is not as usual. Both stand here, one
// below the other for each command.

// args are the arguments of a command.
type args interface {
	check() error     // what is wrong with them, naming the flag
	describe() string // what would be done; only after check
}

// readArgs decodes and checks.
func readArgs[T args](raw json.RawMessage) (T, error) {
	var a T
	if err := decodeStrict(raw, &a); err != nil {
		return a, err
	}
	return a, a.check()
}

func describeArgs[T args](raw json.RawMessage) (string, error) {
	a, err := readArgs[T](raw)
	if err != nil {
		return "", err
	}
	return a.describe(), nil
}

// Most letters of what an operator types.
const (
	nameLetters   = 120
	reasonLetters = 200
	pathLetters   = 1024
)

// line refuses text that does not read as it is: too long, or with characters that
// break the line, reorder it or hide in it.
func line(flag, text string, most int) error {
	switch {
	case !utf8.ValidString(text):
		return fault.New(fault.Invalid, flag+" is not text")
	case utf8.RuneCountInString(text) > most:
		return fault.New(fault.Invalid, fmt.Sprintf("%s is longer than %d letters", flag, most))
	case strings.ContainsFunc(text, hides):
		return fault.New(fault.Invalid, flag+" has a control, direction or invisible character")
	default:
		return nil
	}
}

func hides(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func accountFlag(flag, id string) error {
	_, err := person.ParseAccountID(id)
	if err != nil {
		return fault.Wrap(fault.Invalid, flag, err)
	}
	return nil
}

func patientFlag(flag, id string) error {
	_, err := person.ParsePatientID(id)
	if err != nil {
		return fault.Wrap(fault.Invalid, flag, err)
	}
	return nil
}

func (a accountAddArgs) check() error {
	role, ok := person.ParseRole(a.Role)
	if !ok || role == person.RoleSystem {
		return fault.New(fault.Invalid, fmt.Sprintf("account add: unknown role %.40q", a.Role))
	}
	var chart error
	if a.Patient != "" {
		if chart = patientFlag("account add: --patient", a.Patient); chart == nil && role != person.RolePatient {
			chart = fault.New(fault.Invalid, "account add: --patient needs --role patient")
		}
	}
	return first(chart, line("account add: --name", a.Name, nameLetters), line("account add: --reason", a.Reason, reasonLetters))
}

func (a accountAddArgs) describe() string {
	s := "Add an account with the role " + a.Role
	if a.Name != "" {
		s += fmt.Sprintf(" and the name %q", a.Name)
	}
	if a.Patient != "" {
		s += " for the chart " + a.Patient
	}
	return withReason(s, a.Reason)
}

func withReason(s, reason string) string {
	if reason == "" {
		return s + "."
	}
	return s + ". Reason: " + reason
}

func (a accountAssignArgs) check() error {
	return first(accountFlag("account assign: --clinician", a.Clinician), patientFlag("account assign: --patient", a.Patient),
		line("account assign: --reason", a.Reason, reasonLetters))
}

func (a accountAssignArgs) describe() string {
	return withReason("Assign the patient "+a.Patient+" to the account "+a.Clinician, a.Reason)
}

func (a accountListArgs) check() error {
	return line("account list: --reason", a.Reason, reasonLetters)
}

func (a accountListArgs) describe() string { return withReason("List all accounts", a.Reason) }

func (a tokenArgs) check() error {
	if a.Minutes < 1 || a.Minutes > 60 {
		return fault.New(fault.Invalid, "token: --minutes is 1 to 60")
	}
	return line("token: --account", a.Account, nameLetters)
}

func (a tokenArgs) describe() string { return "Mint a token for " + a.Account + "." }

// importArgs are what import asks for beside its files.
type importArgs struct {
	Reason string `json:"reason"`
	Bundle int64  `json:"bundle"`   // 0 means the usual limit, here and below
	Each   int64  `json:"resource"` // bytes of one resource
	Depth  int    `json:"depth"`
}

// The usual limits of an import, and how far a command may raise them: the
// server holds a bundle in memory.
const (
	usualBundle, mostBundle = 64 << 20, 1 << 30
	usualResource, mostEach = 1 << 20, 64 << 20
	usualDepth, mostDepth   = 64, 1000
	filesMost               = 100 // of one approval: each stands in its words, which the log keeps
)

func (a importArgs) limits() records.Limits {
	return records.Limits{Bundle: a.Bundle, Resource: int(a.Each), Depth: a.Depth}
}

func (a importArgs) check() error {
	within := func(flag string, n, most int64) error {
		if n < 0 || n > most {
			return fault.New(fault.Invalid, fmt.Sprintf("import: %s is 1 to %d", flag, most))
		}
		return nil
	}
	return first(within("--max-bundle", a.Bundle, mostBundle), within("--max-resource", a.Each, mostEach),
		within("--max-depth", int64(a.Depth), mostDepth), line("import: --reason", a.Reason, reasonLetters))
}

// describe says which limits are not the usual ones.
func (a importArgs) describe() string {
	var other []string
	differs := func(what string, n, usual int64) {
		if n != 0 && n != usual {
			other = append(other, fmt.Sprintf("%s %d instead of %d", what, n, usual))
		}
	}
	differs("bytes of a bundle", a.Bundle, usualBundle)
	differs("bytes of a resource", a.Each, usualResource)
	differs("depth", int64(a.Depth), usualDepth)
	if len(other) == 0 {
		return ""
	}
	return "; with other limits than usual: " + strings.Join(other, ", ")
}

// checkFiles refuses files that cannot be what they are said to be.
func checkFiles(files []fileArg, most int64) error {
	if len(files) == 0 {
		return fault.New(fault.Invalid, "import: no files")
	}
	if len(files) > filesMost {
		return fault.New(fault.Invalid, fmt.Sprintf("import: at most %d files for one approval, and these are %d", filesMost, len(files)))
	}
	for i, f := range files {
		where := fmt.Sprintf("import: file %d: ", i+1)
		sum, err := hex.DecodeString(f.Digest)
		switch {
		case err != nil || len(sum) != 32 || f.Digest != strings.ToLower(f.Digest):
			return fault.New(fault.Invalid, where+"the digest is not SHA-256 in small hexadecimal")
		case f.Size < 1:
			return fault.New(fault.Invalid, where+"it is empty")
		case f.Size > most:
			return fault.New(fault.Invalid, where+fmt.Sprintf("it has %d bytes, and a bundle at most %d; --max-bundle allows more", f.Size, most))
		}
		if err := line(where+"its name", f.Name, pathLetters); err != nil {
			return err
		}
	}
	return nil
}

// text is what the order would do, in the words that a person approves.
func (o order) text(a act) (string, error) {
	if a.describe != nil {
		if len(o.Files) > 0 {
			return "", fault.New(fault.Invalid, o.Command+": it takes no files")
		}
		return a.describe(o.Args)
	}
	in, err := readArgs[importArgs](o.Args)
	if err != nil {
		return "", err
	}
	most := in.Bundle
	if most == 0 {
		most = usualBundle
	}
	if err := checkFiles(o.Files, most); err != nil {
		return "", err
	}
	s := fmt.Sprintf("Import %d FHIR bundles", len(o.Files)) + in.describe()
	for _, f := range o.Files {
		s += fmt.Sprintf("; %d bytes, SHA-256 %s", f.Size, f.Digest)
	}
	return withReason(s, in.Reason), nil
}
