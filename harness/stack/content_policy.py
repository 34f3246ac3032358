"""What pages of a Prefect server may load and reach, as browsers are told with each answer.

Prefect's interface asks a service that counts its users for its configuration, whatever
PREFECT_SERVER_ANALYTICS_ENABLED says, and the texts of artifacts may name pictures anywhere. The
graph of a run makes workers of blobs and needs `eval`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_THIS_MACHINE = tuple(f"{scheme}://{name}:*" for scheme in ("http", "ws")
                      for name in ("127.0.0.1", "localhost"))  # fmt: skip


def _policy(reachable: tuple[str, ...]) -> str:
    hosts = "".join(f" {host}" for host in reachable)
    return (
        "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        f"style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob:{hosts}; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


LOCAL = _policy(_THIS_MACHINE)
"""For a server that only this machine reaches: this machine, and nothing else."""


def published(api_url: str | None) -> str:
    """For a server that others reach: the page's own host, and the API's where that is another.

    :param api_url: the address of the API that browsers are told (PREFECT_SERVER_UI_API_URL); a
        path, or None, is the page's own host.
    """
    parts = urlsplit(api_url or "")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return _policy(())
    host = parts.netloc.rpartition("@")[2]
    return _policy((f"{parts.scheme}://{host}", f"{parts.scheme.replace('http', 'ws')}://{host}"))


class Confined:
    """An ASGI application that gives each answer of another one its policy.

    :param app: what everything is handed to.
    """

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self._app = app
        self._header = (b"content-security-policy", policy.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand over, and add the header to what comes back."""

        async def confined(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), self._header]}
            await send(message)

        await self._app(scope, receive, confined)
