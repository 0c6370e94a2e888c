#!/usr/bin/env bash
# Prints, with colons between them, the interpreters on which a project of `modelyard new` is tried: the oldest
# that is promised and the newest that there is. Looked for on the path, among uv's and pyenv's; what is nowhere
# is fetched by uv where it can be. Without any of them: `python3`.
set -uo pipefail

runs() { [ -n "$1" ] && "$1" -c 'import venv' >/dev/null 2>&1; }

# The interpreter of a version, if the machine has it.
find_python() {
    local version=$1 candidate
    for candidate in \
        "$(command -v "python$version")" \
        "$(uv python find --no-python-downloads --no-project "$version" 2>/dev/null)" \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
        if runs "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

oldest=$(find_python 3.9)
if [ -z "$oldest" ] && timeout 120 uv python install --quiet 3.9 2>/dev/null; then
    oldest=$(find_python 3.9)
fi
newest=
for version in 3.14 3.13 3.12; do
    newest=$(find_python "$version") && break
done
[ -n "$oldest" ] || echo "Python 3.9 is nowhere to be had: \`modelyard new\` is not tried on it" >&2
list=$(printf '%s\n' "$oldest" "${newest:-$(command -v python3)}" | grep . | paste -sd:)
echo "${list:-python3}"
