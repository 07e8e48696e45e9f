# `make check` is what CI runs; `make help` lists the rest.
# Needs GNU make and Go, and nothing else: tools are Go programs of a pinned
# version, fetched as modules.
GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

# What is built besides the system of this machine.
PLATFORMS := darwin/arm64 windows/amd64
# How long `make fuzz` runs each target.
FUZZTIME := 60s

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: build
build: ## build a static ./dist/daemonize
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o dist/daemonize ./cmd/daemonize

.PHONY: check
check: static test ## everything that CI checks

.PHONY: static
static: modules format vet platforms generated lint ## what CI checks without running the program

.PHONY: test
test: ## run the tests
	go test ./...

.PHONY: modules
modules: ## fail when go.mod and go.sum are not tidy
	go mod tidy -diff

.PHONY: format
format: ## fail on files that gofmt would change
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

.PHONY: vet
vet: ## vet for this system
	go vet ./...

# The tests compile everywhere; they skip what needs Linux.
.PHONY: platforms
platforms: ## build and vet for the other platforms
	@for p in $(PLATFORMS); do \
		echo "build for $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go build -o /dev/null ./cmd/daemonize; \
		echo "vet for $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go vet ./...; \
	done

.PHONY: generate
generate: ## write the generated sources and pages
	go run ./internal/gen/specgen
	@if [ -d internal/gen/systemdgen ]; then echo go run ./internal/gen/systemdgen; go run ./internal/gen/systemdgen; fi
	go run ./internal/gen/docsgen

# In a copy, so that neither the tree nor the state of git matters.
.PHONY: generated
generated: ## fail when `make generate` would change a file
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	tar -c --exclude=.git --exclude=./dist . | tar -x -C "$$dir"; \
	$(MAKE) --silent --no-print-directory -C "$$dir" generate; \
	if ! diff -r -q --exclude=.git --exclude=dist . "$$dir"; then \
		echo "generated files are stale: run make generate"; exit 1; \
	fi; echo "generated files are up to date"

.PHONY: lint
lint: ## run golangci-lint and shellcheck
	$(GOLANGCI_LINT) run
	@if command -v shellcheck >/dev/null; then echo shellcheck .ci/run .ci/lab-roots; shellcheck .ci/run .ci/lab-roots; \
	else echo "shellcheck is not installed: scripts are not checked"; fi

.PHONY: fuzz
fuzz: ## run every fuzz target for $(FUZZTIME)
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' "$$pkg" | sed -n '/^Fuzz/p'); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$pkg"; \
		done; \
	done

.PHONY: bench
bench: ## measure speed, memory and size
	go test -run '^$$' -bench . -benchmem ./...
	go run ./internal/bench

.PHONY: lab
lab: ## test with real service managers (as root, on Debian 12 or later)
	.ci/lab-roots all
	DAEMONIZE_LAB_ALL=1 go test -count=1 -p 4 -parallel 8 -timeout 20m . ./generators/... ./hardening/... ./internal/...

# Downloads the units of some 185 Debian packages; the copies of the programs
# are those of the lab. It takes several minutes.
.PHONY: parity
parity: ## compare exposure scores with systemd-analyze 252, 257 and 262
	.ci/lab-roots systemd252 systemd257 systemd262
	internal/parity/corpus.sh dist/corpus
	go run ./internal/parity -corpus dist/corpus -generate 2000

.PHONY: clean
clean: ## remove what was built
	rm -rf dist
