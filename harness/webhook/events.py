"""What a push event says, read from the JSON of the git servers; everything else is ignored."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from harness.errors import UsageError
from harness.webhook.signatures import Provider

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_EVENT_HEADERS = {
    Provider.GITHUB: ("x-github-event", "push"),
    Provider.GITLAB: ("x-gitlab-event", "Push Hook"),
    Provider.GITEA: ("x-gitea-event", "push"),
}
# Where each server writes the repository, and the addresses that it can be cloned from.
_REPOSITORY = {Provider.GITLAB: "project"}
_URLS = ("clone_url", "ssh_url", "git_url", "html_url", "git_http_url", "git_ssh_url", "web_url",
         "url")  # fmt: skip
_BRANCH = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Push:
    """A branch has a new commit. ``urls`` name the repository, in any form; ``branch`` and
    ``default_branch`` are None when the event does not say."""

    urls: tuple[str, ...]
    commit: str
    branch: str | None
    default_branch: str | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that changes nothing in the index."""

    reason: str


def read_event(provider: Provider, headers: Mapping[str, str], body: bytes) -> Push | Ignored:
    """Read a genuine request.

    :param headers: as for :func:`harness.webhook.signatures.refusal`.
    :raises UsageError: the body is not JSON, or lacks what a push event has.
    """
    expected = _EVENT_HEADERS.get(provider)
    if expected is not None:
        name, wanted = expected
        kind = headers.get(name)
        if kind is None:
            raise UsageError(f"the header {name} is missing")
        if kind != wanted:
            return Ignored("not a push event")
    document = _document(body if provider is not Provider.GITHUB else _payload(headers, body))
    return _generic(document) if provider is Provider.GENERIC else _push(provider, document)


def _payload(headers: Mapping[str, str], body: bytes) -> bytes:
    """The JSON out of a form, which is what GitHub sends unless told otherwise."""
    if not (headers.get("content-type") or "").startswith("application/x-www-form-urlencoded"):
        return body
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        raise UsageError("the form has too many fields") from None
    return fields.get("payload", [""])[0].encode()


def _document(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise UsageError("the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise UsageError("the body must be a JSON object")
    return document


def _push(provider: Provider, document: dict[str, object]) -> Push | Ignored:
    name = _REPOSITORY.get(provider, "repository")
    repository = document.get(name)
    if not isinstance(repository, dict):
        raise UsageError(f"the event has no object {name!r}")
    urls = tuple(value for key in _URLS if isinstance(value := repository.get(key), str) and value)
    default = repository.get("default_branch")
    return _checked(urls, document.get("ref"), document.get("after"), default if default else None)


def _generic(document: dict[str, object]) -> Push | Ignored:
    url = document.get("repository")
    if not isinstance(url, str) or not url.strip():
        raise UsageError("the field 'repository' must hold the repository's clone URL")
    branch = document.get("branch")
    ref = f"{_BRANCH}{branch}" if isinstance(branch, str) and branch else document.get("ref")
    return _checked((url,), ref, document.get("commit"), document.get("default_branch"))


def _checked(urls: tuple[str, ...], ref: object, commit: object, default: object) -> Push | Ignored:
    if not urls:
        raise UsageError("the event names no address of the repository")
    if ref is not None and not isinstance(ref, str):
        raise UsageError("the field 'ref' must be text such as refs/heads/main")
    if default is not None and not isinstance(default, str):
        raise UsageError("the field 'default_branch' must be text")
    if ref is not None and not ref.startswith(_BRANCH):
        return Ignored("not a branch")
    if not isinstance(commit, str) or _COMMIT.fullmatch(commit) is None:
        raise UsageError("the event names no commit as hexadecimal digits")
    if not commit.strip("0"):
        return Ignored("the branch was deleted")
    return Push(urls, commit, ref.removeprefix(_BRANCH) if ref else None, default)
