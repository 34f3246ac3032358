"""Real git servers on loopback: `git http-backend` behind a password, and sshd with one key."""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.stack.ports import free_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass(slots=True)
class GitServer:
    """A server of the repositories below ``root``. ``logins`` are all the ``user:password`` that
    clients sent; one whose password is ``password`` gets in, and nobody else. ``large``: files of
    Git LFS by the SHA-256 that their pointers name; ``large_from`` is where they are said to be;
    ``large_list`` is what is said instead, and ``large_list_bytes`` how long that claims to be.
    What begins with a key of ``moved`` is somewhere else."""

    root: Path
    url: str
    password: str
    logins: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)
    large_from: str = ""
    large_list: bytes = b""
    large_list_bytes: int = 0
    moved: dict[str, str] = field(default_factory=dict)


@contextmanager
def http_server(root: Path, password: str, certificate: Path | None = None) -> Iterator[GitServer]:
    """Serve a folder's repositories over HTTP until the end of the block; writing is allowed.

    :param certificate: with its key, for TLS.
    """
    server = GitServer(root, "", password)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            server.requests.append(self.path)
            kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
            login = base64.b64decode(value).decode() if kind == "Basic" else ""
            if login:
                server.logins.append(login)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if login.partition(":")[2] != server.password:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            away = next((key for key in server.moved if self.path.startswith(key)), None)
            if away is not None:
                self.send_response(302)
                self.send_header("Location", self.path.replace(away, server.moved[away], 1))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if server.large_list and self.path.endswith("/info/lfs/objects/batch"):
                self._send(server.large_list, server.large_list_bytes)
                self.close_connection = True
            elif self.path.endswith("/info/lfs/objects/batch"):
                self._send(
                    json.dumps({"objects": [*map(self._offer, json.loads(body)["objects"])]})
                )
            elif self.path.startswith("/large/"):
                self._send(server.large[self.path.rpartition("/")[2]])
            else:
                self._backend(body)

        def _offer(self, asked: dict[str, object]) -> dict[str, object]:
            if asked["oid"] not in server.large:
                return {**asked, "error": {"code": 404, "message": "no such file"}}
            href = f"{server.large_from or server.url}/large/{asked['oid']}"
            return {**asked, "actions": {"download": {"href": href}}}

        def _send(self, content: bytes | str, announced: int = 0) -> None:
            data = content.encode() if isinstance(content, str) else content
            self.send_response(200)
            self.send_header("Content-Length", str(announced or len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _backend(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "somebody",
            }
            done = subprocess.run(
                ["git", "http-backend"],
                input=body,
                capture_output=True,
                env=environment,
                timeout=60,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    for method in ("GET", "POST"):
        setattr(Handler, f"do_{method}", Handler.answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            http.socket = context.wrap_socket(http.socket, server_side=True)
            server.url = server.url.replace("http:", "https:")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class SshServer:
    """An sshd of this user. ``key`` gets in until ``authorized`` says otherwise."""

    port: int
    key: Path
    host_key: str
    authorized: Path

    @property
    def host(self) -> str:
        """Host and port as `known_hosts` writes them."""
        return f"[127.0.0.1]:{self.port}"

    @property
    def host_and_port(self) -> str:
        """As URLs write them."""
        return f"127.0.0.1:{self.port}"

    @property
    def known_hosts(self) -> str:
        """The right content of `known_hosts`."""
        return f"{self.host} {self.host_key}\n"

    def expire(self) -> None:
        """Let the key be expired."""
        line = self.authorized.read_text()
        self.authorized.write_text(f'expiry-time="20200101" {line}')


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Run sshd, which must be there (:data:`SSHD`), until the end of the block."""
    assert SSHD is not None
    folder.mkdir()
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name]
        subprocess.run(command, check=True, timeout=30)
    authorized = folder / "authorized"
    shutil.copyfile(folder / "user.pub", authorized)
    authorized.chmod(0o600)
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
        f"AuthorizedKeysFile {authorized}\nPidFile none\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # for privilege separation
    ready = b"Server listening on"
    with subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert ready in first, first + process.stderr.read(2000)
        drain = threading.Thread(target=process.stderr.read)
        drain.start()
        try:
            host_key = (folder / "host.pub").read_text().strip()
            yield SshServer(port, folder / "user", host_key, authorized)
        finally:
            process.terminate()
            process.wait(timeout=15)
            drain.join()
