"""What the page is made of: colours, diffs, prose, times, sizes, addresses."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agent.envelope import Citation
from harness.service.page.file_page import lines_wanted
from harness.service.page.highlighting import highlighted
from harness.service.page.prose import prose
from harness.service.page.rendering import _environment, amount, file_address, local_address
from harness.service.page.sizes import shares
from harness.service.page.times import ago, lasted
from harness.text import visible
from tests.service.pages import read

EVIL = '<script>alert(1)</script><img src=x onerror="alert(1)">'


def test_code_is_coloured_line_by_line() -> None:
    lines = highlighted('def f():\n    return "a\\nb"  # why\n', "python")
    assert lines[0] == '<span class="k">def</span> <span class="f">f</span>():'
    assert '<span class="c"># why</span>' in lines[1]
    assert lines[2] == ""


def test_what_spans_lines_is_coloured_on_each() -> None:
    assert highlighted('"""a\nb"""', "python") == [
        '<span class="s">"""a</span>'.replace('"""', "&#34;&#34;&#34;"),
        '<span class="s">b"""</span>'.replace('"""', "&#34;&#34;&#34;"),
    ]


@given(st.text(max_size=200), st.sampled_from(["python", "html", "go", "json", "no-language"]))
def test_no_text_becomes_more_than_text(text: str, language: str) -> None:
    lines = highlighted(text, language)
    assert len(lines) == text.count("\n") + 1
    for line, source in zip(lines, text.split("\n"), strict=True):
        found = read(str(line))
        assert {tag for tag, _ in found.elements} <= {"span"}
        shown = "".join(found.pieces)
        # A parser of HTML makes one line end of both, and no text has NUL.
        assert shown.replace("\r", "\n") == visible(source).replace("\r\n", "\n").replace(
            "\r", "\n"
        )


def test_nothing_unseen_changes_how_a_page_reads() -> None:
    """As in CVE-2021-42574, by a name or by code."""
    text = "a\u202e\u2066<b\x1b\u200f\t"
    seen = "a⟨U+202E⟩⟨U+2066⟩&lt;b⟨U+001B⟩\u200f\t"
    assert _environment().from_string("{{ x }}").render(x=text) == seen
    assert highlighted(text, "no-language") == [seen]
    assert "\u202e" not in prose(f"{text} `{text}`")


def test_what_is_too_long_is_plain() -> None:
    assert highlighted("def f(): pass # " + "x" * 2_000, "python")[0].startswith("def f(): pass")


def test_what_takes_too_long_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["a " * 600] * 5 + ['return "text";']
    monkeypatch.setattr("harness.service.page.highlighting._MAX_SECONDS", 0.01)
    assert highlighted("\n".join(lines), "java")[-1] == "return &#34;text&#34;;"
    monkeypatch.undo()
    assert "<span" in highlighted(lines[-1], "java")[0]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(EVIL, id="html"),
        pytest.param(f"`{EVIL}`", id="code"),
        pytest.param(f"```html\n{EVIL}\n```", id="block"),
        pytest.param("![x](http://evil.example/?q)", id="picture"),
        pytest.param("[x](http://evil.example/)", id="link"),
        pytest.param("[x]\n\n[x]: javascript:alert(1)", id="reference"),
        pytest.param("<http://evil.example/>", id="address"),
        pytest.param("|a|\n|-|\n|<img src=x>|", id="table"),
        pytest.param('```"><script>\nx\n```', id="language"),
    ],
)
def test_prose_loads_nothing_and_leads_nowhere(text: str) -> None:
    found = read(str(prose(text)))
    assert not {"a", "img", "script", "iframe"} & {tag for tag, _ in found.elements}
    assert not [name for _, attributes in found.elements for name in attributes if name[:2] == "on"]


def test_prose_links_the_places_that_were_checked() -> None:
    citations = [
        Citation("src/a b.py", 3, 3, True, "web"),
        Citation("src/a.py", 3, 12, True, "web"),
        Citation("b.py", 1, 1, True, ""),
    ]
    text = "See `src/a.py:3-12`, src/a.py:3-12. Not src/a.py:4, b.py:1, src/a.py:3-12:5."
    found = read(str(prose(text, citations)))
    assert found.links() == ["/file?repo=web&path=src/a.py&lines=3-12#L3"] * 2
    assert (
        found.text == "See src/a.py:3-12, src/a.py:3-12. Not src/a.py:4, b.py:1, src/a.py:3-12:5."
    )


def test_prose_of_one_long_word_takes_no_time() -> None:
    began = time.process_time()
    prose("a:" * 60_000, [Citation("src/a.py", 3, 12, True, "web")])
    assert time.process_time() - began < 5, "a hundred times as long as it takes"


def test_headings_of_prose_come_below_those_of_the_page() -> None:
    assert [tag for tag, _ in read(str(prose("# a\n\n## b"))).elements] == ["h3", "h4"]


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-01-02T03:04:00+00:00", "just now"),
        ("2026-01-02T02:03:00Z", "1 hour ago"),
        ("2026-01-02T04:00:00+01:00", "4 minutes ago"),
        ("2025-12-25T00:00:00", "8 days ago"),
        ("", "never"),
        (None, "never"),
        ("soon", "never"),
    ],
)
def test_how_long_ago(moment: str | None, said: str) -> None:
    assert ago(moment, NOW) == said


def test_how_long_it_took() -> None:
    begun = "2026-01-02T03:04:05Z"
    assert lasted(begun, "2026-01-02T03:04:47Z") == "42 s"
    assert lasted(begun, "2026-01-02T03:06:06Z") == "2 min 1 s"
    assert lasted(begun, "2026-01-02T05:06:06Z") == "2 h 2 min"
    assert lasted(begun, None) == ""


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 10**9), max_size=20))
def test_shares_fill_the_bar(sizes: dict[str, int]) -> None:
    found = shares(sizes)
    assert len(found) <= 7
    assert sum(share.size_bytes for share in found) == sum(sizes.values())
    if found:
        assert sum(share.percent for share in found) == pytest.approx(100, abs=0.1)
        assert found[-1].start + found[-1].percent == pytest.approx(100, abs=0.1)


def test_amounts() -> None:
    said = [amount(size) for size in (7, 999, 1_000, 15_400, 2_000_000, 3 * 10**15)]
    assert said == ["7 bytes", "999 bytes", "1.0 kB", "15 kB", "2.0 MB", "3000 TB"]


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=40))
def test_addresses_of_files_hold_any_name(repo: str, path: str) -> None:
    parts = urlsplit(file_address(repo, path, 3, 5))
    asked = parse_qs(parts.query, keep_blank_values=True)
    assert (asked["repo"], asked["path"], asked["lines"]) == ([repo], [path], ["3-5"])
    assert parts.fragment == "L3"


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "evil",
        "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", "", " /x", "/x y",
        "/" + "x" * 5_000,
    ],
)  # fmt: skip
def test_only_addresses_here_are_gone_to_after_the_login(text: str) -> None:
    assert local_address(text) == "/"


def test_addresses_here_stay() -> None:
    for text in ("/", "/file?repo=web&path=a%20b#L3", "/?q=http://x//y"):
        assert local_address(text) == text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("7", (7, 7)),
        ("7-9", (7, 9)),
        ("L7-L9", (7, 9)),
        ("9-7", (9, 9)),
        ("x", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_lines_that_are_wanted(text: str, lines: tuple[int, int]) -> None:
    assert lines_wanted(text) == lines
