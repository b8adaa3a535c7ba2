# The targets people and CI share. `make help` lists them.
SHELL := bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

VERSION := $(shell git -c safe.directory='$(CURDIR)' describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# The version is stamped above; Go asking git as well fails where another user owns the checkout.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

# Tools are pinned in tools/go.mod and built once for each version of it and of Go, outside the tree: golangci-lint takes
# minutes to compile, and a fresh clone, a second work tree or `make demo-reset` should not pay for that again.
TOOLS := $(shell echo "$$(go env GOPATH)/tillway-tools/$$( (go env GOVERSION; cat tools/go.mod tools/go.sum) | cksum | cut -d' ' -f1)")
SQLC := $(TOOLS)/sqlc
GOLANGCI_LINT := $(TOOLS)/golangci-lint
GOVULNCHECK := $(TOOLS)/govulncheck

# What `go test` is given: packages, and more flags (`make test TESTFLAGS='-run Webhook'`).
PACKAGES ?= ./...
STORES ?= ./internal/postgres/... ./internal/orders/... ./internal/idempotency/...
TESTFLAGS ?=
FUZZTIME ?= 30s
FUZZ ?=
ARGS ?=

##@ Run

.PHONY: demo
demo: .tillway/bin/server ## pay two orders on this machine, with everything they need; Ctrl-C ends it
	@exec $< demo $(ARGS)

.PHONY: demo-reset
demo-reset: .tillway/bin/server ## forget the demo's data
	@$< demo --reset $(ARGS)

.PHONY: sandbox
sandbox: .tillway/bin/server ## run the simulator of Onerway alone (ARGS='--help' for its flags)
	@exec $< sandbox $(ARGS)

.PHONY: migrate
migrate: .tillway/bin/server ## bring the database of DATABASE_URL up to date (ARGS=status, ARGS=down)
	@exec $< migrate $(or $(ARGS),up)

.PHONY: build
build: ## build bin/server, static, for the platform of GOOS and GOARCH
	CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags '$(LDFLAGS)' -o bin/server ./cmd/server

# Built rather than `go run`, which on a SIGTERM dies and leaves its child behind. Go knows what is up to date.
.PHONY: .tillway/bin/server
.tillway/bin/server:
	@go build -ldflags '-X main.version=$(VERSION)' -o $@ ./cmd/server

##@ Check

.PHONY: test
test: .tillway/bin/testcount ## run every test under the race detector, on private databases; installs what is missing
	@scripts/setup-test
	@go build -o .tillway/bin/testenv ./internal/embedded/testenv
	@set -o pipefail; .tillway/bin/testenv -- scripts/test $(PACKAGES) -- $(TESTFLAGS) | $<

.PHONY: test-containers
test-containers: .tillway/bin/testcount ## run the store tests on PostgreSQL and Redis in containers
	@set -o pipefail; TILLWAY_TEST_CONTAINERS=1 go test -count=1 -timeout 15m -json $(TESTFLAGS) $(STORES) | $<

.PHONY: .tillway/bin/testcount
.tillway/bin/testcount:
	@go build -o $@ ./internal/testcount

# One worker for each target: the machine stays usable, and a run can be compared with the last one.
.PHONY: fuzz
fuzz: ## fuzz what reads foreign input, FUZZTIME (30s) for each target; FUZZ=expression picks some
	@FUZZTIME='$(FUZZTIME)' FUZZ='$(FUZZ)' scripts/fuzz

.PHONY: bench
bench: ## payments per second beside the same SQL run bare (ARGS='--help' for its flags)
	go run ./cmd/bench $(ARGS)

# Built rather than `go run`: it cleans up after a SIGTERM, and its children live in its process group.
.PHONY: crash
crash: ## kill the service a thousand times under load and in years of renewals, and compare the books (ARGS='--help', 'renewals --help')
	@go build -o .tillway/bin/crash ./cmd/crash
	@$(if $(ARGS),exec .tillway/bin/crash $(ARGS),.tillway/bin/crash && exec .tillway/bin/crash renewals)

.PHONY: soak
soak: ## half an hour of load and faults: nothing may grow or get lost (ARGS='--duration 2m', '--help')
	@go build -o .tillway/bin/soak ./cmd/soak
	@exec .tillway/bin/soak $(ARGS)

.PHONY: lint
lint: $(GOLANGCI_LINT) ## check style, import directions and formatting
	$(GOLANGCI_LINT) run --allow-parallel-runners

.PHONY: verify
verify: $(SQLC) ## fail if go.mod, generated code, diagrams or golden files are stale
	@SQLC=$(SQLC) scripts/verify

.PHONY: vulncheck
vulncheck: $(GOVULNCHECK) ## look for known vulnerabilities that the code reaches (needs vuln.go.dev)
	$(GOVULNCHECK) ./...

##@ Change

.PHONY: generate
generate: $(SQLC) ## rewrite generated code, diagrams and golden files
	SQLC=$(SQLC) scripts/generate

.PHONY: format
format: $(GOLANGCI_LINT) ## format the code
	$(GOLANGCI_LINT) fmt

.PHONY: tools
tools: $(SQLC) $(GOLANGCI_LINT) $(GOVULNCHECK) ## build the pinned tools

# CGO_ENABLED=0: sqlc then parses with the WebAssembly build of PostgreSQL's parser instead of compiling the C one.
# Renamed only when complete, so that an interrupted build is not taken for a tool.
$(SQLC): PACKAGE := github.com/sqlc-dev/sqlc/cmd/sqlc
$(GOLANGCI_LINT): PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(GOVULNCHECK): PACKAGE := golang.org/x/vuln/cmd/govulncheck
$(SQLC) $(GOLANGCI_LINT) $(GOVULNCHECK):
	@echo "building $(@F) for $(@D)"
	@CGO_ENABLED=0 go -C tools build -trimpath -o $@.part $(PACKAGE) && mv $@.part $@

.PHONY: help
help: ## show this
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
