"""A model's version of a place, put into the file."""

from __future__ import annotations

import pytest

from harness.agent.localise.prompt import messages_for
from harness.agent.localise.rewriting import Unusable, is_complete, rewritten, show
from harness.agent.sources import definitions_in

PYTHON = '''import re


class Signer:
    def sign(self, value):
        """Sign a value.

        Long words
        about it.
        """
        return value

    @staticmethod
    def check(value):
        return bool(value)


def other():
    return re.compile("x")
'''


def change(path: str, text: str, name: str, answer: str) -> str:
    one = next(one for one in definitions_in(path, text) if one.name == name)
    return rewritten(answer, show(one, text), text)


def test_a_method_comes_back_without_its_class_and_its_docstring() -> None:
    answer = "It negates.\n```python\ndef sign(self, value):\n    return -value\n```"
    assert change("a.py", PYTHON, "Signer.sign", answer) == PYTHON.replace(
        "return value", "return -value"
    )


def test_a_method_comes_back_inside_its_class() -> None:
    answer = (
        '```python\nclass Signer:\n    def sign(self, value):\n        """Mine."""\n'
        "        return -value\n```"
    )
    assert change("a.py", PYTHON, "Signer.sign", answer) == PYTHON.replace(
        "return value", "return -value"
    )


def test_imports_and_new_functions_come_along() -> None:
    answer = (
        "```python\nimport re\nimport math\n\n\ndef helper():\n    return math.pi\n\n\n"
        "def other():\n    return helper()\n```"
    )
    new = change("a.py", PYTHON, "other", answer)
    assert new.startswith("import re\nimport math\n\n\nclass Signer:")
    assert new.endswith(
        "\n\n\ndef helper():\n    return math.pi\n\n\ndef other():\n    return helper()\n"
    )


@pytest.mark.parametrize(
    ("blocks", "returned"),
    [
        pytest.param(["def other():\n    return 1\n", "print(other())\n" * 9], "1", id="its-use"),
        pytest.param(
            ['def other():\n    return re.compile("x")\n', "def other():\n    return 2\n"],
            "2",
            id="first-the-code-as-it-was",
        ),
        pytest.param(["$ python a.py\n", "def other():\n    return 3\n"], "3", id="a-command"),
    ],
)
def test_of_several_blocks_the_one_with_the_place_is_taken(
    blocks: list[str], returned: str
) -> None:
    answer = "\n".join(f"Here:\n```python\n{block}```" for block in blocks)
    new = change("a.py", PYTHON, "other", answer)
    assert new.endswith(f"def other():\n    return {returned}\n")


@pytest.mark.parametrize(
    ("head", "new", "kept"),
    [
        pytest.param("// up says so.\n// Twice.\n", "", True, id="left-out"),
        pytest.param("// up says so.\n", "// up says no.\n", False, id="another"),
        pytest.param("/**\n * up says so.\n */\n", "", True, id="a-block"),
        pytest.param("", "", False, id="none"),
    ],
)
def test_the_comment_before_a_place_stays(head: str, new: str, kept: bool) -> None:
    text = f"package a\n\n{head}func up(n int) int {{\n\treturn n\n}}\n"
    answer = f"```go\n{new}func up(n int) int {{\n\treturn n + 1\n}}\n```"
    head = head if kept else new
    answer = answer.replace("```go\n", "```go\n// a.go\n")
    wanted = f"package a\n\n{head}func up(n int) int {{\n\treturn n + 1\n}}\n"
    assert change("a.go", text, "up", answer) == wanted


@pytest.mark.parametrize(
    ("answer", "complete"),
    [
        pytest.param("So:\n```python\ndef other():\n    return 1\n```\n\n", True, id="closed"),
        pytest.param(
            "So:\n```python\ndef other():\n    return 1\n```", False, id="or-a-longer-fence"
        ),
        pytest.param("So:\n```python\ndef other():\n    return 1\n", False, id="open"),
        pytest.param("So:\n```\n", False, id="opened"),
        pytest.param("Run:\n```\npython a.py\n```\n", False, id="without-the-place"),
        pytest.param(
            'Now:\n```\n# a.py\ndef other():\n    return re.compile("x")\n```\n',
            False,
            id="as-it-was",
        ),
        pytest.param(
            "```\n<<<<<<< SEARCH\ndef other():\n=======\ndef other(x):\n>>>>>>> REPLACE\n```\n",
            False,
            id="search-and-replace",
        ),
    ],
)
def test_what_follows_a_version_is_not_waited_for(answer: str, complete: bool) -> None:
    one = next(one for one in definitions_in("a.py", PYTHON) if one.name == "other")
    assert is_complete(answer, show(one, PYTHON)) is complete


