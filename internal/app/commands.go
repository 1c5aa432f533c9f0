package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/records"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Class is what a command may do on production data.
type Class string

// The classes.
const (
	Harmless Class = "harmless"       // opens no payload, changes nothing but its own output
	Approved Class = "approved"       // a named person approves the exact act; the running server does it
	SetUp    Class = "set-up"         // makes, migrates or serves an installation
	NotHere  Class = "demo/test only" // refused on production data
)

// CommandDef names a command and its class.
type CommandDef struct {
	Name  string
	Class Class
}

// Commands lists every command, sorted; a test compares it with the command line.
func Commands() []CommandDef {
	return []CommandDef{
		{"account add", Approved},
		{"account assign", Approved},
		{"account list", Approved},
		{"audit export", Harmless},
		{"audit verify", Harmless},
		{"check", Harmless},
		{"demo", NotHere},
		{"import", Approved},
		{"init", SetUp},
		{"migrate", SetUp},
		{"routes", Harmless},
		{"serve", SetUp},
		{"token", NotHere},
	}
}

// act is a command that works on an installation's data: on demo and test data
// directly or through the server that holds the folder, on production data
// through the server and after approval. One function does it wherever it runs.
type act struct {
	name    string
	caller  string // name of the operator Caller
	action  access.Action
	purpose person.Purpose
	class   Class
	// describe says what would be done, exactly, for the person who approves.
	describe func(args json.RawMessage) (string, error)
	run      func(ctx context.Context, a *App, c person.Caller, args json.RawMessage) (any, error)
}

// actTable is the table of contents of such commands; import, which takes a
// file as well, stands beside it in import.go.
func actTable() []act {
	return []act{
		{"account add", "account", access.AddAccount, person.PurposeSystemAdmin, Approved, describeArgs[accountAddArgs], runArgs(accountAdd)},
		{"account assign", "account", access.AssignPatient, person.PurposeSystemAdmin, Approved, describeArgs[accountAssignArgs], runArgs(accountAssign)},
		{"account list", "account", access.ListAccounts, person.PurposeSystemAdmin, Approved, describeArgs[accountListArgs], runArgs(accountList)},
		{"token", "token", access.MintToken, person.PurposeSystemAdmin, NotHere, describeArgs[tokenArgs], runArgs(token)},
	}
}

func runArgs[T args, R any](f func(ctx context.Context, a *App, c person.Caller, args T) (R, error)) func(context.Context, *App, person.Caller, json.RawMessage) (any, error) {
	return func(ctx context.Context, a *App, c person.Caller, raw json.RawMessage) (any, error) {
		in, err := readArgs[T](raw)
		if err != nil {
			return nil, err
		}
		return f(ctx, a, c, in)
	}
}

func decodeStrict(raw []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault.Wrap(fault.Invalid, "read command", err)
	}
	if d.More() {
		return fault.New(fault.Invalid, "read command: something follows it")
	}
	return nil
}

type accountAddArgs struct {
	Role    string `json:"role"`
	Patient string `json:"patient"`
	Name    string `json:"name"`
	Reason  string `json:"reason"`
}

// AccountAdded is what account add prints.
type AccountAdded struct {
	Account string `json:"account"`
	Link    string `json:"link"` // one-time enrolment link; empty where two administrators have to make it, on the pages
}

func accountAdd(ctx context.Context, a *App, c person.Caller, args accountAddArgs) (AccountAdded, error) {
	role, _ := person.ParseRole(args.Role)
	n := identity.NewAccount{Name: phi.NewText(args.Name), Roles: []person.Role{role}}
	if args.Patient != "" {
		var err error
		if n.Chart, err = person.ParsePatientID(args.Patient); err != nil {
			return AccountAdded{}, fault.Wrap(fault.Invalid, "account add: --patient", err)
		}
	}
	plan, err := a.Identity.PlanCreate(ctx, n)
	if err != nil {
		return AccountAdded{}, err
	}
	if err := a.apply(ctx, c, plan); err != nil {
		return AccountAdded{}, err
	}
	out := AccountAdded{Account: plan.Account().String()}
	invite, err := a.Identity.PlanEnrolment(ctx, plan.Account())
	if err != nil || invite.Action().TwoPerson() {
		return out, err
	}
	if err := a.apply(ctx, c, invite); err != nil {
		return out, err
	}
	out.Link = invite.Link()
	return out, nil
}

type accountAssignArgs struct {
	Clinician string `json:"clinician"`
	Patient   string `json:"patient"`
	Reason    string `json:"reason"`
}

func accountAssign(ctx context.Context, a *App, c person.Caller, args accountAssignArgs) (struct{}, error) {
	clinician, err := person.ParseAccountID(args.Clinician)
	if err != nil {
		return struct{}{}, fault.Wrap(fault.Invalid, "account assign: --clinician", err)
	}
	patient, err := person.ParsePatientID(args.Patient)
	if err != nil {
		return struct{}{}, fault.Wrap(fault.Invalid, "account assign: --patient", err)
	}
	edit, err := a.Identity.Assign(patient)
	if err != nil {
		return struct{}{}, err
	}
	plan, err := a.Identity.Plan(ctx, clinician, edit)
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, a.apply(ctx, c, plan)
}

type accountListArgs struct {
	Reason string `json:"reason"`
}

// AccountRow is a line of account list.
type AccountRow struct {
	Account  string `json:"account"`
	Roles    string `json:"roles"`
	State    string `json:"state"`
	Passkeys int    `json:"passkeys"`
	Chart    string `json:"chart"`
}

