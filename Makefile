# `make demo` and `make test` are all that a fresh clone needs; the rest is for who changes the code.

SHELL := /bin/bash
TARGET := $(or $(CARGO_TARGET_DIR),target)
# How `make wheel` builds, and where to: PROFILE=demo is quick to build and good enough for a test.
PROFILE ?= release
DIST ?= dist
# Rounds of each crash and soak test in `make soak`; `make test` does 30.
ROUNDS ?= 500

.PHONY: all demo test install format lint soak prometheus-rules bench wheel

all: format lint test

# From three raw tables to an answered prediction.
demo:
	cargo build --locked --profile demo --package modelyard
	scripts/demo.sh "$(TARGET)/demo/modelyard" "$(TARGET)/late-flights"

# Everything that is promised, tried. The packages that tests compare with are installed on the way.
test:
	scripts/test.sh

# The real release, into Cargo's folder of programs.
install:
	cargo install --locked --path crates/modelyard

format:
	cargo fmt --all
	"$$(scripts/python_tool.sh ruff)" check --quiet --select I --fix
	"$$(scripts/python_tool.sh ruff)" format --quiet

# Format, lints, spelling, unused dependencies, licences and sources of those that are used.
lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	"$$(scripts/python_tool.sh ruff)" check --quiet
	"$$(scripts/python_tool.sh ruff)" format --quiet --check
	"$$(scripts/python_tool.sh typos)"
	"$$(scripts/cargo_tool.sh cargo-machete 0.9.2)"
	"$$(scripts/cargo_tool.sh cargo-deny 0.20.2)" --offline check licenses sources bans

# The tests that kill, race and repeat, for hours rather than minutes.
soak:
	MODELYARD_CRASH_ROUNDS=$(ROUNDS) MODELYARD_SOAK_ROUNDS=$(ROUNDS) MODELYARD_SOAK_SECONDS=60 scripts/test.sh --soak

# The rules for Prometheus that come with the program; needs promtool (Debian's package `prometheus`).
prometheus-rules:
	promtool check rules crates/modelyard/src/cli/monitor/prometheus.rules.yml
	promtool test rules tests/prometheus/rules.test.yml

# Us and the tools in use today, side by side, with the ratios.
bench:
	bench/run.sh

# What `pip install modelyard` installs.
wheel:
	"$$(scripts/python_tool.sh maturin)" build --locked --profile $(PROFILE) --out "$(DIST)"
