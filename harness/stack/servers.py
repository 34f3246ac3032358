"""Which Prefect server is meant: the one that the settings name, or the local one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.stack.access import auth_string_for
from harness.stack.api import PrefectApi
from harness.stack.environment import api_url
from harness.stack.state import Layout, read_state
from harness.stack.status import running


@dataclass(frozen=True, slots=True)
class Server:
    """A Prefect server.

    :param auth_string: its ``user:password``, None when it has none.
    :param profiles_path: names a local server and its password to Prefect's own command line.
    """

    api_url: str
    work_pool: str
    auth_string: str | None = field(default=None, repr=False)
    profiles_path: Path | None = None

    def api(self, *, timeout_seconds: float = 15.0, read_attempts: int = 3) -> PrefectApi:
        """Its API; see :class:`PrefectApi`."""
        return PrefectApi(
            self.api_url,
            auth_string=self.auth_string,
            timeout_seconds=timeout_seconds,
            read_attempts=read_attempts,
        )


def chosen_server(
    data_dir: Path, api_url_set: str | None, auth_string: str | None, work_pool: str
) -> Server | None:
    """The server of the settings; without an address there, the local one if it runs.

    :param data_dir: where the state of the local stack is kept.
    :param api_url_set: an address of the local server needs no password beside it.
    :param work_pool: at ``api_url_set``; the local stack remembers its own.
    """
    layout = Layout(data_dir.resolve())
    state = read_state(layout)
    if api_url_set:
        own = auth_string_for(api_url_set, state)
        profiles = layout.profile_file if own else None
        return Server(api_url_set, work_pool, auth_string or own, profiles)
    if state is None or running(state) is None:
        return None
    return Server(api_url(state.port), state.work_pool, state.auth_string, layout.profile_file)


def expected_server(
    data_dir: Path, api_url_set: str | None, auth_string: str | None, work_pool: str, port: int
) -> Server:
    """As :func:`chosen_server`, for one that may come later: nothing is asked whether it runs.

    :param port: of the local server when it was never started.
    """
    state = read_state(Layout(data_dir.resolve()))
    url = api_url_set or api_url(state.port if state else port)
    own = auth_string_for(url, state)
    password = (auth_string or own) if api_url_set else own
    return Server(url, state.work_pool if state and not api_url_set else work_pool, password)
