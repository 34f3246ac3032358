"""Markdown that a model, a repository or a server wrote, as HTML that loads nothing and leads
nowhere but to files of the index."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from harness.agent.envelope import Citation
from harness.service.page.highlighting import highlighted
from harness.service.page.rendering import file_address
from harness.text import visible

# A path with a line or two: src/session.py:3-12. Tried in its middle, too, a word takes the square
# of its length.
_PLACE = re.compile(
    r"(?<![^\s`'\"()\[\]<>,;])([^\s`'\"()\[\]<>,;]+?):(\d{1,7})(?:[-–](\d{1,7}))?(?![\w:])"
)
_LOWERED = 2


def prose(text: str, citations: Iterable[Citation] = ()) -> Markup:
    """Render a text. Links, pictures and HTML in it stay text; headings begin at the third level.

    :param citations: places that become links to the file wherever the text names them.
    """
    parser = _parser()
    known = {(one.path, one.start_line, one.end_line): one for one in citations if one.repo}
    environment: dict[str, Any] = {"citations": known}
    tokens = parser.parse(visible(text), environment)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + _LOWERED)}"
    # The renderer escapes what it is given.
    return Markup(parser.renderer.render(tokens, parser.options, environment))  # noqa: S704


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable("table")
    parser.disable(["image", "link", "autolink", "reference", "html_inline", "html_block"])
    parser.add_render_rule("text", _text)
    parser.add_render_rule("code_inline", _code)
    parser.add_render_rule("fence", _fence)
    return parser


def _text(
    _: RendererProtocol,
    tokens: Sequence[Token],
    at: int,
    __: OptionsDict,
    environment: MutableMapping[str, Any],
) -> str:
    return str(_linked(tokens[at].content, environment))


def _code(
    _: RendererProtocol,
    tokens: Sequence[Token],
    at: int,
    __: OptionsDict,
    environment: MutableMapping[str, Any],
) -> str:
    return f"<code>{_linked(tokens[at].content, environment)}</code>"


def _fence(
    _: RendererProtocol,
    tokens: Sequence[Token],
    at: int,
    __: OptionsDict,
    ___: MutableMapping[str, Any],
) -> str:
    language = tokens[at].info.split(maxsplit=1)[0] if tokens[at].info.strip() else "text"
    lines = highlighted(tokens[at].content.rstrip("\n"), language)
    code = Markup("\n").join(lines)
    return f'<pre class="code" tabindex="0"><code>{code}</code></pre>'


def _linked(text: str, environment: MutableMapping[str, Any]) -> Markup:
    known: dict[tuple[str, int, int], Citation] = environment["citations"]
    made: list[Markup] = []
    done = 0
    for found in _PLACE.finditer(text) if known else ():
        start = int(found[2])
        citation = known.get((found[1], start, int(found[3] or start)))
        if citation is None:
            continue
        address = file_address(citation.repo, citation.path, start, citation.end_line)
        made.append(escape(text[done : found.start()]))
        made.append(Markup('<a href="{}">{}</a>').format(address, found[0]))
        done = found.end()
    made.append(escape(text[done:]))
    return Markup().join(made)
