"""``make pictures``: pictures of the page, light and dark, for the documentation, and what could be
read on them, by which a test notices that they have become old."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.service.browser import CHROMIUM, Browser, browser
from tests.service.site import Site, finish, site

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures"
WORDS = FOLDER / "words.json"
SHOWN = {
    "search": "/?q=where+are+sessions+signed",
    "file": "/file?repo=web&path=src/session.py&lines=24-26",
    "map": "/map?repo=web",
}
"""Pages that look the same whatever else has been done on the site, and their addresses."""


def main() -> None:
    """Write them all."""
    if CHROMIUM is None:
        sys.exit("Chromium is not installed; on Debian: apt install chromium")
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        site(Path(folder) / "site") as shown,
        browser(Path(folder) / "profile") as tab,
    ):
        said = {}
        for name, address in SHOWN.items():
            _take(tab, name, f"{shown.url}{address}")
            said[name] = words(tab)
        _take(tab, "search-phone", f"{shown.url}{SHOWN['search']}", width=390)
        _ask(tab, shown)
        _take(tab, "repositories", f"{shown.url}/repositories")
        _task(tab, shown)
    WORDS.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def words(tab: Browser) -> list[str]:
    """The lines that can be read on a page."""
    text: str = tab.run("document.body.innerText")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _take(tab: Browser, name: str, address: str = "", width: int = 1280) -> None:
    tab.look(width=width, height=800)
    if address:
        tab.open(address)
    for dark in (True, False):
        tab.look(dark=dark, width=width, height=800)
        tab.picture(FOLDER / f"{name}-{'dark' if dark else 'light'}.png")
    print(f"{name}: light and dark")


def _ask(tab: Browser, shown: Site) -> None:
    tab.look()
    tab.open(f"{shown.url}/ask?q=How+are+sessions+signed%3F&repo=web")
    tab.click("#ask button")
    tab.wait("document.querySelector('#answer .prose')")
    tab.wait("!document.querySelector('#ask button').disabled")
    _take(tab, "ask")


def _task(tab: Browser, shown: Site) -> None:
    tab.open(f"{shown.url}/tasks")
    tab.run("document.getElementById('text').value = 'Never sign without a key'")
    tab.run("document.getElementById('repo').value = 'web'")
    tab.click("form.stack button")
    tab.wait("location.pathname.startsWith('/tasks/') && document.readyState === 'complete'")
    finish(shown.prefect)
    tab.wait("document.querySelector('tr.add')")
    _take(tab, "task")
    _take(tab, "task-phone", width=390)


if __name__ == "__main__":
    main()
