"""What a query names: paths, lines, the frames of stack traces in many languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.search.mentions import beneath, likeness, mentions

FRAMES = [
    pytest.param("src/cart.py", 0, "src/cart.py", id="path"),
    pytest.param("src/cart.py", 12, "src/cart.py:12", id="line"),
    pytest.param("src/cart.py", 12, "src/cart.py:12:5", id="column"),
    pytest.param("src/cart.py", 12, "src/cart.py:12-20", id="as-printed"),
    pytest.param("src/cart.py", 12, "see src/cart.py:12.", id="sentence"),
    pytest.param("src/cart.py", 12, "(src/cart.py:12)", id="parentheses"),
    pytest.param("src/cart.py", 12, "src/cart.py line 12", id="line-word"),
    pytest.param("src/cart.py", 12, "line 12 of src/cart.py", id="line-first"),
    pytest.param("src/cart.py", 12, "./src//cart.py:12", id="dot-slash"),
    pytest.param(
        "src/cart.py", 12, "https://example.com/o/r/blob/main/src/cart.py#L12-L20", id="url"
    ),
    pytest.param("src/cart.py", 12, 'File "/app/src/cart.py", line 12, in total', id="python"),
    pytest.param("src/cart.py", 0, "FAILED x/../src/cart.py::TestCart::test_a", id="pytest"),
    pytest.param("src/cart.js", 12, "    at total (/app/src/cart.js:12:5)", id="node"),
    pytest.param("src/cart.mjs", 12, "    at file:///app/src/cart.mjs:12:5", id="node-module"),
    pytest.param("src/cart.ts", 12, "    at f (webpack:///./src/cart.ts?a1b2:12:5)", id="webpack"),
    pytest.param(
        "src/cart.js", 12, "total@http://localhost:3000/src/cart.js?t=17:12:5", id="firefox"
    ),
    pytest.param("src/cart.ts", 12, "src/cart.ts(12,5): error TS2304: x", id="tsc"),
    pytest.param("src/cart.js", 12, "/app/src/cart.js\n  12:5  error  no-undef", id="eslint"),
    pytest.param("com/shop/Cart.java", 12, "\tat com.shop.Cart.total(Cart.java:12)", id="java"),
    pytest.param(
        "com/shop/Cart.java", 12, "at com.shop.Cart$Item.<init>(Cart.java:12)", id="java-init"
    ),
    pytest.param("com/shop/Cart.kt", 12, "at app//com.shop.Cart.total(Cart.kt:12)", id="kotlin"),
    pytest.param("shop/cart.go", 12, "\t/go/src/shop/cart.go:12 +0x1d", id="go"),
    pytest.param("src/main.rs", 12, "thread 'main' panicked at src/main.rs:12:5:", id="rust"),
    pytest.param("src/main.rs", 12, "  --> src/main.rs:12:5", id="rustc"),
    pytest.param(
        "src/Cart.cs", 12, "  at Shop.Cart.Total() in C:\\shop\\src\\Cart.cs:line 12", id="c#"
    ),
    pytest.param("src/Cart.cs", 12, "src\\Cart.cs(12,5): error CS0103: x", id="msbuild"),
    pytest.param("src/Cart.php", 12, "#0 /var/www/src/Cart.php(12): Cart->total()", id="php"),
    pytest.param("src/Cart.php", 12, "x in /var/www/src/Cart.php on line 12", id="php-error"),
    pytest.param("lib/cart.rb", 12, "lib/cart.rb:12:in 'total'", id="ruby"),
    pytest.param("lib/Cart.pm", 12, "died at lib/Cart.pm line 12.", id="perl"),
    pytest.param(
        "lib/cart.ex", 12, "    (shop 0.1.0) lib/cart.ex:12: Shop.Cart.total/1", id="elixir"
    ),
    pytest.param("src/cart.erl", 12, '{file,"src/cart.erl"},{line,12}', id="erlang"),
    pytest.param("src/cart.c", 12, "src/cart.c:12:5: error: x", id="gcc"),
    pytest.param("src/cart.c", 12, "#0  total (n=1) at src/cart.c:12", id="gdb"),
    pytest.param("lib/cart.sh", 12, "lib/cart.sh: line 12: x: command not found", id="bash"),
    pytest.param("src/cart.py", 12, '{"file":"src/cart.py","line":12}', id="json"),
    pytest.param("src/cart.py", 0, "diff --git a/src/cart.py b/src/cart.py", id="diff"),
    pytest.param("src/cart.py", 0, "git show HEAD:src/cart.py", id="revision"),
    pytest.param("docs/My notes.md", 3, "see docs/My notes.md:3 please", id="blank"),
    pytest.param("app/[id]/page.tsx", 4, "app/[id]/page.tsx:4", id="brackets"),
    pytest.param("app/(group)/page.tsx", 4, "at app/(group)/page.tsx:4:1", id="group"),
    pytest.param(".github/workflows/ci.yml", 0, "see .github/workflows/ci.yml", id="folder"),
    pytest.param("Makefile", 12, "Makefile:12: *** missing separator.", id="make"),
    pytest.param("Makefile", 0, "what does the makefile build", id="make-word"),
    pytest.param(".env", 0, "what is in .env", id="dotfile"),
    pytest.param("src/größe.py", 7, "src/gro\u0308ße.py:7", id="decomposed"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "line", "text"), FRAMES)
def test_forms(path: str, line: int, text: str) -> None:
    surest = max(mentions(text), key=lambda mention: (likeness(mention, "r", path), mention.line))
    assert likeness(surest, "r", path) >= 2
    assert surest.line == line


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("how does it run in Node.js", "lib/node.js"),
        ("where is app.Session closed", "src/session.py"),
        ("how are builds made", "build"),
        ("the file of a test", "test"),
        ("version 1.2 of it", "2"),
        ("e.g. this", "g"),
        ("is it and/or", "src/or.py"),
    ],
)
def test_words_of_a_question_are_no_files(text: str, path: str) -> None:
    assert max((likeness(m, "r", path) for m in mentions(text)), default=0.0) < 1


def test_the_longer_the_common_end_the_surer() -> None:
    (mention,) = mentions("src/cart/total.py")
    order = [
        "src/cart/total.py",
        "lib/src/cart/total.py",
        "app/cart/total.py",
        "total.py",
        "totals.py",
    ]
    values = [likeness(mention, "r", path) for path in order]
    # A file at the top is the end of the path as well, yet any of its folders says otherwise.
    assert values[0] > values[1] > values[2] > values[4] == 0
    assert values[0] > values[3] > values[4]


def test_an_import_leaves_out_the_extension() -> None:
    (mention,) = mentions("./web/cart")
    assert 1 < likeness(mention, "r", "src/web/cart.ts") < 2
    assert likeness(mention, "r", "src/other/cart.ts") == 0


def test_an_absolute_path_is_of_one_repository() -> None:
    (mention,) = mentions("/work/api/src/main.py:3")
    inside = beneath(mention, [("web", "/work/web"), ("api", "/work/api")])
    assert inside is not None
    assert (inside.path, inside.repo, inside.line) == ("src/main.py", "api", 3)
    assert likeness(inside, "api", "src/main.py") >= 3
    assert likeness(inside, "web", "src/main.py") == 0
    assert beneath(mention, [("other", "/work/ap")]) is None


@given(text=st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for mention in mentions(text):
        assert mention.name
        assert likeness(mention, "r", mention.path) > 0
