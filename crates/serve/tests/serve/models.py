"""Makes the models that the tests serve: `python models.py FOLDER`.

One folder each, laid out as a package without its documents, and beside it `NAME.json`: what the manifest should
say, rows, and the answers that the model's own library gives to them. The path of ONNX Runtime's library goes to
`library.txt`.
"""

import glob
import json
import os
import pickle
import sys

import joblib
import numpy as np
import onnx
import onnxruntime
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

OUT = sys.argv[1]
ROWS = 60


def made(name, **fields):
    with open(os.path.join(OUT, name + ".json"), "w") as file:
        json.dump(fields, file)


def folder(name):
    path = os.path.join(OUT, name, "model")
    os.makedirs(path)
    return path


def column(name, kind, dtype, nullable=False, unseen=True, categories=()):
    return {
        "name": name,
        "type": kind,
        "dtype": dtype,
        "nullable": nullable,
        "unseen": unseen,
        "categories": sorted(categories),
    }


def records(frame):
    """Rows as a request would send them."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{key: value.item() if hasattr(value, "item") else value for key, value in row.items()} for row in rows]


def classified(classes, labels, probabilities):
    return [
        {"prediction": str(label), "probabilities": [float(p) for p in one]}
        for label, one in zip(labels, probabilities)
    ]


def valued(values):
    return [{"prediction": float(value)} for value in np.asarray(values).reshape(-1)]


def late():
    """A pipeline over texts, integers and floats with missing values; classes 0 and 1."""
    random = np.random.default_rng(7)
    n = 400
    frame = pd.DataFrame(
        {
            "carrier": random.choice(["AA", "B6", "UA"], n),
            "hour": random.integers(5, 23, n),
            "temp": np.where(random.random(n) < 0.1, np.nan, random.normal(50, 20, n)),
        }
    )
    late = ((frame.hour > 15) & (random.random(n) < 0.7)).astype(int)
    pipeline = Pipeline(
        [
            (
                "columns",
                ColumnTransformer(
                    [
                        ("carrier", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
                        ("numbers", Pipeline([("i", SimpleImputer()), ("s", StandardScaler())]), ["hour", "temp"]),
                    ]
                ),
            ),
            ("model", LogisticRegression()),
        ]
    ).fit(frame, late)
    inputs = [
        column("carrier", "string", str(frame.carrier.dtype)),
        column("hour", "int", "int64"),
        column("temp", "float", "float64", nullable=True),
    ]
    rows = frame.head(ROWS)
    fields = {
        "task": "classification",
        "inputs": inputs,
        "ignored": ["time_hour"],
        "classes": ["0", "1"],
        "rows": records(rows),
        "answers": classified("01", pipeline.predict(rows), pipeline.predict_proba(rows)),
    }
    joblib.dump(pipeline, os.path.join(folder("late"), "model.joblib"))
    made("late", entry="model/model.joblib", **fields)
    # The same model for the exporter; its graph is written by a worker in the test.
    joblib.dump(pipeline, os.path.join(folder("late-onnx"), "model.joblib"))
    made("late-onnx", onnx="model/model.onnx", origin="exported", **fields)


def iris():
    """Classes with names; SVC's most probable class is not always its prediction."""
    data = load_iris(as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[data.target]
    frame = data.data.rename(columns=lambda name: name.replace(" (cm)", "").replace(" ", "_"))
    model = SVC(probability=True, random_state=0).fit(frame, names)
    rows = frame.iloc[::3]
    with open(os.path.join(folder("iris"), "model.pkl"), "wb") as file:
        pickle.dump(model, file)
    made(
        "iris",
        task="classification",
        entry="model/model.pkl",
        inputs=[column(name, "float", "float64") for name in frame.columns],
        # Another order than the model's own.
        classes=["virginica", "setosa", "versicolor"],
        rows=records(rows),
        answers=classified(None, model.predict(rows), model.predict_proba(rows)[:, [2, 0, 1]]),
    )


def price():
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"rooms": random.integers(1, 9, 200), "area": random.random(200) * 100})
    model = RandomForestRegressor(20, random_state=0).fit(frame, frame.rooms * 10 + frame.area)
    rows = frame.head(ROWS)
    joblib.dump(model, os.path.join(folder("price"), "model.joblib"))
    made(
        "price",
        task="regression",
        entry="model/model.joblib",
        inputs=[column("rooms", "int", "int64"), column("area", "float", "float64")],
        rows=records(rows),
        answers=valued(model.predict(rows)),
    )


