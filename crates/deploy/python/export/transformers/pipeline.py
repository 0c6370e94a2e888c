"""Pipeline of transformers alone, as a step of another one or inside a ColumnTransformer."""


def pipeline(converter, step, frame):
    for _, inner in step.steps:
        if inner is not None and not (isinstance(inner, str) and inner == "passthrough"):
            frame = converter.transform(inner, frame)
    return frame
