"""The pages for searching and reading, as a browser without scripts gets them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.service.app import API_MODULES, PAGE_MODULES
from harness.service.callers import Scope
from harness.stack.api import PrefectApi
from tests.fakes.prefect_api import FakePrefect
from tests.service.lab import TOKENS, Lab, engines_at, make_index, running
from tests.service.pages import HTML, open_page, post, read

EVIL = "<script>alert(1)</script>"
MAP = "/map?repo=web"
FILE = "/file?repo=web&path=src/session.py"


def test_a_search_shows_files_with_their_lines(lab: Lab) -> None:
    page = open_page(lab, "/?q=sign_session", "reader")
    assert "/file?repo=web&path=src/session.py&lines=1-2#L1" in page.links()
    assert "src/session.py" in page.text
    assert page.all("tr", **{"class": "hit"})
    assert page.all("input", id="q")[0]["value"] == "sign_session"


def test_filters_are_links_that_keep_the_rest(lab: Lab) -> None:
    page = open_page(lab, "/?q=sign", "reader")
    assert {"/?q=sign&repo=web", "/?q=sign&lang=go", "/?q=sign&kind=function"} <= set(page.links())
    chosen = open_page(lab, "/?q=sign&lang=go&repo=", "reader")
    assert "/?q=sign" in chosen.links()
    assert "api.go" in chosen.text
    assert "session.py" not in chosen.text
    assert chosen.all("input", name="lang", value="go")


def test_the_answer_alone_is_for_the_script(lab: Lab) -> None:
    answer = lab.get("/results?q=sign_session", "reader")
    assert "session.py" in answer.text
    assert "<html" not in answer.text
    unfinished = lab.get("/results?q=sign+lang:klingon", "reader")
    assert (unfinished.status_code, "klingon" in unfinished.text) == (200, True)


def test_a_search_that_is_not_possible_says_why(lab: Lab) -> None:
    page = open_page(lab, "/?q=sign+repo:nope", "reader", status=404)
    assert "'nope' is not indexed" in page.text
    assert "team/api" not in open_page(lab, "/?q=x+repo:nope", "web-reader", status=404).text


def test_an_answer_that_is_only_the_nearest_says_so(lab: Lab) -> None:
    for query, nearest in (("how+do+whales+sleep", True), ("src/session.py", False)):
        page = open_page(lab, f"/?q={query}", "reader")
        assert page.links()
        assert ("Nothing matches well" in page.text) is nearest


@pytest.mark.parametrize("field", ["q", "repo", "lang", "path", "kind"])
def test_what_is_asked_stays_text(lab: Lab, field: str) -> None:
    query = {"q": "sign", field: f'"{EVIL}'}
    for address in ("/", "/results"):
        answer = lab.get(address, "reader", params=query, headers=HTML)
        assert EVIL not in answer.text


def test_a_file_has_lines_with_addresses_and_an_outline(lab: Lab) -> None:
    page = open_page(lab, f"{FILE}&lines=1-2", "reader")
    assert [row["class"] for row in page.all("tr")] == ["wanted", "wanted"]
    assert [row["id"] for row in page.all("tr")] == ["L1", "L2"]
    assert f"{FILE}&lines=1#L1" in page.links()
    assert "def sign_session(value):" in page.text
    assert "python · 2 lines" in page.text


def test_a_map_has_files_with_their_definitions(lab: Lab) -> None:
    assert MAP in open_page(lab, "/repositories", "reader").links()
    page = open_page(lab, f"{MAP}&focus=sign", "reader")
    assert FILE in page.links()
    assert f"{FILE}&lines=1#L1" in page.links()
    assert "def sign_session(value):" in page.text
    assert page.all("input", id="focus", value="sign")
    assert page.all("input", name="repo", value="web")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/file?repo=web&path=gone.py", 404),
        ("/file?repo=web&path=../../etc/passwd", 404),
        ("/file?repo=team/api&path=api.go", 404),
        ("/file?repo=web", 422),
        ("/map?repo=team/api", 404),
        ("/map", 422),
        ("/nothing", 404),
        ("/tasks", 403),
    ],
)
def test_errors_are_pages(lab: Lab, address: str, status: int) -> None:
    page = open_page(lab, address, "web-reader", status=status)
    assert page.all("p", role="alert")
    assert lab.get(address, "web-reader").json()["error"], "a script gets JSON"


def test_a_name_that_is_html_is_shown_as_text(tmp_path: Path) -> None:
    make_index(tmp_path)
    root = tmp_path / "evil"
    root.mkdir()
    name = "<img src=x onerror=alert(1)>.py"
    (root / name).write_text(f"# {EVIL}\ndef evil():\n    return '{EVIL}'\n")
    with engines_at(tmp_path) as engines:
        index_repository("<b>evil", root, engines, IndexOptions())
    with running(tmp_path, tmp_path / "data") as lab:
        for address in ("/?q=evil", "/repositories", "/ask", "/tasks", "/map?repo=<b>evil"):
            text = lab.get(address, "admin", headers=HTML).text
            assert not re.search(r"<script>|<img src=x|<b>", text), address
        link = next(x for x in open_page(lab, "/?q=evil", "reader").links() if "onerror" in x)
        page = open_page(lab, link.partition("#")[0], "reader")
        assert EVIL in page.text
        assert not page.all("script", src="x")
        assert {image["alt"] for image in page.all("img")} == {""}


@pytest.fixture(scope="module")
def with_runs(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with (
        FakePrefect() as prefect,
        running(
            index,
            tmp_path_factory.mktemp("runs"),
            prefect=lambda: PrefectApi(prefect.url, read_attempts=1),
        ) as lab,
    ):
        for name in ("web", "team/api"):
            assert lab.request("POST", f"/api/v1/repositories/{name}/sync", "admin").is_success
        yield lab


def test_repositories_with_languages_and_runs(with_runs: Lab) -> None:
    page = open_page(with_runs, "/repositories", "reader")
    assert {svg["aria-label"] for svg in page.all("svg", role="img")} == {
        "Size by language: python 100 %",
        "Size by language: go 100 %",
    }
    assert len([link for link in page.links() if "/runs/flow-run/" in link]) == 2
    assert re.search(r"indexed ?(just now|\d+ minutes? ago)", page.text)
    assert not page.all("button"), "a reader cannot refresh"


def test_runs_of_other_repositories_are_not_told(with_runs: Lab) -> None:
    page = open_page(with_runs, "/repositories", "web-reader")
    assert len([link for link in page.links() if "/runs/flow-run/" in link]) == 1
    assert "team" not in page.text


def test_an_administrator_refreshes_and_adds(with_runs: Lab) -> None:
    answer = post(with_runs, "/repositories", "admin", refresh="web")
    assert answer.status_code == 303
    page = open_page(with_runs, answer.headers["location"], "admin")
    assert "The run run was started." in page.text
    new = {"source": "https://git.example.org/x", "name": "x"}
    assert post(with_runs, "/repositories", "admin", **new).status_code == 303
    assert post(with_runs, "/repositories", "admin", name="x").status_code == 422
    assert post(with_runs, "/repositories", "reader", refresh="web").status_code == 403
    assert post(with_runs, "/repositories", "team-admin", refresh="web").status_code == 404


def test_without_prefect_the_page_says_so(lab: Lab) -> None:
    assert "Prefect does not answer" in open_page(lab, "/repositories", "reader").text


def test_static_files_are_there_for_anybody_and_nothing_else_is(lab: Lab) -> None:
    login = open_page(lab, "/login")
    addresses = [str(one["href"]) for one in login.all("link")]
    addresses += [str(one["src"]) for one in login.all("script")]
    assert len(addresses) == 3
    for address in addresses:
        assert lab.get(address).status_code == 200
    for address in ("/static/nothing.js", "/static/..%2frendering.py", "/static/%2e%2e/base.html"):
        assert lab.get(address).status_code in (401, 404)


def test_every_page_obeys_its_own_policy(lab: Lab) -> None:
    """No script or style in the page, no handler in an attribute, nothing from elsewhere."""
    for address in ("/", "/?q=sign", FILE, MAP, "/ask", "/repositories", "/tasks", "/login"):
        answer = lab.get(address, "admin", headers=HTML)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'; style-src 'self'" in policy
        page = read(answer.text)
        assert page.elements
        for tag, attributes in page.elements:
            assert tag != "style", address
            assert tag != "script" or attributes.get("src"), address
            assert not [name for name in attributes if name == "style" or name[:2] == "on"]
            for name in ("src", "action") + (("href",) if tag == "link" else ()):
                assert (attributes.get(name) or "/").startswith("/"), address


PAGES = [
    ("GET", "/", Scope.READ),
    ("GET", "/results", Scope.READ),
    ("GET", "/file?repo=web&path=src/session.py", Scope.READ),
    ("GET", "/map?repo=web", Scope.READ),
    ("GET", "/repositories", Scope.READ),
    ("POST", "/repositories", Scope.ADMIN),
    ("GET", "/ask", Scope.ASK),
    ("POST", "/ask", Scope.ASK),
    ("GET", "/tasks", Scope.TASK),
    ("POST", "/tasks", Scope.TASK),
    ("GET", "/tasks/{task_id}", Scope.TASK),
    ("GET", "/tasks/{task_id}/now", Scope.TASK),
    ("POST", "/tasks/{task_id}/cancel", Scope.TASK),
]
OPEN = {("GET", "/static/{name}"), ("GET", "/login"), ("POST", "/login"), ("POST", "/logout")}


@pytest.mark.parametrize("method, address, scope", PAGES)
def test_who_may_see_which_page(lab: Lab, method: str, address: str, scope: Scope) -> None:
    address = address.replace("{task_id}", "0" * 32)
    for token, (has, _) in TOKENS.items():
        answer = lab.request(method, address, token, data={} if method == "POST" else None)
        if not has.includes(scope):
            assert answer.status_code == 403, token
        else:
            assert answer.status_code not in (401, 403), token
    assert lab.request(method, address).status_code == 401


def test_every_page_has_a_row() -> None:
    routes = {
        (method, route.path)  # type: ignore[attr-defined]
        for module in PAGE_MODULES
        for route in module.router.routes
        for method in route.methods  # type: ignore[attr-defined]
    }
    assert routes == {(method, path.partition("?")[0]) for method, path, _ in PAGES} | OPEN
    assert not {id(module) for module in API_MODULES} & {id(module) for module in PAGE_MODULES}


def test_another_sites_page_can_send_no_form(local: Lab) -> None:
    """On loopback there is no token that a browser would keep back."""
    for address in ("/repositories", "/ask", "/tasks", "/login", "/logout", "/tasks/x/cancel"):
        for origin in ("https://evil.example", "http://127.0.0.1:4281", "null"):
            answer = post(local, address, headers={"Origin": origin}, question="sign", text="x")
            assert answer.status_code == 403, (address, origin)
    assert post(
        local, "/ask", headers={"Origin": "http://127.0.0.1:4280"}, question="sign"
    ).is_success


def test_what_is_no_form_is_refused(local: Lab) -> None:
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/json"):
        answer = local.request("POST", "/tasks", content=b"text=x", headers={"Content-Type": kind})
        assert answer.status_code == 415