SCRIPT = """
import json, os, signal, sys, time
import weights


def load(folder):
    return json.loads((folder / "weights.json").read_text())


def predict(state, table):
    assert list(table.columns) == ["word", "count", "when"], list(table.columns)
    assert str(table["count"].dtype) == "int64", table.dtypes
    assert str(table["when"].dtype) == "datetime64[us]", table.dtypes
    answers = []
    for word, count, hour in zip(table["word"], table["count"], table["when"].dt.hour):
        if word == "die":
            print("about to die", file=sys.stderr)
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "hang":
            time.sleep(1e6)
        if word == "fail":
            raise ValueError("no such word")
        if word == "nan":
            answers.append({"yes": float("nan"), "no": 0.0})
            continue
        yes = weights.squash(state["bias"] + count * state["count"] + hour + len(word))
        answers.append({"yes": yes, "no": 1 - yes})
    return answers
"""


def words():
    """A `predict.py` with weights beside it and a module of its own in the package's code."""
    path = folder("words")
    code = os.path.join(OUT, "words", "code", "src")
    os.makedirs(code)
    with open(os.path.join(path, "predict.py"), "w") as file:
        file.write(SCRIPT)
    with open(os.path.join(path, "weights.json"), "w") as file:
        json.dump({"bias": -20.0, "count": 0.25}, file)
    with open(os.path.join(code, "weights.py"), "w") as file:
        file.write("import math\n\n\ndef squash(x):\n    return 1 / (1 + math.exp(-x / 8))\n")
    rows = [
        {"word": "w" * (1 + n % 7), "count": n, "when": "2013-01-%02dT%02d:30:00Z" % (1 + n % 28, n % 24)}
        for n in range(ROWS)
    ]
    answers = []
    for n, row in enumerate(rows):
        yes = 1 / (1 + np.exp(-(-20.0 + n * 0.25 + n % 24 + len(row["word"])) / 8))
        answers.append({"prediction": "yes" if yes >= 1 - yes else "no", "probabilities": [yes, 1 - yes]})
    made(
        "words",
        task="classification",
        entry="model/predict.py",
        inputs=[
            column("word", "string", "str"),
            column("count", "int", "int64"),
            column("when", "timestamp", "datetime64[us]"),
        ],
        classes=["yes", "no"],
        rows=rows,
        answers=answers,
    )


def save(name, nodes, inputs, outputs, initializers=(), file="model.onnx"):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers))
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    path = os.path.join(folder(name), file)
    onnx.save(model, path)
    return path


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, array):
    return numpy_helper.from_array(array, name)


def matrix():
    """float32, one matrix, probabilities alone."""
    random = np.random.default_rng(5)
    weights = random.normal(size=(3, 3)).astype(np.float32)
    path = save(
        "matrix",
        [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Softmax", ["z"], ["p"], axis=1)],
        [value("x", TensorProto.FLOAT, ["N", 3])],
        [value("p", TensorProto.FLOAT, ["N", 3])],
        [constant("w", weights)],
    )
    frame = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    (p,) = onnxruntime.InferenceSession(path).run(None, {"x": frame.to_numpy(dtype=np.float32)})
    labels = np.array(["red", "green", "blue"])[p.argmax(axis=1)]
    made(
        "matrix",
        task="classification",
        onnx="model/model.onnx",
        origin="given",
        tolerance=1e-6,
        inputs=[column(name, "float", "float64") for name in frame.columns],
        classes=["red", "green", "blue"],
        rows=records(frame),
        answers=classified(None, labels, p),
    )


def zipmap():
    """As skl2onnx writes it: a label, and a map from label to probability a row."""
    path = save(
        "zipmap",
        [
            helper.make_node(
                "LinearClassifier",
                ["x"],
                ["label", "scores"],
                domain="ai.onnx.ml",
                classlabels_ints=[3, 7],
                coefficients=[-1.0, 0.5, 1.0, -0.5],
                intercepts=[0.25, -0.25],
                post_transform="LOGISTIC",
            ),
            helper.make_node(
                "ZipMap", ["scores"], ["output_probability"], domain="ai.onnx.ml", classlabels_int64s=[3, 7]
            ),
        ],
        [value("x", TensorProto.FLOAT, [None, 2])],
        [
            value("label", TensorProto.INT64, [None]),
            helper.make_value_info(
                "output_probability",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(
                        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
                    )
                ),
            ),
        ],
    )
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(ROWS, 2)), columns=["a", "b"])
    labels, maps = onnxruntime.InferenceSession(path).run(None, {"x": frame.to_numpy(dtype=np.float32)})
    made(
        "zipmap",
        task="classification",
        onnx="model/model.onnx",
        origin="given",
        tolerance=1e-6,
        inputs=[column(name, "float", "float64") for name in frame.columns],
        classes=["7", "3"],
        rows=records(frame),
        answers=classified(None, labels, [[one[7], one[3]] for one in maps]),
    )


