"""A browser goes through the pages: what the scripts do, and whether everybody can use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.service.callers import Scope
from harness.service.links import login_link
from tests.service.browser import CHROMIUM, Browser, browser
from tests.service.pictures import SHOWN, WORDS, words
from tests.service.site import STEPS, Site, finish, site

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")

FAULTS = (Path(__file__).with_name("accessibility.js")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium") / "profile") as opened:
        yield opened


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as started:
        yield started


def usable(tab: Browser) -> None:
    """Everybody can use the page: in light and dark, on a phone, and its scripts do not fail."""
    for dark in (False, True):
        for width in (1280, 390):
            tab.look(dark=dark, width=width)
            faults = tab.run(FAULTS)
            assert faults == [], f"{tab.run('location.href')} dark={dark} width={width}"
    tab.look()
    assert tab.complaints == []


def here(tab: Browser) -> str:
    found: str = tab.run("location.pathname + location.search + location.hash")
    return found


def test_from_the_search_to_the_file_by_keys(tab: Browser, shown: Site) -> None:
    tab.open(f"{shown.url}/")
    usable(tab)
    tab.press("Escape")
    tab.run("document.activeElement.blur()")
    tab.press("/")
    tab.write("sign session")
    tab.wait("document.querySelectorAll('article a.place').length >= 2")
    tab.wait("location.search === '?q=sign+session'")
    assert tab.run("document.querySelectorAll('tr.hit').length") > 0
    usable(tab)

    tab.click("aside a[href*='lang=python']")
    tab.wait("location.search.includes('lang=python') && document.readyState === 'complete'")
    assert tab.run("[...document.querySelectorAll('.tag')].every(e => e.textContent === 'python')")
    tab.run("document.activeElement.blur()")
    tab.press("j")
    tab.press("j")
    tab.press("k")
    first = tab.run("document.querySelector('a.place').getAttribute('href')")
    assert tab.run("document.activeElement.getAttribute('href')") == first
    tab.press("Enter")
    tab.wait("location.pathname === '/file' && document.readyState === 'complete'")
    assert here(tab) == first
    assert tab.run("document.querySelectorAll('tr.wanted').length") > 1
    usable(tab)


def test_lines_of_a_file_have_addresses(tab: Browser, shown: Site) -> None:
    tab.open(f"{shown.url}/file?repo=web&path=src/session.py")
    assert tab.run("[...document.querySelectorAll('.outline a')].map(a => a.textContent)") == [
        "MAX_AGE_SECONDS", "Session", "__init__", "sign", "signature", "open_session",
    ]  # fmt: skip
    tab.click("#L18 .no a")
    assert here(tab) == "/file?repo=web&path=src%2Fsession.py&lines=18#L18"
    tab.run(
        "document.querySelector('#L21 .no a')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true, shiftKey: true}))"
    )
    assert here(tab).endswith("&lines=18-21#L18")
    link = tab.run("document.getElementById('permalink').href")
    tab.open("about:blank")
    tab.open(link)
    assert tab.run("[...document.querySelectorAll('tr.wanted')].map(e => e.id)") == [
        "L18", "L19", "L20", "L21",
    ]  # fmt: skip


def test_a_question_is_answered_as_it_is_written(tab: Browser, shown: Site) -> None:
    tab.open(f"{shown.url}/ask")
    usable(tab)
    tab.run("document.getElementById('question').focus()")
    tab.write("How are sessions signed?")
    tab.run("document.getElementById('repo').value = 'web'")
    # Whatever of the stream was on the page, in its order.
    tab.run(
        "window.seen = [];"
        "new MutationObserver((all) => all.forEach((one) => {"
        " const id = one.target.id; if (id && window.seen.at(-1) !== id) window.seen.push(id); }))"
        ".observe(document.querySelector('main'), {childList: true, subtree: true})"
    )
    tab.click("#ask button")
    tab.wait("document.querySelector('#answer .prose')")
    tab.wait("!document.querySelector('#ask button').disabled")
    seen = tab.run("window.seen")
    assert seen.index("passages") < seen.index("draft") < len(seen) - seen[::-1].index("answer")
    links = tab.run("[...document.querySelectorAll('#answer .prose a')].map(a => a.textContent)")
    assert links == ["src/session.py:18-21", "src/session.py:24-26", "src/session.py:29-37"]
    assert tab.run("document.querySelectorAll('#answer .tag.good').length") == 3
    usable(tab)
    tab.click("#answer .prose a")
    tab.wait("location.pathname === '/file' && document.readyState === 'complete'")
    assert tab.run("document.querySelector('tr.wanted').id") == "L18"


def test_repositories_have_a_picture_of_their_languages(tab: Browser, shown: Site) -> None:
    tab.open(f"{shown.url}/repositories")
    widths = tab.run(
        "[...document.querySelector('.repository:last-of-type .bar').children]"
        ".map(e => e.getBoundingClientRect().width)"
    )
    assert len(widths) == 3
    assert min(widths) > 1
    usable(tab)


@pytest.mark.parametrize("name", SHOWN)
def test_pictures_show_what_the_page_says_today(tab: Browser, shown: Site, name: str) -> None:
    tab.look()
    tab.open(f"{shown.url}{SHOWN[name]}")
    kept = json.loads(WORDS.read_text(encoding="utf-8"))
    assert words(tab) == kept[name], "take them again: make pictures"


def test_a_task_is_followed_to_its_patch(tab: Browser, shown: Site) -> None:
    tab.open(f"{shown.url}/tasks")
    usable(tab)
    for name, text in (("text", "never sign without a key"), ("verify", "pytest -q")):
        tab.run(f"document.getElementById('{name}').value = {json.dumps(text)}")
    tab.click("form button")
    tab.wait("location.pathname.startsWith('/tasks/') && document.readyState === 'complete'")
    usable(tab)
    shown.prefect.logs = STEPS[:1]
    tab.wait("document.querySelectorAll('.steps li').length === 1")
    finish(shown.prefect)
    tab.wait("document.querySelector('tr.add')")
    assert tab.run("document.querySelectorAll('.steps li').length") == 3
    assert "checked before anything" in tab.run("document.querySelector('.prose').textContent")
    usable(tab)


def test_a_link_of_another_site_leads_on_once_one_is_logged_in(
    tab: Browser, tmp_path: Path
) -> None:
    with site(tmp_path, needs_token=True) as locked:
        text, _ = locked.tokens.create("ana", Scope.READ)
        wanted = "/file?repo=web&path=src/views.py&lines=4#L4"
        tab.open(f"{locked.url}{wanted}")
        assert tab.run("location.pathname") == "/login"
        tab.heard("401")  # its script has looked whether there is a cookie
        usable(tab)
        tab.run("document.getElementById('token').focus()")
        tab.write(text)
        tab.press("Enter")
        tab.wait("location.pathname === '/file' && document.readyState === 'complete'")
        assert tab.run("document.cookie") == "", "no script can read it"
        assert tab.run("[...document.querySelectorAll('header nav a')].length") == 2

        # As `harness up` prints it.
        tab.call("Network.clearBrowserCookies")
        tab.open("about:blank")
        tab.call("Page.navigate", url=login_link(locked.tokens, locked.url))
        tab.wait("location.pathname === '/' && document.readyState === 'complete'")
        assert tab.run("location.hash") == ""

        # As from a chat: a page of another site, whose link does not take the cookie along.
        tab.open("about:blank")
        tab.run(
            "document.body.innerHTML = '<a>x</a>';"
            f"document.querySelector('a').href = {json.dumps(locked.url + wanted)};"
            "document.querySelector('a').click()"
        )
        tab.wait("location.pathname === '/file' && document.readyState === 'complete'")
        tab.click(".who button")
        tab.wait("location.pathname === '/login' && document.readyState === 'complete'")
        tab.heard("401")


BAD = """
<h1>a</h1><h3>b</h3><h2></h2><img src="data:,"><a href="#x"></a><button></button><input>
<select><option>1</option></select><i id="q">1</i><i id="q">2</i><p tabindex="3">c</p><nav>d</nav>
<p id="low">e</p><div id="wide"><pre>f</pre></div>
"""


def test_the_check_finds_what_a_page_lacks(tab: Browser) -> None:
    tab.open("about:blank")
    tab.look()
    tab.run(
        f"document.body.innerHTML = {json.dumps(BAD)};"
        "document.querySelector('#low').style.color = '#aaa';"
        "Object.assign(document.querySelector('#wide').style, {width: '50px', overflowX: 'auto'});"
        "document.querySelector('#wide pre').style.width = '900px';"
        "document.querySelector('nav').style.width = '2000px'"
    )
    found = "\n".join(tab.run(FAULTS))
    for fault in (
        "no title", "no language", "one main", "skips a level", "an empty heading",
        "no alt", "an id twice: q", "its own tab order", "no label: <nav",
        "no name: <a", "no name: <button", "no name: <input", "no name: <select",
        'contrast 2.32: <p id="low"', 'scrolls without a keyboard: <div id="wide"',
        "wider than the window",
    ):  # fmt: skip
        assert fault in found
