"""A headless Chromium, driven over the protocol of its developer tools.

Debian's package is enough: nothing else is downloaded, as drivers do. Whatever goes wrong in a page
is kept: a test looks at :attr:`Browser.complaints` at its end.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium")
_WAIT_SECONDS = 40.0
KEYS = {"Enter": ("Enter", "\r", 13), "Escape": ("Escape", "", 27)}


class Browser:
    """One tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._last = 0
        self.complaints: list[str] = []
        self._expected: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol."""
        self._last += 1
        self._connection.send(
            json.dumps({"id": self._last, "method": method, "params": parameters})
        )
        while True:
            message = json.loads(self._connection.recv(timeout=_WAIT_SECONDS))
            self._note(message)
            if message.get("id") == self._last:
                assert "error" not in message, f"{method}: {message}"
                result: dict[str, Any] = message["result"]
                return result

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self._complain(json.dumps(parameters["exceptionDetails"])[:500])
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                entry = parameters["entry"]
                self._complain(f"{entry['text']} {entry.get('url', '')}")

    def _complain(self, text: str) -> None:
        if not any(expected in text for expected in self._expected):
            self.complaints.append(text)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            # While a page is exchanged for another one there is none to ask.
            with suppress(AssertionError):
                # An element itself would arrive as an empty object.
                if self.run(f"Boolean({condition})"):
                    return
            assert time.monotonic() < deadline, (
                f"in vain: {condition}\n{self.complaints}\n{self.run('document.body.innerText')}"
            )
            time.sleep(0.05)

    def heard(self, text: str) -> None:
        """Wait for a complaint with this text, and forget it: it was expected.

        Until the next address is opened. A browser may tell the same twice: once as it happens, and
        once more when the process of a new page tells what it has kept.
        """
        deadline = time.monotonic() + _WAIT_SECONDS
        while not any(text in one for one in self.complaints):
            assert time.monotonic() < deadline, f"in vain: {text}\n{self.complaints}"
            self.run("true")
        self.complaints = [one for one in self.complaints if text not in one]
        self._expected.append(text)

    def open(self, address: str) -> None:
        """Go to an address and wait until it is there."""
        self._expected.clear()
        self.run("window.before = true")
        self.call("Page.navigate", url=address)
        self.wait("!window.before && document.readyState === 'complete'")

    def click(self, selector: str) -> None:
        """Click on an element that leads to another page or changes this one."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        for sign in text:
            self.press(sign)

    def press(self, key: str) -> None:
        """Press a key."""
        name, text, code = KEYS.get(key, (key, key, ord(key[0].upper())))
        press = {"key": name, "windowsVirtualKeyCode": code}
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **press, **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", **press)

    def look(self, *, dark: bool = False, width: int = 1280, height: int = 800) -> None:
        """Choose colours and size of the window."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        calm = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, calm])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip

    def picture(self, file: Path) -> None:
        """Write a picture of the window, as PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(data))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start Chromium with a new profile."""
    assert CHROMIUM is not None
    with (profile.parent / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-extensions", "--disable-sync", f"--user-data-dir={profile}"),
                "about:blank",
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with connect(_address(process, profile), max_size=None) as connection:
            yield Browser(connection)
            # It ends its own helpers, too.
            with suppress(ConnectionClosed, TimeoutError):
                connection.send(json.dumps({"id": 0, "method": "Browser.close"}))
                process.wait(10)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _address(process: subprocess.Popen[bytes], profile: Path) -> str:
    import httpx

    deadline = time.monotonic() + _WAIT_SECONDS
    said = profile / "DevToolsActivePort"
    while time.monotonic() < deadline:
        assert process.poll() is None, "Chromium has ended; see chromium.log"
        with suppress(OSError, IndexError, StopIteration, httpx.HTTPError, ValueError):
            port = int(said.read_text().split()[0])
            tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", trust_env=False).json()
            tab = next(one for one in tabs if one["type"] == "page")
            return str(tab["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError("Chromium does not answer")
