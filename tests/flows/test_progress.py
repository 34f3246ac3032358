"""Progress of a run, as Prefect shows it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.progress import move


class _Broken(BaseHTTPRequestHandler):
    def do_PATCH(self) -> None:
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PATCH  # noqa: N815 - the library's name

    def log_message(self, *_: object) -> None:
        pass


def test_progress_that_the_server_does_not_take_ends_no_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with HTTPServer(("127.0.0.1", 0), _Broken) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}/api"
            with temporary_settings({PREFECT_API_URL: url}):
                move(uuid4(), progress=50.0)
        finally:
            server.shutdown()
            thread.join()
    assert "progress could not be shown: Server error '500" in caplog.text
