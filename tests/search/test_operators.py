"""What of a query is an operator and what is searched for."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.search.operators import Operators, contains, read_operators


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("sign session", Operators("sign session"), id="none"),
        pytest.param("sign lang:py", Operators("sign", language="py"), id="language"),
        pytest.param("lang:c++ sort", Operators("sort", language="c++"), id="first"),
        pytest.param(
            "sign repo:web path:src/** kind:function",
            Operators("sign", repo="web", path="src/**", kind="function"),
            id="several",
        ),
        pytest.param('sign path:"my docs/**"', Operators("sign", path="my docs/**"), id="quoted"),
        pytest.param("symbol:close", Operators("close", symbol="close"), id="symbol-is-searched"),
        pytest.param(
            "path:src/a.py", Operators("src/a.py", path="src/a.py"), id="path-is-searched"
        ),
        pytest.param("lang:py", Operators("", language="py"), id="nothing-to-search"),
        pytest.param(
            'route "not found" error',
            Operators("route  not found  error", exact=("not found",)),
            id="exact",
        ),
        pytest.param("std::sort", Operators("std::sort"), id="code"),
        pytest.param("path::new", Operators("path::new"), id="code-that-looks-alike"),
        pytest.param("see http://repo:80/x", Operators("see http://repo:80/x"), id="url"),
        pytest.param(
            'File "a.py", line 3, in f', Operators('File "a.py", line 3, in f'), id="stack-trace"
        ),
        pytest.param('a\nlang:py "b"', Operators('a\nlang:py "b"'), id="several-lines"),
        pytest.param('x = foo("bar")', Operators('x = foo("bar")'), id="quotes-of-code"),
    ],
)
def test_what_is_an_operator(query: str, expected: Operators) -> None:
    assert read_operators(query) == expected


@pytest.mark.parametrize(
    ("query", "says"),
    [
        pytest.param("a repo:b repo:c", "twice", id="twice"),
        pytest.param("a kind:thing", "function, class", id="unknown-kind"),
    ],
)
def test_what_cannot_be_meant_is_refused(query: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_operators(query)


@pytest.mark.parametrize(
    ("exact", "found"),
    [
        pytest.param(("not found",), True, id="no-case"),
        pytest.param(("Not Found",), True, id="with-case"),
        pytest.param(("NOT found",), False, id="other-case"),
        pytest.param(("not found", "404"), True, id="all"),
        pytest.param(("not found", "500"), False, id="not-all"),
    ],
)
def test_texts_that_a_passage_must_contain(exact: tuple[str, ...], found: bool) -> None:
    assert contains("raise HttpError(404, 'Not Found')", exact) is found
