"""Errors that have a way out. Everything else is reported as the exception it was."""

import traceback


class WorkerError(Exception):
    """`kind` is stable; `hint` says what to do."""

    def __init__(self, kind, message, hint=None, field=None):
        super().__init__(message)
        self.kind = kind
        self.hint = hint
        self.field = field


def reply(error):
    """The message that tells the other side of `error`."""
    if isinstance(error, WorkerError):
        cause = error.__cause__
        return {
            "kind": error.kind,
            "message": str(error),
            "hint": error.hint,
            "field": error.field,
            "trace": _trace(cause) if cause is not None else None,
        }
    return {
        "kind": "internal",
        "message": summary(error),
        "hint": None,
        "field": None,
        "trace": _trace(error),
    }


def summary(error):
    """`ValueError: could not convert string to float`, on one line."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return ("%s: %s" % (name, text))[:500] if text else name


def _trace(error):
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return "".join(lines)[-4000:]
