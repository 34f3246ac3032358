"""Where in the shown code an answer stands, found from its words and not from its word for it.

A small model reads the right line and cites another, answers from the neighbour of what the
question names, or gives a value that stands nowhere. So its line is only where the search for the
place begins: an answer has to keep to what the question names, its values have to be in what was
shown, and the citation is of the lines that have what the answer adds to the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.agent.claim_words import bears_out, stems_in, wanted_stems
from harness.agent.shown import Row, near

NEAR_LINES = 3
# Words of the question that neither an answer in words nor its lines have. Of 21 answers with the
# right lines none lacked more; of four that told of a neighbouring case three lacked two or three.
MAX_MISSING = 1
_SHORT_WORDS = 4
_PRONOUN = re.compile(r"\W*(?:it|its|they|their|this|these|that|yes|no)\b", re.IGNORECASE)
# After a dot or a backtick, or before a bracket.
_AS_CODE = re.compile(r"(?:(?<=\w[.:])|(?<=`))[A-Za-z_]\w*|[A-Za-z_]\w*(?=\()")
# A name within a sentence.
_PROPER = re.compile(r"(?<=[a-z,] )[A-Z][A-Za-z]{2,}\b")
_CALLED = re.compile(r"([A-Za-z_]\w*)\(")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r"'([^'\n]{1,60})'(?!\w)|\"([^\"\n]{1,60})\"|`([^`\n]{1,60})`")
_NAME = re.compile(r"\b(?:[A-Za-z]+_\w+|[A-Z]?[a-z]+[A-Z]\w*)\b")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w])")


def place_of(
    question: str, answer: str, path: str, line: int, rows: Sequence[Row]
) -> tuple[str, int] | None:
    """Return the path and the line that bear an answer out.

    :param path: the file that the model named, and ``line`` the line.
    :param rows: what it was shown.
    :returns: None when nothing does: the place has nothing to do with the question, a value of the
        answer is nowhere, nothing that the answer adds is, or what the question is about is neither
        in the answer nor there.
    """
    found = _found(question, answer, path, line, rows)
    if found is None or new_values(question, answer):  # whose line has them
        return found
    lines = [*near(rows, path, line, NEAR_LINES), *near(rows, found[0], found[1], NEAR_LINES)]
    asked = wanted_stems(question)
    has = stems_in([answer, path, *(row.text for row in lines), *(row.owner for row in lines)])
    return found if len(asked - has) <= max(MAX_MISSING, len(asked) // 4) else None


def extent(
    question: str, answer: str, path: str, line: int, rows: Sequence[Row]
) -> tuple[int, int]:
    """Return the first and the last of the lines around a place that have what an answer adds to
    the question, of the same definition: what a condition leads to stands below it, and what a name
    holds above."""
    values = new_values(question, answer)
    added = wanted_stems(answer) - stems_in([question])
    own = {row.owner for row in rows if (row.path, row.number) == (path, line)}
    told = [
        row.number
        for row in near(rows, path, line, NEAR_LINES)
        if row.owner in own
        and (_values_in(row, values) or (not values and _added_in([row], added)))
    ]
    return min([line, *told]), max([line, *told])


def _found(
    question: str, answer: str, path: str, line: int, rows: Sequence[Row]
) -> tuple[str, int] | None:
    row_texts = "\n".join([*(row.text for row in rows), *{row.path for row in rows}])
    around = near(rows, path, line, NEAR_LINES)
    named = subjects(question, rows)
    names = named | _constants_of(named, rows)
    if names and not any(_is_about(row, names) for row in around):
        return None
    if not bears_out(
        question, [row.text for row in around], [path, *(row.owner for row in around)]
    ):
        return None
    # Of whom no shown line speaks, the model knows nothing: it told of the default instead.
    known = "\n".join([row_texts, path, *(row.owner for row in rows)]).lower()
    if not all(name.lower() in known for name in _PROPER.findall(question)):
        return None
    told_of = set(_WORD.findall(answer)) & {row.owner.rpartition(".")[2] for row in rows}
    if names and told_of and names.isdisjoint(told_of):
        return None
    values = new_values(question, answer)
    if (
        _is_sentence(answer)
        and not values
        and wanted_stems(answer).isdisjoint(stems_in([question]))
    ):
        return None
    if not all(stands_in(row_texts, value) for value in values):
        return None
    added = wanted_stems(answer) - stems_in([question])
    if not added and not values:
        # "The default is `self.default`", "it is taken into account": it only repeats the question.
        return None
    if not values and _added_in(near(rows, path, line, 1), added):
        return path, line
    # The line may be off by a few.
    best = max(
        around,
        key=lambda row: (
            len(_values_in(row, values)),
            len(_added_in([row], added)),
            -abs(row.number - line),
        ),
    )
    if _values_in(best, values) or (not values and _added_in([best], added)):
        return path, best.number
    if values:
        # A line beside was copied; there is no doubt which one is meant where only one has them.
        whole = [
            row
            for row in rows
            if not names.isdisjoint(row.owner.split(".")) and _values_in(row, values) == [*values]
        ]
        return (whole[0].path, whole[0].number) if len(whole) == 1 else None
    # Said in other words than the line's: those of the same definition, or what the question calls
    # by its name.
    owners = {row.owner for row in around}
    beside = [row for row in rows if row.path == path and row.owner in owners]
    is_about = _added_in(beside, added) or any(_is_called(row, question) for row in around)
    return (path, line) if is_about else None


def subjects(question: str, rows: Sequence[Row]) -> frozenset[str]:
    """Return the names of definitions that a question is about: written as only code is, and the
    innermost of them (``bump`` of ``Version.bump``)."""
    words = {word for word in _WORD.findall(question) if "_" in word or word != word.lower()}
    words.update(_AS_CODE.findall(question))
    owners = {tuple(row.owner.split(".")) for row in rows if row.owner}
    named = {owner[: at + 1] for owner in owners for at, name in enumerate(owner) if name in words}
    outer = {name for owner in named if owner[-1] in words for name in owner[:-1]}
    return frozenset(owner[-1] for owner in named) - outer


def _constants_of(names: frozenset[str], rows: Sequence[Row]) -> frozenset[str]:
    """The constants whose values are shown, and which definitions of these names use."""
    used = {
        word
        for row in rows
        if not names.isdisjoint(row.owner.split("."))
        for word in _WORD.findall(row.text)
    }
    return frozenset(row.owner for row in rows if row.owner in used and row.owner.isupper())


def _is_sentence(answer: str) -> bool:
    """Tell whether an answer is more than the word that was asked for, and has a subject of its own
    instead of the question's."""
    return len(answer.split()) > _SHORT_WORDS and not _PRONOUN.match(answer)