def text():
    """As exports of a TF-IDF begin: texts in lower case, in a locale that no machine has."""
    save(
        "text",
        [
            helper.make_node("Reshape", ["word", "flat"], ["words"]),
            helper.make_node(
                "StringNormalizer", ["words"], ["lower"], case_change_action="LOWER", locale="xx_XX.UTF-8"
            ),
            helper.make_node(
                "LabelEncoder",
                ["lower"],
                ["coded"],
                domain="ai.onnx.ml",
                keys_strings=["red", "grün", "blue"],
                values_floats=[1.0, 2.0, 3.0],
                default_float=0.0,
            ),
        ],
        [value("word", TensorProto.STRING, ["N", 1])],
        [value("coded", TensorProto.FLOAT, ["N"])],
        [constant("flat", np.array([-1]))],
    )
    words = ["Red", "GRÜN", "blue", "black"]
    made(
        "text",
        task="regression",
        onnx="model/model.onnx",
        origin="given",
        inputs=[column("word", "string", "object")],
        rows=[{"word": words[n % 4]} for n in range(ROWS)],
        answers=valued([[1.0, 2.0, 3.0, 0.0][n % 4] for n in range(ROWS)]),
    )


def columns():
    """An input a column, of several types and both ranks; a regression."""
    save(
        "columns",
        [
            helper.make_node(
                "LabelEncoder",
                ["kind"],
                ["coded"],
                domain="ai.onnx.ml",
                keys_strings=["a", "b", ""],
                values_floats=[10.0, 20.0, 30.0],
                default_float=0.0,
            ),
            helper.make_node("Cast", ["coded"], ["k"], to=TensorProto.DOUBLE),
            helper.make_node("Cast", ["count"], ["flat"], to=TensorProto.DOUBLE),
            helper.make_node("Unsqueeze", ["flat", "axis"], ["c"]),
            helper.make_node("IsNaN", ["size"], ["lost"]),
            helper.make_node("Where", ["lost", "one", "size"], ["s"]),
            helper.make_node("Add", ["k", "c"], ["kc"]),
            helper.make_node("Add", ["kc", "s"], ["y"]),
        ],
        [
            value("size", TensorProto.DOUBLE, ["N", 1]),
            value("kind", TensorProto.STRING, ["N", 1]),
            value("count", TensorProto.INT64, ["N"]),
        ],
        [value("y", TensorProto.DOUBLE, ["N", 1])],
        [constant("axis", np.array([1])), constant("one", np.array(1.0))],
    )
    rows = [
        {"kind": [None, "a", "b", "c"][n % 4], "count": n, "size": None if n % 5 == 0 else n / 3} for n in range(ROWS)
    ]
    wanted = [[30.0, 10.0, 20.0, 0.0][n % 4] + n + (1.0 if n % 5 == 0 else n / 3) for n in range(ROWS)]
    made(
        "columns",
        task="regression",
        onnx="model/model.onnx",
        origin="given",
        inputs=[
            column("kind", "string", "str", nullable=True),
            column("count", "int", "int64"),
            column("size", "float", "float64", nullable=True),
        ],
        rows=rows,
        answers=valued(wanted),
    )


def single():
    """A first dimension that is fixed to 1."""
    save(
        "single",
        [helper.make_node("ReduceSum", ["x", "axis"], ["y"], keepdims=0)],
        [value("x", TensorProto.DOUBLE, [1, 2])],
        [value("y", TensorProto.DOUBLE, [1])],
        [constant("axis", np.array([1]))],
    )
    rows = [{"a": n, "b": n / 7} for n in range(ROWS)]
    made(
        "single",
        task="regression",
        onnx="model/model.onnx",
        origin="given",
        inputs=[column("a", "int", "int64"), column("b", "float", "float64")],
        rows=rows,
        answers=valued([row["a"] + row["b"] for row in rows]),
    )


(library,) = glob.glob(os.path.join(os.path.dirname(onnxruntime.__file__), "capi", "libonnxruntime.so*"))
with open(os.path.join(OUT, "library.txt"), "w") as file:
    file.write(library)
for make in (late, iris, price, words, matrix, zipmap, text, columns, single):
    make()
