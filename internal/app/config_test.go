package app_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"postern.example/postern/internal/app"
	"postern.example/postern/internal/app/apptest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/test/covers"
)

const valid = "origin: https://portal.example\nclinic:\n  name: Riverside Clinic\n  phone: 555-0100\n"

func readConfig(t *testing.T, text string) (app.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), app.ConfigFile)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return app.ReadConfig(path)
}

// Covers CH-5: a configuration that is not understood in full, or is unsafe, is
// refused with its place.
func TestConfigRefuses(t *testing.T) {
	covers.Covers(t, "CH-5")
	for name, c := range map[string]struct{ text, says string }{
		"unknown key":             {valid + "plain_http: true\n", "plain_http"},
		"unknown inner key":       {strings.Replace(valid, "phone:", "fax: 1\n  phone:", 1), "fax"},
		"repeated key":            {valid + "origin: https://other.example\n", "origin"},
		"two documents":           {valid + "---\n" + valid, "more than one document"},
		"two documents, bad next": {valid + "---\nsurprise: 1\n", "more than one document"},
		"wrong type":              {valid + "allow_plain_key: perhaps\n", "line 5"},
		"list for text":           {valid + "listen: [a, b]\n", "line 5"},
		"no duration":             {valid + "sessions:\n  patient_idle: soon\n", "not a positive duration"},
		"negative duration":       {valid + "sessions:\n  patient_idle: -5m\n", "not a positive duration"},
		"idle beyond absolute":    {valid + "sessions:\n  staff_idle: 30m\n  staff_absolute: 20m\n", "longer than"},
		"idle too long":           {valid + "sessions:\n  staff_idle: 2h\n", "at most 1h"},
		"empty":                   {"", "EOF"},
		"no YAML":                 {"{", "yaml"},
		"environment":             {valid + "environment: staging\n", "staging"},
		"plain key, production":   {valid + "allow_plain_key: true\n", "refused for production"},
		"no origin":               {strings.Replace(valid, "origin: https://portal.example\n", "", 1), "origin: is required"},
		"no clinic":               {"origin: https://portal.example\n", "clinic.name"},
		"password in URL":         {valid + "database:\n  url: postgres://p:secret@h/d\n  migrate_url: postgres://o@h/d\n", "holds a password"},
		"password in query":       {valid + "database:\n  url: postgres://p@h/d?password=x\n  migrate_url: postgres://o@h/d\n", "holds a password"},
		"one database URL":        {valid + "database:\n  url: postgres://p@h/d\n", "go together"},
		"other database":          {valid + "database:\n  url: mysql://p@h/d\n  migrate_url: mysql://o@h/d\n", "not a postgres://"},
		"plain HTTP off loopback": {valid + "listen: 0.0.0.0:443\n", "plain HTTP is refused off loopback"},
		"plain HTTP by name":      {valid + "listen: portal.example:80\n", "plain HTTP is refused off loopback"},
		"no port":                 {valid + "listen: 127.0.0.1\n", "not host:port"},
		"certificate alone":       {valid + "tls:\n  certificate: c.pem\n", "go together"},
		"two kinds of TLS":        {valid + "tls:\n  certificate: c.pem\n  key: k.pem\n  acme:\n    email: it@clinic.example\n", "not both"},
		"authority in the clear":  {valid + "tls:\n  acme:\n    email: it@clinic.example\n    directory: http://acme.example/directory\n", "tls.acme.directory"},
		"authority without URL":   {valid + "tls:\n  acme:\n    email: it@clinic.example\n    directory: acme\n", "tls.acme.directory"},
		"TLS for http origin":     {strings.Replace(valid, "https://portal.example", "http://localhost:8443", 1) + "tls:\n  certificate: c.pem\n  key: k.pem\n", "must begin with https://"},
		"negative limit":          {valid + "limits:\n  connections: -1\n", "limits.connections: is not between"},
		"no limit at all":         {valid + "limits:\n  connections: 1000000\n", "limits.connections: is not between"},
		"share above the whole":   {valid + "limits:\n  connections: 10\n  connections_per_address: 11\n", "limits.connections_per_address"},
		"rate without a unit":     {valid + "limits:\n  account:\n    page: 300\n", "limits.account.page: \"300\" is not a rate such as 300/minute"},
		"rate of nothing":         {valid + "limits:\n  address:\n    sign_in: 0/minute\n", "limits.address.sign_in"},
		"rate a day":              {valid + "limits:\n  token:\n    search: 5/day\n", "limits.token.search"},
		"negative day":            {valid + "limits:\n  charts_per_day: -1\n", "limits.charts_per_day: is not between 1"},
		"negative requests":       {valid + "limits:\n  requests_per_account: -1\n", "limits.requests_per_account"},
		"header without a proxy":  {valid + "tls:\n  certificate: c.pem\n  key: k.pem\nlimits:\n  client_header: X-Forwarded-For\n", "limits.client_header: is for a proxy"},
		"header that is a line":   {valid + "limits:\n  client_header: \"X-Forwarded-For: x\"\n", "limits.client_header"},
		"header of another use":   {valid + "limits:\n  client_header: Cookie\n", "limits.client_header"},
		"negative share":          {valid + "limits:\n  connections_per_address: -1\n", "limits.connections_per_address"},
		"contact without expiry":  {valid + "security:\n  contact: mailto:security@clinic.example\n", "security.expires: is required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(t, c.text)
			refused(t, name, err, c.says)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the password: %v", err)
			}
		})
	}
	if _, err := readConfig(t, valid); err != nil {
		t.Errorf("the valid one: %v", err)
	}
}

