# `make help` lists the targets.
installed = $(DESTDIR)$(PREFIX)/bin/backstay
.PHONY: help setup demo test bench lint install

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## install what building and testing need (Debian, Ubuntu)
	@scripts/setup

demo: setup ## a throwaway PostgreSQL is backed up, damaged and restored before your eyes
	cargo build --release --locked
	@target/release/backstay demo

test: setup ## all tests, on real servers
	cargo test --locked

bench: setup ## ratios against pg_dump, pgBackRest, rclone and others; writes docs/performance.md
	cargo build --release --locked --bins --example s3
	@scripts/bench --write
	@scripts/bench-clusters --write

lint: ## formatting, warnings, house rules
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --offline check bans licenses sources; \
	else echo "lint: cargo-deny is not installed; licences and banned crates are not checked"; fi

PREFIX ?= /usr/local
install: $(if $(BINARY),,release) ## install the program, completions and manual pages below PREFIX (and DESTDIR)
	install -D -m 755 $(or $(BINARY),target/release/backstay) $(DESTDIR)$(PREFIX)/bin/backstay
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	  $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d $(DESTDIR)$(PREFIX)/share/man/man1
	$(installed) completions bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/backstay
	$(installed) completions zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_backstay
	$(installed) completions fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/backstay.fish
	$(installed) man --out $(DESTDIR)$(PREFIX)/share/man/man1

.PHONY: release deploy-check
release:
	cargo build --release --locked

deploy-check: release ## docs/deploy is linted, and built and run where a Docker engine answers
	@scripts/deploy-check
