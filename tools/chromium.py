"""A page in a headless Chromium, asked through the DevTools protocol over a pipe: no port, and no library.

https://chromedevtools.github.io/devtools-protocol/ says what the messages are.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
FLAGS += (
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)
KEYS = {"ArrowDown": 40, "ArrowUp": 38, "Enter": 13, "Tab": 9, "Escape": 27}


def found() -> str | None:
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One page; `errors` and `requests` are what it has reported since it was opened."""

    def __init__(self, binary: str, profile: Path):
        ours, theirs = os.pipe(), os.pipe()
        command = [binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"]

        def redirect():
            """The browser reads from 3 and writes to 4; both may be taken by pipes here."""
            read, write = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (ours[0], theirs[1]))
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.process = subprocess.Popen(
            command, pass_fds=(3, 4), preexec_fn=redirect, stderr=subprocess.DEVNULL
        )
        os.close(ours[0])
        os.close(theirs[1])
        self.write, self.read = ours[1], theirs[0]
        self.number, self.rest, self.session = 0, b"", None
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.loaded: set[str] = set()
        targets = self.ask("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)

    def close(self) -> None:
        """End the browser."""
        os.close(self.write)
        os.close(self.read)
        self.process.kill()
        self.process.wait()

    def ask(self, method: str, **parameters) -> dict:
        """The result of one command; what the browser reports meanwhile is noted."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _next(self) -> dict:
        while b"\0" not in self.rest:
            more = os.read(self.read, 1 << 20)
            assert more, "the browser ended"
            self.rest += more
        message, _, self.rest = self.rest.partition(b"\0")
        found = json.loads(message)
        method, parameters = found.get("method"), found.get("params", {})
        if method == "Page.lifecycleEvent" and parameters["name"] == "load":
            self.loaded.add(parameters["loaderId"])
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
            self.errors.append(str(parameters["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        return found

    def open(self, address: str) -> None:
        """Go to an address and wait until all of it is loaded."""
        for each in ("about:blank", address):
            self.errors, self.requests = [], []
            loader = self.ask("Page.navigate", url=each)["loaderId"]
            while loader not in self.loaded:
                self._next()

    def size(self, width: int, height: int = 900) -> None:
        """Set the size of the window, in pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def dark(self, use: bool) -> None:
        """Prefer dark colours or not."""
        value = "dark" if use else "light"
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def value(self, script: str):
        """The value of an expression in the page; a promise is waited for."""
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True}
        found = self.ask("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true, looking at it whenever the page draws."""
        self.value(
            f"new Promise(done => {{ const look = () => ({script}) ? done(1) : setTimeout(look, 10); look(); }})"
        )

    def press(self, key: str) -> None:
        """Press a key: a character, or one of `KEYS`."""
        about = {"key": key, "windowsVirtualKeyCode": KEYS.get(key, 0)}
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **about)

    def shoot(self, file: Path, top: int = 0, height: int | None = None) -> None:
        """Write what is seen as PNG, or `height` pixels of the page from `top` on."""
        asked = {}
        if height is not None:
            clip = {"x": 0, "y": top, "width": self.value("innerWidth"), "height": height, "scale": 1}
            asked = {"captureBeyondViewport": True, "clip": clip}
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", **asked)["data"]))
