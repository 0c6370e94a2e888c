#!/usr/bin/env bash
# Prints the path of a pinned Cargo tool, and builds it into the user's cache first where it is missing.
#
#   scripts/cargo_tool.sh cargo-machete 0.9.2        → …/modelyard/cargo-machete-0.9.2/bin/cargo-machete
#
# Built without optimisation: such a tool reads a few hundred files, and its build is what costs.
set -euo pipefail

name=$1 version=$2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/modelyard
root=$cache/$name-$version

mkdir -p "$cache"
exec 9>"$root.lock"
flock 9
if [ ! -x "$root/bin/$name" ]; then
    echo "building $name $version into $root" >&2
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    cargo install --quiet --locked --debug --root "$root" --target-dir "$build" "$name@$version" >&2
fi
echo "$root/bin/$name"
