"""What the benchmarks share: CPU of commands and process trees, load through `wrk`, projects to work on.

CPU seconds are compared rather than wall time, so that a second process on the machine changes little, and
every ratio comes from one run on one machine, ours and the peer's side by side.
"""

import atexit
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def binary():
    """The program that is measured: MODELYARD_BIN, an optimised build."""
    path = os.environ.get("MODELYARD_BIN") or sys.exit("MODELYARD_BIN is not set: `make bench` sets it")
    return str(Path(path).resolve())


def environment(requirements):
    """The folder of programs of an environment with what `requirements` pins; installed where missing."""
    words = [ROOT / "scripts" / "python_env.sh", ROOT / "bench" / requirements]
    return Path(subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()).parent


def workspace(name):
    """A new folder that is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"modelyard-bench-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def example(name, folder):
    """A copy of an example project."""
    project = folder / name
    shutil.copytree(ROOT / "examples" / name, project, ignore=shutil.ignore_patterns(".modelyard"))
    return project


def cpu_seconds(words, folder, variables=None):
    """User and system seconds of a command and of all that it waited for."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            words, cwd=folder, env={**os.environ, **(variables or {})}, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"{words} ended with {process.returncode}\n{output.read().decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime


def median_cpu(words, folder, rounds, prepare=lambda: None):
    """The median of several runs, each prepared before."""
    seconds = []
    for _ in range(rounds):
        prepare()
        seconds.append(cpu_seconds(words, folder))
    return statistics.median(seconds)


class Server:
    """A process that answers HTTP, with its children, from its start to its first answer and its end."""

    def __init__(self, words, folder, port, path, body, variables=None):
        self.url, self.body = f"http://127.0.0.1:{port}{path}", json.dumps(body)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, **(variables or {})},
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        self.first_answer = self._wait()
        self.start_cpu = self.cpu()
        self.pss_mb = self.pss()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()

    def _wait(self):
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                return self.ask()
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    sys.exit(f"{self.url}: {error.code} {error.read().decode(errors='replace')}")
            except OSError:
                pass
            time.sleep(0.02)
        self.log.seek(0)
        sys.exit(f"{self.url}: no answer\n{self.log.read().decode(errors='replace')}")

    def ask(self):
        request = urllib.request.Request(self.url, self.body.encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def tree(self):
        """The process and its descendants."""
        children = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue
            parent = int(text.rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, [])
        return found

    def cpu(self):
        """User and system seconds so far, of the living and of those that were waited for."""
        total = 0
        for pid in self.tree():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            total += sum(int(field) for field in fields[11:15])
        return total / TICKS

    def pss(self):
        """Proportional set size in MB."""
        total = 0
        for pid in self.tree():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
        return total / 1024

    def load(self, connections, seconds):
        """Requests a second under load, and CPU microseconds a request."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(
                'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
                f"wrk.body = [==[{self.body}]==]\n"
            )
            script.flush()
            before = self.cpu()
            words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, self.url]
            text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
            spent = self.cpu() - before
        if "Non-2xx" in text or "Socket errors" in text:
            sys.exit(f"{self.url}: not every request was answered\n{text}")
        requests = int(re.search(r"(\d+) requests in", text).group(1))
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
        return rate, spent / max(requests, 1) * 1e6


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Verdicts:
    """Prints each number beside the one to reach, and remembers whether all were reached."""

    def __init__(self):
        self.missed = []

    def at_least(self, what, value, wanted, unit="×", digits=1):
        self._say(what, f"{value:,.{digits}f}{unit}", f"at least {wanted:,}{unit}", value >= wanted)

    def at_most(self, what, value, wanted, unit, digits=1):
        self._say(what, f"{value:,.{digits}f} {unit}", f"at most {wanted:,} {unit}", value <= wanted)

    def _say(self, what, value, wanted, reached):
        print(f"  {what:<58} {value:>12}   {wanted:<18} {'reached' if reached else 'MISSED'}", flush=True)
        if not reached:
            self.missed.append(what)

    def exit(self):
        sys.exit(f"missed: {', '.join(self.missed)}" if self.missed else 0)
