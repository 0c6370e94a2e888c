"""Answers the messages of one engine, one at a time, until it hangs up."""

import base64
import importlib.util
import os
import sys
import tempfile
import traceback

from . import answers, model, tables
from .errors import WorkerError, reply, summary


class Worker:
    def __init__(self):
        self.model = None
        self.builder = None
        self.reader = None

    def load(self, message):
        self.model = model.load(message["folder"], message["entry"], message.get("code"))
        return {"python": "%d.%d.%d" % sys.version_info[:3]}

    def describe(self, message):
        described = self.model.describe()
        classes = self.model.classes
        described["classes"] = None if classes is None else [answers.class_name(value) for value in classes]
        return described

    def dtypes(self, message):
        try:
            return tables.dtypes(message["file"], message["format"])
        except Exception as error:
            raise WorkerError(
                "dtypes",
                "pandas cannot read the training split: %s" % summary(error),
                'pandas needs `pyarrow` among the requirements to read Parquet; or say `format = "csv"` of the data set',
            ) from error

    def prepare(self, message):
        self.builder = tables.Builder(message["inputs"], message["series"])
        self.reader = answers.Reader(message["classes"], self.model.classes)
        return {}

    def predict(self, message):
        rows = message["rows"]
        try:
            table = self.builder.build(message["columns"])
        except Exception as error:
            raise WorkerError("preprocessing", "cannot make the model's table: %s" % summary(error)) from error
        try:
            returned = self.model.predict(table)
        except Exception as error:
            kind = "preprocessing" if _is_preparation(error) else "inference"
            raise WorkerError(kind, "the model failed: %s" % summary(error)) from error
        return self.reader.read(returned, rows)

    def export(self, message):
        """Writes the model as an exact ONNX graph, or says why there is none."""
        if not isinstance(self.model, model.Estimator):
            return {"unsupported": "a `predict.py` can be asked by Python alone"}
        exporter = _package("modelyard_export", message["exporter"])
        try:
            graph = exporter.export(self.model.model, [tuple(one) for one in message["columns"]], message["missing"])
        except exporter.Unsupported as error:
            return {"unsupported": str(error)}
        except Exception as error:
            # Versions whose fitted attributes are other than expected: no reason to fail the whole line.
            return {"unsupported": "the exporter failed: %s" % summary(error)}
        return {"graph": base64.b64encode(graph).decode()}


def _package(name, files):
    """Imports a package under a name that no user's module has; `files` are its paths and contents."""
    folder = tempfile.mkdtemp()
    for path, content in files:
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
            file.write(content)
    root = os.path.join(folder, files[0][0].split("/")[0])
    spec = importlib.util.spec_from_file_location(
        name, os.path.join(root, "__init__.py"), submodule_search_locations=[root]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return package


#: Functions in whose depth scikit-learn prepares and checks a row.
PREPARATION = {"transform", "_transform", "validate_data", "_validate_data", "check_array", "_check_X"}


def _is_preparation(error):
    return any(frame.name in PREPARATION for frame in traceback.extract_tb(error.__traceback__))


OPERATIONS = ("load", "describe", "dtypes", "prepare", "predict", "export")


def serve(channel):
    worker = Worker()
    while True:
        message = channel.receive()
        if message is None:
            return
        try:
            if message["op"] not in OPERATIONS:
                raise WorkerError("internal", "there is no operation `%s`" % message["op"])
            answer = {"ok": getattr(worker, message["op"])(message)}
        except Exception as error:
            answer = {"error": reply(error)}
        channel.send(answer)
