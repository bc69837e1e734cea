"""Upload of an archive to the hub, against a server on this machine that speaks the calls that it makes."""

import base64
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

PROGRAM = """
import sys
from pathlib import Path
from ttc.sharing.hub import upload
print(upload(Path(sys.argv[1]), 'me/study', '1f0c'))
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """Takes every file in the commit itself; refuses everything where `status` says so."""

    status, files, summary = 200, {}, ""

    def do_GET(self):
        """Nothing is told of anything."""
        self._answer({}, 404)

    def do_POST(self):
        """Create, validate, ask how files are sent, commit."""
        body = self._body()
        address = f"http://{self.headers['Host']}/datasets/me/study"
        if self.server.status != 200:
            return self._answer({"error": "no"}, self.server.status)
        if self.path == "/api/repos/create":
            return self._answer({"url": address})
        if self.path.endswith("/validate-yaml"):
            return self._answer({"errors": [], "warnings": []})
        if "/preupload/" in self.path:
            wanted = [each["path"] for each in json.loads(body)["files"]]
            ways = [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in wanted]
            return self._answer({"files": ways})
        for line in map(json.loads, body.decode().splitlines()):
            value = line["value"]
            if line["key"] == "header":
                self.server.summary = value["summary"]
            else:
                self.server.files[value["path"]] = base64.b64decode(value["content"])
        return self._answer({"commitOid": "a" * 40, "commitUrl": f"{address}/commit/{'a' * 40}"})

    def log_message(self, *_):
        """Nothing is printed."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _answer(self, content: dict, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.status, server.files, server.summary = 200, {}, ""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def upload(folder, hub):
    """In a process of its own, since the library reads where the hub is when it is imported."""
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env=os.environ | {"HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_of_nobody", "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    for name, content in {"README.md": b"# A", "study/a.parquet": b"PAR1", "study/.complete-0": b"x"}.items():
        (tmp_path / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / name).write_bytes(content)
    return tmp_path / "archive"


def test_every_file_arrives_in_one_commit_that_has_the_number(folder, hub):
    done = upload(folder, hub)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(f"/datasets/me/study/commit/{'a' * 40}")
    there = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert hub.files == there
    assert hub.summary == "ttc archive 1f0c"


def test_a_hub_that_refuses_is_told_in_one_sentence(folder, hub):
    hub.status = 401
    done = upload(folder, hub)
    assert done.returncode == 1
    assert "InputError: --to-hub me/study: " in done.stderr.splitlines()[-1]
    assert hub.files == {}