// Covers CH-5: an origin is https, or localhost, and a name.
func TestConfigOrigin(t *testing.T) {
	covers.Covers(t, "CH-5")
	for origin, ok := range map[string]bool{
		"https://portal.example": true, "https://portal.example:8443": true, "http://localhost:8080": true, "http://localhost": true,
		"http://portal.example": false, "http://127.0.0.1:8080": false, "https://192.0.2.7": false, "https://[::1]": false,
		"https://portal.example/": false, "https://portal.example/x": false, "https://u@portal.example": false,
		"https://portal.example?x": false, "https://portal.example#x": false, "HTTPS://portal.example": false,
		"https://Portal.example": false, "ftp://portal.example": false, "portal.example": false, "//portal.example": false,
	} {
		_, err := readConfig(t, strings.Replace(valid, "https://portal.example", `"`+origin+`"`, 1))
		if (err == nil) != ok {
			t.Errorf("%s: %v, want accepted %v", origin, err, ok)
		}
	}
}

// configKeys lists the keys of a struct as paths.
func configKeys(typ reflect.Type, prefix string) (out []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag, ok := f.Tag.Lookup("yaml")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(tag, ",")
		if f.Type.Kind() == reflect.Struct {
			out = append(out, configKeys(f.Type, prefix+name+".")...)
		} else {
			out = append(out, prefix+name)
		}
	}
	return out
}

// keyDifference says what a list of documented keys lacks, and has too much; when it has
// the same keys, where the order is another.
func keyDifference(documented, want []string) (out []string) {
	for _, k := range want {
		if !slices.Contains(documented, k) {
			out = append(out, k+" is in the program and not in the page")
		}
	}
	for i, k := range documented {
		switch {
		case !slices.Contains(want, k):
			out = append(out, k+" is in the page and not in the program")
		case slices.Contains(documented[:i], k):
			out = append(out, k+" stands twice in the page")
		}
	}
	if len(out) > 0 {
		return out
	}
	for i, k := range want {
		if documented[i] != k {
			return []string{"the page says " + documented[i] + " where the program has " + k}
		}
	}
	return nil
}

// The one key that is missing is said, and not the sixty that are there.
func TestOnlyTheDifferenceOfKeysIsSaid(t *testing.T) {
	for page, want := range map[string]string{
		"a b c": "", "a c": "b is in the program and not in the page", "a b x c": "x is in the page and not in the program",
		"a b b c": "b stands twice in the page", "a c b": "the page says c where the program has b",
	} {
		if got := strings.Join(keyDifference(strings.Fields(page), []string{"a", "b", "c"}), "; "); got != want {
			t.Errorf("%s: %s", page, got)
		}
	}
}

// Every key stands in docs/configuration.md, with its default and what empty
// means, and no other key does.
func TestConfigIsDocumented(t *testing.T) {
	covers.Covers(t, "CH-5")
	page, err := os.ReadFile("../../docs/configuration.md")
	must(t, err)
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| ([^|]+) \\| ([^|]+) \\|$").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, m[1])
	}
	want := configKeys(reflect.TypeFor[app.Config](), "")
	for _, wrong := range keyDifference(documented, want) {
		t.Error(wrong)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	if _, err := readConfig(t, example); err != nil {
		t.Errorf("the example: %v", err)
	}
}

