"""Opening a store from its options: which engine, what is loaded for it, what a server answers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import InvalidSettingError, ServiceUnavailableError, StoreError
from harness.store.opening import open_store
from harness.store.options import EdgeOptions, QdrantOptions


def test_edge_loads_nothing_of_a_server(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from harness.store.opening import open_store\n"
        "from harness.store.options import EdgeOptions\n"
        "store = open_store(EdgeOptions(Path(sys.argv[1])))\n"
        "assert store.engine == 'edge' and store.repositories() == []\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "harness.store.edge" in loaded
    assert not loaded & {"qdrant_client", "httpx", "tarfile", "harness.settings"}


def test_edge_options_name_the_folder(tmp_path: Path) -> None:
    store = open_store(EdgeOptions(tmp_path / "index"))
    assert store.describe() == f"Qdrant Edge in {tmp_path / 'index'}"


def test_an_api_key_is_not_shown() -> None:
    assert "s3cret" not in repr(QdrantOptions(host="q", api_key="s3cret"))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        pytest.param(QdrantOptions(), "QDRANT_HOST", id="none"),
        pytest.param(QdrantOptions(host=" "), "QDRANT_HOST", id="blank"),
        pytest.param(QdrantOptions(url="ftp://localhost"), "QDRANT_URL", id="scheme"),
        pytest.param(QdrantOptions(url="http://q:x"), "QDRANT_URL", id="bad-port"),
    ],
)
def test_an_address_that_cannot_be_used_names_its_setting(
    options: QdrantOptions, name: str
) -> None:
    with pytest.raises(InvalidSettingError, match=name):
        open_store(options)


@contextmanager
def server(version: str, status: int = 200) -> Iterator[QdrantOptions]:
    """Answers as a Qdrant of this version does, or refuses every request about collections."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            about = {"title": "qdrant - vector search engine", "version": version}
            result = {"exists": False} if self.path.endswith("/exists") else {"collections": []}
            answer = {"result": result, "status": "ok", "time": 0.0}
            is_about = self.path == "/"
            self.send_response(200 if is_about else status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(about if is_about else answer).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield QdrantOptions(host="127.0.0.1", port=http.server_address[1], grpc_port=0)
        finally:
            http.shutdown()
            thread.join()


def test_a_server_is_connected_over_rest() -> None:
    with server("1.19.0") as options:
        store = open_store(options)
        assert store.engine == "qdrant"
        assert store.describe() == f"Qdrant 1.19.0 at http://127.0.0.1:{options.port}"
        store.close()


def test_a_server_that_is_too_old_is_refused() -> None:
    message = r"is 1\.10\.1; Harness needs 1\.11 or newer"
    with server("1.10.1") as options, pytest.raises(StoreError, match=message):
        open_store(options)


def test_a_server_that_refuses_the_key_says_so() -> None:
    with server("1.19.0", 401) as options, pytest.raises(StoreError, match="set QDRANT_API_KEY"):
        open_store(options)


def test_a_server_that_is_away_is_named() -> None:
    with pytest.raises(ServiceUnavailableError, match=r"http://127\.0\.0\.1:1 did not answer"):
        open_store(QdrantOptions(host="127.0.0.1", port=1, grpc_port=0))
