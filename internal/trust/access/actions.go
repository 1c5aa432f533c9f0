package access

import (
	"fmt"
	"slices"

	"postern.example/postern/internal/word/fault"
)

// Action names what a Caller wants to do: an action of the Cedar schema.
type Action string

// The actions. The list Actions says what each means for the log and for the
// person who is refused; a test compares it with the schema.
const (
	ReadChart      Action = "readChart"
	SearchChart    Action = "searchChart"
	ReadAccessLog  Action = "readAccessLog"
	ProveAccess    Action = "proveAccess"
	ImportChart    Action = "importChart"
	ReindexChart   Action = "reindexChart"
	ReindexShared  Action = "reindexShared"
	ReadShared     Action = "readShared"
	ImportShared   Action = "importShared"
	SignIn         Action = "signIn"
	EnrolPasskey   Action = "enrolPasskey"
	EnterPersona   Action = "enterPersona"
	SignOut        Action = "signOut"
	ViewSecurity   Action = "viewSecurity"
	EndSession     Action = "endSession"
	AddPasskey     Action = "addPasskey"
	RemovePasskey  Action = "removePasskey"
	RenamePasskey  Action = "renamePasskey"
	ChooseLanguage Action = "chooseLanguage"
	ListMyPatients Action = "listMyPatients"
	ApproveAct     Action = "approveAct"
	DeclineAct     Action = "declineAct"
	ReviewActs     Action = "reviewActs"
	ListAccounts   Action = "listAccounts"
	AddAccount     Action = "addAccount"
	AssignPatient  Action = "assignPatient"
	IssueEnrolment Action = "issueEnrolment"
	// RenewEnrolment is a link into an account that somebody uses already, or into
	// one that would confirm such links: package identity says which.
	RenewEnrolment Action = "renewEnrolment"
	SuspendAccount Action = "suspendAccount"
	// SuspendOverseer is the suspension of an administrator or a compliance officer,
	// those who keep watch over each other: package identity says whose.
	SuspendOverseer   Action = "suspendOverseer"
	ReviewSuspensions Action = "reviewSuspensions"
	ResumeAccount     Action = "resumeAccount"
	MintToken         Action = "mintToken"
	ReadLog           Action = "readLog"
	VerifyLog         Action = "verifyLog"
	ExportLog         Action = "exportLog"
)

// resourceType is the Cedar entity type that an action applies to.
type resourceType string

const (
	chart   resourceType = "Chart"
	clinic  resourceType = "Clinic"
	account resourceType = "Account"
	logbook resourceType = "Log"
)

// Sets are secured sets of rows: those that a head commits to (package vault).
type Sets uint8

// The sets of one owner.
const (
	ChartSet    Sets = 1 << iota // a chart, or the clinic's shared resources
	AccountSet                   // profile, roles, passkeys, assignments, enrolment, status
	SessionSet                   // sessions and tokens
	RegisterSet                  // the clinic's register of whom its sources name
)

// ActionDef says what an action means outside the policy files.
type ActionDef struct {
	Action    Action
	Event     string     // event type of its log entry, one of package audit's
	Refusal   fault.Kind // what a refused person is told: NotFound where existence is itself a secret
	TwoPerson bool       // waits until a different natural person with step-up confirms
	Reseal    bool       // its Grant opens rows for sealing them anew (vault.ChangeTx.Rework), never for an answer
	Changes   Sets       // what its Grant may change of the owner's (vault.Change); none of it for a read
	Makes     bool       // its Grant may bring the owner into being, or Ask.New
	on        resourceType
}

