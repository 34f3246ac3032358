"""Renders the templates of the page, and knows its addresses.

Templates escape whatever they are given, except :class:`markupsafe.Markup`, which only
``highlighting``, ``prose`` and the templates themselves make.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request

from harness.service.callers import Caller, Scope
from harness.service.page.assets import address_of
from harness.service.page.times import ago, lasted
from harness.service.recognising import COOKIE
from harness.text import visible

_TEMPLATES = Path(__file__).with_name("templates")
_PAGES = (
    ("/", "Search", Scope.READ),
    ("/ask", "Ask", Scope.ASK),
    ("/repositories", "Repositories", Scope.READ),
    ("/tasks", "Tasks", Scope.TASK),
)
# Browsers drop control characters and take a backslash for a slash: "/\t/host" is another site.
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def page(
    request: Request, caller: Caller | None, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """A whole page.

    :param caller: decides which pages the navigation offers; None: whoever has not logged in.
    """
    here = request.url.path
    links = [
        (address, label, here == address or (address != "/" and here.startswith(f"{address}/")))
        for address, label, scope in _PAGES
        if caller is not None and caller.may(scope)
    ]
    who = caller.name if caller is not None else ""
    with_cookie = COOKIE in request.cookies
    return fragment(template, status, links=links, who=who, with_cookie=with_cookie, **values)


def fragment(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A piece of a page, for the scripts."""
    return HTMLResponse(html(template, **values), status)


def html(template: str, **values: Any) -> Markup:
    """A template's text."""
    # Its values are escaped; the template itself is ours.
    return Markup(_environment().get_template(template).render(**values))  # noqa: S704


def file_address(repo: str, path: str, start: int = 0, end: int = 0) -> str:
    """Where a file is shown.

    :param start: first line to highlight and to scroll to, 0 for none.
    :param end: last line to highlight, 0: the first one.
    """
    query = {"repo": repo, "path": path}
    if not start:
        return "/file?" + urlencode(query, quote_via=quote, safe="/")
    query["lines"] = f"{start}-{end}" if end > start else str(start)
    return "/file?" + urlencode(query, quote_via=quote, safe="/") + f"#L{start}"


def search_address(**parameters: str | int | None) -> str:
    """Where a search is shown; empty parameters are left out."""
    chosen = {name: value for name, value in parameters.items() if value}
    return "/?" + urlencode(chosen, quote_via=quote, safe="/") if chosen else "/"


def local_address(text: str) -> str:
    """An address on this site, ``/`` for any other text."""
    return text if len(text) <= 4_000 and _LOCAL.fullmatch(text) else "/"


def _shown(value: object) -> object:
    """What a template puts on the page of a value; markup has been through this already."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "static": address_of,
        "file_address": file_address,
        "search_address": search_address,
    }
    made.filters |= {"ago": ago, "lasted": lasted, "amount": amount}
    return made


def amount(size: int) -> str:
    """A number of bytes for a person."""
    number = float(size)
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 1000 and len(units) > 1:
        number /= 1000
        units.pop(0)
    return (
        f"{number:.1f} {units[0]}"
        if number < 10 and units[0] != "bytes"
        else (f"{number:.0f} {units[0]}")
    )
