"""How many pushes a second the webhook receiver accepts, and whether its memory stays flat.

The receiver is the real one (`harness webhook` in a process of its own, journal with fsync);
Prefect is the imitation of the tests, because what is measured is the receiver. Every push is
another commit of one of ten repositories, signed as GitHub does, over loopback.

    python -m benchmarks.webhook [--pushes 4000] [--senders 16] [--json] [--at-least 200]
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.fakes.prefect_api import FakePrefect

SECRET = "benchmark-of-the-webhook"
REPOSITORIES = 10
_MOST_PUSHES = 100_000
_connections = threading.local()


def push(number: int) -> bytes:
    """A body of about 7 kB, as pushes of a few commits have."""
    sha = hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()
    url = f"https://git.example.org/team/app-{number % REPOSITORIES}.git"
    commits = [{"id": sha, "message": "Change. " * 60, "modified": ["a/b.py"] * 20}] * 9
    return json.dumps(
        {
            "ref": "refs/heads/main",
            "after": sha,
            "repository": {"clone_url": url, "default_branch": "main"},
            "commits": commits,
        }
    ).encode()


def send(port: int, body: bytes) -> tuple[int, float]:
    """Status and seconds of one delivery; each sender keeps its connection."""
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={digest}"}
    connection = getattr(_connections, "connection", None)
    if connection is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        _connections.connection = connection
    began = time.perf_counter()
    connection.request("POST", "/hooks/github", body, headers)
    response = connection.getresponse()
    response.read()
    return response.status, time.perf_counter() - began


def measure(port: int, process: psutil.Process, pushes: int, senders: int) -> dict[str, object]:
    """Send everything in four equal parts and look at the memory after each."""
    megabytes: list[float] = []
    seconds: list[float] = []
    accepted = 0
    began = time.perf_counter()
    with ThreadPoolExecutor(max_workers=senders) as pool:
        for part in range(4):
            numbers = range(part * pushes // 4, (part + 1) * pushes // 4)
            for status, took in pool.map(lambda n: send(port, push(n)), numbers):
                accepted += status == 202
                seconds.append(took)
            megabytes.append(round(process.memory_info().rss / 1e6, 1))
    wall = time.perf_counter() - began
    return {
        "pushes": pushes,
        "accepted": accepted,
        "accepted_per_second": round(accepted / wall),
        "median_ms": round(1000 * statistics.median(seconds), 1),
        "p99_ms": round(1000 * statistics.quantiles(seconds, n=100)[98], 1),
        "megabytes_after_each_quarter": megabytes,
    }


def main() -> None:
    """Print the figures; exit code 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pushes", type=int, default=4000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--at-least", type=int, default=0, help="accepted a second")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pushes = min(max(options.pushes, 400), _MOST_PUSHES)
    with tempfile.TemporaryDirectory() as scratch, FakePrefect() as prefect:
        mapping = Path(scratch) / "mapping.json"
        mapping.write_text(
            json.dumps(
                {
                    f"https://git.example.org/team/app-{n}": {"name": f"app-{n}"}
                    for n in range(REPOSITORIES)
                }
            )
        )
        environment = os.environ | {
            "HARNESS_DATA_DIR": f"{scratch}/data",
            "HARNESS_WEBHOOK_SECRET": SECRET,
            "HARNESS_WEBHOOK_REPOSITORIES": str(mapping),
            "PREFECT_API_URL": prefect.url,
        }
        service = subprocess.Popen(
            [sys.executable, "-m", "harness", "webhook", "--port", "0", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert service.stdout is not None
            opening = b"".join(iter(service.stdout.readline, b"}\n")) + b"}"
            port = int(json.loads(opening)["url"].rpartition(":")[2])
            figures = measure(port, psutil.Process(service.pid), pushes, options.senders)
        finally:
            service.terminate()
            service.wait(timeout=15)
            if service.stdout is not None:
                service.stdout.close()
    print(
        json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items())
    )
    rate = figures["accepted_per_second"]
    if figures["accepted"] != pushes or (isinstance(rate, int) and rate < options.at_least):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
