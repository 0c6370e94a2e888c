#!/usr/bin/env bash
# Prints the interpreter of a virtual environment that holds what a requirements file pins, and makes
# that environment first where it is missing.
#
#   scripts/python_env.sh tests/requirements.txt     → …/modelyard/venv-1f0c…/bin/python
#
# Environments lie in the user's cache, outside any clone, named by a hash of the file and of the
# interpreter: another clone finds them, and a changed pin makes another one.
set -euo pipefail

requirements=$1
python=${PYTHON:-python3}
version=$("$python" -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else print(sys.version)')
name=$({ echo "$version"; cat "$requirements"; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/modelyard
folder=$cache/venv-$name

mkdir -p "$cache"
exec 9>"$folder.lock"
flock 9
if [ ! -e "$folder/complete" ]; then
    echo "installing $requirements into $folder" >&2
    rm -rf "$folder"
    if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
        uv venv --quiet --python "$("$python" -c 'import sys; print(sys.executable)')" "$folder" >&2
        uv pip install --quiet --python "$folder/bin/python" --requirement "$requirements" >&2
    else
        "$python" -m venv "$folder" >&2
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
    fi
    touch "$folder/complete"
fi
echo "$folder/bin/python"
