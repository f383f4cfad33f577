# Two commands matter: `make demo` to try Pli, `make test` to prove it. `make help` lists the others.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Where the demo keeps everything.
DIR ?= ./demo-data
HTTP ?= localhost:8080
SMTP ?= localhost:2525

.PHONY: help demo test torture bench pictures tools format lint

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## Build and run the gateway in one directory (DIR=./demo-data HTTP=localhost:8080 SMTP=localhost:2525); Ctrl-C stops it
	@cargo build --quiet --bin pli
	@exec "$$(cargo metadata --format-version 1 --no-deps --offline | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug/pli" \
	  demo --dir "$(DIR)" --http "$(HTTP)" --smtp "$(SMTP)"

# The laws are tried on the same drawn values each time, so that a change is judged by what it changed; `make torture`
# draws new ones (docs/decisions/0118).
test: tools format lint ## Everything, with reduced rounds: format, lints, unit, contract, architecture, conformance, scenarios, browser
	PROPTEST_RNG_SEED="$${PROPTEST_RNG_SEED:-20261130}" cargo test --no-fail-fast

torture: tools ## The same tests with the full rounds: 100 kills, 20 power cuts, 200 cut uploads, new draws for the laws
	PLI_ROUNDS=full cargo test --no-fail-fast

bench: tools ## The figures, each beside its peer, on a release build
	cargo bench --bench '*'

pictures: tools ## The screenshots of docs/pictures, taken by the browser test
	PLI_PICTURES="$(CURDIR)/docs/pictures" cargo test --test browser

tools: ## Install what the tests need, from the package registries, without asking
	@tests/tools/install

format:
	cargo fmt --check

lint:
	cargo clippy --all-targets -- -D warnings
