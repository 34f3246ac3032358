"""Reads pages as a browser's parser does, for the tests of the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from tests.service.lab import Lab

HTML = {"Accept": "text/html,*/*;q=0.8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Page(HTMLParser):
    """``elements``: each tag with its attributes; ``text``: what a person reads."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]

    def links(self) -> list[str]:
        return [str(found.get("href")) for found in self.all("a")]


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page


def open_page(lab: Lab, address: str, token: str = "", status: int = 200) -> Page:
    answer = lab.get(address, token, headers=HTML)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return read(answer.text)


def post(lab: Lab, address: str, who: str = "", headers: Any = None, **fields: str) -> Any:
    """Send a form, with the token that has the name ``who``."""
    return lab.request("POST", address, who, data=fields, headers={**HTML, **(headers or {})})
