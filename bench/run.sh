#!/usr/bin/env bash
# Every benchmark, ours and the peer's side by side in one run; fails where a number to reach was missed.
# MODELYARD_BIN names the program to measure; without it the release is built.
set -uo pipefail
cd "$(dirname "$0")/.."

command -v wrk >/dev/null || { echo "wrk is needed to load servers: apt-get install wrk" >&2; exit 1; }
if [ -z "${MODELYARD_BIN:-}" ]; then
    cargo build --locked --release --package modelyard || exit 1
    MODELYARD_BIN=${CARGO_TARGET_DIR:-target}/release/modelyard
fi
export MODELYARD_BIN
# Peers that would tell somebody that they were started.
export DVC_NO_ANALYTICS=1 MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=1

grep -m1 'model name' /proc/cpuinfo | cut -d: -f2
echo "$(nproc) cores, $("$MODELYARD_BIN" --version), $(date -u +%F)"
missed=0
for name in ${*:-cached dvc_steps serve predict load deploy drift}; do
    echo
    python3 "bench/$name.py" || missed=1
done
exit $missed
