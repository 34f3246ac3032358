"""Links and anchors of the Markdown pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")
_HTML_TARGET = re.compile(r"""(?:src|srcset|href)=["']([^"']+)["']""")
_HTML_ANCHOR = re.compile(r"""\b(?:id|name)=["']([^"']+)["']""")


def own(path: Path) -> Path:
    """A file of the repository, as it is.

    :raises ValueError: it is a link, with which a change of the documentation could publish any
        file of the machine that builds the site.
    """
    if path.is_symlink() or not path.resolve().is_relative_to(ROOT):
        raise ValueError(f"{path} is a link; the site is built from files only")
    return path


def pages() -> list[Path]:
    """Every Markdown page that people read.

    :raises ValueError: one is a link.
    """
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]
    found += [ROOT / "benchmarks" / "README.md", ROOT / "k8s" / "chart" / "README.md"]
    return sorted(map(own, found))


def dead_links(page: Path) -> list[str]:
    """Links of a page that lead nowhere within the repository; other sites are not asked."""
    dead = []
    for target in _targets(_PARSER.parse(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / unquote(path)).resolve() if path else page
        is_missing = not file.exists()
        if is_missing or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            dead.append(target)
    return dead


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page, as git servers make them of its headings."""
    found: set[str] = set()
    tokens = _PARSER.parse(page.read_text(encoding="utf-8"))
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            slug = anchor_of(_text(following))
            number = sum(
                one == slug or re.fullmatch(f"{slug}-\\d+", one) is not None for one in found
            )
            found.add(f"{slug}-{number}" if number else slug)
        if token.type == "html_block":
            found.update(_HTML_ANCHOR.findall(token.content))
    return frozenset(found)


def anchor_of(heading: str) -> str:
    """The anchor of a heading: lower case, without punctuation, a dash for each blank."""
    return _NOT_IN_ANCHORS.sub("", heading.strip().lower()).replace(" ", "-")


def _text(token: Token) -> str:
    return "".join(
        child.content for child in token.children or () if child.type in ("text", "code_inline")
    )


def _targets(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("html_block", "html_inline"):
            yield from _HTML_TARGET.findall(token.content)
        for name in ("href", "src"):
            if (value := token.attrGet(name)) is not None:
                yield str(value)
        yield from _targets(token.children or [])
