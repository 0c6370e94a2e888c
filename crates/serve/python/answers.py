"""Reads what a model returned: a value a row, probabilities by label, or both."""

import math

from .errors import WorkerError

RETURNS = (
    "`predict` returns one value a row, or one {label: probability} a row or a frame of label columns, or "
    '{"prediction": ..., "probabilities": ...}'
)


def class_name(value):
    """A class as data sets write it: true, 3, setosa."""
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        # A target with missing values is float to pandas, and integer to its data set.
        return str(int(value))
    return str(value)


class Reader:
    """`classes`: the package's; `order`: the model's own, or None. Both None for a regression."""

    def __init__(self, classes, own_classes):
        self.classes = classes
        self.places = None if classes is None else {name: place for place, name in enumerate(classes)}
        #: Place in the package's classes by place in the model's.
        self.order = None
        self.is_by_place = False
        if classes is not None and own_classes is not None:
            self._align(own_classes)

    def _align(self, own):
        names = [class_name(value) for value in own]
        if sorted(names) == sorted(self.classes):
            self.order = [self.places[name] for name in names]
        elif names == [str(place) for place in range(len(self.classes))]:
            # Labels were encoded as places before training; the package names them.
            self.order = list(range(len(names)))
            self.is_by_place = True
        else:
            raise WorkerError(
                "classes",
                "the model's classes are %s, the package's are %s" % (_listed(names), _listed(self.classes)),
                "name them in the model's order: `classes` in [project], or a `classes.json` in the model's folder",
            )

    def read(self, returned, rows):
        """The message of the answer."""
        prediction, probabilities = self._parts(returned)
        if self.classes is None:
            if probabilities is not None:
                raise WorkerError("shape", "a regression has no probabilities", RETURNS)
            return {"values": self._numbers(prediction, rows)}
        flat = None if probabilities is None else self._probabilities(probabilities, rows)
        if prediction is None:
            labels = self._most_probable(flat, rows)
        else:
            labels = [self._place(value) for value in self._column(prediction, rows)]
        return {"labels": labels, "probabilities": flat}

    def _parts(self, returned):
        if returned is None:
            raise WorkerError("shape", "`predict` returned nothing", RETURNS)
        if isinstance(returned, dict):
            if "probabilities" in returned:
                return returned.get("prediction"), returned["probabilities"]
            if "prediction" in returned:
                return returned["prediction"], None
            raise WorkerError("shape", "`predict` returned a dict with the keys %s" % _listed(returned), RETURNS)
        if self.classes is not None and (_is_frame(returned) or _is_dicts(returned)):
            return None, returned
        return returned, None

    def _probabilities(self, given, rows):
        width = len(self.classes)
        if _is_frame(given):
            _check_length(len(given), rows)
            columns = [class_name(name) for name in given.columns]
            self._check_labels(columns)
            values = given.to_numpy(dtype=float).tolist()
            places = [self.places[name] for name in columns]
            return self._placed(values, places)
        if _is_dicts(given):
            _check_length(len(given), rows)
            flat = []
            for one in given:
                named = {class_name(name): float(value) for name, value in one.items()}
                self._check_labels(named)
                flat.extend(_checked(named.get(name, 0.0)) for name in self.classes)
            return flat
        values = given.tolist() if hasattr(given, "tolist") else [list(one) for one in given]
        _check_length(len(values), rows)
        for one in values:
            if not isinstance(one, list) or len(one) != width:
                found = len(one) if isinstance(one, list) else 1
                raise WorkerError(
                    "classes",
                    "the model gives %d probabilities a row, the package has the classes %s"
                    % (found, _listed(self.classes)),
                    "name all classes of the model: `classes` in [project], or a `classes.json` in its folder",
                )
        return self._placed(values, self.order)

    def _placed(self, values, places):
        if places is None or places == list(range(len(self.classes))):
            return [_checked(value) for one in values for value in one]
        flat = []
        for one in values:
            row = [0.0] * len(self.classes)
            for place, value in zip(places, one):
                row[place] = _checked(value)
            flat.extend(row)
        return flat

    def _check_labels(self, names):
        for name in names:
            if name not in self.places:
                raise WorkerError(
                    "classes",
                    "the model answers the class `%s`, the package's are %s" % (name, _listed(self.classes)),
                    "name all classes: `classes` in [project], or a `classes.json` in the model's folder",
                )

    def _most_probable(self, flat, rows):
        width = len(self.classes)
        labels = []
        for row in range(rows):
            one = flat[row * width : (row + 1) * width]
            if self.order is None:
                labels.append(max(range(width), key=one.__getitem__))
            else:
                # Of equals the first in the model's own order, as its `predict` would have it.
                labels.append(max(self.order, key=one.__getitem__))
        return labels

    def _place(self, value):
        if isinstance(value, float) and math.isnan(value):
            raise WorkerError("nan", "the model answered NaN instead of a class")
        name = class_name(value)
        if self.is_by_place:
            name = self.classes[int(name)] if name.isdigit() and int(name) < len(self.classes) else name
        self._check_labels([name])
        return self.places[name]

    def _numbers(self, given, rows):
        values = self._column(given, rows)
        try:
            return [_checked(float(value)) for value in values]
        except (TypeError, ValueError) as error:
            raise WorkerError("shape", "the model's answers are no numbers: %s" % error, RETURNS) from error

    def _column(self, given, rows):
        if isinstance(given, (str, bytes)) or not hasattr(given, "__len__"):
            raise WorkerError("shape", "`predict` returned a `%s`" % type(given).__name__, RETURNS)
        values = given.to_numpy().tolist() if hasattr(given, "to_numpy") else None
        if values is None:
            values = given.tolist() if hasattr(given, "tolist") else list(given)
        _check_length(len(values), rows)
        return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]


def _checked(value):
    if not math.isfinite(value):
        raise WorkerError("nan", "the model answered %s" % value)
    return value


def _check_length(found, rows):
    if found != rows:
        raise WorkerError("length", "the model gave %d answers for %d rows" % (found, rows), RETURNS)


def _is_frame(value):
    return hasattr(value, "columns") and hasattr(value, "to_numpy")


def _is_dicts(value):
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(one, dict) for one in value)


def _listed(names):
    names = [str(name) for name in names]
    return ", ".join("`%s`" % name for name in names[:20]) + (", ..." if len(names) > 20 else "")
