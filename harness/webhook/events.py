"""What an event says: the push it reports, or why it changes nothing in the index."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from harness.errors import UsageError

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_MAX_FORM_FIELDS = 10
BRANCH_PREFIX = "refs/heads/"
NOT_A_PUSH = "not a push event"


@dataclass(frozen=True, slots=True)
class Push:
    """A branch has a new commit.

    ``urls`` name the repository, in any form; ``branch`` and ``default_branch`` are None when the
    event does not say.
    """

    urls: tuple[str, ...]
    commit: str
    branch: str | None
    default_branch: str | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that changes nothing in the index."""

    reason: str


def parse_object(body: bytes) -> Mapping[str, object]:
    """Parse a body that must be a JSON object.

    :raises UsageError: it is not one.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise UsageError("the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise UsageError("the body must be a JSON object")
    return document


def unwrap_form(headers: Mapping[str, str], body: bytes, field: str) -> bytes:
    """Take the JSON out of ``field`` when the body is a form; return any other body as it is.

    :raises UsageError: the form has too many fields.
    """
    if not (headers.get("content-type") or "").startswith("application/x-www-form-urlencoded"):
        return body
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MAX_FORM_FIELDS)
    except ValueError:
        raise UsageError("the form has too many fields") from None
    return fields.get(field, [""])[0].encode()


def checked_push(
    urls: tuple[str, ...], *, ref: object, commit: object, default_branch: object
) -> Push | Ignored:
    """Check the values that a provider's reader found in an event.

    :param ref: full name of what was pushed, such as ``refs/heads/main``; None: not said.
    :param commit: the new commit in hexadecimal; only zeros when the branch was deleted.
    :param default_branch: short name; None: not said.
    :raises UsageError: a value is missing or of the wrong type.
    """
    if not urls:
        raise UsageError("the event gives no URL of the repository")
    if ref is not None and not isinstance(ref, str):
        raise UsageError("the field 'ref' must be text such as refs/heads/main")
    if default_branch is not None and not isinstance(default_branch, str):
        raise UsageError("the field 'default_branch' must be text")
    if ref is not None and not ref.startswith(BRANCH_PREFIX):
        return Ignored("not a branch")
    if not isinstance(commit, str) or _COMMIT.fullmatch(commit) is None:
        raise UsageError("the event gives no commit in hexadecimal digits")
    if not commit.strip("0"):
        return Ignored("the branch was deleted")
    branch = ref.removeprefix(BRANCH_PREFIX) if ref else None
    return Push(urls, commit, branch, default_branch)
