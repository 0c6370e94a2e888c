"""What releases cost those who are answered meanwhile: a data plane with two weighted versions, with a shadow, with
a neighbour that crashes, during a swap; and a server with nothing to do.

Compared with a plain `serve` of the same model, both at once on this machine and loaded in turn; medians of rounds.
"""

import json
import os
import signal
import statistics
import subprocess
import time

import load
import measure
from serve import LINEAR_ROW, TRAIN_LINEAR, linear_project

ROUNDS = 5
SECONDS = 3
# Rows that the crashing neighbour dies of; the stable version answers them like any other.
DEADLY_ROW = {**LINEAR_ROW, "x0": 99.0}

ENVIRONMENTS = """
[environments.production]
listen = "127.0.0.1:{0}"
strategy = "a-b"

[environments.staging]
listen = "127.0.0.1:{1}"

[environments.canary]
listen = "127.0.0.1:{2}"
"""

CRASHING = """
import os
import joblib

def load(folder):
    return joblib.load(folder / "model.joblib")

def predict(state, table):
    if (table["x0"] > 50).any():
        os._exit(1)
    return state.predict(table)
"""


class Replica(measure.Server):
    """A data plane that the server started."""

    def __init__(self, pid, port, body):
        self.url, self.body = f"http://127.0.0.1:{port}/predict/linear", json.dumps(body)
        self.process = Known(pid)


class Itself(Replica):
    """A process without those it started."""

    def tree(self):
        return [self.process.pid]


class Known:
    """A process known by its number."""

    def __init__(self, pid):
        self.pid = pid


