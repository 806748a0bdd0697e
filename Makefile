# Everything that is done to the project by hand or by CI, by name. What a target needs, it installs first, below
# target/tools or, where there is no other way, with apt.

TOOLS := $(CURDIR)/target/tools
export PATH := $(TOOLS)/node_modules/.bin:$(TOOLS)/bin:$(TOOLS)/venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run cluster test test-unit test-integration test-faults fuzz coverage lint format clippy doc contract migrations dependencies composition tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve on http://127.0.0.1:8080, with an SQLite file in this folder
	cargo run

cluster: tools ## Serve with two replicas on PostgreSQL, Redis and NATS behind Envoy, all of it private and temporary
	cargo build
	tests/cluster/run.sh

test: tools ## Run every test: units, databases, transports, and the clients that people use
	cargo test --workspace --no-fail-fast
	VEZA_ON=postgres cargo test --workspace --test api --no-fail-fast -- --skip alone::
	VEZA_ON=cluster cargo test --workspace --test api --no-fail-fast -- --skip alone::
	cargo build --workspace --bin veza
	tests/clients/run.sh

test-unit: ## Run the tests inside the crates, which need nothing else
	cargo test --workspace --lib --bins
	cargo test --workspace --doc

test-integration: tools ## Run the tests from the outside: databases, transports, clients
	cargo test --workspace --test '*' --no-fail-fast
	VEZA_ON=postgres cargo test --workspace --test api --no-fail-fast -- --skip alone::
	VEZA_ON=cluster cargo test --workspace --test api --no-fail-fast -- --skip alone::
	cargo build --workspace --bin veza
	tests/clients/run.sh

test-faults: tools ## Break servers for ten minutes, and print the figures of docs/reliability.md
	FAULT_ROUNDS=$${FAULT_ROUNDS:-10} FAULT_STRETCH=$${FAULT_STRETCH:-3} \
	    cargo test --test faults -- --nocapture --test-threads=1

fuzz: tools ## Run the fuzz targets of the gateway, each for a minute
	scripts/fuzz.sh

coverage: tools ## Measure which lines the tests of the API run
	scripts/coverage.sh

lint: format clippy doc contract migrations dependencies composition ## Run every check that is not a test

format: ## Check that the code is formatted; `cargo fmt --all` does it
	cargo fmt --all --check
	cargo fmt --manifest-path gateway/fuzz/Cargo.toml --check

clippy: ## Check the code with every lint an error
	cargo clippy --workspace --all-targets -- -D warnings

doc: ## Build the documentation with every warning an error
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items

contract: tools ## Check the style and format of proto/, and that no client of the version before breaks
	scripts/contract.sh

migrations: tools ## Check that migrations block nobody and break no server that runs
	squawk migrations/*.sql

dependencies: tools ## Check licences, sources and bans of the dependencies
	scripts/dependencies.sh

composition: tools ## Check the Dockerfile, docker-compose.yml, and the configurations beside it
	scripts/composition.sh

tools: ## Install what the tests and checks need
	scripts/tools.sh
