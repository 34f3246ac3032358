"""Opens what talks to other processes: tokens, the team's service, Prefect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.settings import (
    ClientSettings,
    DataSettings,
    PrefectSettings,
    ServiceSettings,
    StackSettings,
    load,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.service.context import Parts
    from harness.service.tokens import Tokens
    from harness.service_client.client import ServiceClient
    from harness.stack.api import PrefectApi
    from harness.stack.servers import Server


def open_tokens() -> Tokens:
    """The tokens of the service."""
    from harness.service.tokens import Tokens

    file = load(ServiceSettings).tokens
    return Tokens(file or load(DataSettings).data_dir / "service" / "tokens.json")


def open_service() -> ServiceClient | None:
    """The team's service, if the command line is to ask it; None: this machine's index.

    :raises InvalidSettingError: its address or token cannot be used.
    """
    settings = load(ClientSettings)
    if not settings.url:
        return None
    from harness.service_client.client import ServiceClient

    return ServiceClient(
        settings.url, settings.token.get_secret_value() if settings.token else None
    )


def service_parts() -> Parts:
    """What a service, or the tools of an editor, work with; nothing is opened yet.

    :raises InvalidSettingError: a setting cannot be used.
    """
    from harness.configured.engines import open_engines
    from harness.configured.kept import results_folder
    from harness.configured.work import has_chat_model, open_assistant
    from harness.service.context import Parts

    return Parts(
        open_engines=open_engines,
        open_assistant=(lambda: open_assistant(results_folder("ask")))
        if has_chat_model()
        else None,
        prefect=prefect_apis(),
        data_dir=load(DataSettings).data_dir,
    )


def prefect_apis() -> Callable[[], PrefectApi]:
    """What returns the Prefect server to use now: the one that is set, else the local one, which
    may be started later, or again with another password."""
    from harness.stack.servers import expected_server

    data_dir = load(DataSettings).data_dir
    prefect, port = load(PrefectSettings), load(StackSettings).port
    auth = prefect.auth_string.get_secret_value() if prefect.auth_string else None
    known: dict[Server, PrefectApi] = {}

    def api() -> PrefectApi:
        server = expected_server(data_dir, prefect.api_url, auth, prefect.work_pool, port)
        if server not in known:
            known.clear()
            # Kept, because a server with CSRF protection gives each new one a token first.
            known[server] = server.api(read_attempts=1)
        return known[server]

    return api
