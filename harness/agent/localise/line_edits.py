"""Asks which lines of a place are wrong, and for them alone, in JSON that the server enforces.

For answers that repeat the code as it was: asked for all of it, a small model copies. Here it has
to name lines by their numbers, and writes a few tokens instead of the whole part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.agent.json_repair import read_object
from harness.agent.localise.rewriting import Shown, Unchanged, Unusable, parsing, rewritten
from harness.models.conversation import ChatMessage

MAX_TOKENS = 400
_MAX_NEW_LINES = 12


def schema_of(shown: Shown) -> Mapping[str, object]:
    """Return the JSON schema of an answer for one place.

    The reason comes first, because what is written later follows from it.
    """
    one = shown.definition
    number = {"type": "integer", "minimum": one.start, "maximum": one.end}
    line = {"type": "string", "maxLength": 200}
    fields: dict[str, object] = {
        "reason": {"type": "string", "maxLength": 300},
        "first_wrong_line": number,
        "last_wrong_line": number,
        "new_lines": {"type": "array", "items": line, "minItems": 1, "maxItems": _MAX_NEW_LINES},
    }
    return {"type": "object", "properties": fields, "required": list(fields)}


def asked_for_lines(
    messages: tuple[ChatMessage, ...], answer: str, shown: Shown, text: str
) -> tuple[ChatMessage, ...]:
    """Return the conversation with an answer that changed nothing, and the question for lines.

    Its beginning is what the server has read already.

    :param text: the file as it is.
    """
    lines = text.split("\n")
    numbered = "\n".join(f"{number}| {lines[number - 1]}" for number in shown.code_lines(text))
    said = (
        "That is the code as it was: nothing is different, so it still fails. Its lines with their "
        f"numbers:\n{numbered}\n\nWhich of these lines are wrong? Answer in JSON: `reason` says "
        "what is wrong, `first_wrong_line` and `last_wrong_line` are the numbers of the lines that "
        "go, `new_lines` are the lines that come instead, with their indentation."
    )
    return (*messages, ChatMessage("assistant", answer), ChatMessage("user", said))


def with_new_lines(answer: str, shown: Shown, text: str) -> str:
    """Return the file's new text.

    Servers that know no schemas get other forms of an answer; those of :func:`rewritten` are
    understood as well.

    :raises Unusable: nothing of that kind, no change, or a file that would not parse.
    """
    start = answer.find("{")
    read = read_object(answer, start) if start >= 0 else None
    if read is None or "new_lines" not in read[0]:
        return rewritten(answer, shown, text)
    first, last = read[0].get("first_wrong_line"), read[0].get("last_wrong_line")
    given = read[0]["new_lines"]
    one = shown.definition
    if not isinstance(first, int) or not isinstance(last, int) or not isinstance(given, list):
        raise Unusable("its fields are not numbers and lines")
    last = max(first, last)
    if not one.start <= first or not last <= one.end:
        raise Unusable(f"its lines are not those of {one.last_name or one.path}")
    lines = text.split("\n")
    written = "\n".join(str(line) for line in given)
    if _begins_anew(written, shown, lines, first):
        return rewritten(f"```\n{written}\n```", shown, text)
    new = _placed([str(line) for line in given], lines[first - 1 : last])
    changed = "\n".join([*lines[: first - 1], *new, *lines[last:]])
    if changed == text:
        raise Unchanged("it changes nothing")
    return parsing(changed, shown, text)


def _begins_anew(written: str, shown: Shown, lines: Sequence[str], first: int) -> bool:
    """Tell whether it is the whole place again, from its head on, instead of lines within.

    :param first: the first line that was to go.
    """
    one = shown.definition
    named = (at for at in range(one.start, first) if one.last_name in lines[at - 1])
    head = next(named, 0) if one.name else 0
    return head > 0 and lines[head - 1].strip() in [part.strip() for part in written.split("\n")]


def _placed(new: Sequence[str], old: Sequence[str]) -> list[str]:
    """Give lines that came without their indentation the one of the first line they replace."""
    split = [line for text in new for line in text.split("\n")]
    written = next((line for line in split if line.strip()), "")
    before = next((line for line in old if line.strip()), "")
    missing = _indent(before).removeprefix(_indent(written))
    if _indent(written) and _indent(written) != _indent(before):
        return split
    return [missing + line if line.strip() else "" for line in split]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
