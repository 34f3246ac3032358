"""Which indexed repository a clone URL belongs to.

Known are repositories that were indexed from a URL, folders with a remote ``origin``, and the
entries of a mapping file, which take precedence. Names follow :mod:`harness.index.naming`.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from harness.errors import HarnessError, InvalidSettingError
from harness.index.naming import free_name, is_record_of, known_as
from harness.repository.credentials import redact_urls
from harness.repository.git import run_git
from harness.repository.sources import is_clone, is_git_url, secrets_of, source_of
from harness.types import RepositoryRecord

logger = logging.getLogger(__name__)

_SCP_LIKE = re.compile(r"(?:[^@/\s]+@)?(?P<host>\[[0-9a-fA-F:]+\]|[^:/\s]+):(?P<path>[^\s]+)")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22, "git+ssh": 22, "git": 9418}
_GIT_TIMEOUT_SECONDS = 20.0
# Requests with an unknown URL must not make us read everything again each time.
_SHORTEST_REFRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """What a push starts: an index run of ``source`` under ``name``.

    ``branch`` is the indexed branch; None: the repository's default branch, which the event names.
    """

    name: str
    source: str
    branch: str | None = None


def normalise(url: str) -> str:
    """Reduce a clone URL to one form, ``host/path``, whatever protocol and account it names.

    Host and path become lower case, since the large git servers ignore case; local paths keep
    theirs. A port other than the protocol's default stays: a different port is a different server.

    :returns: empty when it is not a clone URL.
    """
    text = url.strip()
    if "://" not in text:
        match = _SCP_LIKE.fullmatch(text)
        if match is None:
            return _without_suffix(text) if text.startswith("/") else ""
        return f"{match['host']}/{_without_suffix(match['path']).lstrip('/')}".lower()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return ""
    path = _without_suffix(unquote(parts.path))
    scheme = parts.scheme.lower()
    if scheme == "file":
        return path
    if not parts.hostname or not path:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port is None or port == _DEFAULT_PORTS.get(scheme) else f":{port}"
    return f"{host}{shown}/{path.lstrip('/')}".lower()


def _without_suffix(path: str) -> str:
    return path.rstrip("/").removesuffix("/.git").removesuffix(".git").rstrip("/")


def known_routes(
    records: Sequence[RepositoryRecord], *, mapping_file: Path | None
) -> dict[str, Target]:
    """Every repository that a push may concern, by normalised clone URL.

    :raises InvalidSettingError: the mapping file cannot be used.
    """
    cloned: dict[str, Target] = {}
    folders: dict[str, Target] = {}
    for record in records:
        root = Path(record.path)
        url = url_of(record)
        if url:
            # A push to another branch changes nothing; to a fixed commit none ever does.
            branch = record.ref or None
            cloned[normalise(url)] = Target(record.name, url, branch)
            continue
        url = _git_line(root, "config", "--get", "remote.origin.url")
        if url:
            branch = _git_line(root, "symbolic-ref", "--short", "--quiet", "HEAD")
            folders[normalise(url)] = Target(record.name, str(root), branch or None)
    mapped = read_mapping(mapping_file) if mapping_file else {}
    routes = folders | cloned | _own_names(mapped, records)
    routes.pop("", None)
    return routes


def _own_names(
    mapped: Mapping[str, Target], records: Sequence[RepositoryRecord]
) -> dict[str, Target]:
    """Give each source of the mapping file a name of its own, the one that it is indexed under if
    it is: pushes are kept and runs are started by name, so two sources under one would take each
    other's place."""
    holders = {record.name: record for record in records}
    names: dict[str, str] = {}
    for target in mapped.values():
        source = source_of(target.source)
        own = [record for record in records if is_record_of(record, source)]
        known = known_as(source, own)
        if source in names or target.name in {record.name for record in own}:
            names.setdefault(source, target.name)
        elif known is not None:
            names[source] = known.name
        elif target.name in holders or target.name in names.values():
            names[source] = free_name(source, holders, set(names.values()))
        else:
            names[source] = target.name
        if names[source] != target.name:
            shown = (target.name, redact_urls(source), names[source])
            logger.warning("the name %r is not that of %s: it is indexed as %r", *shown)
    return {
        url: replace(target, name=names[source_of(target.source)]) for url, target in mapped.items()
    }


