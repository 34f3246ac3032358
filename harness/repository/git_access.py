"""What git is given to reach a server: a credential by reference, the user's own means, or what a
URL holds.

Nothing secret is an argument or a setting. The helper that git asks is a line of shell without
external programs: it reads the password from its file when git wants it. Git itself matches the
helper's host, also after a redirect, so that a credential goes nowhere else.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from harness.errors import CredentialError, RepositoryNotFoundError
from harness.repository.logins import Login, Place, login_called, place_of
from harness.repository.sources import secrets_of, without_credentials

CONNECT_SECONDS = 20
_USER_VARIABLE, _PASSWORD_VARIABLE = "HARNESS_LOGIN_USER", "HARNESS_LOGIN_PASSWORD"
_SSH = (
    *("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"),
    *("-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "GlobalKnownHostsFile=none"),
    *("-o", "UpdateHostKeys=no", "-o", "PreferredAuthentications=publickey"),
    *("-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "ServerAliveInterval=15"),
)


@dataclass(frozen=True, slots=True)
class GitAccess:
    """Settings and variables of a git command that talks to one server.

    ``secrets`` are to be hidden in what it says. ``credential`` is the name of what was used, empty
    for the user's own means. ``may_write`` tells whether pushing is allowed.
    """

    place: Place
    config: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    credential: str = ""
    may_write: bool = True


def access_to(url: str, credential: str = "", credentials_dir: Path | None = None) -> GitAccess:
    """What git gets for a URL.

    :param url: may hold a credential, unless one is named.
    :param credential: a name; empty: the URL's own, or whatever the user's git is set up with.
    :raises CredentialError: it does not exist, cannot be used, or is not allowed for the host.
    :raises RepositoryNotFoundError: the URL is not valid.
    """
    clean = without_credentials(url)
    place = place_of(clean)
    if credential:
        if credentials_dir is None:
            raise CredentialError(
                f"the credential {credential!r} is kept nowhere; set HARNESS_CREDENTIALS_DIR"
            )
        return _named(login_called(credential, credentials_dir), place, clean)
    if place.scheme not in ("http", "https") or not secrets_of(url):
        return GitAccess(place)
    return _of_url(url, place)


def _named(login: Login, place: Place, url: str) -> GitAccess:
    if not login.allows(place):
        raise CredentialError(
            f"the credential {login.name!r} is not for {place.scheme}://{place.shown}, so {url} "
            f"does not get it; name another one, or add the host to {login.folder / 'hosts'}"
        )
    # The empty value ends the list of helpers that the user's configuration began.
    config = [("credential.helper", "")]
    variables = {"GIT_ASKPASS": "", "SSH_ASKPASS": ""}
    if place.scheme in ("http", "https"):
        server = f"{place.scheme}://{place.shown}"
        if login.password is not None:
            config.append((f"credential.{server}.helper", _file_helper(login)))
        if login.authority is not None:
            # The variable: it has precedence over the setting, and might be set.
            variables["GIT_SSL_CAINFO"] = str(login.authority)
    else:
        if login.key is None:
            raise CredentialError(
                f"the credential {login.name!r} has no ssh-privatekey, which {url} needs; put one "
                f"into {login.folder}"
            )
        options = ("-i", str(login.key), "-o", f"UserKnownHostsFile={login.known_hosts}")
        variables["GIT_SSH_COMMAND"] = shlex.join((*_SSH, *options))
        variables["GIT_SSH_VARIANT"] = "ssh"
    return GitAccess(
        place=place,
        config=tuple(config),
        variables=variables,
        secrets=login.secrets(),
        credential=login.name,
        may_write=login.may_write,
    )


def _file_helper(login: Login) -> str:
    """A helper that prints user name and password, with the shell's own commands only."""
    carriage_return = "$(printf '\\r')"
    return (
        '!f() { test "$1" = get || return 0; '
        f"IFS= read -r p < {shlex.quote(str(login.password))} || :; "
        f"printf 'username=%s\\npassword=%s\\n' {shlex.quote(login.username)} "
        f'"${{p%{carriage_return}}}"; }}; f'
    )


def _of_url(url: str, place: Place) -> GitAccess:
    """A credential that stands in a URL: in the environment of git, where only its user sees it."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if any(ord(char) < 32 for char in user + password):
        raise RepositoryNotFoundError(
            f"{without_credentials(url)}: the user name or password is not valid"
        )
    helper = (
        '!f() { test "$1" = get || return 0; '
        "printf 'username=%s\\npassword=%s\\n' "
        f'"${_USER_VARIABLE}" "${_PASSWORD_VARIABLE}"; }}; f'
    )
    return GitAccess(
        place=place,
        config=(
            ("credential.helper", ""),
            (f"credential.{place.scheme}://{place.shown}.helper", helper),
        ),
        variables={"GIT_ASKPASS": "", _USER_VARIABLE: user, _PASSWORD_VARIABLE: password},
        secrets=tuple(secrets_of(url)) + tuple(text for text in (user, password) if text),
        credential="",
    )
