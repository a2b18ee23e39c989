"""Chromium without a window, told what to do through its driver (W3C WebDriver over HTTP)."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = "chromium", "chromedriver"
_FLAGS = (
    "--headless",
    "--no-sandbox",  # it runs as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def is_there() -> bool:
    return bool(shutil.which(CHROMIUM) and shutil.which(DRIVER))


@dataclass(frozen=True, slots=True)
class Browser:
    """One window of it."""

    address: str  # of the session

    def open(self, page: Path) -> None:
        self.ask("POST", "/url", url=page.as_uri())

    def run(self, script: str) -> Any:
        """The value that the body of a function returns."""
        return self.ask("POST", "/execute/sync", script=script, args=[])

    def resize(self, width: int, height: int) -> None:
        """Make the page so many pixels wide and high, as a device that is no desktop has it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)

    def screenshot(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.ask("GET", "/screenshot"))

    def print(self) -> bytes:
        """The page as a PDF of A4."""
        page = {"page": {"width": 21.0, "height": 29.7}, "background": True}
        return base64.b64decode(self.ask("POST", "/print", **page))

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self.ask("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def log(self) -> list[dict[str, Any]]:
        """What its console says."""
        return self.ask("POST", "/se/log", type="browser")

    def ask(self, method: str, path: str, **body: Any) -> Any:
        return _ask(method, self.address + path, body)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Chromium while the block lasts, with a new profile in an empty folder."""
    driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout
        said = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
        port = next(found[1] for found in said if found)
        address = f"http://127.0.0.1:{port}/session"
        flags = [*_FLAGS, f"--user-data-dir={profile}"]
        options = {"args": flags, "binary": shutil.which(CHROMIUM)}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = _ask("POST", address, {"capabilities": {"alwaysMatch": wanted}})
        try:
            yield Browser(f"{address}/{session['sessionId']}")
        finally:
            _ask("DELETE", f"{address}/{session['sessionId']}", {})
    finally:
        driver.terminate()
        driver.wait()


def _ask(method: str, address: str, body: dict[str, Any]) -> Any:
    data = json.dumps(body).encode() if method == "POST" else None
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())["value"]
