"""What a command sees of this machine: what building and testing need, and nothing of the user's.

That is the system's programs and libraries, some files of ``/etc``, and the toolchains that PATH
and a few variables name, wherever they are. A toolchain is the folder above a ``bin``, unless that
holds more than a toolchain: a home, a repository, something hidden. Files whose names say that
they hold credentials are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.repository.skip_names import is_secret

SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/nix/store", "/gnu/store", "/sys/devices/system"),
)
# No passwords and keys: not shadow, ssh, ssl/private, krb5.keytab, machine-id, and no package
# manager's configuration, which may hold tokens.
ETC = (
    *("alternatives", "bash.bashrc", "bash_completion.d", "ca-certificates"),
    *("ca-certificates.conf", "crypto-policies", "debian_version", "fonts", "gai.conf", "group"),
    *("host.conf", "hosts", "inputrc", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("locale.alias", "locale.conf", "localtime", "lsb-release", "magic", "mime.types"),
    *("nsswitch.conf", "os-release", "passwd", "pki/ca-trust", "pki/tls/cert.pem"),
    *("pki/tls/certs", "pki/tls/openssl.cnf", "profile", "protocols", "redhat-release"),
    *("resolv.conf", "rpc", "services", "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf"),
    *("static", "terminfo", "timezone", "xml"),
)
# Programs read their configuration here; there are as many such folders as languages.
_ETC_PREFIXES = ("java", "python", "perl", "php", "mono", "dotnet", "maven", "R", "texmf")
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", ".bin", "shims", "Scripts"})
_TOOL_VARIABLES = (
    *("VIRTUAL_ENV", "CONDA_PREFIX", "JAVA_HOME", "GOROOT", "CARGO_HOME", "RUSTUP_HOME"),
    *("NVM_DIR", "NODE_PATH", "DOTNET_ROOT", "PYENV_ROOT", "RBENV_ROOT", "NODENV_ROOT"),
    *("GOENV_ROOT", "ASDF_DATA_DIR", "VOLTA_HOME", "MISE_DATA_DIR"),
)
_MAX_TOOLCHAINS = 64
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class View:
    """What is shown, read-only: pairs of the real path and where it is seen; and symbolic links,
    pairs of where they are and their text."""

    shown: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]


def view(environment: Mapping[str, str], hidden: Iterable[Path], readable: Iterable[Path]) -> View:
    """Return what a command with this environment sees.

    :param hidden: folders that are never shown.
    :param readable: what is shown in any case.
    """
    kept_back = tuple(path.resolve() for path in hidden)
    shown: dict[str, str] = {}
    links: dict[str, str] = {}
    for name in SYSTEM:
        if Path(name).is_symlink() and name.count("/") == 1:
            links[name] = str(Path(name).readlink())
        elif Path(name).is_dir():
            shown.update(_without(Path(name), kept_back))
    for path in _configuration():
        # Some are links into /run or to another file of /etc: what is seen is the file.
        shown[str(path)] = os.path.realpath(path)
    found = _Toolchains(kept_back)
    for folder in _search_path(environment):
        found.add_programs(folder)
    for variable in _TOOL_VARIABLES:
        value = environment.get(variable, "")
        if value.startswith("/"):
            found.add(Path(value))
    for where, real in found.places.items():
        if not _is_below(Path(where), shown):
            shown.update(_without(Path(real), kept_back, Path(where)))
    for path in readable:
        shown[str(path)] = os.path.realpath(path)
    return View(tuple((real, where) for where, real in shown.items()), tuple(links.items()))


def _configuration() -> list[Path]:
    found = [Path("/etc", name) for name in ETC]
    try:
        names = sorted(os.listdir("/etc"))  # noqa: PTH208 - only names
    except OSError:
        names = []
    found += [Path("/etc", name) for name in names if name.startswith(_ETC_PREFIXES)]
    return [path for path in found if os.path.exists(path)]  # noqa: PTH110 - False if closed to us


def _search_path(environment: Mapping[str, str]) -> list[Path]:
    folders = environment.get("PATH", "").split(":")
    return [Path(folder) for folder in dict.fromkeys(folders) if folder.startswith("/")]


class _Toolchains:
    """Folders outside the system's that hold programs; ``places`` is where they are seen, and
    which folder that really is."""

    def __init__(self, hidden: tuple[Path, ...]) -> None:
        self.hidden = hidden
        # A container's user may have none, and then keeps its "~".
        self.home = Path(os.path.realpath(os.path.expanduser("~")))  # noqa: PTH111
        self.places: dict[str, str] = {}

    def add_programs(self, folder: Path) -> None:
        """Add a folder of PATH, and where links in it lead: pipx, uv and others keep a program's
        environment elsewhere."""
        if not os.path.isdir(folder):  # noqa: PTH112 - False also where it may not be looked at
            return
        self.add(folder)
        if _is_below(folder, SYSTEM) and not _is_below(folder, ("/usr/local",)):
            return
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return
        for entry in entries:
            if entry.is_symlink():
                target = Path(os.path.realpath(entry.path))
                if target.parent != folder:
                    self.add(target.parent)

    def add(self, folder: Path) -> None:
        """Add the toolchain that a folder belongs to."""
        real = Path(os.path.realpath(folder))
        if len(self.places) >= _MAX_TOOLCHAINS or not os.path.isdir(real):  # noqa: PTH112
            return
        where = folder
        if real.name in _PROGRAM_FOLDERS and not self._is_too_wide(real.parent):
            # An interpreter's own libraries are beside its bin.
            self._keep(real.parent, real.parent)
            if folder.name == real.name:
                where, real = folder.parent, real.parent
        if not self._is_too_wide(real):
            self._keep(where, real)
            self._keep(real, real)

    def _keep(self, where: Path, real: Path) -> None:
        new = not _is_below(where, (*SYSTEM, *self.places))
        if new and not _is_below(real, SYSTEM):
            self.places[str(where)] = str(real)
            # A virtual environment's interpreter is a link to the one it was made with.
            for name in ("python", "python3"):
                python = real / "bin" / name
                if python.is_symlink():
                    self.add(Path(os.path.realpath(python)).parent)

    def _is_too_wide(self, folder: Path) -> bool:
        """Tell whether a folder holds more than programs, or lies where none belong."""
        below_home = folder.is_relative_to(self.home)
        return (
            len(folder.parts) < 3
            or self.home.is_relative_to(folder)
            or folder == self.home / ".local"
            or folder == self.home / ".local" / "share"
            or folder == self.home / ".config"
            or any(folder.is_relative_to(path) for path in self.hidden)
            or (
                (folder / ".git").exists()
                and folder.name not in (".pyenv", ".nvm", ".asdf", ".rbenv")
            )
            or folder.is_relative_to("/proc")
            or folder.is_relative_to("/run/user")
            or (below_home and is_secret(folder.relative_to(self.home).as_posix()))
        )


def _is_below(path: Path, folders: Iterable[str]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _without(
    folder: Path, hidden: tuple[Path, ...], where: Path | None = None, depth: int = 0
) -> dict[str, str]:
    """Return what covers a folder but for what is hidden in it: where it is seen, and what it is.

    Names that say that they hold credentials count as hidden at the top of a toolchain.
    """
    where = where or folder
    if any(folder.is_relative_to(path) for path in hidden) or depth > _MAX_DEPTH:
        return {}
    inside = any(path.is_relative_to(folder) for path in hidden)
    system = _is_below(folder, SYSTEM)
    if not inside and (system or depth or not _secrets(folder)):
        return {str(where): str(folder)}
    found: dict[str, str] = {}
    for entry in list(os.scandir(folder)):
        if not is_secret(entry.name):
            real = Path(os.path.realpath(entry.path))
            if real.exists() and (real.is_relative_to(folder) or not entry.is_symlink()):
                found.update(_without(real, hidden, where / entry.name, depth + 1))
    return found


def _secrets(folder: Path) -> bool:
    try:
        return any(is_secret(name) for name in os.listdir(folder))  # noqa: PTH208 - only names
    except OSError:
        return False
