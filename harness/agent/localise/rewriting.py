"""Puts what a model wrote for one place into the file, or says why it cannot be used."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.agent.constants import values_beside
from harness.agent.localise.folding import Folded, fold_docstring, unfold_docstring
from harness.agent.localise.imports import with_library_imports
from harness.agent.sources import Definition, definitions_in, syntax_problem
from harness.agent.tools.edit_block import EditBlock
from harness.agent.tools.replacing import replace_once
from harness.agent.validation import FormatError
from harness.errors import UsageError

MAX_DOCSTRING_LINES = 20
MAX_NEAR_LINES = 12
_BLOCK = re.compile(r"^[ \t]*```[\w.+/#:-]*[^\n`]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.M | re.S)
# Models also write the function's name where SEARCH belongs.
_MARKER = re.compile(r"^<{5,}[^\n]*\n(?=(?:.*\n)*?={5,}\s*\n)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")
# `#` of Rust and C is no comment.
_COMMENT = re.compile(r"\s*(?://|/\*|\*(?!\w)|#(?=\s|$|:))")
_IMPORT = re.compile(r"^(?:import|from) \S+.*$")


class Unusable(Exception):  # noqa: N818 - an answer that is passed over, not an error
    """The answer does not change the place; the message says why."""


class Unchanged(Unusable):
    """The answer is the code as it was."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A place as the model sees it: ``text`` is shown, ``folded`` is what is to be written again,
    ``near`` is code beside it for comparison, empty when there is none."""

    definition: Definition
    folded: Folded
    text: str
    near: str = ""

    def code_lines(self, text: str) -> list[int]:
        """Return the numbers (1-based) of the lines that are to be written again.

        :param text: the file as it is.
        """
        one, docstring = self.definition, list(self.folded.docstring)
        numbers = list(range(one.start, one.end + 1))
        body = text.split("\n")[one.start - 1 : one.end]
        for start in range(len(body) if docstring else 0):
            if body[start : start + len(docstring)] == docstring:
                return [*numbers[:start], *numbers[start + len(docstring) :]]
        return numbers


def show(definition: Definition, text: str, words: Collection[str] = ()) -> Shown:
    """Take a place out of its file's text.

    A docstring is shown unless it is long, since it often says what is right, but is not to be
    written again.

    :param words: names that the failing tests use; values of these names, and of those in the
        place, are shown beside it.
    """
    body = _lines(text, definition)
    folded = _folded(definition, text)
    long = len(folded.docstring) > MAX_DOCSTRING_LINES
    return Shown(definition, folded, folded.text if long else body, _near(definition, text, words))


def _folded(definition: Definition, text: str) -> Folded:
    body = _lines(text, definition)
    is_python = definition.path.endswith(".py") and definition.is_callable
    return fold_docstring(body) if is_python else Folded(body)


def _near(definition: Definition, text: str, words: Collection[str]) -> str:
    """The values that a place or its tests use, and the callables just before and behind it, if
    they are short: they show how it is done."""
    if not definition.name:
        return ""
    outer = definition.name.rpartition(".")[0]
    inside = definitions_in(definition.path, text)
    used = {*words, *_WORD.findall(_lines(text, definition))}
    values = "\n".join(values_beside(text, inside, used)[:MAX_NEAR_LINES])
    siblings = [one for one in inside if one.is_callable and one.name.rpartition(".")[0] == outer]
    before = [one for one in siblings if one.end < definition.start][-1:]
    after = [one for one in siblings if one.start > definition.end][:1]
    shown = [_folded(one, text).text for one in (*before, *after)]
    short = [part for part in shown if part.count("\n") < MAX_NEAR_LINES]
    return "\n\n".join([values, *short] if values else short)


def rewritten(answer: str, shown: Shown, text: str) -> str:
    """Return the file's new text.

    The block may hold the definition itself, alone or inside its class; imports, which go to the
    file's own; and new definitions, which are put in front. Other definitions that the file has,
    too, are left as they are. SEARCH/REPLACE is understood as well.

    :param text: the file as it is.
    :raises Unusable: nothing of that kind, no change, or a file that would not parse.
    """
    if _MARKER.search(answer):
        new = _replaced(answer, shown, text)
    else:
        new = _with_block(_block(answer, shown), shown, text)
    if new == text:
        raise Unchanged("it changes nothing")
    return parsing(new, shown, text)


def parsing(new: str, shown: Shown, text: str) -> str:
    """Return a file's new text, with the imports of the standard library that it lacks.

    :param text: the file as it is.
    :raises Unusable: it does not parse, and the file does.
    """
    new = with_library_imports(shown.definition.path, text, new)
    problem = syntax_problem(shown.definition.path, new)
    if problem and not syntax_problem(shown.definition.path, text):
        raise Unusable(f"it does not parse: {problem}")
    return new


def blocks_in(answer: str) -> list[str]:
    """Return the code blocks of an answer, or the answer itself where it is nothing but code.

    :raises Unusable: there is no code.
    """
    blocks = [match[1] for match in _BLOCK.finditer(answer)]
    if blocks:
        return blocks
    if "```" in answer or not answer.strip():
        raise Unusable("it holds no code block")
    return [answer.strip("\n")]


def is_complete(answer: str, shown: Shown) -> bool:
    """Tell whether an answer holds a version of a place, so that what follows says nothing new.

    It may be asked with each token: most answers are told by their end.
    """
    if not answer.endswith("\n") or answer.rstrip(" \n")[-4:] != "\n```":
        return False
    fences = sum(line.lstrip().startswith("```") for line in answer.split("\n"))
    if fences % 2 or not shown.definition.name or _MARKER.search(answer):
        return False
    block = _block(answer, shown)
    return not _is_same(block, shown) and _holds(block, shown.definition)


def _block(answer: str, shown: Shown) -> str:
    """The block that holds the place: the first one that is not the code as it was; the longest
    where none does. Examples of its use and whole tests may stand beside it, and be longer."""
    blocks = [block.rstrip("\n") for block in blocks_in(answer)]
    one = shown.definition
    if one.name and len(blocks) > 1:
        own = [block for block in blocks if _holds(block, one)]
        changed = (block for block in own if not _is_same(block, shown))
        return next(changed, max(own or blocks, key=len))
    return max(blocks, key=len)


def _holds(block: str, one: Definition) -> bool:
    found = _definitions(one.path, textwrap.dedent(block))
    return any(other.last_name == one.last_name for other in found)


def _is_same(block: str, shown: Shown) -> bool:
    """Tell whether a block is the code as it was, but for comments."""
    return _code(block) in (_code(shown.text), _code(shown.folded.text))


def _code(text: str) -> list[str]:
    return [line.strip() for line in text.strip().split("\n") if not _COMMENT.match(line)]


def _replaced(answer: str, shown: Shown, text: str) -> str:
    body = _MARKER.sub("<<<<<<< SEARCH\n", answer[answer.index("<<<<<") :], count=1)
    body = body.split("\n```", 1)[0]
    try:
        edit = EditBlock().read("edit", body)
    except FormatError as error:
        raise Unusable(str(error)) from None
    search, replace = str(edit.get("search", "")), str(edit.get("replace", ""))
    if not search:
        raise Unusable("its SEARCH is empty")
    one = shown.definition
    lines = text.split("\n")
    place = "\n".join(lines[one.start - 1 : one.end])
    if len(search.split("\n")) > 2 * len(replace.split("\n")) and one.last_name not in replace:
        # The whole part against the changed lines alone: they stand for those most like them.
        fragment = textwrap.dedent(replace).strip("\n").split("\n")
        changed = _with_fragment(place.split("\n"), fragment)
        return "\n".join([*lines[: one.start - 1], *changed, *lines[one.end :]])
    try:
        new = replace_once(place, search, replace, one.path)
    except UsageError:
        try:
            return replace_once(text, search, replace, one.path)
        except UsageError as error:
            raise Unusable(str(error)) from None
    return "\n".join([*lines[: one.start - 1], *new.split("\n"), *lines[one.end :]])


def _with_fragment(place: Sequence[str], fragment: Sequence[str]) -> list[str]:
    """Put lines in the place of as many lines that are most like them; the verification judges."""
    bare = [line.strip() for line in fragment]
    size = len(bare)

    def likeness(start: int) -> float:
        window = place[start : start + size]
        return sum(
            difflib.SequenceMatcher(None, line.strip(), new).ratio()
            for line, new in zip(window, bare, strict=False)
        )

    best = max(range(1, max(2, len(place) - size + 1)), key=likeness)
    indent = _indent(place[best]) if best < len(place) else ""
    new = [indent + line if line.strip() else "" for line in fragment]
    return [*place[:best], *new, *place[best + size :]]


def _with_block(block: str, shown: Shown, text: str) -> str:
    one = shown.definition
    if not one.name:  # the whole file
        end = "\n" if text.endswith("\n") else ""
        return block.rstrip("\n") + end
    block = textwrap.dedent(block)
    found = _definitions(one.path, block)
    own = [other for other in found if other.last_name == one.last_name]
    if not own:
        head = "\n".join(block.split("\n")[:8])
        if found or not re.search(rf"\b{re.escape(one.last_name)}\b", head):
            raise Unusable(f"it holds no {one.last_name}")
        own = [Definition(one.path, one.name, 1, block.count("\n") + 1, one.is_callable)]
    best = max(own, key=lambda other: (other.name == one.name, other.end - other.start))
    lines = text.split("\n")
    indent = _indent(lines[one.start - 1])
    piece = _indented(_lines(block, best), indent)
    piece = unfold_docstring(piece, shown.folded)
    file_name = one.path.rpartition("/")[2]
    above = [line for line in block.split("\n")[: best.start - 1] if file_name not in line]
    piece = _with_comment(piece, lines[one.start - 1 : one.end], above, indent)
    known = {other.name: other for other in definitions_in(one.path, text)}
    fresh: list[str] = []
    for other in found:
        if other is best or _nested(other, best) or _nested(best, other):
            continue
        if any(_nested(other, outer) for outer in found if outer is not other):
            continue
        if other.name not in known and "." not in other.name and "." not in one.name:
            fresh.append(_indented(_lines(block, other), ""))
    blank = "\n\n\n" if one.path.endswith(".py") else "\n\n"
    lines[one.start - 1 : one.end] = blank.join([*fresh, piece]).split("\n")
    return _with_imports("\n".join(lines), block, best, one.path)


def _with_comment(piece: str, was: Sequence[str], above: Sequence[str], indent: str) -> str:
    """Keep the comment in front of a place, unless the model wrote another.

    :param above: the lines before the piece in the model's block, but for the file's name: a
        comment in the first line of a file is taken for one of the file.
    """
    code = next((at for at, line in enumerate(was) if not _COMMENT.match(line)), 0)
    if code == 0 or _COMMENT.match(piece.split("\n", 1)[0]):
        return piece
    own = len(above)
    while own and _COMMENT.match(above[own - 1]):
        own -= 1
    comment = [indent + line.strip() for line in above[own:]] or was[:code]
    return "\n".join([*comment, piece])


def _definitions(path: str, block: str) -> list[Definition]:
    found = definitions_in(path, block)
    if found or path.endswith(".py"):
        return found
    # A method on its own is no program in many languages.
    wrapped = definitions_in(path, f"class Wrapped {{\n{block}\n}}")
    return [
        Definition(path, one.name.removeprefix("Wrapped."), one.start - 1, one.end - 1,
                   one.is_callable)
        for one in wrapped
        if one.name.startswith("Wrapped.")
    ]  # fmt: skip


def _with_imports(text: str, block: str, best: Definition, path: str) -> str:
    """Take over the imports in front of a Python definition that the file lacks."""
    if not path.endswith(".py"):
        return text
    above = block.split("\n")[: best.start - 1]
    have = {line.strip() for line in text.split("\n")}
    names = re.compile(r"import (.+)$")
    wanted = []
    for line in above:
        if not _IMPORT.match(line) or line.strip() in have or line.startswith("from ."):
            continue
        match = names.search(line)
        imported = [
            part.split(" as ")[-1].strip() for part in (match[1].split(",") if match else ())
        ]
        # What the file has by another way must not be shadowed.
        if all(re.search(rf"\bimport\b.*\b{re.escape(name)}\b", text) for name in imported):
            continue
        wanted.append(line.rstrip())
    if not wanted:
        return text
    lines = text.split("\n")
    at = [number for number, line in enumerate(lines) if _IMPORT.match(line)]
    last = 0
    for number in at:
        if number > last + 40:
            break
        last = number + 1
        while last < len(lines) and "(" in lines[number] and ")" not in lines[last - 1]:
            last += 1
    return "\n".join([*lines[:last], *wanted, *lines[last:]])


def _nested(inner: Definition, outer: Definition) -> bool:
    return inner is not outer and outer.start <= inner.start and inner.end <= outer.end


def _lines(block: str, one: Definition) -> str:
    return "\n".join(block.split("\n")[one.start - 1 : one.end])


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _indented(text: str, indent: str) -> str:
    lines = textwrap.dedent(text).split("\n")
    return "\n".join(indent + line if line.strip() else "" for line in lines)
