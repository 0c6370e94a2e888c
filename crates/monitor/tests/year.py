"""The flights example's year, as its query makes it, column by column in the order of time; for `replays.rs`."""

import csv
import gzip
import json
from datetime import datetime
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "flights"


def table(path):
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def number(row, name):
    return float(row[name]) if row.get(name) not in (None, "", "NA") else None


flights = [row for path in sorted(EXAMPLE.glob("*/**/flights-*.csv.gz")) for row in table(path) if row["arr_delay"]]
flights.sort(key=lambda row: row["time_hour"])
weather = {(row["origin"], row["time_hour"]): row for row in table(EXAMPLE / "data" / "weather.csv.gz")}
found = [weather.get((row["origin"], row["time_hour"]), {}) for row in flights]
columns = {name: [row[name] for row in flights] for name in ["carrier", "origin", "dest"]}
columns |= {name: [int(row[name]) for row in flights] for name in ["hour", "distance"]}
columns |= {
    name: [number(row, name) for row in found] for name in ["temp", "wind_speed", "visib", "precip", "pressure"]
}
times = [int(datetime.fromisoformat(row["time_hour"]).timestamp()) * 1_000_000 for row in flights]
print(json.dumps({"time": times, "columns": columns}))
