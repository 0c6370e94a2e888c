"""Writes the manual's page of commands from what the program says of itself, so that the two can't differ.

    python3 scripts/commands_reference.py $(command -v modelyard) > docs/commands.md

A test compares the file with what this writes.
"""

import subprocess
import sys

HEAD = """# Commands

Written by `python3 scripts/commands_reference.py $(command -v modelyard)`; don't edit it here.

Results go to standard output, progress and remarks to standard error. `--json` prints one document and nothing else:
stable names in snake_case, lists as bare arrays, times as RFC 3339. Colour only emphasises; `NO_COLOR`, or a pipe,
switches it off. Digests are accepted at any length that is unambiguous. [Exit codes](exit-codes.md) have names.

Every command also takes

```text
{options}
```
"""


def main():
    program = sys.argv[1]
    sys.stdout.write(HEAD.format(options=section(helped(program, []), "Options:")))
    for words in commands(program, []):
        sys.stdout.write(f"\n## `modelyard {' '.join(words)}`\n\n{described(helped(program, words))}\n")


def commands(program, words):
    """Every command at and below `words` that does something itself."""
    names = [line.split()[0] for line in section(helped(program, words), "Commands:").splitlines() if line[2] != " "]
    for name in names:
        if name != "help":
            below = [*words, name]
            yield from commands(program, below) if section(helped(program, below), "Commands:") else [below]


def described(text):
    """The command's own part of its help: what it is for, its usage, arguments and flags."""
    about, _, rest = text.partition("\n\nUsage: ")
    usage, _, rest = rest.partition("\n")
    parts = [about, f"```text\n{usage}\n```"]
    for title in ("Arguments:", "Options:"):
        lines = section(rest, title)
        if title == "Options:":
            lines = without_global(lines)
        if lines:
            parts.append(f"```text\n{lines}\n```")
    return "\n\n".join(parts)


def without_global(lines):
    """The flags that only this command has: what is above those that all have."""
    kept = []
    for line in lines.splitlines():
        if line.lstrip().startswith(
            ("-C, --project", "--home", "--json", "-q, --quiet", "-h, --help", "-V, --version")
        ):
            keep = False
        elif line.lstrip().startswith("-"):
            keep = True
        if keep:
            kept.append(line)
    return "\n".join(kept)


def section(text, title):
    """The lines below `title`, up to the next empty line."""
    _, found, rest = text.partition(f"{title}\n")
    return rest.split("\n\n")[0].rstrip() if found else ""


def helped(program, words):
    # The environment is shown in the help, and the width of the terminal shapes it.
    run = subprocess.run([program, *words, "-h"], check=True, capture_output=True, text=True, env={"COLUMNS": "100"})
    return run.stdout


if __name__ == "__main__":
    main()
