"""Text from elsewhere on a page: shown, and never active."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.markdown import code_block, code_span, inert, inert_line

# As Prefect's page and git servers read Markdown: CommonMark with tables and HTML.
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
PIECES = st.sampled_from(
    [
        *("![", "[", "]", "(", ")", "(http://e.org/x)", "<img src=//e.org>", "<", ">", "!", "\\"),
        *(
            "`",
            "```",
            "````",
            "~~~",
            "```py",
            "\n",
            "\n\n",
            "\r",
            " ",
            "    ",
            "> ",
            "- ",
            "|",
            ":",
        ),
        *("[a]: http://e.org/x", "<!--", "-->", "&#33;", "\t", "<http://e.org>", "<script>", "a"),
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)
HOSTILE = [
    pytest.param("![](http://e.org/?q=secret)", id="picture"),
    pytest.param("![a][b]\n\n[b]: http://e.org/x", id="picture by reference"),
    pytest.param("![b]\n\n[b]: http://e.org/x", id="picture by its name"),
    pytest.param("[![a](http://e.org/x)](http://e.org)", id="picture in a link"),
    pytest.param("<img src='http://e.org/x'>", id="html"),
    pytest.param("<div\nstyle='background: url(//e.org)'>", id="html over two lines"),
    pytest.param("`code` ![](http://e.org) `", id="odd backtick"),
    pytest.param("\\![](http://e.org)", id="escaped mark"),
    pytest.param("!\\[](http://e.org)", id="escaped bracket"),
    pytest.param("```\ncode\n```\n![](http://e.org)", id="after a block"),
    pytest.param("````\n```\n````\n![](http://e.org)\n```", id="longer fence"),
    pytest.param("```\n~~~\n![](http://e.org)", id="fences that nothing closes"),
    pytest.param("~~~\n```\n~~~\n![](http://e.org)\n```", id="two kinds"),
    pytest.param("> ```\n![](http://e.org)\n> ```", id="fences in a quotation"),
    pytest.param("    ```\n![](http://e.org)\n    ```", id="indented fences"),
    pytest.param("```x\r![](http://e.org)\n```", id="another line end"),
]


def active(page: str) -> list[str]:
    """What of a page would be loaded, followed or run."""
    found = []
    for block in PARSER.parse(page):
        kinds = [block, *(block.children or ())]
        found += [
            token.type for token in kinds if token.type in ("image", "link_open")
            or token.type.startswith("html_")
        ]  # fmt: skip
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_text_is_active(text: str) -> None:
    assert active(inert(text)) == []
    assert active(f"| a |\n|---|\n| {inert_line(text)} |") == []


def test_the_page_of_an_unescaped_text_would_be() -> None:
    assert active("![](http://e.org/x) <b>x</b>")


@settings(deadline=None)
@given(TEXTS)
def test_nothing_of_any_text_is_active(text: str) -> None:
    page = f"# Title\n\n{inert(text)}\n\nlast {code_span(text)} and {inert_line(text)}\n"
    assert active(page) == []


@pytest.mark.parametrize("text", ["", "a\n", "```\n"])
def test_nothing_unseen_changes_the_order_of_what_is_shown(text: str) -> None:
    text = f"{text}\u2067x\u202e"
    for page in (inert(text), inert_line(text), code_span(text), code_block(text)):
        assert not {"\u2067", "\u202e"} & set(page)


@settings(deadline=None)
@given(TEXTS)
@example("a\n````\n![](http://e.org)")
@example("`" * 9)
def test_nothing_ends_a_block(text: str) -> None:
    tokens = PARSER.parse(f"{code_block(text, 'diff')}\n\nlast")
    assert [token.type for token in tokens] == [
        *("fence", "paragraph_open", "inline", "paragraph_close")
    ]


def test_what_is_shown_stays_readable() -> None:
    text = "Changed `a.py`: if a < b and c[0](d) …\n\n```python\nx = y[0](1) < 2\n```\n- done"
    assert inert(text) == (
        "Changed `a.py`: if a < b and c[0]\\(d) …\n\n````python\nx = y[0](1) < 2\n````\n- done"
    )
    assert code_span("src/a.py") == "`src/a.py`"


def test_time_is_bounded() -> None:
    began = time.thread_time()
    for part in ("```\n", "~~~\n", "```\n~~~~\n", "![", "`", "]("):
        inert(part * (200_000 // len(part)))
    assert time.thread_time() - began < 5
