"""Every provider against one contract, from a sample of what its sender sends; then the rest."""

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
from urllib.parse import urlencode

import pytest

from harness.errors import UsageError
from harness.webhook.events import Ignored, Push
from harness.webhook.providers import GENERIC, GITEA, GITHUB, GITLAB, PROVIDERS, ProviderSpec
from harness.webhook.signatures import Verifier
from tests.webhook.lab import SECRET, SHA, URL, Lab, commit_number, github_push

NOW = 1_700_000_000
VERIFIER = Verifier(SECRET.encode(), NOW, tolerance_seconds=300)


@dataclass(frozen=True, slots=True)
class Sample:
    """How one kind of sender writes and signs a push.

    ``document`` takes the ref and the commit; ``sign`` the body, the secret and the time;
    ``other_event`` are the headers that make it an event of another kind, none when headers do not
    tell; ``id_header`` holds the sender's own id of the delivery.
    """

    spec: ProviderSpec
    document: Callable[[str, str], dict[str, Any]]
    sign: Callable[[bytes, str, int], dict[str, str]]
    id_header: str
    headers: dict[str, str] = field(default_factory=dict)
    other_event: dict[str, str] = field(default_factory=dict)

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
        return (
            self.headers | {self.id_header: delivery_id} | self.sign(body, secret, now),
            body,
        )


def hosted(ref: str, commit: str) -> dict[str, Any]:
    repository = {"clone_url": URL, "default_branch": "main"}
    return {"ref": ref, "after": commit, "repository": repository}


def gitlab_document(ref: str, commit: str) -> dict[str, Any]:
    project = {"git_http_url": URL, "default_branch": "main"}
    return {"ref": ref, "after": commit, "project": project, "repository": {"url": "elsewhere"}}


def generic_document(ref: str, commit: str) -> dict[str, Any]:
    return {"repository": URL, "ref": ref, "commit": commit, "default_branch": "main"}


