"""What each kind of sender sends."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest

from tests.webhook.lab import SECRET, SHA, URL, Lab, commit_number, github_push


def test_each_provider(lab: Lab) -> None:
    push = github_push(commit_number(1))
    body = json.dumps(push).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    gitea = lab.post("gitea", body, X_Gitea_Event="push", X_Gitea_Signature=signature)
    project = {"git_ssh_url": "git@git.example.org:team/app.git", "default_branch": "main"}
    body = json.dumps(push | {"project": project, "after": commit_number(2)}).encode()
    gitlab = lab.post("gitlab", body, X_Gitlab_Event="Push Hook", X_Gitlab_Token=SECRET)
    generic = lab.generic({"repository": URL, "commit": commit_number(3)})
    assert [code for code, _ in (gitea, gitlab, generic)] == [202] * 3
    assert {answer["status"] for _, answer in (gitea, gitlab, generic)} == {"accepted"}


def test_github_form_encoded(lab: Lab) -> None:
    body = urlencode({"payload": json.dumps(github_push())}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    code, _ = lab.post(
        "github", body, X_GitHub_Event="push", X_Hub_Signature_256=f"sha256={signature}",
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert code == 202
    assert len(lab.prefect.runs) == 1


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


def test_other_events_are_ignored(lab: Lab) -> None:
    body = b'{"zen": "Keep it."}'
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    code, answer = lab.post(
        "github", body, X_GitHub_Event="ping", X_Hub_Signature_256=f"sha256={signature}"
    )
    assert (code, answer["reason"]) == (202, "not a push event")
