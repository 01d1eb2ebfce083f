# Everything a person or CI runs. `make test` passes all tests; `make demo` tells the whole story.

CARGO ?= cargo
TOOLS := $(CURDIR)/.tools
CARGO_DENY := $(TOOLS)/bin/cargo-deny
CARGO_DENY_VERSION := 0.20.2
ACTIONLINT := $(TOOLS)/bin/actionlint
ACTIONLINT_VERSION := v1.7.12
DEMO := $(or $(CARGO_TARGET_DIR),target)/debug/nico-demo
CONTROL_PLANE := tests/control-plane/bin/control-plane
KUBECTL := tests/control-plane/bin/kubectl

.PHONY: all test demo bless generate bench worlds lint wall deny workflows ci tools control-plane control-plane-stop control-plane-binaries

all: test

## All tests: in memory, with real Nix and Python, and on a real API server.
test: tools control-plane-binaries
	$(CARGO) test --workspace

## The whole story of a cluster, on a real API server, from nothing to gone.
demo: tools control-plane-binaries
	$(CARGO) build --package nico --package nico-demo
	$(DEMO)

## Writes the expected output of the fixtures anew. Read the diff before you commit it.
bless:
	BLESS=1 $(CARGO) test --test golden

## Writes everything that is generated anew: the CRD, what installs NICO, and the references of the CRD and of the
## command line.
generate: control-plane-binaries
	$(CARGO) run --quiet -- crds > crds/kubernetescluster.yaml.new
	mv crds/kubernetescluster.yaml.new crds/kubernetescluster.yaml
	cp crds/kubernetescluster.yaml deploy/crd.yaml
	echo '# Generated from deploy/; `make generate` writes it anew.' > install.yaml.new
	$(KUBECTL) kustomize deploy >> install.yaml.new
	mv install.yaml.new install.yaml
	BLESS=1 $(CARGO) test --quiet --package nico --bin nico --test docs reference

## Ratios, measured side by side in one run.
bench: tools control-plane-binaries
	$(CARGO) build --release --package nico --package nico-bench
	target/release/nico-bench

## Random worlds in which the planner rolls out, judged from outside: WORLDS says how many.
worlds:
	WORLDS=$${WORLDS:-100000} $(CARGO) test --workspace --test worlds

## Formatting, and clippy with warnings denied.
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

## What is pure stays pure.
wall:
	tests/wall.sh

## Licences, bans and sources of what NICO depends on. (Advisories need a network: see the workflow.)
deny: $(CARGO_DENY)
	$(CARGO_DENY) --workspace check licenses bans sources

$(CARGO_DENY): Makefile
	$(CARGO) install cargo-deny --locked --quiet --force --version $(CARGO_DENY_VERSION) --root $(TOOLS)
	@touch $@

## GitHub's workflows, and the shell in them.
workflows: tools $(ACTIONLINT)
	$(ACTIONLINT)

$(ACTIONLINT): Makefile
	GOBIN=$(TOOLS)/bin go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	@touch $@

## What decides whether a change lands.
ci: test lint wall deny workflows

## What the tests need from Debian.
tools:
	@tests/tools.sh

control-plane-binaries: tools
	@tests/control-plane/build.sh

## Leaves an API server running for hand work, and prints its KUBECONFIG.
control-plane: control-plane-binaries
	@$(CONTROL_PLANE) up tests/control-plane/run crds fixtures/nio/python.yaml

control-plane-stop:
	@test ! -x $(CONTROL_PLANE) || $(CONTROL_PLANE) down tests/control-plane/run
