"""What flow runs take for a repository: never a credential, because the server keeps parameters and
shows them, with the names made of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# Read by Python, by Rust (pydantic) and by the browser: no look-ahead, no flags.
_URLS = (
    r"file:///.*"
    r"|[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+(/[^?#\s]*)?"
    r"|(ssh|git|git\+ssh)://([^/?#:@\s]+@)?[^/?#@\s]+(/[^?#]*)?"
)
# A run works in a folder of the worker, so a relative path would mean something else there.
_SOURCE = rf"^(/.*|~/.*|{_URLS}|[^/:@\s]+@[^/@\s]+:[^\s].*)$"
# Also a name: whatever is no URL.
_REPOSITORY = rf"^({_URLS}|([^:]|:[^/]|:/[^/])+)$"

Source = Annotated[str, Field(pattern=_SOURCE, examples=["/srv/repos/flask"])]
Repository = Annotated[
    str, Field(min_length=1, max_length=2000, pattern=_REPOSITORY, examples=["web"])
]