// What init writes says only what was chosen, and reads back the same.
func TestConfigRoundTrip(t *testing.T) {
	c, err := readConfig(t, valid+"sessions:\n  patient_idle: 5m0s\n")
	must(t, err)
	b, err := yaml.Marshal(c)
	must(t, err)
	again, err := readConfig(t, string(b))
	must(t, err)
	if again.Sessions != c.Sessions || again.Origin != c.Origin || strings.Contains(string(b), "tls") {
		t.Errorf("%s", b)
	}
}

// What init wrote without being told does not stay unseen.
func TestPlaceholdersOfInitWarn(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	warns := func() bool {
		w, err := app.Check(filepath.Join(in.Dir, app.ConfigFile))
		must(t, err)
		return strings.Contains(strings.Join(w, "\n"), "placeholders of postern init")
	}
	if warns() {
		t.Error("a clinic of its own name and number is warned")
	}
	edit(t, in.Dir, "(503) 555-0100", "555-0100")
	if !warns() {
		t.Error("the placeholder of the phone is not seen")
	}
}

// Covers CH-5: check sees what is unsafe without starting, and names all of it.
func TestCheck(t *testing.T) {
	covers.Covers(t, "CH-5")
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	file := filepath.Join(in.Dir, app.ConfigFile)
	key := filepath.Join(in.Dir, "root.key")
	warnings, err := app.Check(file)
	if err != nil || !strings.Contains(strings.Join(warnings, "\n"), "not sealed") || !strings.Contains(strings.Join(warnings, "\n"), "log.checkpoint is beside the data") {
		t.Fatalf("a good one: %v, %v", warnings, err)
	}
	must(t, os.Chmod(key, 0o644))
	must(t, os.Chmod(in.Dir, 0o755))
	_, err = app.Check(file)
	refused(t, "world-readable", err, "root_key: other users", "data folder: other users", "chmod")
	_, err = serve(t, in.Place)
	refused(t, "serve on world-readable files", err, "unsafe installation", "root_key: other users")
	must(t, os.Chmod(key, 0o600))
	must(t, os.Chmod(in.Dir, 0o700))

	edit(t, in.Dir, "environment: test", "environment: demo")
	_, err = app.Check(file)
	refused(t, "other environment", err, "is demo, but the root key is for test")
	edit(t, in.Dir, "environment: demo", "environment: test")

	edit(t, in.Dir, "allow_plain_key: true\n", "")
	_, err = app.Check(file)
	refused(t, "plain key without its flag", err, "root_key: is not sealed")
	edit(t, in.Dir, "origin:", "allow_plain_key: true\ntls:\n  certificate: none.pem\n  key: none.key\norigin:")
	edit(t, in.Dir, "origin: http://localhost", "origin: https://localhost")
	_, err = app.Check(file)
	refused(t, "missing certificate", err, "tls:", "none.key")

	must(t, os.Remove(key))
	_, err = app.Check(file)
	refused(t, "missing root key", err, "run postern init")
	_, err = app.Check(filepath.Join(in.Dir, "absent.yaml"))
	refused(t, "no configuration", err, "absent.yaml")
}

// security.txt: a date that has passed, comes soon or is too far warns.
func TestSecurityExpiryWarns(t *testing.T) {
	in := apptest.Start(t, apptest.Options{Environment: keys.Test, Stopped: true})
	in.Stop(t)
	file := filepath.Join(in.Dir, app.ConfigFile)
	warns := func() string {
		t.Helper()
		w, err := app.Check(file)
		must(t, err)
		return strings.Join(w, "\n")
	}
	if !strings.Contains(warns(), "security.contact is empty") {
		t.Error("no warning about the missing contact")
	}
	edit(t, in.Dir, "origin:", "security:\n  contact: mailto:security@clinic.example\n  expires: DATE\norigin:")
	_, err := app.Check(file)
	refused(t, "no date", err, `"DATE" is not a date`)
	last := "DATE"
	for days, says := range map[int]string{-1: "stale", 10: "less than a month", 400: "more than a year", 200: ""} {
		date := time.Now().AddDate(0, 0, days).Format(time.DateOnly)
		edit(t, in.Dir, last, date)
		last = date
		got := warns()
		if strings.Contains(got, "security.") != (says != "") || !strings.Contains(got, says) {
			t.Errorf("in %d days: %q, want %q", days, got, says)
		}
	}
}
