# Hawser's workshop: `make help` lists what there is. Needs Go, git and this make (and Node, once there is a web page).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.PHONY: build hawser devcluster demo test test-unit bench fuzz lint golden fmt clean help check

VERSION := v0.1.0-dev+$(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
KUBERNETES := v1.36.3# what devcluster links; kubectl fails on Go's own v0.0.0-master
# kustomize can load Go plugins, which we refuse; linked in, they keep every exported method: 16 MB in hawser, 37 in devcluster.
export GOFLAGS := $(shell go env GOFLAGS) -tags=kustomize_disable_go_plugin_support
PURE = $(shell sed -n '/^```layers/,/^```$$/{s/^[01] *[a-z]* *//p}' ARCHITECTURE.md | tr -s ' ' '\n' | sed '/^$$/d; /\//!s|^|internal/|' | xargs -I{} sh -c '[ -d {} ] && echo ./{}/...')
GOLDEN = $(shell grep -rl --include='*_test.go' '"update"' api deploy internal test 2>/dev/null | xargs -r -n1 dirname | sort -u | sed 's|^|./|')

build: hawser devcluster ## build bin/hawser and bin/devcluster
hawser: check
	@tools/build . ./cmd/hawser bin/hawser "-s -w -X github.com/hawser-cd/hawser/internal/server.version=$(VERSION)"
devcluster: check
	@tools/build devcluster . bin/devcluster "-s -w -X k8s.io/component-base/version.gitVersion=$(KUBERNETES) -X k8s.io/client-go/pkg/version.gitVersion=$(KUBERNETES)"

demo: build ## build, then run Kubernetes, a Git server and Hawser on this machine; DEMO=--script plays it by itself
	@bin/hawser demo $(DEMO)

test: devcluster ## every test, on a real Kubernetes; what CI runs
	@tools/test $(SUMMARY)

test-unit: check ## the pure packages and the layers: the one you run all day
	go test . $(PURE)

bench: devcluster ## the benchmarks: beside the code, and of the whole on a real Kubernetes (test/scale)
	go test -run '^$$' -bench . -benchmem ./internal/...
	go test -run '^$$' -bench . -timeout 30m ./test/scale

fuzz: check ## every fuzz target, 60 s each (FUZZTIME=10m for longer, FUZZ=Badge for some)
	@tools/fuzz

lint: check ## go vet and golangci-lint (compiled on first use, which takes minutes)
	go vet ./...
	go tool -modfile=tools/go.mod golangci-lint run ./...

golden: check ## rewrite the expected outputs of tests; then read git diff
	go test $(GOLDEN) -update

fmt: ## format the code
	gofmt -w api cmd deploy devcluster internal test tools *.go

clean: ## remove what was built; caches and the demo's data stay
	rm -rf bin

check:
	@tools/check

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
