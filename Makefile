# Hawser's workshop: `make help` lists what there is. Needs Go, Node, git and this make.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.PHONY: build hawser devcluster demo test test-unit bench scale fuzz lint golden images fmt clean help check

VERSION := v0.1.0-dev+$(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
KUBERNETES := v1.36.3# what devcluster links; kubectl fails on Go's own v0.0.0-master
# kustomize can load Go plugins, which we refuse; linked in, they keep every exported method: 16 MB in hawser, 37 in devcluster.
export GOFLAGS := $(shell go env GOFLAGS) -tags=kustomize_disable_go_plugin_support
PURE = $(shell sed -n '/^```layers/,/^```$$/{s/^[01] *[a-z]* *//p}' ARCHITECTURE.md | tr -s ' ' '\n' | sed '/^$$/d; /\//!s|^|internal/|' | xargs -I{} sh -c '[ -d {} ] && echo ./{}/...')
GOLDEN = $(shell grep -rl --include='*_test.go' '"update"' api deploy internal test 2>/dev/null | xargs -r -n1 dirname | sort -u | sed 's|^|./|')

build: hawser devcluster ## build bin/hawser and bin/devcluster
hawser: check web/dist/index.html
	@tools/build . ./cmd/hawser bin/hawser "-s -w -X github.com/hawser-cd/hawser/internal/server.version=$(VERSION)"
devcluster: check
	@tools/build devcluster . bin/devcluster "-s -w -X k8s.io/component-base/version.gitVersion=$(KUBERNETES) -X k8s.io/client-go/pkg/version.gitVersion=$(KUBERNETES)"

# The page: vite writes web/dist, which hawser embeds. What npm fetches is written down in package-lock.json, with its hashes.
web: web/dist/index.html ## build the page into web/dist (make build does it, too)
web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/public web/index.html web/vite.config.ts web/tsconfig.json -type f)
	@echo "building the page…"
	@cd web && npx --no-install vite build --logLevel warn
	@touch $@
web/node_modules/.package-lock.json: web/package-lock.json
	@tools/check node
	@echo "fetching what the page is built with…"
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: build ## build, then run Kubernetes, a Git server and Hawser on this machine; DEMO=--script plays it by itself
	@bin/hawser demo $(DEMO)

test: devcluster web/dist/index.html ## every test, on a real Kubernetes; what CI runs
	@tools/test $(SUMMARY)

test-unit: check ## the pure packages and the layers: the one you run all day
	go test . $(PURE)

scale: devcluster ## the life of a repository of N applications, phase by phase (N=100; SCALE=-light: one object each)
	go test -run '^$$' -bench Phases -benchtime 1x -timeout 60m ./test/scale -apps $(or $(N),100) $(SCALE)

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

images: hawser devcluster ## photograph every screen of the page anew, for docs/images
	HAWSER_IMAGES=$(CURDIR)/docs/images go test -count=1 -timeout 30m -run TestImages ./test/browser

fmt: ## format the code
	gofmt -w api cmd deploy devcluster internal test tools *.go

clean: ## remove what was built; caches and the demo's data stay
	rm -rf bin web/dist/assets web/dist/index.html web/dist/favicon.svg

check:
	@tools/check

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
