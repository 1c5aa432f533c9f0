# Postern: everything that a person or the continuous integration calls.
# `make` alone prints what there is.

# One set of flags for every build, so that tests run what ships: the certified
# Go cryptographic module, no cgo (the race detector alone needs it).
export GOFIPS140 ?= v1.0.0
export CGO_ENABLED ?= 0

GO       ?= go
ARGS     ?=
FUZZTIME ?= 30s
PKG      ?= ./...
BUILD     = $(GO) build -trimpath -buildvcs=false

.DEFAULT_GOAL := help
.PHONY: help demo build tools test check lint race cover thresholds fuzz sabotage bench soak controls golden reproduce walls secrets vuln gosec clean

help: ## this list
	@awk 'BEGIN {FS = ":.*## "; print "Postern: make TARGET\n"} /^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile
	@echo; echo "Two to start with: make demo, make test."

demo: ## build and serve a demo clinic on http://localhost:8080 (ARGS="--addr 127.0.0.1:9000 --data DIR")
	@echo "demo: building bin/postern (the first time compiles the libraries: a minute or two)"
	@$(MAKE) --no-print-directory build
	@echo "demo: starting it with fictional families; not for real patients; stop with Ctrl-C"
	@exec ./bin/postern demo $(ARGS)

build: ## build bin/postern as it ships: static, certified crypto, reproducible
	@mkdir -p bin
	@CGO_ENABLED=0 $(BUILD) -o bin/postern ./cmd/postern

tools: ## install what the tests need, or print the one command that does
	@sh tools/setup.sh

test: tools ## every test: unit, both databases, browser; then the check of skipped tests
	@$(GO) run ./test/run $(if $(COVER),-cover) $(PKG)

check: ## the quick half of what CI runs: format, vet, walls, unit tests on the embedded database
	@f=$$(gofmt -l $$(find . -name '*.go' -not -path './.*' -not -path './test/clients/*')); test -z "$$f" || { echo "gofmt: $$f"; exit 1; }
	@$(GO) vet ./...
	@$(GO) test ./test/walls
	@$(GO) test -short ./internal/...

lint: tools ## gofmt, vet, staticcheck
	@$(GO) run ./test/lint

race: tools ## the tests where goroutines meet, under the race detector
	@CGO_ENABLED=1 $(GO) run ./test/run -race $(PKG)

cover: ## every test with coverage, then the thresholds (docs/coverage.md)
	@$(MAKE) --no-print-directory test COVER=1
	@$(MAKE) --no-print-directory thresholds

thresholds: ## the thresholds alone, on the coverage of the last run
	@$(GO) run ./test/cover

fuzz: ## every fuzz target for FUZZTIME (30s)
	@$(GO) run ./test/fuzz -time $(FUZZTIME)

sabotage: tools ## break each promise by its patch and see the named test go red (ARGS="-only NAME" or -list)
	@$(GO) build -o .cache/bin/pgcluster ./internal/trust/db/dbtest/pgcluster
	@.cache/bin/pgcluster -- $(GO) run ./test/sabotage $(ARGS)

bench: ## the measurements of docs/bench.md
	@test -d test/bench || { echo "bench: test/bench does not exist yet (docs/roadmap.md)" >&2; exit 1; }
	@$(GO) run ./test/bench $(ARGS)

soak: tools ## kill -9 at random points under load, 1,000 rounds
	@POSTERN_SOAK_ROUNDS=1000 $(GO) run ./test/run -timeout 170m -run Kill ./internal/trust/audit/...

controls: ## rows of the control catalogue, the tests that show them, their last result
	@$(GO) run ./test/controls

golden: ## write the golden files anew; read the difference before you commit it
	@for d in $$(grep -rl --include='*_test.go' 'flag.Bool("update"' cmd internal test | xargs -n 1 dirname | sort -u); do \
		$(GO) test -count=1 ./$$d -update || exit 1; done

reproduce: ## build in two folders with two caches and compare the hashes
	@sh test/reproduce/reproduce.sh

walls: ## the architecture's rules (WRITE=1 writes the imports column of ARCHITECTURE.md anew)
	@POSTERN_WALLS=$(if $(WRITE),write,check) $(GO) test -count=1 ./test/walls

secrets: ## look for keys, tokens and passwords in the tree
	@$(GO) run ./test/secrets

vuln: tools ## known vulnerabilities of what is linked (VULNDB=DIR of an unpacked database, else the network)
	@.cache/bin/govulncheck $(if $(VULNDB),-db file://$(abspath $(VULNDB)),) ./...

gosec: tools ## gosec with the exceptions of tools/gosec.txt
	@$(GO) run ./test/lint -gosec

clean: ## remove what was built here
	@rm -rf bin .cache
