"""What Bitbucket's push events say: that of the Cloud, and that of the Data Center, which differ.

Described in https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/ and
https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import UsageError
from harness.webhook.events import Ignored, Push, checked_push

_DELETED = "0" * 40


def read_cloud_push(document: Mapping[str, object]) -> Push | Ignored:
    """Read ``repo:push``.

    :raises UsageError: something is missing.
    """
    repository = _object(document, "repository")
    page = _object(_object(repository, "links"), "html").get("href")
    found = []
    for change in _objects(_object(document, "push"), "changes"):
        new = change.get("new")
        state = new if isinstance(new, dict) else _object(change, "old")
        kind = "heads" if state.get("type") in ("branch", "named_branch") else "tags"
        # What was deleted has no new state.
        commit = _object(new, "target").get("hash") if isinstance(new, dict) else _DELETED
        found.append((f"refs/{kind}/{state.get('name')}", commit))
    main = repository.get("mainbranch")
    default = main.get("name") if isinstance(main, dict) else None
    return _newest((page,), found, default)


def read_server_push(document: Mapping[str, object]) -> Push | Ignored:
    """Read ``repo:refs_changed``.

    :raises UsageError: something is missing.
    """
    clones = _objects(_object(_object(document, "repository"), "links"), "clone")
    found = []
    for change in _objects(document, "changes"):
        found.append((_object(change, "ref").get("id"), change.get("toHash")))
    return _newest(tuple(clone.get("href") for clone in clones), found, None)


def _newest(
    urls: tuple[object, ...], changes: Sequence[tuple[object, object]], default: object
) -> Push | Ignored:
    """The one push that an event stands for: of several branches that were pushed at once, no
    branch is named, so that none is taken for another one than the indexed one."""
    known = tuple(url for url in urls if isinstance(url, str) and url)
    if not changes:
        raise UsageError("the event has no change")
    read = [
        checked_push(known, ref=ref, commit=commit, default_branch=default)
        for ref, commit in changes
    ]
    pushes = [one for one in read if isinstance(one, Push)]
    if not pushes:
        return read[-1]
    last = pushes[-1]
    return last if len(pushes) == 1 else Push(known, last.commit, None, last.default_branch)


def _object(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise UsageError(f"the event has no object {name!r}")
    return value


def _objects(document: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    value = document.get(name)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UsageError(f"the event has no list {name!r}")
    return value
