"""Makes `data/passages.csv.gz` from the documentation inside scikit-learn 1.9.1.

    python make_data.py

One passage a row: what a class, a function, a method or one of its parameters is described with, and
the topic, which is the part of the library it stands in. A passage that stands in several parts (they
share words like "the number of jobs to run in parallel") belongs to none and is dropped.
"""

import csv
import gzip
import importlib
import inspect
import io
import re
from pathlib import Path

TOPICS = {
    "clusters": ["cluster", "mixture"],
    "decomposition": ["decomposition", "cross_decomposition", "manifold"],
    "linear": ["linear_model", "svm"],
    "metrics": ["metrics"],
    "preparation": ["preprocessing", "impute", "feature_extraction", "feature_extraction.text"],
    "selection": ["model_selection", "feature_selection"],
    "trees": ["tree", "ensemble"],
}
SHORTEST, LONGEST = 8, 80


def main():
    topics = {}
    for topic, modules in TOPICS.items():
        for module in modules:
            for text in documentation(importlib.import_module(f"sklearn.{module}")):
                for passage in passages(text):
                    topics.setdefault(passage, set()).add(topic)
    rows = sorted((passage, *found) for passage, found in topics.items() if len(found) == 1)

    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["text", "topic"])
    writer.writerows(rows)
    target = Path(__file__).resolve().parent / "data" / "passages.csv.gz"
    target.parent.mkdir(exist_ok=True)
    with open(target, "wb") as file, gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
        packed.write(content.getvalue().encode())


def documentation(module):
    """The texts of everything `module` offers, and of the methods of its classes."""
    # `vars` leaves out what is offered as an experiment only.
    for name in sorted(set(module.__all__) & set(vars(module))):
        thing = vars(module)[name]
        yield inspect.getdoc(thing) or ""
        if inspect.isclass(thing):
            for method, function in vars(thing).items():
                if not method.startswith("_") and inspect.isfunction(function):
                    yield inspect.getdoc(function) or ""


def passages(text):
    """The paragraphs of prose in a docstring, each on one line."""
    text = re.split(r"\n(?:Examples|References|See Also)\n-+\n", text)[0]
    for block in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in block.splitlines()]
        while lines and is_heading(lines[0]):
            lines.pop(0)
        passage = " ".join(lines)
        if re.search(r"^\.\. |>>>|^- \S+$|:math:|`", passage):
            continue
        if SHORTEST <= len(passage.split()) <= LONGEST and passage.endswith("."):
            yield passage


def is_heading(line):
    """Whether a line names a section (and its rule below) or a parameter with its type."""
    return len(line.split()) == 1 or re.match(r"^[\w, *]+ : ", line) is not None


if __name__ == "__main__":
    main()
