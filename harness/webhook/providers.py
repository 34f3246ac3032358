"""The git servers that Harness takes pushes from, one :class:`ProviderSpec` each.

To add one, write its spec here and list it in :data:`PROVIDERS`; the tests ask for a sample of what
it sends (``tests/webhook/test_providers.py``) and for a row in ``docs/webhook.md``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from harness.errors import UsageError
from harness.webhook.bitbucket import read_cloud_push, read_server_push
from harness.webhook.events import (
    BRANCH_PREFIX,
    NOT_A_PUSH,
    Ignored,
    Push,
    checked_push,
    parse_object,
    unwrap_form,
)
from harness.webhook.signatures import HmacSha256, SharedSecret, Signature

# The fields of a repository that hold a clone URL or its page's URL, on any of the servers below.
_URL_FIELDS = ("clone_url", "ssh_url", "git_url", "html_url", "git_http_url", "git_ssh_url",
               "web_url", "url")  # fmt: skip


@dataclass(frozen=True, slots=True)
class PushHeader:
    """The header that names the kind of an event, and its value for a push."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """Everything that the receiver knows about one kind of sender.

    Header names are in lower case. An event that is not a push, such as a ping, is answered
    "ignored".

    :param name: last part of ``/hooks/<name>``, and the provider's label in the metrics.
    :param signature: how a request proves that it is genuine.
    :param delivery_headers: where the sender puts its own id of a delivery, by precedence.
    :param read_push: reads an event's JSON, mostly with :func:`checked_push`; raises
        :class:`UsageError` when something is missing.
    :param push_header: the header that tells a push from other events; None: there is none, and
        ``read_push`` returns :class:`Ignored` for other events.
    :param form_field: holds the JSON when the body is a form; None: the body is always JSON,
        whatever its content type.
    """

    name: str
    signature: Signature
    delivery_headers: tuple[str, ...]
    read_push: Callable[[Mapping[str, object]], Push | Ignored]
    push_header: PushHeader | None = None
    form_field: str | None = None

    def read_event(self, headers: Mapping[str, str], body: bytes) -> Push | Ignored:
        """Read a genuine request.

        :param headers: case-insensitive, or with names in lower case.
        :raises UsageError: the body is not JSON, or lacks what a push event has.
        """
        if self.push_header is not None:
            kind = headers.get(self.push_header.name)
            if kind is None:
                raise UsageError(f"the header {self.push_header.name} is missing")
            if kind != self.push_header.value:
                return Ignored(NOT_A_PUSH)
        if self.form_field is not None:
            body = unwrap_form(headers, body, self.form_field)
        return self.read_push(parse_object(body))

    def delivery_keys(self, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """What a delivery is recognised by when it comes a second time.

        They are the sender's own id and a digest of what was signed. The id alone is not enough:
        it is not signed, so whoever replays a recorded request could change it. The journal holds
        these keys, so their format must not change.

        :returns: short strings, at least one.
        """
        ids = (headers.get(name) for name in self.delivery_headers)
        given = next((value for value in ids if value), None)
        keys = [f"{self.name}:{_digest(given.encode('utf-8', 'replace'))}"] if given else []
        # Pushing back and forth may give equal bodies, so an unsigned body counts only without id.
        if self.signature.covers_body or not keys:
            timestamp = self.signature.timestamp(headers)
            keys.append(f"{self.name}={_digest(timestamp.encode() + b'.' + body)}")
        return tuple(keys)


def _digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:32]


def _read_hosted_push(document: Mapping[str, object], *, repository_field: str) -> Push | Ignored:
    """Read a push in GitHub's format, which the other servers adopted."""
    repository = document.get(repository_field)
    if not isinstance(repository, dict):
        raise UsageError(f"the event has no object {repository_field!r}")
    found = (repository.get(field) for field in _URL_FIELDS)
    return checked_push(
        tuple(url for url in found if isinstance(url, str) and url),
        ref=document.get("ref"),
        commit=document.get("after"),
        default_branch=repository.get("default_branch") or None,
    )


GITHUB = ProviderSpec(
    name="github",
    signature=HmacSha256("x-hub-signature-256", prefix="sha256="),
    delivery_headers=("x-github-delivery",),
    read_push=partial(_read_hosted_push, repository_field="repository"),
    push_header=PushHeader("x-github-event", "push"),
    # GitHub sends a form unless it is told otherwise.
    form_field="payload",
)

GITLAB = ProviderSpec(
    name="gitlab",
    signature=SharedSecret("x-gitlab-token"),
    delivery_headers=("idempotency-key", "x-gitlab-event-uuid"),
    read_push=partial(_read_hosted_push, repository_field="project"),
    push_header=PushHeader("x-gitlab-event", "Push Hook"),
)

GITEA = ProviderSpec(
    name="gitea",
    signature=HmacSha256("x-gitea-signature"),
    delivery_headers=("x-gitea-delivery",),
    read_push=partial(_read_hosted_push, repository_field="repository"),
    push_header=PushHeader("x-gitea-event", "push"),
)


BITBUCKET = ProviderSpec(
    name="bitbucket",
    signature=HmacSha256("x-hub-signature", prefix="sha256="),
    delivery_headers=("x-request-uuid",),
    read_push=read_cloud_push,
    push_header=PushHeader("x-event-key", "repo:push"),
)

BITBUCKET_SERVER = ProviderSpec(
    name="bitbucket-server",
    signature=HmacSha256("x-hub-signature", prefix="sha256="),
    delivery_headers=("x-request-id",),
    read_push=read_server_push,
    push_header=PushHeader("x-event-key", "repo:refs_changed"),
)


def _read_generic_push(document: Mapping[str, object]) -> Push | Ignored:
    """Read the flat document that scripts and workflows send."""
    url = document.get("repository")
    if not isinstance(url, str) or not url.strip():
        raise UsageError("the field 'repository' must hold the repository's clone URL")
    branch = document.get("branch")
    has_branch = isinstance(branch, str) and branch
    return checked_push(
        (url,),
        ref=f"{BRANCH_PREFIX}{branch}" if has_branch else document.get("ref"),
        commit=document.get("commit"),
        default_branch=document.get("default_branch"),
    )


GENERIC = ProviderSpec(
    name="generic",
    signature=HmacSha256(
        "x-harness-signature", prefix="sha256=", timestamp_header="x-harness-timestamp"
    ),
    delivery_headers=("x-harness-delivery",),
    read_push=_read_generic_push,
)

# In the order in which they are shown to people.
PROVIDERS: tuple[ProviderSpec, ...] = (
    GITHUB,
    GITLAB,
    GITEA,
    BITBUCKET,
    BITBUCKET_SERVER,
    GENERIC,
)
