"""``make pictures``: pictures of the page, light and dark, for the documentation."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.service.browser import CHROMIUM, Browser, browser
from tests.service.site import Site, finish, site

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures"


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
        _take(tab, "search", f"{shown.url}/?q=where+are+sessions+signed")
        _take(tab, "file", f"{shown.url}/file?repo=web&path=src/session.py&lines=24-26")
        _ask(tab, shown)
        _take(tab, "repositories", f"{shown.url}/repositories")
        _task(tab, shown)


def _take(tab: Browser, name: str, address: str = "") -> None:
    if address:
        tab.open(address)
    for dark in (False, True):
        tab.look(dark=dark, width=1200, height=760)
        tab.picture(FOLDER / f"{name}-{'dark' if dark else 'light'}.png")
    print(f"{name}: light and dark")


def _ask(tab: Browser, shown: Site) -> None:
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


if __name__ == "__main__":
    main()
