package walls

import (
	"regexp"
	"strings"
)

// A rule forbids an import or a call in the product outside the listed places;
// programs and tests below test/ are free. Every place has a reason, and is in
// use: widening a list is a change that a reviewer reads here.
type rule struct {
	name  string
	why   string
	where []place
	tests bool // true when the rule holds in tests and their kits too
	types bool // true when only a conversion counts, not a mention of the type
	// Exactly one of the two is set.
	imports *regexp.Regexp                      // forbidden import paths
	calls   func(pkg, name string, m bool) bool // forbidden calls or mentions: package path ("" for a method), name, method
}

// place is a folder (with what lies below it) or one file in which the rule's
// subject is allowed.
type place struct{ path, reason string }

func (r rule) allows(f *file) bool {
	if (f.test || f.kit) && !r.tests {
		return true
	}
	for _, p := range r.where {
		if f.path == p.path || f.dir == p.path || strings.HasPrefix(f.dir, p.path+"/") {
			return true
		}
	}
	return false
}

// function forbids pkg.name for each of the names.
func function(pkg string, names ...string) func(string, string, bool) bool {
	return func(p, name string, method bool) bool {
		if method || p != pkg {
			return false
		}
		for _, n := range names {
			if n == name || strings.HasSuffix(n, "*") && strings.HasPrefix(name, n[:len(n)-1]) {
				return true
			}
		}
		return false
	}
}

const (
	personPkg = module + "/internal/word/person"
	auditPkg  = module + "/internal/trust/audit"
)

