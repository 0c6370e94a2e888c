"""Asks a server with NVIDIA's own client, as its users would.

    python triton.py ADDRESS MODEL < TABLE

TABLE is a JSON object of columns. Prints the answers that it got in each way of asking.
"""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

DTYPES = {"INT64": np.int64, "FP64": np.float64, "BYTES": np.object_}


def main():
    address, model = sys.argv[1:]
    table = json.load(sys.stdin)
    client = triton.InferenceServerClient(address)
    said = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready() and client.is_model_ready(model) and client.is_model_ready(model, "1"),
        "missing": client.is_model_ready("no-such-model"),
        "name": client.get_server_metadata()["name"],
        "answers": {},
    }
    inputs = client.get_model_metadata(model)["inputs"]

    def ask(binary, outputs=None, **more):
        tensors = []
        for column in inputs:
            values = np.array(table[column["name"]], dtype=DTYPES[column["datatype"]])
            tensor = triton.InferInput(column["name"], values.shape, column["datatype"])
            tensor.set_data_from_numpy(values, binary_data=binary)
            tensors.append(tensor)
        result = client.infer(model, tensors, outputs=outputs, request_id="7", **more)
        assert result.get_response()["id"] == "7"
        labels = result.as_numpy("prediction")
        probabilities = result.as_numpy("probabilities")
        return {
            "prediction": [value.decode() if isinstance(value, bytes) else value for value in labels.tolist()],
            "probabilities": None if probabilities is None else probabilities.tolist(),
        }

    both = ["prediction", "probabilities"]
    said["answers"] = {
        "raw": ask(True),
        "json": ask(False, [triton.InferRequestedOutput(name, binary_data=False) for name in both]),
        "named": ask(True, [triton.InferRequestedOutput(name) for name in both]),
        "version": ask(True, model_version="1"),
    }
    only = [triton.InferRequestedOutput("prediction")]
    said["only"] = ask(True, only)["probabilities"] is None
    try:
        tensor = triton.InferInput("no-such-column", [1], "FP64")
        tensor.set_data_from_numpy(np.array([1.0]))
        client.infer(model, [tensor])
    except InferenceServerException as error:
        said["refused"] = {"status": error.status(), "message": error.message()}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
