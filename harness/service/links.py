"""Links that log a browser in once: what `harness up` prints for the page.

A link holds a token of an hour in its fragment, which no browser sends along. Logging in with it
uses it up: the browser gets a token of its own instead, so that whoever finds the link in a
terminal or a history comes too late.
"""

from __future__ import annotations

import secrets

from harness.service.callers import Caller, Scope
from harness.service.tokens import Tokens

_LINK, _SESSION = "link ", "session "
_LINK_LASTS, _SESSION_LASTS = "1h", "30d"


def login_link(tokens: Tokens, url: str) -> str:
    """A link for the owner of this machine. Links and sessions that have expired are removed.

    :param url: of the service.
    :raises OSError: the file of the tokens cannot be written.
    """
    for one in tokens.listing():
        if one.name.startswith((_LINK, _SESSION)) and not tokens.is_valid(one):
            tokens.revoke(one.id)
    return f"{url}/login#{tokens.create(_name(_LINK), Scope.ADMIN, expires=_LINK_LASTS)[0]}"


def is_link(caller: Caller) -> bool:
    """Whether a token is that of a link."""
    return caller.name.startswith(_LINK)


def session_token(tokens: Tokens, token: str, caller: Caller) -> str:
    """What a browser keeps: the token itself, or for that of a link a new one.

    :param caller: whom the token stands for.
    :raises UsageError: the link was used at the same moment.
    :raises OSError: the file of the tokens cannot be written.
    """
    if not is_link(caller):
        return token
    used = tokens.revoke(caller.name)
    return tokens.create(_name(_SESSION), used.scope, used.repos, _SESSION_LASTS)[0]


def _name(kind: str) -> str:
    return kind + secrets.token_hex(4)
