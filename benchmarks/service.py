"""How long a search over HTTP takes under parallel clients, whether memory stays flat, and whether
any search fails while the index is written.

The service is the real one with its guard, tokens and audit log, in a process of its own, over an
embedded store of random passages; the embedder takes next to no time, because what is measured is
everything around it. Clients keep their connections and ask one search after the other. With
``--writer`` another process replaces passages all the time, as an index run does.

Without a pause clients keep the service at its limit, and the times say how many wait. Then the
same clients are people who type: each begins a search every ``--every`` seconds, whether the one
before was slow or not, and time counts from when it was to begin, so that a slow answer is also
counted by those that wait behind it. Queries differ, except the share that ``--repeats`` names.

    python -m benchmarks.service [--chunks N] [--requests N] [--clients 8] [--every SECONDS]
        [--repeats SHARE] [--writer] [--json]

With ``--requests 100000`` the memory is printed to stderr every 5,000 requests.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import psutil

from benchmarks.light_embedder import LightEmbedder
from benchmarks.queries import _WEIGHTS, _WORDS, write
from harness.engines import Engines
from harness.service.app import make_app
from harness.service.callers import Scope
from harness.service.context import Parts
from harness.service.options import ProxyTrust, ServiceOptions
from harness.service.recognising import Recogniser
from harness.service.tokens import Tokens
from harness.stack.api import PrefectApi
from harness.store.edge import EdgeStore
from harness.types import RepositoryRecord

_connections = threading.local()
_PER_LOOK = 5_000
"""Requests between two looks at the memory."""
_OF_WHO_TYPES = 2_000
"""Searches of clients that pause at most, a minute of eight of them."""


def serve(root: Path) -> None:
    """Serve a store on a free port; prints the port, then the token, a line each."""
    import asyncio

    from harness.cli.listening import listen
    from harness.connections import Connections, server_config
    from harness.service.collecting import collected_by_the_minute

    tokens = Tokens(root / "tokens.json")
    token, _ = tokens.create("benchmark", Scope.READ)
    parts = Parts(
        open_engines=lambda: Engines(LightEmbedder(), EdgeStore(root / "index"), root),
        open_assistant=None,
        prefect=lambda: PrefectApi("http://127.0.0.1:9/api", read_attempts=1),
        data_dir=root,
        options=ServiceOptions(requests_per_minute=10_000_000),
    )
    app = make_app(parts, Recogniser.build(True, tokens, ProxyTrust()), listens_locally=False)
    config = server_config(app, Connections(512, 10.0), "127.0.0.1", 0)
    with collected_by_the_minute():
        asyncio.run(
            listen(config, lambda url: print(f"{url.rpartition(':')[2]}\n{token}", flush=True))
        )


def ask(port: int, token: str, query: str) -> tuple[int, float]:
    """Status and seconds of one search. Who pauses finds the connection closed, and makes one."""
    connection = getattr(_connections, "connection", None)
    if connection is not None and connection.sock and _has_ended(connection.sock):
        connection.close()
        connection = None
    if connection is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        _connections.connection = connection
    began = time.perf_counter()
    try:
        connection.request(
            "GET",
            f"/api/v1/search?{urlencode({'q': query})}",
            headers={"Authorization": f"Bearer {token}"},
        )
        answer = connection.getresponse()
        answer.read()
    except OSError:
        connection.close()
        return 0, time.perf_counter() - began
    return answer.status, time.perf_counter() - began


def _has_ended(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])


def queries(count: int, part: int, repeats: float) -> list[str]:
    """Six words as often as they are in passages; every eighth is a name.

    :param part: other queries for each number.
    :param repeats: this share of them was asked before.
    """
    pick = random.Random(part)
    asked = [" ".join(pick.choices(_WORDS, cum_weights=_WEIGHTS, k=6)) for _ in range(count)]
    asked[::8] = [f"f{pick.randrange(100_000)}" for _ in asked[::8]]
    for place in range(1, count):
        if pick.random() < repeats:
            asked[place] = asked[pick.randrange(place)]
    return asked


def measure(
    port: int,
    token: str,
    process: psutil.Process,
    requests: int,
    clients: int,
    every: float = 0.0,
    repeats: float = 0.0,
    first: int = 6,
) -> dict[str, object]:
    """Ask searches, in parts after which the memory is looked at.

    :param every: seconds from one search of a client to its next; 0: as soon as it is answered.
    :param first: number of the first part's queries; the following count up.
    """
    seconds: list[float] = []
    statuses: Counter[int] = Counter()
    megabytes: list[float] = []
    part = min(_PER_LOOK, max(1, requests // 4))

    def one(client: int, asked: list[str], began: float) -> list[tuple[int, float]]:
        found = []
        for place, query in enumerate(asked):
            due = began + every * (place + client / clients)
            time.sleep(max(0.0, due - time.perf_counter()) if every else 0.0)
            late = max(0.0, time.perf_counter() - due) if every else 0.0
            status, took = ask(port, token, query)
            found.append((status, late + took))
        return found

    with ThreadPoolExecutor(clients) as pool:
        warming = queries(min(20 * clients, requests), 5, 0.0)
        list(pool.map(lambda query: ask(port, token, query), warming))
        before, own = process.cpu_times(), time.process_time()
        began = time.perf_counter()
        for number in range(requests // part):
            asked = queries(part, first + number, repeats)
            started = time.perf_counter()
            running = [
                pool.submit(one, client, asked[client::clients], started)
                for client in range(clients)
            ]
            for status, took in (answer for done in running for answer in done.result()):
                statuses[status] += 1
                seconds.append(took)
            megabytes.append(round(process.memory_info().rss / 1e6, 1))
            if part == _PER_LOOK:
                print(f"{len(seconds)} requests: {megabytes[-1]} MB", file=sys.stderr, flush=True)
        wall = time.perf_counter() - began
        after, clients_used = process.cpu_times(), time.process_time() - own
    used = after.user + after.system - before.user - before.system
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "requests": len(seconds),
        "every_seconds": every,
        "failed": len(seconds) - statuses[200],
        "statuses": dict(statuses),
        "p50_ms": round(1000 * cuts[49], 1),
        "p99_ms": round(1000 * cuts[98], 1),
        "longest_ms": round(1000 * max(seconds), 1),
        "requests_per_second": round(len(seconds) / wall, 1),
        "cpu_ms_a_request": round(1000 * used / len(seconds), 1),
        "cpu_ms_of_a_client": round(1000 * clients_used / len(seconds), 1),
        "megabytes": megabytes,
    }


def main() -> None:
    """Print the figures; exit code 1 when a search failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--every", type=float, default=0.25, help="seconds; of who types")
    parser.add_argument("--repeats", type=float, default=0.0, help="share of repeated queries")
    parser.add_argument("--writer", action="store_true", help="while another process writes")
    parser.add_argument("--index-dir", type=Path, help="keep the index there, or use the one there")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    with tempfile.TemporaryDirectory() as scratch:
        root = options.index_dir or Path(scratch)
        if not (root / "index").is_dir():
            collection, _ = write(root / "index", options.chunks)
            store = EdgeStore(root / "index")
            store.put_repository(
                RepositoryRecord("benchmark", "/x", "", collection, "light", 1, 1, 0, "now")
            )
            store.close()
        (root / "tokens.json").unlink(missing_ok=True)
        service = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.service", "--serve", str(root)],
            stdout=subprocess.PIPE,
            text=True,
        )
        writer = None
        try:
            assert service.stdout is not None
            port, token = int(service.stdout.readline()), service.stdout.readline().strip()
            if options.writer:
                command = [sys.executable, "-m", "benchmarks.queries", "--write-to"]
                writer = subprocess.Popen(
                    [*command, str(root / "index")], stdout=subprocess.PIPE, text=True
                )
                assert writer.stdout is not None
                writer.stdout.readline()
            asking = (port, token, psutil.Process(service.pid))
            rows = [
                measure(*asking, count, options.clients, every, options.repeats, first)
                for count, every, first in (
                    (options.requests, 0.0, 6),
                    (min(options.requests, _OF_WHO_TYPES), options.every, 1_000_000),
                )
            ]
        finally:
            for process in (writer, service):
                if process is not None:
                    process.terminate()
                    process.wait(timeout=30)
                    if process.stdout is not None:
                        process.stdout.close()
    figures = {
        "chunks": options.chunks,
        "clients": options.clients,
        "writer": options.writer,
        "repeats": options.repeats,
        "rows": rows,
    }
    print(
        json.dumps(figures)
        if options.json
        else "\n\n".join("\n".join(f"{k}: {v}" for k, v in row.items()) for row in rows)
    )
    if any(row["failed"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