def _is_called(row: Row, question: str) -> bool:
    words = set(_WORD.findall(question))
    return row.owner.rpartition(".")[2] in words or not words.isdisjoint(_CALLED.findall(row.text))


def _is_about(row: Row, names: frozenset[str]) -> bool:
    return not names or not names.isdisjoint([*row.owner.split("."), *_WORD.findall(row.text)])


def _values_in(row: Row, values: frozenset[str]) -> Sequence[str]:
    return [value for value in values if stands_in(row.text, value)]


def _added_in(rows: Sequence[Row], added: frozenset[str]) -> frozenset[str]:
    return added & stems_in([row.text for row in rows])


def new_values(question: str, answer: str) -> frozenset[str]:
    """Return what an answer quotes, counts, or calls by a name of code, and the question does not:
    it is right or wrong, whatever words are around it."""
    asked = stems_in([question])

    def is_new(value: str) -> bool:
        parts = stems_in([value])
        return not stands_in(question, value) and not (parts and parts <= asked)

    return frozenset(filter(is_new, _values(answer)))


def _values(text: str) -> frozenset[str]:
    quoted = {next(filter(None, match)) for match in _QUOTED.findall(text)}
    values = {value for value in quoted if not re.search(r"\s", value)}
    rest = _QUOTED.sub(" ", text)
    values.update([*_NUMBER.findall(rest), *_NAME.findall(rest)])
    return frozenset(values)


def stands_in(text: str, value: str) -> bool:
    """Tell whether a text has a value, as a word of its own."""
    begin = r"(?<!\w)" if value[:1].isalnum() else ""
    end = r"(?!\w)" if value[-1:].isalnum() else ""
    return re.search(f"{begin}{re.escape(plain(value))}{end}", plain(text)) is not None


def plain(text: str) -> str:
    """Return a text without the groups of its numbers, in lower case."""
    return re.sub(r"(?<=\d)[,_](?=\d)", "", text).lower()
