"""Turns the schema of `modelyard.toml` into the reference in the manual, so that the two can't differ.

    modelyard schema | python3 scripts/toml_reference.py > docs/modelyard-toml.md

A test compares the file with what this writes.
"""

import json
import sys

HEAD = """# `modelyard.toml`

Written by `modelyard schema | python3 scripts/toml_reference.py`; don't edit it here.

One file says what a project is. `modelyard check` reads it and shows all of its problems at once, each with its
place; `modelyard schema` prints the JSON Schema, with which editors complete and check it while you type. A key that
is not known is an error, and the nearest known one is suggested. Paths are relative to the file.

`examples/flights/modelyard.toml` is a whole one, with comments. NAME stands for a name of yours.
"""

# The order in which a project is read; the schema's own is that of the alphabet.
ORDER = ["project", "python", "home", "data", "steps", "train", "test", "package", "register"]

TYPES = {"string": "text", "boolean": "true, false", "integer": "whole number", "number": "number"}


def main():
    schema = json.load(sys.stdin)
    sys.stdout.write(HEAD)
    properties = schema["properties"]
    for key in ORDER + [key for key in properties if key not in ORDER]:
        for path, section in sections(key, properties[key]):
            sys.stdout.write("\n" + "\n".join(described(path, section)) + "\n")


def sections(path, schema):
    """Every table at and below `path`, the outer before the inner, with the header it is written under."""
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            yield from sections(path, {"description": schema.get("description"), **choice})
    elif schema.get("type") == "array":
        yield from sections(f"[{path}]", {"description": schema.get("description"), **schema["items"]})
    elif schema.get("type") == "object":
        if schema.get("properties"):
            yield path, schema
        elif is_table(schema["additionalProperties"]):
            yield from sections(f"{path}.NAME", {**schema["additionalProperties"]})
            return
        for key, value in schema.get("properties", {}).items():
            yield from sections(f"{path.strip('[]')}.{key}", value)


def is_table(schema):
    return isinstance(schema, dict) and any(
        choice.get("type") == "object" for choice in [schema, *schema.get("anyOf", [])]
    )


def described(path, section):
    yield f"## `[{path}]`"
    yield ""
    yield section["description"]
    yield ""
    yield "| Key | Type | Default | |"
    yield "|---|---|---|---|"
    for key, schema in section["properties"].items():
        if key in section.get("required", []):
            default = "required"
        elif "default" in schema:
            default = f"`{json.dumps(schema['default'])}`"
        else:
            default = ""
        yield f"| `{key}` | {kind(schema)} | {default} | {cell(schema['description'])} |"
    if isinstance(section["additionalProperties"], dict):
        yield ""
        yield f"Any other key is a name of yours: {kind(section['additionalProperties'])}."
    elif section["additionalProperties"]:
        yield ""
        yield "Further keys pass with a remark."


def kind(schema):
    """What may stand there, in words."""
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind(choice) for choice in schema["anyOf"]))
    if isinstance(schema.get("type"), list):
        return ", ".join(TYPES[name] for name in schema["type"])
    if schema.get("type") == "array":
        return f"list of: {kind(schema['items'])}"
    if schema.get("type") == "object":
        return "table"
    if schema.get("pattern", "").startswith("^\\s*("):
        return 'duration (`"90s"`, `"1h30m"`)'
    name = TYPES[schema["type"]]
    low, high = schema.get("minimum"), schema.get("maximum")
    # The smallest number above zero stands for all of them.
    if low is not None and 0 < low < 1e-300:
        return f"{name}, above 0" + (f", at most {bound(high)}" if high is not None else "")
    return f"{name}, {bound(low)} to {bound(high)}" if low is not None and high is not None else name


def bound(number):
    """As people write it: whole, without an exponent."""
    return str(int(number)) if number == int(number) else repr(number)


def cell(text):
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
