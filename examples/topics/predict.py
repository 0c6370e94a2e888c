"""How the model answers: the two functions that serving asks for."""

import json
from pathlib import Path

import joblib
import numpy as np


def load(folder):
    """Reads the model's files, once, before the first request."""
    folder = Path(folder)
    weights = np.load(folder / "weights.npy")
    return {
        "vectorizer": joblib.load(folder / "vectorizer.joblib"),
        "coefficients": weights[:, :-1],
        "intercepts": weights[:, -1],
        "classes": json.loads((folder / "classes.json").read_text()),
    }


def predict(state, texts):
    """For each of `texts`, a Series, the probability of every topic."""
    scores = state["vectorizer"].transform(texts) @ state["coefficients"].T + state["intercepts"]
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return [dict(zip(state["classes"], row)) for row in probabilities.tolist()]
