"""What a tool answers: short, bounded, and of text that JSON can hold."""

from __future__ import annotations

import json

from harness.search.definitions import Definition
from harness.search.indexed_file import IndexedFile
from harness.search.symbols import SymbolPlace, SymbolPlaces
from harness.service.mcp.answer import MAX_CHARS, MAX_LINES, of_file, of_hits, of_outline, of_symbol
from harness.types import Hit


def file(lines: list[str], definitions: tuple[Definition, ...] = ()) -> IndexedFile:
    return IndexedFile("web", "a.py", "", "python", tuple(lines), definitions)


def hit(text: str, number: int = 1) -> Hit:
    return Hit("web", "a.py", number, number + text.count("\n"), "f", "python", 1.0, text)


def test_a_line_that_is_too_long_is_cut_and_said_to_be() -> None:
    answer = of_file(file(["x" * 100_000, "y"]), "", 1, None)
    first, second = answer.document["text"].split("\n")
    assert len(first) < 2_100
    assert first.endswith("(cut)")
    assert second == "y"
    assert answer.document["next_line"] is None


def test_a_page_has_so_many_lines_and_names_the_next_one() -> None:
    answer = of_file(file(["x"] * (MAX_LINES + 5)), "", 1, None)
    assert answer.document["end_line"] == MAX_LINES
    assert answer.document["next_line"] == MAX_LINES + 1
    assert answer.text.endswith(f"(more with start_line={MAX_LINES + 1})")


def test_what_was_asked_for_is_no_page() -> None:
    answer = of_file(file(["a", "b", "c", "d"]), "", 2, 3)
    assert answer.document["text"] == "b\nc"
    assert answer.document["next_line"] is None


def test_full_texts_end_where_the_room_does() -> None:
    hits = [hit("x" * (MAX_CHARS // 2) + f"\nrest {n}", n) for n in range(1, 6)]
    answer = of_hits("rest", hits, {"web": ""}, full_text=True, more=False)
    sizes = [len(one["text"]) for one in answer.document["results"]]
    assert sizes[0] > MAX_CHARS // 2
    assert max(sizes[1:]) < 400
    assert "4 are shortened" in answer.text


def test_a_short_result_has_the_line_that_answers_best() -> None:
    answer = of_hits(
        "close the session", [hit("a = 1\nsession.close()\nb = 2")], {}, full_text=False, more=True
    )
    assert answer.document["results"][0]["text"] == "session.close()"
    assert "     2  session.close()" in answer.text
    assert answer.text.endswith("(more with offset=1)")


def test_a_decorator_is_not_what_answers_best() -> None:
    found = hit("@public\nclass Session(Protocol):\n    def close(self): ...")
    answer = of_hits("the session", [found], {}, full_text=False, more=False)
    assert answer.document["results"][0]["text"] == "class Session(Protocol):"


def test_an_outline_of_very_many_goes_on_where_it_ended() -> None:
    many = tuple(Definition("f", "f" * 50, line, "x" * 1_000) for line in range(1, 1_001))
    first = of_outline(file(["x"] * 1_000, many), "", 1)
    assert len(first.text) < 1.5 * MAX_CHARS
    following = of_outline(file(["x"] * 1_000, many), "", first.document["next_line"])
    assert following.document["definitions"][0]["line"] == first.document["next_line"]


def test_thousands_of_uses_are_cut() -> None:
    place = SymbolPlace("web", "a.py", 1, "f", "python", "function", "x" * 300)
    answer = of_symbol(SymbolPlaces("f", (place,) * 500, (place,) * 500, False), {"web": ""})
    assert len(answer.text) < 2 * MAX_CHARS + 100
    assert answer.text.endswith("with a lower limit or a repo)")


def test_half_of_a_pair_does_not_break_the_answer() -> None:
    answer = of_hits("\ud83d", [hit("caf\udce9")], {"web": "/x"}, full_text=True, more=False)
    json.dumps(dict(answer.document)).encode()
    answer.text.encode()
