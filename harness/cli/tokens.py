"""``harness tokens``: who may use the service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson

if TYPE_CHECKING:
    from harness.service.tokens import Token, Tokens


def create(
    name: Annotated[str, typer.Option(help="Whom it is for; shown in the audit log.")],
    scope: Annotated[
        str, typer.Option(help="read, ask, task or admin; each includes those before it.")
    ],
    repo: Annotated[
        list[str] | None,
        typer.Option(help="Glob over names of repositories; repeatable. Default: all."),
    ] = None,
    expires: Annotated[str, typer.Option(help="12h, 90d, 8w, 1y; empty: never.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a token, and show it this once."""
    from harness.errors import UsageError
    from harness.service.callers import Scope

    try:
        chosen = Scope(scope)
    except ValueError:
        known = ", ".join(Scope)
        raise UsageError(f"the scope {scope!r} is unknown; the scopes are: {known}") from None
    text, token = _tokens().create(name, chosen, tuple(repo or ("*",)), expires)
    if as_json:
        console.print_json({"token": text, **_shown(token)})
        return
    print(text)
    console.error("keep it now: it is not stored and cannot be shown again")


def list_(as_json: AsJson = False) -> None:
    """List the tokens, without what they are."""
    tokens = [_shown(token) for token in _tokens().listing()]
    if as_json:
        console.print_json({"tokens": tokens})
        return
    for token in tokens:
        until = f"until {token['expires']}" if token["expires"] else "for ever"
        repos = ", ".join(token["repos"])  # type: ignore[arg-type]
        print(console.printable_name(f"{token['name']}  {token['scope']}  {repos}  {until}"))


def revoke(
    name: Annotated[str, typer.Argument(help="Name or id.")], as_json: AsJson = False
) -> None:
    """Revoke a token; a running service refuses it within a second."""
    token = _tokens().revoke(name)
    if as_json:
        console.print_json({"revoked": _shown(token)})
        return
    print(console.printable_name(f"revoked {token.name}"))


def _tokens() -> Tokens:
    from harness.configured import open_tokens

    return open_tokens()


def _shown(token: Token) -> dict[str, object]:
    expires = token.expires
    return {
        "id": token.id,
        "name": token.name,
        "scope": str(token.scope),
        "repos": list(token.repos),
        "created": _date(token.created),
        "expires": None if expires is None else _date(expires),
        "valid": token.is_valid(time.time()),
    }


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
