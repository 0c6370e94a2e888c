"""Pipeline that ends in an estimator."""

from ..errors import Unsupported, described


def pipeline(converter, model, frame):
    *before, (name, last) = model.steps
    if last is None or isinstance(last, str):
        raise Unsupported(f"{described(model)} ends in `{name}`, which answers nothing")
    for _, step in before:
        if step is not None and not isinstance(step, str):
            frame = converter.transform(step, frame)
    return converter.estimate(last, frame)
