"""Makes the table a model is asked with: the columns, order and dtypes that it was trained with, also for one row."""

import datetime

EPOCH = datetime.datetime(1970, 1, 1)
FIRST_DAY = datetime.date(1970, 1, 1)

#: pandas before 3 reads texts as objects; a missing one is None from Parquet and NaN from CSV, and to an encoder
#: these are two categories. So the dtype says which of them it is.
OBJECT_NAN = "object(nan)"


def _pandas():
    try:
        import pandas
    except ImportError:
        return None
    return pandas


def dtypes(file, format):
    """Name to dtype as reading `file` gives them; empty without pandas."""
    pandas = _pandas()
    if pandas is None:
        return {}
    if format == "csv":
        table = pandas.read_csv(file)
    else:
        table = pandas.read_parquet(file)
    found = {str(name): str(dtype) for name, dtype in table.dtypes.items()}
    if format == "csv":
        found = {name: OBJECT_NAN if dtype == "object" else dtype for name, dtype in found.items()}
    return found


class Builder:
    """`inputs`: name, type and dtype of each column, in order."""

    def __init__(self, inputs, series):
        self.inputs = inputs
        self.series = series
        self.pandas = _pandas()

    def build(self, columns):
        """`columns`: lists as they came, None where missing; times in microseconds, dates in days."""
        if self.pandas is None:
            plain = {one["name"]: _python(one["type"], values) for one, values in zip(self.inputs, columns)}
            return plain[self.inputs[0]["name"]] if self.series else plain
        built = {
            one["name"]: _column(self.pandas, one["type"], one["dtype"], values)
            for one, values in zip(self.inputs, columns)
        }
        if self.series:
            name = self.inputs[0]["name"]
            return self.pandas.Series(built[name], name=name)
        return self.pandas.DataFrame(built)


def _column(pandas, kind, dtype, values):
    import numpy

    is_text = dtype in ("str", "string", OBJECT_NAN) or dtype.startswith("string[")
    if kind in ("timestamp", "date") and is_text:
        # From CSV nothing parses times but the user's own code.
        values = [None if value is None else _text(kind, value) for value in values]
    elif kind == "timestamp":
        instants = (
            numpy.array(["NaT" if value is None else value for value in values], dtype="datetime64[us]")
            if None in values
            else numpy.array(values, dtype="int64").view("datetime64[us]")
        )
        return _times(pandas, instants, dtype)
    elif kind == "date":
        if dtype.startswith("datetime64"):
            days = (
                numpy.array(["NaT" if value is None else value for value in values], dtype="datetime64[D]")
                if None in values
                else numpy.array(values, dtype="int64").view("datetime64[D]")
            )
            return _times(pandas, days.astype("datetime64[us]"), dtype)
        values = _python(kind, values)
    if dtype == OBJECT_NAN:
        return numpy.array([numpy.nan if value is None else value for value in values], dtype=object)
    if dtype == "object" or dtype == "":
        return _objects(numpy, values)
    if kind in ("int", "bool") and None in values and dtype in ("int64", "int32", "bool"):
        # As pandas does it: integers become floats, bools objects.
        if kind == "int":
            return numpy.array([numpy.nan if value is None else value for value in values], dtype="float64")
        return _objects(numpy, values)
    if dtype == "float64":
        return numpy.array([numpy.nan if value is None else value for value in values], dtype="float64")
    if dtype in ("int64", "bool"):
        return numpy.array(values, dtype=dtype)
    return pandas.array(values, dtype=dtype) if is_text else pandas.Series(values, dtype=object).astype(dtype)


def _times(pandas, instants, dtype):
    times = pandas.Series(instants)
    if "," in dtype:
        times = times.dt.tz_localize("UTC")
    return times if str(times.dtype) == dtype else times.astype(dtype)


def _objects(numpy, values):
    objects = numpy.empty(len(values), dtype=object)
    objects[:] = values
    return objects


def _python(kind, values):
    if kind == "timestamp":
        return [None if value is None else EPOCH + datetime.timedelta(microseconds=value) for value in values]
    if kind == "date":
        return [None if value is None else FIRST_DAY + datetime.timedelta(days=value) for value in values]
    return values


def _text(kind, value):
    return _python(kind, [value])[0].isoformat()
