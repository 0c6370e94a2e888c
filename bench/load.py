"""The load of application tests against our own `serve`: does it hold its rate, at what cost, and do its
requests leave when they are due?

The generator runs by itself (a program of the crate `http`); MODELYARD_LOAD names its program, without it
the release is built. Rounds; the median of each number.
"""

import json
import os
import statistics
import subprocess

import measure
from serve import LINEAR_ROW, linear_project

RATE = 5_000
SECONDS = 5
ROUNDS = 3


def generator():
    if named := os.environ.get("MODELYARD_LOAD"):
        return named
    # With the program itself, so that both are built with the same features.
    packages = ["--package", "modelyard", "--package", "modelyard-http"]
    words = ["cargo", "build", "--quiet", "--locked", "--release", *packages, "--bins"]
    subprocess.run(words, cwd=measure.ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", measure.ROOT / "target")
    return os.path.join(target, "release", "load")


def main():
    verdicts = measure.Verdicts()
    program = generator()
    folder = measure.workspace("load")
    python = measure.environment("requirements-mlflow.txt") / "python"
    project = linear_project(folder, python)
    measure.cpu_seconds([measure.binary(), "run"], project)
    port = measure.free_port()
    serve = [measure.binary(), "serve", "linear@1", "--listen", f"127.0.0.1:{port}"]
    bodies = "\n".join(
        json.dumps({name: value + row / 100 for name, value in LINEAR_ROW.items()}) for row in range(100)
    )
    with measure.Server(serve, project, port, "/predict/linear", LINEAR_ROW) as server:
        rounds = []
        for _ in range(ROUNDS):
            before = server.cpu()
            words = [program, f"127.0.0.1:{port}", "/predict/linear", str(RATE), str(SECONDS)]
            said = subprocess.run(words, input=bodies, check=True, capture_output=True, text=True).stdout
            rounds.append(json.loads(said) | {"server_cpu_secs": server.cpu() - before})
    of = lambda number: statistics.median(number(round) for round in rounds)  # noqa: E731
    print(f"{RATE:,} requests/s for {SECONDS} s, open loop         own load generator")
    print(f"  answered                         {of(lambda r: r['answered']):>17,.0f} of {RATE * SECONDS:,}")
    print(
        f"  sent after they were due, µs     p50 {of(lambda r: r['late_us']['p50']):,.0f}, p99 {of(lambda r: r['late_us']['p99']):,.0f}"
    )
    print(
        f"  latency, µs                      p50 {of(lambda r: r['latency_us']['p50']):,.0f}, p99 {of(lambda r: r['latency_us']['p99']):,.0f}"
    )
    print(f"  CPU µs a request, generator      {of(lambda r: r['own_cpu_secs'] / r['sent'] * 1e6):>17,.0f}")
    print(f"  CPU µs a request, server         {of(lambda r: r['server_cpu_secs'] / r['sent'] * 1e6):>17,.0f}")
    print(f"  connections                      {of(lambda r: r['connections']):>17,.0f}")
    verdicts.at_least(
        "load, share of the rate held", of(lambda r: r["answered"] / r["took_secs"] / RATE) * 100, 99, " %"
    )
    verdicts.at_most("load, its own core", of(lambda r: r["own_cpu_secs"] / r["took_secs"]) * 100, 100, "%")
    verdicts.at_most("load, sent after due, p99", of(lambda r: r["late_us"]["p99"]), 1_000, "µs")
    verdicts.exit()


if __name__ == "__main__":
    main()
