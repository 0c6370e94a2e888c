#!/usr/bin/env bash
# Prints the path of a tool that `tools.txt` pins, installed on the way where it is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
echo "$(dirname "$("$here/python_env.sh" "$here/tools.txt")")/$1"