def test_a_block_of_search_and_replace() -> None:
    answer = (
        "```\n<<<<<<< SEARCH\n    return bool(value)\n=======\n    return True\n"
        ">>>>>>> REPLACE\n```"
    )
    text = "def check(value):\n    return bool(value)\n\n\ndef last():\n    return bool(value)\n"
    assert change("a.py", text, "last", answer).endswith("def last():\n    return True\n")


@pytest.mark.parametrize(
    ("path", "text", "name", "answer", "expected"),
    [
        pytest.param(
            "a.go",
            "package a\n\nfunc Add(x, y int) int {\n\treturn x - y\n}\n",
            "Add",
            "```go\nfunc Add(x, y int) int {\n\treturn x + y\n}\n```",
            "package a\n\nfunc Add(x, y int) int {\n\treturn x + y\n}\n",
            id="go",
        ),
        pytest.param(
            "A.java",
            "class A {\n    int add(int x, int y) {\n        return x - y;\n    }\n}\n",
            "A.add",
            "```java\nint add(int x, int y) {\n    return x + y;\n}\n```",
            "class A {\n    int add(int x, int y) {\n        return x + y;\n    }\n}\n",
            id="java-method",
        ),
        pytest.param(
            "a.ts",
            "export function add(x: number, y: number): number {\n  return x - y;\n}\n",
            "add",
            "```ts\nexport function add(x: number, y: number): number {\n  return x + y;\n}\n```",
            "export function add(x: number, y: number): number {\n  return x + y;\n}\n",
            id="typescript",
        ),
        pytest.param(
            "a.rs",
            "struct A;\nimpl A {\n    fn add(&self, x: i32) -> i32 {\n        x - 1\n    }\n}\n",
            "A.add",
            "```rust\nfn add(&self, x: i32) -> i32 {\n    x + 1\n}\n```",
            "struct A;\nimpl A {\n    fn add(&self, x: i32) -> i32 {\n        x + 1\n    }\n}\n",
            id="rust-method",
        ),
        pytest.param(
            "a.c",
            "int add(int x, int y) {\n    return x - y;\n}\n",
            "add",
            "```c\nint add(int x, int y) {\n    return x + y;\n}\n```",
            "int add(int x, int y) {\n    return x + y;\n}\n",
            id="c",
        ),
    ],
)
def test_languages(path: str, text: str, name: str, answer: str, expected: str) -> None:
    assert change(path, text, name, answer) == expected


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I cannot do this. ```x", "no code block"),
        ("```python\ndef another():\n    return 1\n```", "holds no other"),
        ('```python\ndef other():\n    return re.compile("x")\n```', "changes nothing"),
        ("```python\ndef other():\n    return re.compile(\n```", "does not parse"),
        (
            "```\n<<<<<<< SEARCH\nnothing like it\n=======\nx\n>>>>>>> REPLACE\n```",
            "does not occur",
        ),
    ],
)
def test_what_cannot_be_used(answer: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        change("a.py", PYTHON, "other", answer)


def test_what_is_near_and_the_docstring_are_shown_but_not_asked_for() -> None:
    one = next(one for one in definitions_in("a.py", PYTHON) if one.name == "Signer.sign")
    shown = show(one, PYTHON)
    assert "Long words" in shown.text and "Long words" not in shown.folded.text
    assert shown.near == "    @staticmethod\n    def check(value):\n        return bool(value)"
    prompt = messages_for("Negate it", shown)[1].content
    assert "Leave its docstring out." in prompt and "Near it, for comparison:" in prompt


def test_a_long_docstring_is_not_shown() -> None:
    text = PYTHON.replace("        about it.\n", "        about it.\n" * 30)
    one = next(one for one in definitions_in("a.py", text) if one.name == "Signer.sign")
    shown = show(one, text)
    assert "Long words" not in shown.text
    answer = "```python\ndef sign(self, value):\n    return -value\n```"
    assert rewritten(answer, shown, text) == text.replace("return value", "return -value")


def test_the_whole_part_against_the_one_line_that_changes() -> None:
    answer = (
        "```\n<<<<<<< Signer.check\n    @staticmethod\n    def check(value):\n"
        "        return bool(value)\n=======\n        return bool(value) and True\n"
        ">>>>>>> REPLACE\n```"
    )
    assert change("a.py", PYTHON, "Signer.check", answer) == PYTHON.replace(
        "return bool(value)", "return bool(value) and True"
    )


GO = """package calc

var ErrZero = errors.New("zero")
var unused = 1
const Scale = 10

func Divide(a, b int) (int, error) {
	local := Scale
	return a / b * local, nil
}
"""


def test_values_that_a_place_or_its_tests_use_are_beside_it() -> None:
    divide = definitions_in("calc.go", GO)[0]
    assert show(divide, GO, {"ErrZero", "local"}).near == (
        'var ErrZero = errors.New("zero")\nconst Scale = 10'
    )
    assert show(divide, GO).near == "const Scale = 10"