// Actions is the table of contents of what can be decided, sorted by action.
func Actions() []ActionDef {
	return []ActionDef{
		{Action: AddAccount, Event: "create", Refusal: fault.Denied, Changes: AccountSet | SessionSet, Makes: true, on: clinic},
		{Action: AddPasskey, Event: "update", Refusal: fault.Denied, Changes: AccountSet, on: account},
		{Action: ApproveAct, Event: "update", Refusal: fault.NotFound, on: account},
		{Action: AssignPatient, Event: "update", Refusal: fault.Denied, Changes: AccountSet, on: account},
		{Action: ChooseLanguage, Event: "update", Refusal: fault.Denied, Changes: AccountSet, on: account},
		{Action: DeclineAct, Event: "update", Refusal: fault.NotFound, on: account},
		{Action: EndSession, Event: "update", Refusal: fault.Denied, Changes: SessionSet, on: account},
		{Action: EnrolPasskey, Event: "sign-in", Refusal: fault.Denied, Changes: AccountSet | SessionSet, on: account},
		{Action: EnterPersona, Event: "sign-in", Refusal: fault.Denied, Changes: SessionSet, on: account},
		{Action: ExportLog, Event: "export", Refusal: fault.Denied, on: logbook},
		{Action: ImportChart, Event: "import", Refusal: fault.Denied, Changes: ChartSet, Makes: true, on: chart},
		{Action: ImportShared, Event: "import", Refusal: fault.Denied, Changes: ChartSet | RegisterSet, Makes: true, on: clinic},
		{Action: IssueEnrolment, Event: "update", Refusal: fault.Denied, Changes: AccountSet, on: account},
		{Action: ListAccounts, Event: "read", Refusal: fault.Denied, on: clinic},
		{Action: ListMyPatients, Event: "read", Refusal: fault.Denied, on: account},
		{Action: MintToken, Event: "create", Refusal: fault.Denied, Changes: SessionSet, on: account},
		{Action: ProveAccess, Event: "log-read", Refusal: fault.NotFound, on: chart},
		{Action: ReadAccessLog, Event: "log-read", Refusal: fault.NotFound, on: chart},
		{Action: ReadChart, Event: "read", Refusal: fault.NotFound, on: chart},
		{Action: ReadLog, Event: "log-read", Refusal: fault.Denied, on: logbook},
		{Action: ReadShared, Event: "read", Refusal: fault.NotFound, on: clinic},
		{Action: ReindexChart, Event: "update", Refusal: fault.Denied, Reseal: true, Changes: ChartSet, on: chart},
		{Action: ReindexShared, Event: "update", Refusal: fault.Denied, Reseal: true, Changes: ChartSet, on: clinic},
		{Action: RemovePasskey, Event: "delete", Refusal: fault.Denied, Changes: AccountSet | SessionSet, on: account},
		{Action: RenamePasskey, Event: "update", Refusal: fault.Denied, Changes: AccountSet, on: account},
		{Action: RenewEnrolment, Event: "update", Refusal: fault.Denied, TwoPerson: true, Changes: AccountSet, on: account},
		{Action: ResumeAccount, Event: "update", Refusal: fault.Denied, Changes: AccountSet, on: account},
		{Action: ReviewActs, Event: "read", Refusal: fault.NotFound, on: clinic},
		{Action: ReviewSuspensions, Event: "read", Refusal: fault.NotFound, on: clinic},
		{Action: SearchChart, Event: "search", Refusal: fault.NotFound, on: chart},
		{Action: SignIn, Event: "sign-in", Refusal: fault.Unauthenticated, Changes: AccountSet | SessionSet, on: account},
		{Action: SignOut, Event: "sign-out", Refusal: fault.Denied, Changes: SessionSet, on: account},
		{Action: SuspendAccount, Event: "update", Refusal: fault.Denied, Changes: AccountSet | SessionSet, on: account},
		{Action: SuspendOverseer, Event: "update", Refusal: fault.Denied, TwoPerson: true, Changes: AccountSet | SessionSet, on: account},
		{Action: VerifyLog, Event: "log-read", Refusal: fault.Denied, on: logbook},
		{Action: ViewSecurity, Event: "read", Refusal: fault.Denied, on: account},
	}
}

// TwoPerson reports whether the action waits for a second person: Propose it, and
// another person's Confirm mints the Grant.
func (a Action) TwoPerson() bool {
	return slices.ContainsFunc(Actions(), func(d ActionDef) bool { return d.Action == a && d.TwoPerson })
}

// checkActions compares the list with the schema's actions.
func checkActions(defs []ActionDef, schema []string) error {
	var names []string
	for _, d := range defs {
		names = append(names, string(d.Action))
	}
	if !slices.IsSorted(names) {
		return fmt.Errorf("check actions: the list is not sorted")
	}
	if !slices.Equal(names, schema) {
		return fmt.Errorf("check actions: list %v, schema %v", names, schema)
	}
	return nil
}
