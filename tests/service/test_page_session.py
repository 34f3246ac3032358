"""Logging in and out with a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.service.callers import Scope
from harness.service.links import login_link
from harness.service.tokens import Tokens
from tests.service.lab import Lab
from tests.service.pages import HTML, open_page, post

WEB = {"Origin": "https://code.example.org"}


def cookie_of(answer: object) -> str:
    found: str = answer.headers["set-cookie"]  # type: ignore[attr-defined]
    return found


def test_a_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(lab: Lab) -> None:
    lab.client.cookies.clear()
    answer = post(lab, "/login", headers=WEB, token=lab.tokens["reader"], next="/repositories")
    assert (answer.status_code, answer.headers["location"]) == (303, "/repositories")
    attributes = {part.strip().lower() for part in cookie_of(answer).split(";")[1:]}
    assert {"httponly", "samesite=strict", "secure", "path=/"} <= attributes
    page = open_page(lab, "/repositories")
    assert "reader" in page.text
    assert page.all("form", action="/logout")


def test_over_plain_http_the_cookie_is_not_secure_or_it_would_not_come_back(local: Lab) -> None:
    answer = post(
        local, "/login", headers={"Origin": "http://127.0.0.1:4280"}, token=local.tokens["reader"]
    )
    assert "secure" not in cookie_of(answer).lower()
    assert "httponly" in cookie_of(answer).lower()


def test_logging_out_forgets_it(lab: Lab) -> None:
    post(lab, "/login", headers=WEB, token=lab.tokens["reader"])
    assert lab.get("/", headers=HTML).status_code == 200
    answer = post(lab, "/logout", headers=WEB)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert re.search(r"Max-Age=0", cookie_of(answer))
    assert lab.get("/", headers=HTML).status_code == 303


@pytest.mark.parametrize("token", ["", "no-such-token", "harness_abc_def", "harness_€"])
def test_a_wrong_token_is_refused(lab: Lab, token: str) -> None:
    answer = post(lab, "/login", headers=WEB, token=token)
    assert answer.status_code == 401
    assert "unknown, revoked or has expired" in answer.text
    assert "set-cookie" not in answer.headers
    if token:
        assert token not in answer.text


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_after_the_login_one_stays_here(lab: Lab, there: str) -> None:
    page = open_page(lab, f"/login?next={there}")
    assert page.all("input", name="next")[0]["value"] == "/"
    answer = post(lab, "/login", headers=WEB, token=lab.tokens["reader"], next=there)
    assert answer.headers["location"] == "/"


def test_who_has_no_cookie_comes_back_to_where_the_link_led(lab: Lab) -> None:
    answer = lab.get("/file?repo=web&path=a%20b&lines=3", headers=HTML)
    login = answer.headers["location"]
    assert login == "/login?next=/file%3Frepo%3Dweb%26path%3Da%2520b%26lines%3D3"
    page = open_page(lab, login)
    assert page.all("input", name="next")[0]["value"] == "/file?repo=web&path=a%20b&lines=3"
    assert "/file?repo=web&path=a%20b&lines=3" in page.links(), "for a browser that has a cookie"


def test_a_page_of_somebody_who_is_not_logged_in_names_no_other_page(lab: Lab) -> None:
    assert set(open_page(lab, "/login").links()) == {"#main", "/"}


def test_a_link_logs_in_once_and_leaves_the_browser_a_token_of_its_own(lab: Lab) -> None:
    tokens = Tokens(lab.data / "tokens.json")
    address, _, token = login_link(tokens, "https://code.example.org").partition("#")
    assert address == "https://code.example.org/login"
    answer = post(lab, "/login", headers=WEB, token=token, link="1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert token not in cookie_of(answer)
    assert open_page(lab, "/").all("form", action="/logout")
    lab.client.cookies.clear()
    assert post(lab, "/login", headers=WEB, token=token, link="1").status_code == 401
    assert lab.get("/api/v1/repositories", token).status_code == 401


def test_another_token_makes_no_link(lab: Lab) -> None:
    """Whoever has one could log others in as themselves, and read what they ask."""
    answer = post(lab, "/login", headers=WEB, token=lab.tokens["admin"], link="1")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_links_that_nobody_used_do_not_pile_up(tmp_path: Path) -> None:
    now = [1_000_000.0]
    tokens = Tokens(tmp_path / "tokens.json", clock=lambda: now[0])
    tokens.create("link", Scope.READ, expires="1h")
    login_link(tokens, "")
    now[0] += 3_601
    login_link(tokens, "")
    assert len(tokens.listing()) == 2, "the new one, and what has another name"


def test_a_cookie_that_is_no_longer_valid_can_be_forgotten(local: Lab) -> None:
    local.client.cookies.set("harness_session", "harness_old_x")
    assert local.get("/", headers=HTML).status_code == 303
    assert open_page(local, "/login").all("form", action="/logout")
    answer = post(local, "/logout")
    assert re.search(r"Max-Age=0", cookie_of(answer))
