"""Bodies in the forms that senders choose, and those that cannot be read."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from harness.errors import UsageError
from harness.webhook.events import Push
from harness.webhook.providers import GENERIC, GITEA, GITHUB, GITLAB, ProviderSpec
from tests.webhook.lab import SECRET, SHA, URL, Lab, github_push


def test_a_form_is_signed_as_it_is_sent(lab: Lab) -> None:
    body = urlencode({"payload": json.dumps(github_push())}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    code, _ = lab.post(
        "github", body, X_GitHub_Event="push", X_Hub_Signature_256=f"sha256={signature}",
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert code == 202
    assert len(lab.prefect.runs) == 1


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


@pytest.mark.parametrize(
    ("spec", "document", "reason"),
    [
        pytest.param(GITHUB, {}, "no object 'repository'", id="no-repository"),
        pytest.param(GITLAB, github_push(), "no object 'project'", id="no-project"),
        pytest.param(GITEA, {"repository": {"name": "app"}}, "no URL", id="no-url"),
        pytest.param(GENERIC, {"commit": SHA}, "clone URL", id="generic"),
    ],
)
def test_an_event_without_a_repository_is_malformed(
    spec: ProviderSpec, document: dict[str, Any], reason: str
) -> None:
    kind = {spec.push_header.name: spec.push_header.value} if spec.push_header else {}
    with pytest.raises(UsageError, match=reason):
        spec.read_event(kind, json.dumps(document).encode())


def test_an_event_without_the_header_of_its_kind_is_malformed() -> None:
    with pytest.raises(UsageError, match="x-github-event"):
        GITHUB.read_event({}, b"{}")


def test_a_generic_body_is_json_whatever_its_content_type(lab: Lab) -> None:
    # What curl calls any body.
    form = "application/x-www-form-urlencoded"
    code, _ = lab.generic({"repository": URL, "commit": SHA, "branch": "main"}, Content_Type=form)
    assert code == 202