// rules is the list of walls that are not imports between rooms.
var rules = []rule{
	{
		name: "callers of signed-in people", why: "a Caller cannot be forged (promise 1)",
		calls: function(personPkg, "NewPerson"),
		where: []place{{"internal/room/session", "a session or token was checked"}},
	},
	{
		name: "callers of jobs", why: "jobs act under their own name (promise 9)",
		calls: function(personPkg, "NewSystem"),
		where: []place{{"internal/app", "runs the jobs"}},
	},
	{
		name: "callers of commands", why: "commands are no back door (promise 9)",
		calls: function(personPkg, "NewOperator"),
		where: []place{{"internal/app", "runs the commands"}},
	},
	{
		name: "PHI in clear", why: "PHI leaves its type in few, known places (promise 6)",
		calls: func(_, name string, method bool) bool { return method && name == "Reveal" },
		where: []place{
			{"internal/word/phi", "declares it"},
			{"internal/room/records", "parses, indexes and returns resources"},
			{"internal/room/identity", "reads and stores names of accounts"},
			{"internal/door/web", "renders pages for the person whose Grant it is"},
			{"internal/door/fhirapi", "renders resources for the token whose Grant it is"},
		},
	},
	{
		name: "plaintext for jobs", why: "what a job opens is sealed anew and never answers (promise 1)",
		calls: func(_, name string, method bool) bool { return method && name == "Rework" },
		where: []place{
			{"internal/room/records/rework.go", "makes indexes anew"},
		},
	},
	{
		name: "risky audit functions", why: "they open entries without a Grant of their own, or can hurt the log (promises 1 and 4)",
		calls: func(pkg, name string, _ bool) bool {
			return strings.HasPrefix(name, "Risky") && (pkg == auditPkg || pkg == "")
		},
		where: []place{
			{"internal/trust/audit", "declares them"},
			{"internal/trust/access/looked.go", "who looked: opens entries after its own decision"},
			{"internal/app", "ceremonies"},
		},
	},
	{
		name: "database/sql", why: "a pool that hides connections from transactions and keys; db has its own",
		imports: regexp.MustCompile(`^database/sql(/|$)`), tests: true,
	},
	{
		name: "SQL drivers", why: "SQL goes through the constant-text type of db (threats, class 8)",
		imports: regexp.MustCompile(`^github\.com/(jackc/pgx|jackc/pgconn|ncruces/go-sqlite3|mattn/go-sqlite3)|^modernc\.org/sqlite`), tests: true,
		where: []place{{"internal/trust/db", "owns both engines"}},
	},
	{
		name: "block and stream ciphers", why: "one sealed format, in the trusted base (promise 2)",
		imports: regexp.MustCompile(`^crypto/(aes|cipher|des|rc4)$|^golang\.org/x/crypto/(chacha20|chacha20poly1305|xts|nacl|salsa20|blowfish|twofish|cast5|tea|xtea)(/|$)`),
		where: []place{
			{"internal/trust", "owns sealing"},
		},
	},
	{
		name: "HTML marked as safe", why: "everything else is escaped by html/template (threats, class 7)",
		calls: function("html/template", "HTML", "HTMLAttr", "CSS", "JS", "JSStr", "URL", "Srcset"), types: true,
		where: []place{{"internal/door/web/chart", "SVG built from numbers alone"}},
	},
	{
		name: "text/template", why: "it does not escape; pages come from html/template",
		imports: regexp.MustCompile(`^text/template$`),
		where: []place{
			{"internal/door/web/view/clean.go", "recognises its error type, to drop the values that it quotes"},
		},
	},
	{
		name: "pseudo-random numbers", why: "identifiers and keys come from the injected crypto source",
		imports: regexp.MustCompile(`^math/rand(/v2)?$`),
		where: []place{
			{"internal/room/deid", "deterministic made-up families"},
		},
	},
	{
		name: "the clock", why: "time is injected, so that tests own it",
		calls: function("time", "Now", "Since", "Until", "Sleep"),
		where: []place{
			{"internal/app", "composition root: hands the clock in"},
			{"internal/trust/audit/clock.go", "the monotonic clock that the wall clock is compared with"},
		},
	},
	{
		name: "the environment", why: "configuration is one file; secrets come by file",
		calls: function("os", "Getenv", "LookupEnv", "Environ", "Setenv", "ExpandEnv"),
		where: []place{
			{"internal/app", "systemd credentials and notification"},
		},
	},
	{
		name: "unsafe and linkname", why: "memory safety",
		imports: regexp.MustCompile(`^(unsafe|C|plugin)$`), tests: true,
	},
	{
		name: "other programs", why: "Postern starts none; its tests do",
		imports: regexp.MustCompile(`^os/exec$`),
	},
	{
		name: "the demo's people", why: "persona code is reached by the demo command alone",
		imports: regexp.MustCompile(`^` + regexp.QuoteMeta(module) + `/internal/room/deid(/|$)`),
		where: []place{
			{"internal/app/demo", "the demo command"},
		},
	},
}

// rings holds what each ring may import, by ring.
var rings = map[string]struct {
	number int
	may    []string
}{
	"word":  {0, nil},
	"trust": {1, []string{"word"}},
	"room":  {2, []string{"word", "trust"}},
	"door":  {3, []string{"word", "trust", "room"}},
	"app":   {4, []string{"word", "trust", "room", "door"}},
	"cmd":   {5, []string{"word", "app"}},
}

// trustOrder is the order inside ring 1, and the exceptions to it.
var trustOrder = []string{"trust/db", "trust/keys", "trust/audit", "trust/access", "trust/vault"}

// forbidden names imports that the rings would allow.
var forbidden = map[[2]string]string{
	{"trust/audit", "trust/keys"}: "audit declares the sealer and signer that it wants, so that the offline verifier needs no key code",
}

// mutable lists package variables that look mutable and are not, or must be.
// Key: "folder name".
var mutable = map[string]string{}

// longFunctions lists functions over the hard limit, with the reason.
var longFunctions = map[string]string{}

const (
	maxFile     = 800 // lines
	maxFunction = 80  // lines
)

// wellKnown are methods whose meaning the standard library gives: they need no
// comment of their own.
var wellKnown = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Is": true, "As": true, "GoString": true, "Format": true,
	"LogValue": true, "MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true, "Read": true, "Write": true,
	"Close": true, "Len": true, "Less": true, "Swap": true, "ServeHTTP": true, "UnmarshalYAML": true}