def url_of(record: RepositoryRecord) -> str:
    """The URL that an indexed repository is fetched from, empty for a folder."""
    for text in (record.path, record.source):
        if is_git_url(text):
            return text
    # A clone of former versions, whose records knew the folder alone.
    return _fetched_from(Path(record.path)) if is_clone(record.path) else ""


def _fetched_from(clone: Path) -> str:
    """The URL of the last fetch. Git records it without ``.git``, and servers accept that."""
    try:
        line = (clone / ".git" / "FETCH_HEAD").read_text(encoding="utf-8").split("\n", 1)[0]
    except (OSError, ValueError):
        return ""
    url = line.rpartition("\t")[2].strip()
    if url.startswith(("branch '", "tag '")):
        url = url.partition("' of ")[2]
    return url if is_git_url(url) else ""


def _git_line(root: Path, *command: str) -> str:
    if not root.is_dir():
        return ""
    try:
        output = run_git(command, root, _GIT_TIMEOUT_SECONDS, check=False)
    except HarnessError as error:
        logger.warning("%s: its origin cannot be read: %s", root, error)
        return ""
    return output.stdout.decode("utf-8", "replace").strip() if output.returncode == 0 else ""


def read_mapping(path: Path) -> dict[str, Target]:
    """Read the mapping file: a JSON object from clone URLs to ``{"source", "name", "branch"}``.

    ``source`` is what gets indexed: a folder as the worker sees it, or a git URL (default: the
    clone URL itself). ``name`` is its name in the index. ``branch`` is optional.

    :raises InvalidSettingError: the file cannot be read or does not have this form.
    """
    setting = "HARNESS_WEBHOOK_REPOSITORIES"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettingError(f"{setting}: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InvalidSettingError(f"{setting}: {path} is not valid JSON ({error})") from error
    if not isinstance(document, dict):
        raise InvalidSettingError(f"{setting}: {path} must hold an object of clone URLs")
    routes: dict[str, Target] = {}
    for url, entry in document.items():
        fields = entry if isinstance(entry, dict) else {}
        name, source, branch = (fields.get(key) for key in ("name", "source", "branch"))
        shown = redact_urls(url)
        if not normalise(url):
            raise InvalidSettingError(f"{setting}: {shown!r} in {path} is not a clone URL")
        if not isinstance(name, str) or not name:
            raise InvalidSettingError(f'{setting}: {shown!r} in {path} needs a "name"')
        if not isinstance(source, str | None) or not isinstance(branch, str | None):
            raise InvalidSettingError(f"{setting}: {shown!r} in {path}: source and branch are text")
        if _holds_a_secret(source or url):
            raise InvalidSettingError(
                f"{setting}: {shown!r} in {path} holds a credential, which would be shown in each "
                "run; write it without, and name one with `harness repositories add --credential`"
            )
        routes[normalise(url)] = Target(name, source or url, branch)
    return routes


def _holds_a_secret(source: str) -> bool:
    try:
        return is_git_url(source) and bool(secrets_of(source))
    except HarnessError:
        return False  # no valid URL, and so refused when it is indexed


class Routes:
    """The routes, read again once they are old or a URL is unknown. Safe in several threads.

    :param read: returns all routes; may take seconds.
    :param refresh_seconds: the age at which they are read again.
    """

    def __init__(
        self, read: Callable[[], Mapping[str, Target]], *, refresh_seconds: float = 60.0
    ) -> None:
        self._read = read
        self._refresh_seconds = refresh_seconds
        self._lock = threading.Lock()
        self._known: Mapping[str, Target] = {}
        self._read_at = float("-inf")

    def __len__(self) -> int:
        return len(self._known)

    def cached(self, urls: Iterable[str]) -> Target | None:
        """The target, if fresh routes are at hand and know it; None: ask :meth:`find`."""
        if time.monotonic() - self._read_at > self._refresh_seconds:
            return None
        return self._match(urls)

    def find(self, urls: Iterable[str]) -> Target | None:
        """The target of the first URL that is known.

        :raises HarnessError: the index or the mapping file cannot be read.
        """
        wanted = tuple(urls)
        with self._lock:
            target = self.cached(wanted)
            if target is None and time.monotonic() - self._read_at > _SHORTEST_REFRESH_SECONDS:
                self._known = self._read()
                self._read_at = time.monotonic()
                target = self._match(wanted)
        return target

    def _match(self, urls: Iterable[str]) -> Target | None:
        found = (self._known.get(normalise(url)) for url in urls)
        return next((target for target in found if target is not None), None)