def hmac_hex(signed: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def sign_generic(body: bytes, secret: str, now: int) -> dict[str, str]:
    digest = hmac_hex(f"{now}.".encode() + body, secret)
    return {"x-harness-timestamp": str(now), "x-harness-signature": f"sha256={digest}"}


SAMPLES = (
    Sample(
        GITHUB,
        hosted,
        lambda body, secret, _: {"x-hub-signature-256": f"sha256={hmac_hex(body, secret)}"},
        "x-github-delivery",
        {"x-github-event": "push"},
        {"x-github-event": "ping"},
    ),
    Sample(
        GITLAB,
        gitlab_document,
        lambda _, secret, __: {"x-gitlab-token": secret},
        "idempotency-key",
        {"x-gitlab-event": "Push Hook"},
        {"x-gitlab-event": "Tag Push Hook"},
    ),
    Sample(
        GITEA,
        hosted,
        lambda body, secret, _: {"x-gitea-signature": hmac_hex(body, secret)},
        "x-gitea-delivery",
        {"x-gitea-event": "push"},
        {"x-gitea-event": "create"},
    ),
    Sample(GENERIC, generic_document, sign_generic, "x-harness-delivery"),
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
    assert sample.spec.read_event(headers, body) == Push((URL,), SHA, "main", "main")


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
def test_an_event_without_repository_or_commit_is_malformed(sample: Sample) -> None:
    headers, _ = sample.request()
    for body in (b"{}", b"[]", b"{", json.dumps(sample.document("refs/heads/main", "x")).encode()):
        with pytest.raises(UsageError):
            sample.spec.read_event(headers, body)


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
def test_what_the_sender_gives_is_compared_in_constant_time(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, expected: bytes) -> bool:
        compared.append(given)
        return given == expected

    monkeypatch.setattr(hmac, "compare_digest", compare)
    headers, body = sample.request()
    assert sample.spec.signature.refusal(headers, body, VERIFIER) is None
    assert compared == [headers[sample.spec.signature.header].encode()]


@each_provider
def test_a_repeated_delivery_is_recognised_and_another_one_is_not(sample: Sample) -> None:
    def keys(commit: str, delivery_id: str) -> set[str]:
        return set(
            sample.spec.delivery_keys(*sample.request(commit=commit, delivery_id=delivery_id))
        )

    other = commit_number(1)
    assert keys(SHA, "one") & keys(other, "one"), "by its id"
    assert keys(SHA, "") & keys(SHA, ""), "by its body, without an id"
    assert keys(SHA, "one").isdisjoint(keys(other, "two"))
    assert keys(SHA, "").isdisjoint(keys(other, ""))
    # The id is not signed. Where the body is not signed either, the id has to be believed.
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


# Particulars


@pytest.mark.parametrize(
    ("content_type", "body", "accepted"),
    [
        pytest.param("application/x-www-form-urlencoded", "form", True, id="form"),
        pytest.param("application/x-www-form-urlencoded; charset=utf-8", "form", True, id="utf-8"),
        pytest.param("application/json", "form", False, id="form-called-json"),
        pytest.param("application/x-www-form-urlencoded", "json", False, id="json-called-form"),
    ],
)
def test_github_sends_a_form_unless_told_otherwise(
    content_type: str, body: str, accepted: bool
) -> None:
    document = json.dumps(github_push())
    sent = urlencode({"payload": document}) if body == "form" else document
    headers = {"x-github-event": "push", "content-type": content_type}
    if accepted:
        assert GITHUB.read_event(headers, sent.encode()) == Push((URL,), SHA, "main", "main")
    else:
        with pytest.raises(UsageError, match="not valid JSON"):
            GITHUB.read_event(headers, sent.encode())


def test_a_form_of_many_fields_is_refused_before_it_is_parsed() -> None:
    headers = {"x-github-event": "push", "content-type": "application/x-www-form-urlencoded"}
    with pytest.raises(UsageError, match="too many fields"):
        GITHUB.read_event(headers, b"&".join([b"a=b"] * 11))


def test_an_event_without_the_header_of_its_kind_is_malformed() -> None:
    with pytest.raises(UsageError, match="x-github-event"):
        GITHUB.read_event({}, b"{}")


@pytest.mark.parametrize(
    ("provider", "headers"),
    [
        pytest.param("github", {}, id="github-none"),
        pytest.param("github", {"X_Hub_Signature_256": "sha256=00"}, id="github-wrong"),
        pytest.param("github", {"X_Hub_Signature_256": "sha256=\xff\xfe"}, id="not-ascii"),
        pytest.param("github", {"X_Hub_Signature": "sha1=00"}, id="github-sha1-only"),
        pytest.param("gitlab", {"X_Gitlab_Token": "another"}, id="gitlab-wrong"),
        pytest.param("gitea", {"X_Gitea_Signature": "00"}, id="gitea-wrong"),
        pytest.param("generic", {"X_Harness_Signature": "sha256=00"}, id="generic-no-timestamp"),
    ],
)
def test_a_bad_signature_is_refused(lab: Lab, provider: str, headers: dict[str, str]) -> None:
    code, answer = lab.post(provider, json.dumps(github_push()).encode(), **headers)
    assert (code, answer["status"]) == (401, "refused")
    assert lab.prefect.runs == {}


@pytest.mark.parametrize("age_seconds", [301, -400], ids=["old", "ahead"])
def test_an_old_generic_delivery_is_refused(lab: Lab, age_seconds: int) -> None:
    code, _ = lab.generic({"repository": URL, "commit": SHA}, age_seconds=age_seconds)
    assert code == 401


@pytest.mark.parametrize(
    ("timestamp", "genuine"),
    [
        pytest.param(str(NOW - 300), True, id="as-old-as-tolerated"),
        pytest.param(str(NOW - 301), False, id="too-old"),
        pytest.param(str(NOW + 301), False, id="too-far-ahead"),
        pytest.param("", False, id="none"),
        pytest.param("now", False, id="no-number"),
        pytest.param("1" * 13, False, id="too-long"),
    ],
)
def test_the_generic_timestamp(timestamp: str, genuine: bool) -> None:
    digest = hmac_hex(f"{timestamp}.{{}}".encode(), SECRET)
    headers = {"x-harness-timestamp": timestamp, "x-harness-signature": f"sha256={digest}"}
    assert (GENERIC.signature.refusal(headers, b"{}", VERIFIER) is None) is genuine


def test_a_generic_body_is_json_whatever_its_content_type(lab: Lab) -> None:
    # What curl calls any body.
    form = "application/x-www-form-urlencoded"
    code, _ = lab.generic({"repository": URL, "commit": SHA, "branch": "main"}, Content_Type=form)
    assert code == 202
