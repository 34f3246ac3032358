"""Requests that are not genuine."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from harness.webhook.providers import GENERIC
from harness.webhook.signatures import Verifier
from tests.webhook.lab import SHA, URL, Lab, github_push

NOW = 1_700_000_000


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
    digest = hmac.new(b"secret", f"{timestamp}.{{}}".encode(), hashlib.sha256).hexdigest()
    headers = {"x-harness-timestamp": timestamp, "x-harness-signature": f"sha256={digest}"}
    refusal = GENERIC.signature.refusal(headers, b"{}", Verifier(b"secret", NOW, 300))
    assert (refusal is None) is genuine