class Project:
    """The project, its server, and what it is told."""

    def __init__(self, folder):
        self.python = measure.environment("requirements-mlflow.txt") / "python"
        self.folder = linear_project(folder, self.python)
        self.ports = [measure.free_port() for _ in range(3)]
        with open(self.folder / "modelyard.toml", "a") as file:
            file.write(ENVIRONMENTS.format(*self.ports))
        self.say("run")
        (self.folder / "train.py").write_text(TRAIN_LINEAR.replace("LogisticRegression()", "LogisticRegression(C=0.5)"))
        self.say("run")
        self.say("apply", "--yes")
        self.server = subprocess.Popen(
            [measure.binary(), "--quiet", "server", "--listen", f"127.0.0.1:{measure.free_port()}"], cwd=self.folder
        )
        self.say("release", "linear@1", "--to", "production", "--strategy", "all-at-once", "--wait")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in ("production", "staging", "canary"):
            subprocess.run([measure.binary(), "environments", "stop", name, "--wait"], cwd=self.folder)
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(20)

    def say(self, *words):
        done = subprocess.run([measure.binary(), *words], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"modelyard {' '.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def show(self, name):
        return json.loads(self.say("environments", "show", name, "--json"))

    def replica(self, name="production"):
        instance = self.show(name)["instances"][0]
        return Replica(instance["pid"], self.show(name)["listen"].rsplit(":", 1)[1], LINEAR_ROW)

    def rolling(self):
        """Waits until the candidate gets its share."""
        self.until(
            lambda: any(
                one["role"] != "stable" and one["phase"] == "serve" for one in self.show("production")["placed"]
            )
        )

    def steady(self):
        """Waits until the stable version serves alone and the last release has let go of its own."""
        self.until(
            lambda: (
                self.show("production")["releasing"] is None
                and all(one["phase"] in ("serve", "warm") for one in self.show("production")["placed"])
            )
        )

    def until(self, holds):
        deadline = time.monotonic() + 60
        while not holds():
            if time.monotonic() > deadline:
                raise SystemExit(
                    "the environment did not get where it should: " + self.say("environments", "show", "production")
                )
            time.sleep(0.1)
        # A replica takes the state in within its next look.
        time.sleep(1)


def main():
    verdicts = measure.Verdicts()
    folder = measure.workspace("deploy")
    port = measure.free_port()
    with Project(folder) as project:
        plain_words = [measure.binary(), "serve", "linear@1", "--listen", f"127.0.0.1:{port}"]
        with measure.Server(plain_words, project.folder, port, "/predict/linear", LINEAR_ROW) as plain:
            two_versions(verdicts, project, plain)
            shadow(verdicts, project, plain)
            neighbour(verdicts, project)
        swap(verdicts, project)
        idle(verdicts, project)
    verdicts.exit()


def interleaved(*servers):
    """Medians of requests a second and CPU µs a request, a pair a server."""
    rates = [[server.load(64, SECONDS) for server in servers] for _ in range(ROUNDS)]
    return [[statistics.median(values) for values in zip(*side)] for side in zip(*rates)]


def two_versions(verdicts, project, plain):
    """Two versions by their weights, against one."""
    project.say("release", "linear@2", "--to", "production", "--strategy", "a-b")
    project.rolling()
    (plain_rate, plain_cpu), (rate, cpu) = interleaved(plain, project.replica())
    print("one row, 64 connections                  plain serve     two versions")
    print(f"  requests/s                       {plain_rate:>17,.0f} {rate:>16,.0f}")
    print(f"  CPU µs a request                 {plain_cpu:>17,.1f} {cpu:>16,.1f}")
    verdicts.at_most("two weighted versions, CPU a request", cpu / plain_cpu, 1.05, "×", 3)
    project.say("release", "abort", "production")
    project.steady()


def shadow(verdicts, project, plain):
    """Every request copied to a second version."""
    project.say("release", "linear@2", "--to", "production", "--strategy", "shadow")
    project.rolling()
    replica = project.replica()
    (plain_rate, _), (rate, _) = interleaved(plain, replica)
    calm = int(rate / 4)
    latencies = [[p99(server, calm) for server in (plain, replica)] for _ in range(ROUNDS)]
    plain_p99, shadowed_p99 = [statistics.median(side) for side in zip(*latencies)]
    print("every request copied                     plain serve           shadow")
    print(f"  requests/s at saturation         {plain_rate:>17,.0f} {rate:>16,.0f}")
    print(f"  p99 at {calm:,} requests/s, µs    {plain_p99:>16,.0f} {shadowed_p99:>16,.0f}")
    verdicts.at_least("shadow at 100 %, requests/s at saturation", rate / plain_rate, 0.45, digits=2)
    verdicts.at_most("shadow at 100 %, p99 at a quarter of it", shadowed_p99 / plain_p99, 1.2, "×", 2)
    project.say("release", "abort", "production")
    project.steady()


def neighbour(verdicts, project):
    """A Python version beside the stable one, whose worker dies of a row in a hundred."""
    replica = project.replica()
    alone = statistics.median(p99(replica, 1_000, LINEAR_ROW, DEADLY_ROW) for _ in range(ROUNDS))
    (project.folder / "train.py").write_text(
        TRAIN_LINEAR
        + f"\nopen(sys.argv[2] + '/predict.py', 'w').write({CRASHING!r})\n"
        + "json.dump(['0', '1'], open(sys.argv[2] + '/classes.json', 'w'))\n"
    )
    project.say("run")
    project.say("release", "linear@3", "--to", "production", "--strategy", "shadow")
    project.rolling()
    beside = statistics.median(p99(replica, 1_000, LINEAR_ROW, DEADLY_ROW) for _ in range(ROUNDS))
    print(f"  p99 at 1,000 requests/s, µs: alone {alone:,.0f}, beside a version that crashes {beside:,.0f}")
    verdicts.at_most("a neighbour that crashes, p99", beside / alone, 1.2, "×", 2)
    project.say("release", "abort", "production")
    project.steady()


def p99(server, rate, row=LINEAR_ROW, rare=None):
    """The 99th percentile of latencies in µs at a rate, open loop, from the intended time of sending."""
    rows = [{**row, "x11": row["x11"] + number / 100} for number in range(100)]
    if rare:
        rows[50] = rare
    port, path = server.url.removeprefix("http://").split("/", 1)
    words = [load.generator(), port, "/" + path, str(rate), str(SECONDS)]
    said = subprocess.run(
        words, input="\n".join(map(json.dumps, rows)), check=True, capture_output=True, text=True
    ).stdout
    measured = json.loads(said)
    if measured["answered"] != measured["sent"]:
        raise SystemExit(f"not every request was answered: {said}")
    return measured["latency_us"]["p99"]


def swap(verdicts, project):
    """A release and the way back, under load."""
    replica = project.replica()
    seconds = {"swap": [], "rollback": []}
    for _ in range(ROUNDS):
        under_load(
            replica,
            seconds["swap"],
            lambda: project.say("release", "linear@2", "--to", "production", "--strategy", "all-at-once", "--wait"),
        )
        under_load(replica, seconds["rollback"], lambda: project.say("rollback", "production"))
    for what, took in seconds.items():
        verdicts.at_most(f"{what} under 64 connections, none failed", statistics.median(took), 1, "s", 2)


def under_load(replica, seconds, act):
    """Does something a second into a load of which every request has to be answered."""
    loading = subprocess.Popen(
        ["python3", "-c", "import sys, json, measure, deploy\n"
         "deploy.Replica(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])).load(64, 4)",
         str(replica.process.pid), replica.url.split(":")[2].split("/")[0], replica.body],
        cwd=measure.ROOT / "bench", env=os.environ)  # fmt: skip
    time.sleep(1.5)
    started = time.monotonic()
    act()
    seconds.append(time.monotonic() - started)
    if loading.wait(30) != 0:
        raise SystemExit("a request failed")


def idle(verdicts, project):
    """A server and three data planes that nobody asks."""
    for name in ("staging", "canary"):
        project.say("deploy", name, "linear@1", "--wait")
    time.sleep(5)
    server = Itself(project.server.pid, 0, LINEAR_ROW)
    replicas = [project.replica(name) for name in ("production", "staging", "canary")]
    before, seconds = server.cpu(), 20
    time.sleep(seconds)
    verdicts.at_most(
        "an idle server with 3 environments, of a core", (server.cpu() - before) / seconds * 100, 1, "%", 2
    )
    verdicts.at_most("an idle server with 3 environments, memory", server.pss(), 60, "MB")
    verdicts.at_most("its data planes, memory of the largest", max(one.pss() for one in replicas), 60, "MB")


if __name__ == "__main__":
    main()
