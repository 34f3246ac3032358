"""The local server's password: where it is kept, who is given it, and how our client shows it."""

from __future__ import annotations

import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack.access import auth_string_for, auth_string_to_start, write_profile
from harness.stack.api import PrefectApi
from harness.stack.servers import chosen_server, expected_server
from harness.stack.state import Layout, StackState, write_state
from tests.fakes.prefect_api import FakePrefect


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.create()
    return layout


def _started(layout: Layout, port: int = 4200) -> StackState:
    state = StackState("id", port, "team-a", auth_string=auth_string_to_start(layout))
    write_profile(layout, state)
    write_state(layout, state)
    return state


def test_a_password_is_random_private_and_kept(layout: Layout, tmp_path: Path) -> None:
    state = _started(layout)
    assert state.auth_string is not None
    user, _, password = state.auth_string.partition(":")
    assert user == "harness" and len(password) >= 43, "256 bits"
    other = Layout(tmp_path / "other")
    other.create()
    assert auth_string_to_start(other) != state.auth_string
    for file in (layout.profile_file, layout.state_file):
        assert file.stat().st_mode & 0o077 == 0
    assert auth_string_to_start(layout) == state.auth_string
    profile = tomllib.loads(layout.profile_file.read_text())
    assert profile["profiles"][profile["active"]] == {
        "PREFECT_API_URL": "http://127.0.0.1:4200/api",
        "PREFECT_API_AUTH_STRING": state.auth_string,
    }


def test_a_password_that_others_may_have_read_is_not_used_again(layout: Layout) -> None:
    state = _started(layout)
    layout.profile_file.chmod(0o640)
    assert auth_string_to_start(layout) != state.auth_string


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="bytes"),
        pytest.param(b"profiles = 1", id="no-profiles"),
        pytest.param(b'[profiles.harness]\nPREFECT_API_AUTH_STRING = ""', id="no-password"),
        pytest.param(b'[profiles.harness]\nPREFECT_API_AUTH_STRING = "harness:short"', id="short"),
        pytest.param(
            b"[profiles.harness]\nPREFECT_API_AUTH_STRING = 'harness:"
            + b"a" * 40
            + b'"\\nPREFECT_API_URL = "http://x\'',
            id="more-than-a-password",
        ),
    ],
)
def test_a_file_without_a_good_password_gives_a_new_one(layout: Layout, content: bytes) -> None:
    layout.profile_file.write_bytes(content)
    layout.profile_file.chmod(0o600)
    auth_string = auth_string_to_start(layout)
    assert auth_string.startswith("harness:") and len(auth_string) > 40
    assert "\n" not in auth_string and '"' not in auth_string


def test_a_link_in_the_files_place_is_not_followed(layout: Layout, tmp_path: Path) -> None:
    state = _started(layout)
    elsewhere = tmp_path / "elsewhere"
    layout.profile_file.rename(elsewhere)
    layout.profile_file.symlink_to(elsewhere)
    assert auth_string_to_start(layout) != state.auth_string


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:4200/api", True),
        ("http://localhost:4200/api/", True),
        ("http://127.0.0.1:4201/api", False),
        ("http://127.0.0.1:4200@elsewhere.example/api", False),
        ("https://prefect.example/api", False),
    ],
)
def test_the_password_is_shown_to_the_local_server_only(
    layout: Layout, url: str, shown: bool
) -> None:
    state = _started(layout)
    expected = state.auth_string if shown else None
    assert auth_string_for(url, state) == expected
    server = chosen_server(layout.data_dir, url, None, "team-b")
    assert server is not None
    assert (server.auth_string, server.work_pool) == (expected, "team-b")
    assert (server.profiles_path is not None) is shown
    assert "harness:" not in repr(server)


def test_the_local_server_never_gets_the_password_of_another(layout: Layout) -> None:
    assert chosen_server(layout.data_dir, None, "other:password", "p") is None, "none runs"
    waiting = expected_server(layout.data_dir, None, "other:password", "p", 4321)
    assert (waiting.api_url, waiting.auth_string) == ("http://127.0.0.1:4321/api", None)
    state = _started(layout)
    started = expected_server(layout.data_dir, None, "other:password", "p", 4321)
    assert (started.api_url, started.auth_string, started.work_pool) == (
        "http://127.0.0.1:4200/api",
        state.auth_string,
        "team-a",
    )
    elsewhere = "https://prefect.example/api"
    named = expected_server(layout.data_dir, elsewhere, "other:password", "p", 4321)
    assert (named.api_url, named.auth_string) == (elsewhere, "other:password")


def test_our_client_has_password_and_token() -> None:
    with FakePrefect() as prefect:
        prefect.auth_string, prefect.csrf = "harness:x", True
        with pytest.raises(StackError, match=r"401 .*PREFECT_API_AUTH_STRING"):
            PrefectApi(prefect.url).request("GET", "/flow_runs/1")
        api = PrefectApi(prefect.url, auth_string="harness:x")
        made = api.mapping("POST", "/deployments/d1/create_flow_run", {"idempotency_key": "k"})
        assert made["id"] in prefect.runs
        assert len(prefect.tokens) == 1
        api.listing("POST", "/flow_runs/filter", {})
        assert len(prefect.tokens) == 1, "one token serves"
        prefect.tokens.clear()  # as after an hour
        api.listing("POST", "/flow_runs/filter", {})
        assert len(prefect.tokens) == 1


def test_threads_of_one_client_share_a_token() -> None:
    """A new token ends the one before: who fetched one for itself would void another thread's."""
    together = 8
    with FakePrefect() as prefect, ThreadPoolExecutor(together) as pool:
        prefect.csrf, prefect.without_token = True, threading.Barrier(together, timeout=60)
        api = PrefectApi(prefect.url)
        calls = [pool.submit(api.listing, "POST", "/flow_runs/filter", {}) for _ in range(together)]
        assert [call.result() for call in calls] == [[]] * together
        assert prefect.tokens_given == 1
