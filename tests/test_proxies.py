"""Which servers are reached through a proxy: one rule, and every client of ours keeps to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest
from qdrant_client.grpc import collections_pb2, collections_service_pb2_grpc

from harness.checks import check_stack
from harness.errors import HarnessError, InvalidSettingError
from harness.models.ollama.client import OllamaClient
from harness.models.ollama.options import OllamaOptions
from harness.proxies import is_internal, no_proxy_variables, proxy_for
from harness.retrying import Backoff
from harness.stack.api import PrefectApi
from harness.stack.environment import client_environment, deploy_environment
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from harness.store.qdrant_snapshot_api import SnapshotApi
from tests.fakes.proxy import RecordingProxy, recording_proxy, set_proxies

# A top-level domain that exists nowhere (RFC 2606) and that no list of internal ones has.
PUBLIC = "server.invalid"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingProxy]:
    with recording_proxy() as running:
        set_proxies(
            monkeypatch,
            HTTP_PROXY=running.url,
            HTTPS_PROXY=running.url,
            ALL_PROXY=running.url,
            GRPC_PROXY=running.url,
        )
        yield running


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain"),
        *("127.0.0.1", "127.8.9.1", "127.1", "0x7f000001", "2130706433", "[::1]"),
        *("10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.7", "169.254.1.1", "100.64.0.1"),
        *("[fd00::2]", "[fe80::1]", "[fe80::1%eth0]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]"),
        *("qdrant", "gpu_box", "qdrant.ai.svc", "qdrant.ai.svc.cluster.local", "q.ai.svc.corp.net"),
        *("nas.local", "host.docker.internal", "box.lan", "x.home.arpa", "x.corp", "x.intranet"),
    ],
)
def test_this_machine_its_network_and_its_cluster_are_internal(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_proxies(monkeypatch, HTTP_PROXY="http://proxy:1", HTTPS_PROXY="http://proxy:1")
    assert is_internal(f"http://{host}:6333")
    assert proxy_for(f"https://{host}") is None


@pytest.mark.parametrize(
    "host",
    [
        *("ai.example.org", "8.8.8.8", "172.32.0.1", "[2606:4700::1111]", "[::ffff:8.8.8.8]"),
        *("localhost.example.org", "mylocal", "notlocalhost.example", "svc.example.org", "8.2056"),
    ],
)
def test_everything_else_goes_through_the_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_proxies(monkeypatch, HTTP_PROXY="http://proxy:1", HTTPS_PROXY="http://proxy:2")
    public = host != "mylocal"  # a name without a dot
    assert is_internal(f"http://{host}") is not public
    assert proxy_for(f"http://{host}") == ("http://proxy:1" if public else None)
    assert proxy_for(f"https://{host}:9") == ("http://proxy:2" if public else None)


@pytest.mark.parametrize(
    ("entries", "url", "direct"),
    [
        pytest.param("*", "http://a.example", True, id="all"),
        pytest.param("x.example, *", "http://a.example", True, id="all, among others"),
        pytest.param("a.example", "http://a.example", True, id="name"),
        pytest.param("A.Example", "http://a.example", True, id="case"),
        pytest.param("a.example", "http://b.a.example", True, id="below a name"),
        pytest.param(".a.example", "http://b.a.example", True, id="domain"),
        pytest.param(".a.example", "http://a.example", True, id="domain itself"),
        pytest.param("*.a.example", "http://b.a.example", True, id="star and domain"),
        pytest.param("a.example", "http://ba.example", False, id="no part of a label"),
        pytest.param("b.a.example", "http://a.example", False, id="not above"),
        pytest.param("x,a.example ,y", "http://a.example", True, id="list"),
        pytest.param("x a.example", "http://a.example", True, id="list with blanks"),
        pytest.param("a.example:80", "http://a.example", True, id="default port"),
        pytest.param("a.example:80", "http://a.example:81", False, id="another port"),
        pytest.param("https://a.example", "https://a.example", True, id="URL"),
        pytest.param("8.8.8.8", "http://8.8.8.8:1", True, id="address"),
        pytest.param("8.8.8.8:2", "http://8.8.8.8:1", False, id="address, another port"),
        pytest.param("8.8.0.0/16", "http://8.8.8.8", True, id="network"),
        pytest.param("8.8.8.8/16", "http://8.8.9.9", True, id="network by a host of it"),
        pytest.param("8.9.0.0/16", "http://8.8.8.8", False, id="another network"),
        pytest.param("2606:4700::/32", "http://[2606:4700::1]", True, id="IPv6 network"),
        pytest.param("[2606:4700::1]", "http://[2606:4700::1]", True, id="IPv6 in brackets"),
        pytest.param("[2606:4700::1]:80", "http://[2606:4700::1]", True, id="IPv6 and port"),
        pytest.param("", "http://a.example", False, id="empty"),
        pytest.param(",.,:,[", "http://a.example", False, id="nonsense"),
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy_makes_a_server_internal(
    entries: str, url: str, direct: bool, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_proxies(monkeypatch, HTTP_PROXY="http://proxy:1", HTTPS_PROXY="http://proxy:1")
    monkeypatch.setenv(variable, entries)
    assert is_internal(url) is direct


def test_a_proxy_without_a_scheme_and_one_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    set_proxies(monkeypatch, HTTP_PROXY="proxy:1", ALL_PROXY="http://all:2")
    assert proxy_for("http://a.example") == "http://proxy:1"
    assert proxy_for("https://a.example") == "http://all:2"


@pytest.mark.parametrize(
    "value", ["socks5://u:hunter2@p:1", "http://p:x", "http://[::1", "http://"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_proxies(monkeypatch, HTTPS_PROXY=value)
    with pytest.raises(
        InvalidSettingError, match=r"HTTPS_PROXY.*a\.example to NO_PROXY"
    ) as refused:
        proxy_for("https://a.example")
    assert "hunter2" not in str(refused.value)
    assert proxy_for("https://localhost") is None


def _ollama(url: str) -> None:
    with OllamaClient.connect(OllamaOptions(host=url), Backoff(attempts=1)) as client:
        client.version()


def _qdrant(url: str) -> None:
    open_store(QdrantOptions(url=url, grpc_port=0, timeout_seconds=20)).close()


def _snapshots(url: str) -> None:
    api = SnapshotApi(url, None, 20)
    try:
        api.delete("collection", "name")
    finally:
        api.close()


def _prefect(url: str) -> None:
    PrefectApi(f"{url}/api", read_attempts=1).request("GET", "/health")


CLIENTS = [
    pytest.param(_ollama, id="ollama"),
    pytest.param(_qdrant, id="qdrant"),
    pytest.param(_snapshots, id="snapshots"),
    pytest.param(_prefect, id="prefect"),
]


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_ask_the_proxy_for_public_names(
    client: Callable[[str], None], proxy: RecordingProxy
) -> None:
    with pytest.raises(HarnessError):
        client(f"https://{PUBLIC}")
    assert proxy.requests == [f"CONNECT {PUBLIC}:443"]
    proxy.requests.clear()
    with pytest.raises(HarnessError):
        client(f"http://{PUBLIC}:6333")
    assert len(proxy.requests) == 1
    assert f" http://{PUBLIC}:6333/" in proxy.requests[0]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "server"])
def test_clients_never_ask_it_for_internal_ones(
    client: Callable[[str], None], host: str, proxy: RecordingProxy
) -> None:
    with pytest.raises(HarnessError):  # nothing listens on port 1
        client(f"http://{host}:1")
    assert proxy.requests == []


@pytest.mark.parametrize("client", CLIENTS)
def test_nor_for_what_no_proxy_lists(
    client: Callable[[str], None], proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", ".invalid")
    with pytest.raises(HarnessError):
        client(f"https://{PUBLIC}:1")
    assert proxy.requests == []


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:1", "nonsense://x", "http://[::1"])
@pytest.mark.parametrize("client", CLIENTS)
def test_an_unusable_proxy_does_not_matter_to_internal_servers(
    client: Callable[[str], None], value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_proxies(monkeypatch, HTTP_PROXY=value, ALL_PROXY=value)
    with pytest.raises(HarnessError, match=r"127\.0\.0\.1:1"):
        client("http://127.0.0.1:1")
    with pytest.raises(InvalidSettingError, match="HTTP_PROXY"):
        client(f"http://{PUBLIC}")


def test_doctor_asks_it_for_nothing_internal(
    proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OLLAMA_HOST", "localhost:1")
    monkeypatch.setenv("QDRANT_HOST", "localhost:1")
    monkeypatch.setenv("PREFECT_API_URL", "http://localhost:1/api")
    failed = {result.name for result in check_stack() if result.ok is False}
    assert {"ollama", "vector store", "prefect"} <= failed
    assert proxy.requests == []


@contextmanager
def _qdrant_server() -> Iterator[tuple[QdrantOptions, list[str]]]:
    """Qdrant's version over REST, and its list of collections over REST and gRPC."""
    asked: list[str] = []

    class Rest(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append("REST")
            about = {"title": "qdrant", "version": "1.19.0"}
            listed = {"result": {"collections": []}, "status": "ok", "time": 0.0}
            body = json.dumps(about if self.path == "/" else listed).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Collections(collections_service_pb2_grpc.CollectionsServicer):
        def List(self, request: object, context: object) -> collections_pb2.ListCollectionsResponse:
            asked.append("gRPC")
            return collections_pb2.ListCollectionsResponse()

    rpc = grpc.server(ThreadPoolExecutor(2))
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(Collections(), rpc)
    rpc_port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    with ThreadingHTTPServer(("127.0.0.1", 0), Rest) as rest:
        thread = threading.Thread(target=rest.serve_forever, args=(0.02,))
        thread.start()
        try:
            port = rest.server_address[1]
            yield QdrantOptions(host="127.0.0.1", port=port, grpc_port=rpc_port), asked
        finally:
            rest.shutdown()
            thread.join()
            rpc.stop(None).wait()


def test_grpc_is_direct_too(proxy: RecordingProxy) -> None:
    with _qdrant_server() as (options, asked):
        open_store(options).close()
    assert "gRPC" in asked
    assert proxy.requests == []


def test_what_we_start_reaches_this_machine_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_proxies(monkeypatch, HTTP_PROXY="http://proxy:1")
    monkeypatch.setenv("NO_PROXY", "a.example")
    monkeypatch.setenv("no_proxy", "b.example")
    environment = client_environment(4200, tmp_path)
    listed = environment["NO_PROXY"].split(",")
    assert listed == environment["no_proxy"].split(",")
    assert listed == ["b.example", "a.example", "127.0.0.1", "localhost", "::1"]
    deploying = deploy_environment("http://prefect-server:4200/api", tmp_path, "pool")
    assert deploying["NO_PROXY"].split(",")[-1] == "prefect-server"
    public = deploy_environment("https://prefect.example.org/api", tmp_path, "pool")
    assert "prefect.example.org" not in public["NO_PROXY"]


def test_a_star_in_no_proxy_stays_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    set_proxies(monkeypatch, NO_PROXY="*")
    assert no_proxy_variables("http://x:1") == {"NO_PROXY": "*", "no_proxy": "*"}
