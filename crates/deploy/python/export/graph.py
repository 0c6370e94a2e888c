"""Builds one ONNX graph: names, constants and nodes, each written once.

It knows nothing of scikit-learn. The same node with the same inputs is one node, so a family may ask for a
`Concat` or a constant wherever it needs it without thinking of others that did.
"""

import hashlib

import numpy as np

from . import proto

OPSETS = [("", 18), ("ai.onnx.ml", 5)]
IR_VERSION = 9
PRODUCER = "modelyard"


class Graph:
    """Collects nodes in the order they are asked for, which is the order they are written in."""

    def __init__(self):
        self._nodes = []
        self._initializers = []
        self._inputs = []
        self._outputs = []
        self._taken = set()
        self._known = {}
        self._count = 0

    def input(self, wanted, element, others=()):
        """Declares a `[N, 1]` input, called `wanted` unless that name is taken; the name it got."""
        name = wanted.replace("\0", "") or "column"
        while name in self._taken or (name != wanted and name in others):
            name += "_"
        self._taken.add(name)
        self._inputs.append((name, element))
        return name

    def reserve(self, names):
        """Keeps `names` from being given to inputs and nodes; outputs need theirs."""
        self._taken.update(names)

    def first_input(self):
        return self._inputs[0][0]

    def constant(self, array):
        """The name of an initializer that holds `array` (an object array holds strings)."""
        array = np.asarray(array)
        key = _digest(proto.tensor("", array))
        if key not in self._known:
            name = self._fresh("c")
            self._initializers.append(proto.tensor(name, array))
            self._known[key] = name
        return self._known[key]

    def node(self, op, *inputs, domain="", **attributes):
        """Adds a node with one output; the output's name."""
        written = sorted(attributes.items())
        key = _digest(proto.node(op, inputs, [], "", domain, written))
        if key not in self._known:
            name = self._fresh("t")
            self._nodes.append(proto.node(op, inputs, [name], name, domain, written))
            self._known[key] = name
        return self._known[key]

    def concat(self, tensors):
        """`tensors` side by side; one is left as it is."""
        return tensors[0] if len(tensors) == 1 else self.node("Concat", *tensors, axis=1)

    def squeeze(self, tensor):
        """`[N, 1, …]` as `[N, …]`."""
        return self.node("Squeeze", tensor, self.constant(np.array([1])))

    def cast(self, tensor, element):
        return self.node("Cast", tensor, to=proto.ELEMENT_TYPES[element])

    def output(self, name, tensor, element, shape):
        """Makes `tensor` an output called `name`, one of the names that were reserved."""
        self._nodes.append(proto.node("Identity", [tensor], [name], name))
        self._outputs.append(proto.value_info(name, element, shape))

    def to_bytes(self, metadata):
        """The whole model. `metadata` is a list of (key, text)."""
        inputs = [proto.value_info(name, element, ["N", 1]) for name, element in self._inputs]
        body = proto.graph("model", self._nodes, self._initializers, inputs, self._outputs)
        return proto.model(body, OPSETS, IR_VERSION, PRODUCER, metadata)

    def _fresh(self, letter):
        while True:
            self._count += 1
            name = f"{letter}{self._count}"
            if name not in self._taken:
                self._taken.add(name)
                return name


def _digest(content):
    return hashlib.blake2b(content, digest_size=16).digest()
