"""Starts the worker: takes its modules from the first message, so that it needs no file of Modelyard's.

Run as `python -I -B -c BOOTSTRAP FD`. A message is its length in four bytes, big end first, and that much JSON.
"""

import json
import os
import socket
import sys
import types


class Channel:
    """Messages over the inherited socket; the end of it ends the worker."""

    def __init__(self, descriptor):
        self.socket = socket.socket(fileno=descriptor)
        self.stream = self.socket.makefile("rb", buffering=1 << 16)

    def receive(self):
        header = self.stream.read(4)
        if len(header) < 4:
            return None
        length = int.from_bytes(header, "big")
        body = self.stream.read(length)
        return json.loads(body) if len(body) == length else None

    def send(self, message):
        # A number that JSON does not know is a fault of the sender, never a text `NaN` on the wire.
        body = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
        self.socket.sendall(len(body).to_bytes(4, "big") + body)


def main():
    channel = Channel(int(sys.argv[1]))
    # What a model prints is a log, and nothing to be read as an answer.
    os.dup2(2, 1)
    package = types.ModuleType("modelyard_worker")
    package.__path__ = []
    sys.modules["modelyard_worker"] = package
    modules = channel.receive()
    if modules is None:
        return
    for name, source in modules:
        module = types.ModuleType("modelyard_worker." + name)
        module.__package__ = "modelyard_worker"
        sys.modules[module.__name__] = module
        setattr(package, name, module)
        exec(compile(source, "<modelyard_worker/%s.py>" % name, "exec"), module.__dict__)
    # Standing in for the script that a model may have been trained by.
    sys.argv = [""]
    sys.modules["modelyard_worker.worker"].serve(channel)


main()
