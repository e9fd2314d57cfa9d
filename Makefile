# Every door of the house. CI calls `make test`, people call the rest; each recipe is one line.
# One target directory outside the checkout, so that every clone and worktree shares what is built;
# RUSTFLAGS is never set, because a changed flag builds every dependency again.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/weft/target
export KEEP
export FOR
FLAGS := --workspace --features testkit

.NOTPARALLEL:
.PHONY: help demo check test packages fmt clippy build-tests unit peers docs report one doc gen deny bench load fuzz conformance test-peers torture-log torture-db torture-signin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 — \2/p' Makefile

demo: ## build, then the main job end to end; KEEP=1 leaves it running
	scripts/demo

check: fmt clippy docs ## formatting, lints, the reference, and the tests on SQLite only, without the tortures
	WEFT_TEST_ENGINES=sqlite scripts/tests check --skip peers:: --skip torture::

test: packages fmt clippy build-tests unit peers docs report ## all that CI runs, stops at the first failure

packages: ## what the tests need from Debian and from PyPI; installs it, or says what to install
	scripts/packages

fmt: ## formatting
	cargo fmt --check

clippy: ## lints, warnings denied
	cargo clippy $(FLAGS) --all-targets -- -D warnings

build-tests: ## build the tests, timed
	scripts/timed build cargo test $(FLAGS) --no-run

unit: ## every test but the foreign peers, on SQLite and PostgreSQL
	scripts/tests unit --skip peers::

peers: ## foreign programs against ours
	RUST_TEST_THREADS=4 scripts/tests peers --test it peers::

conformance: packages ## the OpenID provider against the text of the standards, item by item; the harness against another provider first
	scripts/tests conformance --test it conformance::

test-peers: ## go-spiffe, a workload library in another language, against ours (needs Go)
	scripts/test-peers

fuzz: ## every fuzz target for FOR=60 seconds; KEEP=1 takes new inputs into fuzz/corpus
	scripts/fuzz

docs: ## the reference of every module, warnings denied
	RUSTDOCFLAGS='-D warnings' cargo doc -p weft --features testkit --no-deps --document-private-items

report: ## seconds, slowest tests, proofs and sizes of the last run
	scripts/report

torture-log: packages ## kill everything 20 times while everybody writes: nothing acknowledged may be lost
	scripts/torture-log

torture-db: packages ## take the database away for FOR seconds (600) while a fleet goes on
	scripts/torture-db
torture-signin: packages ## kill the server under 1000 sign-ins on each engine: nothing used twice, lost or half-made
	scripts/torture-signin

one: ## the tests whose name contains T, with their output: make one T=tidy
	cargo test $(FLAGS) -- '$(T)' --nocapture

doc: ## the reference of every module, in a browser
	cargo doc -p weft --features testkit --no-deps --document-private-items --open

gen: ## write the generated files again: protobuf code, example settings, OpenAPI
	WEFT_GENERATE=1 cargo test $(FLAGS) generated

bench: ## what operations cost the server, as a table; fails when a target does not hold
	scripts/bench

load: ## what 1,000 agents and 100,000 entries cost a server, as a table; fails when a target does not hold
	scripts/load

deny: ## licences and advisories of the dependencies (needs cargo-deny)
	cargo deny --all-features check
