"""What stands between two steps of a model: columns, each a text or a number, in their order.

A text column stays the graph's input to the end. What steps do to it is written down here and only becomes part
of the graph where an encoder looks its values up, so an imputer of texts costs nothing when the graph runs.
"""

from dataclasses import dataclass, field
from typing import Optional

import numpy as np

from .errors import Unsupported

#: How a missing text enters the graph. ONNX strings have no null; these are Unicode non-characters, reserved for a
#: program's own use and never part of a text that is interchanged.
MISSING_STRING = "\ufdd0modelyard.missing\ufdd1"


class _Missing:
    """Marks a value that is missing, whichever object (None, NaN) stands for it in a table."""

    def __repr__(self):
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Text:
    """The graph's input `tensor`, with what steps have made of some of its values."""

    tensor: str
    #: Name of the model's input.
    origin: str
    #: What a missing value is by now: `MISSING`, or the value it was filled with.
    missing: object = MISSING
    #: Texts that steps turned into others.
    replaced: dict = field(default_factory=dict)

    def seen_as(self, text):
        return self.replaced.get(text, text)


@dataclass(frozen=True)
class Number:
    """Column `index` of a double tensor `[N, width]`."""

    tensor: str
    index: int = 0
    width: int = 1
    #: Name of the model's input, where the values are still that column's own.
    origin: Optional[str] = None


class Frame:
    """Columns, and the names they have where they come from a table."""

    def __init__(self, columns, names=None):
        self.columns = list(columns)
        self.names = names

    def __len__(self):
        return len(self.columns)

    def select(self, positions):
        names = None if self.names is None else [self.names[position] for position in positions]
        return Frame([self.columns[position] for position in positions], names)

    def matrix(self, graph, reader):
        """All columns as one double tensor `[N, len(self)]`.

        Raises `Unsupported` on a text column: `reader`, which wants numbers, would try to parse it.
        """
        for column in self.columns:
            if isinstance(column, Text):
                raise Unsupported(
                    f"{reader} is given the text column `{column.origin}`, which it would read as a number"
                )
        if not self.columns:
            raise Unsupported(f"{reader} is given no columns at all")
        return graph.concat([_gather(graph, run) for run in _runs(self.columns)])


def numbers(tensor, origins):
    """The columns of `tensor`, one for each of `origins`."""
    return [Number(tensor, index, len(origins), origin) for index, origin in enumerate(origins)]


def _runs(columns):
    """Groups neighbours that lie in the same tensor."""
    runs = []
    for column in columns:
        if runs and runs[-1][-1].tensor == column.tensor:
            runs[-1].append(column)
        else:
            runs.append([column])
    return runs


def _gather(graph, run):
    indices = [column.index for column in run]
    tensor, width = run[0].tensor, run[0].width
    if indices == list(range(width)):
        return tensor
    return graph.node("Gather", tensor, graph.constant(np.array(indices, dtype=np.int64)), axis=1)
