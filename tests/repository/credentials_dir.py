"""Credentials as the tests need them: folders of secret files."""

from __future__ import annotations

from pathlib import Path


def make_credential(folder: Path, name: str, hosts: str, **files: str) -> Path:
    """A credential; `ssh_privatekey`, `ca_crt` and the like stand for names that Python lacks."""
    own = folder / name
    own.mkdir(parents=True, exist_ok=True)
    (own / "hosts").write_text(hosts)
    for file, content in files.items():
        path = own / {"ssh_privatekey": "ssh-privatekey", "ca_crt": "ca.crt"}.get(file, file)
        path.write_text(content)
        path.chmod(0o600)
    return own
