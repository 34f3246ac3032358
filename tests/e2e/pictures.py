"""``make pictures``: pictures of Prefect's pages and of a terminal, light and dark, for the
documentation. Starts a local stack in a folder of its own and indexes this checkout with it."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from flows.diff_pictures import coloured
from harness.stack import lifecycle
from harness.stack.api import PrefectApi
from harness.stack.ports import free_port
from tests.service.browser import CHROMIUM, Browser, browser
from tests.service.site import PATCH, REPORT

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs" / "pictures"
COMMANDS = (
    ("index", ".", "--name", "harness"),
    ("search", "how are citations checked", "--repo", "harness", "--limit", "2"),
    ("status",),
)
# A graph of one run has twice as many characters of base64, one without anything half as many.
_DRAWN_CHARS, _DRAWN_SECONDS = 10_000, 90
_PICTURE = "document.querySelector('article img, img')"
_TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 20px 24px; background: #fff; color: #24292f; }}
pre {{ font: 14px/1.45 "DejaVu Sans Mono", monospace; margin: 0; white-space: pre-wrap; }}
b {{ color: #0969da; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #0d1117; color: #c9d1d9; }} b {{ color: #58a6ff; }}
}}
</style><pre>{}</pre>"""


def main() -> None:
    """Write them all."""
    if CHROMIUM is None:
        sys.exit("Chromium is not installed; on Debian: apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        env = {
            **os.environ,
            "HARNESS_DATA_DIR": str(data),
            "HARNESS_START_TIMEOUT_SECONDS": "600",
            "PYTHONPATH": str(ROOT),
        }
        # Of its own, so that pages show no folder of whoever takes the pictures.
        source = Path(folder) / "harness"
        clone = ["git", "clone", "--quiet", str(ROOT), str(source)]
        subprocess.run(clone, check=True)
        said = {words: _harness(words, env, source) for words in COMMANDS}
        page = Path(folder) / "terminal.html"
        page.write_text(_terminal({key: text.replace(folder, "~") for key, text in said.items()}))
        up = json.loads(_harness(("up", "--no-page", "--port", str(free_port()), "--json"), env))
        try:
            _harness(("repositories", "add", str(source)), env)
            _harness(("index", str(source), "--exclude", "tests/**", "--full"), env)
            run = json.loads(_harness(("run", "nightly-index", "--json"), env))
            order = ("run", "index-repository", "--param", f"source={source}", "--json")
            report = json.loads(_harness((*order, "--param", "full=true"), env))
            with browser(Path(folder) / "profile") as tab:
                _take(tab, "terminal", page.as_uri(), "true", 620)
                tab.open(up["login_url"])
                tab.wait("location.pathname !== '/harness/login'")
                _take(tab, "prefect-run", _v2(run["url"]), "document.querySelector('canvas')")
                address = next(one["url"] for one in report["artifacts"] if "report" in one["key"])
                _take(tab, "prefect-report", _v2(address), _PICTURE)
                _take(tab, "prefect-task", _v2(_task_report(lifecycle.connect(data))), _PICTURE)
        finally:
            _harness(("down",), env)


def _harness(words: tuple[str, ...], env: Mapping[str, str], folder: Path = ROOT) -> str:
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        env=env, cwd=folder, check=True, text=True,
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip


def _task_report(api: PrefectApi) -> str:
    """The address of a task's report as `agent-task` publishes it; no model is here to carry one
    out, so the patch is the one of the page's pictures."""
    patch = PATCH.strip("`\n").removeprefix("diff\n")
    artifact = {
        "key": "agent-report",
        "type": "markdown",
        "description": "What came of the task: Never sign without a key",
        "data": f"{REPORT}\n\n{coloured(patch)}",
    }
    made = api.mapping("POST", "/artifacts/", artifact)
    return f"{api.url.removesuffix('/api')}/artifacts/artifact/{made['id']}"


def _terminal(said: Mapping[tuple[str, ...], str]) -> str:
    parts = []
    for words, answer in said.items():
        shown = " ".join(f'"{word}"' if " " in word else word for word in words)
        parts.append(f"<b>$ harness {html.escape(shown)}</b>\n{html.escape(answer.rstrip())}\n")
    return _TERMINAL.format("\n".join(parts))


def _v2(address: str) -> str:
    """The same page of Prefect's interface that follows the browser's light or dark."""
    return re.sub(r"(://[^/]+)/", r"\1/v2/", address, count=1)


def _take(tab: Browser, name: str, address: str, there: str, height: int = 860) -> None:
    for dark in (False, True):
        tab.look(dark=dark, width=1280, height=height)
        tab.open(address)
        tab.wait(there)
        # Its fonts, and the graph's own first frames.
        tab.run("document.fonts.ready.then(() => new Promise(done => setTimeout(done, 2500)))")
        if "canvas" in there:
            _wait_for_drawing(tab)
        tab.picture(FOLDER / f"{name}-{'dark' if dark else 'light'}.png")
    print(f"{name}: light and dark")


def _wait_for_drawing(tab: Browser) -> None:
    """Wait until something is drawn on the canvas, which only a picture of it tells: an empty one
    is a few thousand bytes."""
    box = tab.run(
        "(({x, y, width, height}) => ({x, y, width, height, scale: 1}))"
        "(document.querySelector('canvas').getBoundingClientRect())"
    )
    deadline = time.monotonic() + _DRAWN_SECONDS
    while len(tab.call("Page.captureScreenshot", format="png", clip=box)["data"]) < _DRAWN_CHARS:
        if time.monotonic() > deadline:
            sys.exit("the graph of the flow run is not drawn; try again on a quieter machine")
        time.sleep(1)


if __name__ == "__main__":
    main()
