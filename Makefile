# `make help` lists the targets.
.PHONY: help setup demo test bench lint install

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## install what building and testing need (Debian, Ubuntu)
	@scripts/setup

demo: setup ## a throwaway PostgreSQL is backed up, damaged and restored before your eyes
	cargo build --release --locked
	@target/release/backstay demo

test: setup ## all tests, on real servers
	cargo test --locked

bench: setup ## ratios against pg_dump, pg_restore, rclone and others; writes docs/performance.md
	cargo build --release --locked --bins --example s3
	@scripts/bench --write

lint: ## formatting, warnings, house rules
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --offline check bans licenses sources; \
	else echo "lint: cargo-deny is not installed; licences and banned crates are not checked"; fi

install: ## install the program, completions and manual pages
	cargo install --path . --locked