func accountList(ctx context.Context, a *App, c person.Caller, args accountListArgs) ([]AccountRow, error) {
	g, err := a.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.ListAccounts, Owner: person.Clinic(a.Clinic), Reason: args.Reason})
	if err != nil {
		return nil, err
	}
	rows := []AccountRow{}
	var after person.AccountID
	for {
		page, err := a.Identity.List(ctx, g, after, 500)
		if err != nil {
			return nil, err
		}
		for _, x := range page {
			rows = append(rows, accountRow(x))
			after = x.ID
		}
		if len(page) < 500 {
			return rows, nil
		}
	}
}

func accountRow(x identity.Account) AccountRow {
	r := AccountRow{Account: x.ID.String(), State: "active", Passkeys: x.Passkeys}
	var roles []string
	for _, role := range x.Roles {
		roles = append(roles, string(role))
	}
	r.Roles = strings.Join(roles, ",")
	if !x.Chart.IsZero() {
		r.Chart = x.Chart.String()
	}
	switch {
	case x.Damaged:
		r.State = "damaged"
	case !x.Active:
		r.State = "suspended"
	case !x.Invited.IsZero():
		r.State = "invited"
	case x.Passkeys == 0:
		r.State = "not enrolled"
	}
	return r
}

type tokenArgs struct {
	Account string `json:"account"`
	Minutes int    `json:"minutes"`
}

func token(ctx context.Context, a *App, c person.Caller, args tokenArgs) (string, error) {
	account, err := person.ParseAccountID(args.Account)
	if err != nil {
		if account, err = a.Identity.FindPersona(ctx, args.Account); err != nil {
			return "", err
		}
	}
	g, err := a.Gate.Decide(ctx, access.Ask{Caller: c, Action: access.MintToken, Owner: person.Account(account)})
	if err != nil {
		return "", err
	}
	return a.Sessions.MintToken(ctx, g, "", time.Duration(args.Minutes)*time.Minute)
}

// AccountAddOptions are the flags of account add.
type AccountAddOptions struct {
	Place
	Role, Patient, Name, Reason string
	Say                         func(string)
}

// AccountAdd adds an account and returns its one-time enrolment link.
func AccountAdd(ctx context.Context, o AccountAddOptions) (AccountAdded, error) {
	return operate[AccountAdded](ctx, o.Place, "account add", accountAddArgs{o.Role, o.Patient, o.Name, o.Reason}, o.Say)
}

// AccountListOptions are the flags of account list.
type AccountListOptions struct {
	Place
	Reason string
	Say    func(string)
}

// AccountList lists every account, without names.
func AccountList(ctx context.Context, o AccountListOptions) ([]AccountRow, error) {
	return operate[[]AccountRow](ctx, o.Place, "account list", accountListArgs{o.Reason}, o.Say)
}

// AccountAssignOptions are the flags of account assign.
type AccountAssignOptions struct {
	Place
	Clinician, Patient, Reason string
	Say                        func(string)
}

// AccountAssign assigns a patient to a clinician or nurse.
func AccountAssign(ctx context.Context, o AccountAssignOptions) error {
	_, err := operate[struct{}](ctx, o.Place, "account assign", accountAssignArgs{o.Clinician, o.Patient, o.Reason}, o.Say)
	return err
}

// TokenOptions are the flags of token.
type TokenOptions struct {
	Place
	Account string
	Minutes int
}

// Token mints an API token, on demo and test data only.
func Token(ctx context.Context, o TokenOptions) (string, error) {
	return operate[string](ctx, o.Place, "token", tokenArgs{o.Account, o.Minutes}, nil)
}

// FileResult is what import did with one file.
type FileResult struct {
	File    string                   `json:"file"`
	OK      bool                     `json:"ok"`
	Patient string                   `json:"patient,omitempty"`
	Types   map[string]records.Tally `json:"types,omitempty"`
	Listed  []records.Listed         `json:"not_stored,omitempty"`
	Error   string                   `json:"error,omitempty"`
}

// ImportSummary is what import prints.
type ImportSummary struct {
	OK    bool                     `json:"ok"`
	Files []FileResult             `json:"files"`
	Types map[string]records.Tally `json:"types"`
}

func (s *ImportSummary) add(r FileResult) {
	s.Files = append(s.Files, r)
	s.OK = s.OK && r.OK
	for typ, t := range r.Types {
		sum := s.Types[typ]
		s.Types[typ] = records.Tally{Stored: sum.Stored + t.Stored, Unchanged: sum.Unchanged + t.Unchanged, Kept: sum.Kept + t.Kept}
	}
}

// Print writes the summary for a person.
func (s ImportSummary) Print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "stored\tunchanged\tkept\t  type")
	for _, typ := range sortedKeys(s.Types) {
		t := s.Types[typ]
		fmt.Fprintf(tw, "%d\t%d\t%d\t  %s\n", t.Stored, t.Unchanged, t.Kept, typ)
	}
	_ = tw.Flush()
	bad := 0
	for _, f := range s.Files {
		for _, l := range f.Listed {
			fmt.Fprintf(w, "%s:%d:%d: not stored: %s\n", f.File, l.Line, l.Col, records.Explain(l.MessageID))
		}
		if !f.OK {
			bad++
			fmt.Fprintf(w, "%s: refused, nothing of it was stored: %s\n", f.File, f.Error)
		}
	}
	fmt.Fprintf(w, "%d of %d bundles are stored.\n", len(s.Files)-bad, len(s.Files))
}

// errProduction is the answer to commands that production data does not know.
var errProduction = errors.New("this command is for demo and test data; on production data people sign in")
