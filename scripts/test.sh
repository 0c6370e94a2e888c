#!/usr/bin/env bash
# Runs every test, or with `--soak` only those that kill, race and repeat: their names, or the names of
# their modules, say `soak` or `crash`. MODELYARD_CRASH_ROUNDS and MODELYARD_SOAK_ROUNDS say how often;
# each prints its seed.
set -euo pipefail
cd "$(dirname "$0")/.."

# What tests compare with: scikit-learn and the packages that the example projects' steps use.
MODELYARD_TEST_PYTHON=$(scripts/python_env.sh tests/requirements.txt)
export MODELYARD_TEST_PYTHON
# What `modelyard new` writes is tried on the oldest Python and the newest.
MODELYARD_TEST_PYTHONS="${MODELYARD_TEST_PYTHONS:-$(scripts/test_pythons.sh)}"
export MODELYARD_TEST_PYTHONS
export MODELYARD_CRASH_ROUNDS="${MODELYARD_CRASH_ROUNDS:-30}" MODELYARD_SOAK_ROUNDS="${MODELYARD_SOAK_ROUNDS:-30}"

if [ "${1:-}" = --soak ]; then
    for name in soak crash; do
        cargo test --workspace --locked "$name" -- --nocapture
    done
elif cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked --no-fail-fast
    cargo test --workspace --locked --doc
else
    cargo test --workspace --locked
fi
