"""Writes the few protobuf messages an ONNX model is made of.

Only writing, only the fields that the exporter fills, nothing from outside NumPy. Field numbers are those of
`onnx.proto` (IR version 9). The same calls give the same bytes: there is no clock, no map with an order of its
own and no unset field in the output.
"""

import numpy as np

from .errors import Unsupported

#: Protobuf can't read a message of 2 GiB or more.
LIMIT_BYTES = 2**31 - 1

ELEMENT_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int64": 7,
    "string": 8,
    "bool": 9,
    "float64": 11,
}

_ATTRIBUTE_INT, _ATTRIBUTE_STRING, _ATTRIBUTE_TENSOR, _ATTRIBUTE_INTS = 2, 3, 4, 7


def model(graph_bytes, opsets, ir_version, producer, metadata):
    """A ModelProto. `opsets` is a list of (domain, version), `metadata` a list of (key, text)."""
    parts = [_integer(1, ir_version), _text(2, producer), _message(7, graph_bytes)]
    parts += [_message(8, _text(1, domain) + _integer(2, version)) for domain, version in opsets]
    parts += [_message(14, _text(1, key) + _text(2, value)) for key, value in metadata]
    written = b"".join(parts)
    if len(written) > LIMIT_BYTES:
        raise Unsupported(f"the graph has {len(written):,} bytes, more than the 2 GiB that an ONNX file can hold")
    return written


def graph(name, nodes, initializers, inputs, outputs):
    """A GraphProto of messages that were written before, in the order given."""
    parts = [_message(1, node) for node in nodes]
    parts.append(_text(2, name))
    parts += [_message(5, tensor) for tensor in initializers]
    parts += [_message(11, value) for value in inputs]
    parts += [_message(12, value) for value in outputs]
    return b"".join(parts)


def node(op, inputs, outputs, name, domain="", attributes=()):
    """A NodeProto. `attributes` is a list of (name, int | str | list of int | ndarray)."""
    parts = [_text(1, value) for value in inputs]
    parts += [_text(2, value) for value in outputs]
    parts += [_text(3, name), _text(4, op)]
    parts += [_message(5, _attribute(key, value)) for key, value in attributes]
    if domain:
        parts.append(_text(7, domain))
    return b"".join(parts)


def tensor(name, array):
    """A TensorProto: numbers as raw little-endian data, an object array as strings."""
    array = np.asarray(array)
    dims = b"".join(_integer(1, size) for size in array.shape)
    if array.dtype == object:
        strings = b"".join(_message(6, text.encode("utf-8")) for text in array.ravel())
        return dims + _integer(2, ELEMENT_TYPES["string"]) + strings + _text(8, name)
    kind = ELEMENT_TYPES[array.dtype.name]
    raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return dims + _integer(2, kind) + _text(8, name) + _message(9, raw)


def value_info(name, element, shape):
    """A ValueInfoProto. A dimension is a number, or the name of one that is known when the graph runs."""
    dims = b"".join(_message(1, _text(2, size) if isinstance(size, str) else _integer(1, size)) for size in shape)
    tensor_type = _integer(1, ELEMENT_TYPES[element]) + _message(2, dims)
    return _text(1, name) + _message(2, _message(1, tensor_type))


def _attribute(name, value):
    if isinstance(value, str):
        content, kind = _text(4, value), _ATTRIBUTE_STRING
    elif isinstance(value, (bool, int)):
        content, kind = _integer(3, value), _ATTRIBUTE_INT
    elif isinstance(value, list):
        content, kind = _message(8, varints(value)), _ATTRIBUTE_INTS
    else:
        content, kind = _message(5, tensor(name, value)), _ATTRIBUTE_TENSOR
    return _text(1, name) + content + _integer(20, kind)


def varints(values):
    """Base-128 numbers one after the other, for many non-negative values at once."""
    values = np.asarray(values, dtype=np.int64)
    if values.size == 0:
        return b""
    longest = len(_varint(int(values.max())))
    septets = values[:, None] >> np.arange(0, 7 * longest, 7)
    lengths = 1 + np.count_nonzero(septets[:, 1:], axis=1)
    places = np.arange(septets.shape[1])
    encoded = (septets & 0x7F) | np.where(places < lengths[:, None] - 1, 0x80, 0)
    return encoded[places < lengths[:, None]].astype(np.uint8).tobytes()


def _varint(value):
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _integer(field, value):
    return _varint(field << 3) + _varint(int(value))


def _message(field, content):
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field, text):
    return _message(field, text.encode("utf-8"))
