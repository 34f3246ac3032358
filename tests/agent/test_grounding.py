"""Where in the shown code an answer stands."""

from __future__ import annotations

import pytest

from harness.agent.grounding import extent, place_of, subjects
from harness.agent.shown import Row, row_quoted, rows_of, spans_of

SHOWN = """\
src/cart.py:10-16 (Cart.add_item)
   10|     def add_item(self, item, count=1):
   11|         \"\"\"Put an item into the cart.\"\"\"
   12|         if count > MAX_COUNT:
   13|             raise TooManyError(count)
   14|
   15|         self.items[item] += count

src/cart.py:18-24 (Cart.drop_item)
   18|     def drop_item(self, item, count=1):
   19|         \"\"\"Take an item out of the cart.\"\"\"
       …
   23|         if self.items[item] <= 0:
   24|             del self.items[item]

src/limits.py:1-3
    1| \"\"\"Limits of a shop.\"\"\"
    2|
    3| MAX_COUNT = 1_000

src/cart.py:1-3 (WEIGHTS)
    1| WEIGHTS = {
    2|     "pear": 40,
    3| }

src/cart.py:26-36 (weight_of)
   26| def weight_of(item):
   27|     from shop.scales import tare
       …
   35|     heavier = WEIGHTS[item] * 12
   36|     return heavier - tare(item)
"""
ROWS = rows_of(SHOWN)
ADD = "Which error does Cart.add_item raise for a large count?"


def test_passages_are_read_back() -> None:
    assert spans_of(SHOWN) == [
        ("src/cart.py", 10, 16),
        ("src/cart.py", 18, 24),
        ("src/limits.py", 1, 3),
        ("src/cart.py", 1, 3),
        ("src/cart.py", 26, 36),
    ]
    assert Row("src/cart.py", 23, "        if self.items[item] <= 0:", "Cart.drop_item") in ROWS
    assert Row("src/limits.py", 3, "MAX_COUNT = 1_000") in ROWS


@pytest.mark.parametrize(
    ("question", "names"),
    [
        pytest.param(ADD, {"add_item"}, id="the-innermost"),
        pytest.param("What is a Cart for?", {"Cart"}, id="a-class"),
        pytest.param("How does one add an item?", set(), id="plain-words"),
        pytest.param("What does remove_all do?", set(), id="not-shown"),
    ],
)
def test_what_a_question_is_about(question: str, names: set[str]) -> None:
    assert subjects(question, ROWS) == names


@pytest.mark.parametrize(
    ("question", "answer", "line", "place"),
    [
        pytest.param(ADD, "It raises TooManyError.", 13, 13, id="as-cited"),
        pytest.param(ADD, "It raises TooManyError.", 12, 13, id="a-line-off"),
        pytest.param(ADD, "It raises TooManyError.", 10, 13, id="the-beginning-of-the-definition"),
        pytest.param(ADD, "It raises MAX_COUNT.", 15, 12, id="three-lines-off"),
        pytest.param("What is an item?", "It is `0` or less.", 19, None, id="a-value-elsewhere"),
        pytest.param(ADD, "It deletes the item.", 24, None, id="the-neighbour-of-what-was-asked"),
        pytest.param(ADD, "It raises an error above 500.", 13, None, id="a-value-from-nowhere"),
        pytest.param("When is an item deleted?", "When `<=` 0 are left.", 24, 23, id="a-value"),
        pytest.param("How is an item sold?", "The customer pays.", 19, None, id="nothing-of-it"),
        pytest.param(ADD, "It raises CartFullError.", 13, None, id="a-name-from-nowhere"),
        pytest.param("What is the count of a Cart?", "Its `item_count`.", 12, None, id="a-circle"),
        pytest.param("Does a Cart have a count?", "A Cart has a count.", 12, None, id="a-yes"),
        pytest.param(ADD, "Cart.drop_item raises it.", 13, None, id="told-of-the-neighbour"),
        pytest.param(
            "What does Cart take?",
            "The limits are not checked there.",
            12,
            None,
            id="a-sentence-on-something-else",
        ),
        pytest.param("What does Cart take?", "MAX_COUNT", 12, 12, id="a-bare-word"),
        pytest.param("Which item does Berlin get?", "It is `0`.", 23, None, id="an-unknown-name"),
        pytest.param("Which item does a Cart drop?", "It is `0`.", 23, 23, id="a-known-name"),
        pytest.param(ADD, "The order is refused.", 12, 12, id="in-other-words"),
        pytest.param("What does weight_of give for a pear?", "It is 40.", 2, 2, id="its-constant"),
        pytest.param("What weight is added by weight_of?", "12", 27, 35, id="the-only-line"),
        pytest.param(
            "Is the customer told by drop_item that the coupon has expired?",
            "It takes an item out of the cart.",
            19,
            None,
            id="another-case",
        ),
        pytest.param("What are bananas?", "An item of the cart.", 11, None, id="another-question"),
    ],
)
def test_the_line_is_found_from_the_answers_words(
    question: str, answer: str, line: int, place: int | None
) -> None:
    found = place_of(question, answer, "src/cart.py", line, ROWS)
    assert found == (None if place is None else ("src/cart.py", place))


def test_a_citation_holds_the_lines_beside_that_say_so_as_well() -> None:
    assert extent(ADD, "It raises TooManyError.", "src/cart.py", 13, ROWS) == (13, 13)
    answer = "Above the maximum it raises too many."
    assert extent("What about a large count?", answer, "src/cart.py", 12, ROWS) == (12, 13)


def test_numbers_are_the_same_however_they_are_grouped() -> None:
    question = "How many items may a cart hold, what are the limits?"
    assert place_of(question, "At most 1000.", "src/limits.py", 3, ROWS) == ("src/limits.py", 3)
    assert place_of(question, "At most 10.", "src/limits.py", 3, ROWS) is None


@pytest.mark.parametrize(
    ("quote", "number"),
    [
        pytest.param("raise TooManyError(count)", 13, id="as-it-is"),
        pytest.param("   24|  del self.items[item]", 24, id="with-its-number"),
        pytest.param("self.items[item] <= 0\n    del it", 23, id="part-of-two-lines"),
        pytest.param("raise TooManyErrors(count).", 13, id="a-slip"),
        pytest.param("MAX_ITEMS = len(everything)", None, id="more-than-a-slip"),
        pytest.param("if count > MAX_COUNT: raise TooManyError(count)", 12, id="joined"),
        pytest.param("x", None, id="too-short"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_copied_line_is_found(quote: str, number: int | None) -> None:
    row = row_quoted(quote, ROWS)
    assert (row.number if row is not None else None) == number
