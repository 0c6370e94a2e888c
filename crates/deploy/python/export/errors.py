"""The one way in which the exporter says no."""


class Unsupported(Exception):
    """The model can't be written as an exact float64 graph.

    The message is a sentence fragment for a person: it names the class and what of it is not covered.
    """


def described(value):
    """`value`'s class as a person would import it: `sklearn.svm.SVC`, `features.Cleaner`."""
    cls = type(value)
    module = cls.__module__
    if module.startswith("sklearn."):
        module = ".".join(module.split(".")[:2])
    return f"`{module}.{cls.__qualname__}`"
