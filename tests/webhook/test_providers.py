"""Every provider against one contract, from a sample of what its sender sends."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.webhook import providers
from harness.webhook.events import Ignored, Push
from harness.webhook.providers import PROVIDERS, ProviderSpec
from harness.webhook.signatures import Verifier
from tests.webhook.lab import SECRET, SHA, URL, Lab, commit_number

NOW = 1_700_000_000
VERIFIER = Verifier(SECRET.encode(), NOW, tolerance_seconds=300)


@dataclass(frozen=True, slots=True)
class Sample:
    """How one kind of sender writes and signs a push.

    ``document`` takes the ref and the commit; ``sign`` the body, the secret and the time;
    ``other_event`` are the headers that make it an event of another kind, none when headers do not
    tell; ``id_header`` holds the sender's own id of the delivery, empty when there is none;
    ``default_branch`` is None when its events do not say.
    """

    spec: ProviderSpec
    document: Callable[[str, str], dict[str, Any]]
    sign: Callable[[bytes, str, int], dict[str, str]]
    id_header: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    other_event: dict[str, str] = field(default_factory=dict)
    default_branch: str | None = "main"

    def request(
        self,
        ref: str = "refs/heads/main",
        commit: str = SHA,
        *,
        secret: str = SECRET,
        now: int = NOW,
        delivery_id: str = "one",
    ) -> tuple[dict[str, str], bytes]:
        body = json.dumps(self.document(ref, commit)).encode()
        own_id = {self.id_header: delivery_id} if self.id_header else {}
        return self.headers | own_id | self.sign(body, secret, now), body


def hosted(ref: str, commit: str) -> dict[str, Any]:
    repository = {"clone_url": URL, "default_branch": "main"}
    return {"ref": ref, "after": commit, "repository": repository}


def gitlab_document(ref: str, commit: str) -> dict[str, Any]:
    project = {"git_http_url": URL, "default_branch": "main"}
    return {"ref": ref, "after": commit, "project": project, "repository": {"url": "elsewhere"}}


def cloud_document(ref: str, commit: str) -> dict[str, Any]:
    kind, _, name = ref.removeprefix("refs/").partition("/")
    state = {"type": {"heads": "branch", "tags": "tag"}[kind], "name": name}
    new = None if not commit.strip("0") else state | {"target": {"hash": commit}}
    return {
        "repository": {"links": {"html": {"href": URL}}, "mainbranch": {"name": "main"}},
        "push": {"changes": [{"old": state, "new": new}]},
    }


def server_document(ref: str, commit: str) -> dict[str, Any]:
    return {
        "repository": {"links": {"clone": [{"name": "http", "href": URL}]}},
        "changes": [{"ref": {"id": ref, "type": "BRANCH"}, "toHash": commit}],
    }


def generic_document(ref: str, commit: str) -> dict[str, Any]:
    return {"repository": URL, "ref": ref, "commit": commit, "default_branch": "main"}


def hmac_hex(signed: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def sign_generic(body: bytes, secret: str, now: int) -> dict[str, str]:
    digest = hmac_hex(f"{now}.".encode() + body, secret)
    return {"x-harness-timestamp": str(now), "x-harness-signature": f"sha256={digest}"}


SAMPLES = (
    Sample(
        providers.GITHUB,
        hosted,
        lambda body, secret, _: {"x-hub-signature-256": f"sha256={hmac_hex(body, secret)}"},
        "x-github-delivery",
        {"x-github-event": "push"},
        {"x-github-event": "ping"},
    ),
    Sample(
        providers.GITLAB,
        gitlab_document,
        lambda _, secret, __: {"x-gitlab-token": secret},
        "idempotency-key",
        {"x-gitlab-event": "Push Hook"},
        {"x-gitlab-event": "Tag Push Hook"},
    ),
    Sample(
        providers.GITEA,
        hosted,
        lambda body, secret, _: {"x-gitea-signature": hmac_hex(body, secret)},
        "x-gitea-delivery",
        {"x-gitea-event": "push"},
        {"x-gitea-event": "create"},
    ),
    Sample(
        providers.BITBUCKET,
        cloud_document,
        lambda body, secret, _: {"x-hub-signature": f"sha256={hmac_hex(body, secret)}"},
        "x-request-uuid",
        {"x-event-key": "repo:push"},
        {"x-event-key": "repo:fork"},
    ),
    Sample(
        providers.BITBUCKET_SERVER,
        server_document,
        lambda body, secret, _: {"x-hub-signature": f"sha256={hmac_hex(body, secret)}"},
        "x-request-id",
        {"x-event-key": "repo:refs_changed"},
        {"x-event-key": "diagnostics:ping"},
        default_branch=None,
    ),
    Sample(providers.GENERIC, generic_document, sign_generic, "x-harness-delivery"),
)
each_provider = pytest.mark.parametrize(
    "sample", [pytest.param(sample, id=sample.spec.name) for sample in SAMPLES]
)


def test_every_provider_has_a_sample_and_an_address_of_its_own_in_the_documentation() -> None:
    names = [spec.name for spec in PROVIDERS]
    assert [sample.spec.name for sample in SAMPLES] == names
    assert len(set(names)) == len(names)
    page = (Path(__file__).resolve().parents[2] / "docs" / "webhook.md").read_text()
    for name in names:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name), "part of an address, and a metric's label"
        assert f"`/hooks/{name}`" in page
    for sample in SAMPLES:
        assert bool(sample.other_event) is (sample.spec.push_header is not None)


@each_provider
def test_a_push_starts_a_run(lab: Lab, sample: Sample) -> None:
    headers, body = sample.request(now=int(time.time()))
    code, answer = lab.post(sample.spec.name, body, **headers)
    assert (code, answer["status"], answer["commit"]) == (202, "accepted", SHA)
    page = lab.request("GET", "/metrics")[1]
    label = f'provider="{sample.spec.name}",outcome="accepted"'
    assert f"harness_webhook_deliveries_total{{{label}}} 1\n" in page


@each_provider
def test_a_push_is_read(sample: Sample) -> None:
    headers, body = sample.request()
    assert sample.spec.read_event(headers, body) == Push((URL,), SHA, "main", sample.default_branch)


def test_several_branches_at_once_name_none_of_them() -> None:
    document = server_document("refs/heads/main", SHA)
    document["changes"] += server_document("refs/heads/other", commit_number(2))["changes"]
    document["changes"] += server_document("refs/tags/v1", commit_number(3))["changes"]
    found = providers.BITBUCKET_SERVER.read_push(document)
    assert found == Push((URL,), commit_number(2), None, None)


@each_provider
@pytest.mark.parametrize(
    ("ref", "commit", "reason"),
    [
        pytest.param("refs/tags/v1", SHA, "not a branch", id="tag"),
        pytest.param("refs/heads/main", "0" * 40, "the branch was deleted", id="deleted"),
    ],
)
def test_what_is_no_new_commit_of_a_branch_is_ignored(
    sample: Sample, ref: str, commit: str, reason: str
) -> None:
    assert sample.spec.read_event(*sample.request(ref, commit)) == Ignored(reason)


@pytest.mark.parametrize(
    "sample",
    [pytest.param(sample, id=sample.spec.name) for sample in SAMPLES if sample.other_event],
)
def test_another_event_is_ignored_whatever_its_body_says(sample: Sample) -> None:
    headers, body = sample.request()
    headers |= sample.other_event
    assert sample.spec.read_event(headers, body) == Ignored("not a push event")
    assert sample.spec.read_event(headers, b"no JSON") == Ignored("not a push event")


@each_provider
def test_an_event_without_a_commit_is_malformed(sample: Sample) -> None:
    headers, body = sample.request(commit="x; rm -rf")
    for tried in (body, b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(UsageError):
            sample.spec.read_event(headers, tried)


@each_provider
def test_only_a_request_made_with_the_secret_is_genuine(sample: Sample) -> None:
    signature = sample.spec.signature
    headers, body = sample.request()
    assert signature.refusal(headers, body, VERIFIER) is None
    forged, _ = sample.request(secret="another-secret")
    unsigned = {name: value for name, value in headers.items() if name != signature.header}
    for tried in (forged, unsigned, headers | {signature.header: ""}):
        reason = signature.refusal(tried, body, VERIFIER)
        assert reason is not None
        assert SECRET not in reason
    if signature.covers_body:
        assert signature.refusal(headers, body + b" ", VERIFIER) is not None


@each_provider
def test_secrets_are_compared_in_constant_time_and_in_no_other_way(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, body = sample.request()
    forged, _ = sample.request(secret="another-secret")
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: True)
    assert sample.spec.signature.refusal(forged, body, VERIFIER) is None
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    assert sample.spec.signature.refusal(headers, body, VERIFIER) is not None


@each_provider
def test_a_repeated_delivery_is_recognised_and_another_one_is_not(sample: Sample) -> None:
    def keys(commit: str, delivery_id: str) -> set[str]:
        return set(
            sample.spec.delivery_keys(*sample.request(commit=commit, delivery_id=delivery_id))
        )

    other = commit_number(1)
    assert keys(SHA, "") & keys(SHA, ""), "by its body, without an id"
    assert keys(SHA, "one").isdisjoint(keys(other, "two"))
    assert keys(SHA, "").isdisjoint(keys(other, ""))
    if not sample.id_header:
        assert not sample.spec.delivery_headers
        return
    assert keys(SHA, "one") & keys(other, "one"), "by its id"
    same_delivery = not keys(SHA, "one").isdisjoint(keys(SHA, "two"))
    assert same_delivery is sample.spec.signature.covers_body


@pytest.mark.parametrize(
    ("provider", "keys"),
    [
        pytest.param(
            "github",
            ("github:7692c3ad3540bb803c020b3aee66cd88", "github=b634d68a54760e60ff5fc6d11334ad81"),
            id="signed-body",
        ),
        pytest.param("gitlab", ("gitlab:7692c3ad3540bb803c020b3aee66cd88",), id="unsigned"),
        pytest.param(
            "generic",
            (
                "generic:7692c3ad3540bb803c020b3aee66cd88",
                "generic=197f850ec574e5d9203df17f33d65611",
            ),
            id="signed-timestamp",
        ),
    ],
)
def test_what_earlier_versions_wrote_to_the_journal_is_recognised(
    provider: str, keys: tuple[str, ...]
) -> None:
    (sample,) = (sample for sample in SAMPLES if sample.spec.name == provider)
    assert sample.spec.delivery_keys(*sample.request()) == keys
