"""What git and ssh say when a server cannot be reached or refuses, as one line with a remedy.

Their words are English, because :mod:`harness.repository.git` sets the locale.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import (
    CredentialError,
    HarnessError,
    PolicyError,
    RepositoryNotFoundError,
    ServiceUnavailableError,
)
from harness.repository.credentials import redact
from harness.repository.git import GitOutput, git_error
from harness.repository.git_access import GitAccess
from harness.repository.logins import key_scan


@dataclass(frozen=True, slots=True)
class _Rule:
    """Words of which one must be said, and what they mean. ``{…}`` stand for what
    :func:`remote_error` knows."""

    words: tuple[str, ...]
    error: type[HarnessError]
    message: str


# In this order: the first that fits. ssh says "host key verification failed" after the other two.
_RULES = (
    _Rule(
        ("remote host identification has changed",),
        CredentialError,
        "{host} shows another host key than the one in known_hosts, so nothing was sent; if the "
        "server was set up anew, put its new key there, else somebody is in between",
    ),
    _Rule(
        ("host key verification failed",),
        CredentialError,
        "the host key of {host} is not in known_hosts{of}; add it (`{scan}`), and "
        "compare it with the server's own",
    ),
    _Rule(
        ("unprotected private key file", "bad permissions"),
        CredentialError,
        "ssh does not use a key that others can read; chmod 600 the ssh-privatekey{of}",
    ),
    _Rule(
        ("error in libcrypto", "invalid format"),
        CredentialError,
        "the ssh-privatekey{of} is no private key that ssh can read without a passphrase",
    ),
    _Rule(
        ("permission denied (", "too many authentication failures"),
        CredentialError,
        "{host} refuses the key{of}: it has expired, is not known there, or may not read this",
    ),
    _Rule(
        ("authentication failed", "returned error: 401"),
        CredentialError,
        "{host} refuses the password{of}: it is wrong, has expired or was revoked",
    ),
    _Rule(
        ("could not read username", "could not read password", "terminal prompts disabled"),
        CredentialError,
        "{host} asks for a credential and was given {given}; name one that is for this host "
        "(--credential; docs/repositories.md)",
    ),
    _Rule(
        ("returned error: 403",),
        CredentialError,
        "{host} does not allow this{of}; give the token the right to read the repository",
    ),
    _Rule(
        ("certificate",),
        CredentialError,
        "the certificate of {host} cannot be trusted ({reason}); put its authority into the ca.crt "
        "of a credential for this host",
    ),
    _Rule(
        ("stale info",),
        PolicyError,
        "a branch of this name exists already, and is left as it is",
    ),
    _Rule(
        ("[remote rejected]", "hook declined"),
        PolicyError,
        "{host} does not take the branch; see its rules for branches, or push another one",
    ),
    _Rule(
        ("not our ref", "unadvertised object", "couldn't find remote ref"),
        RepositoryNotFoundError,
        "{host} has no commit, or no longer a branch or tag, of this name ({reason}); look at its "
        "branches",
    ),
    _Rule(
        ("cannot run ssh", "ssh: not found"),
        RepositoryNotFoundError,
        "ssh is not installed; install an OpenSSH client, or use an https URL",
    ),
    _Rule(
        (
            *("could not resolve host", "name or service not known", "temporary failure in name"),
            *("connection refused", "failed to connect", "couldn't connect", "no route to host"),
            *("network is unreachable", "timed out", "connection reset", "operation too slow"),
            *("connection closed by", "empty reply from server", "recv failure"),
            *("returned error: 429", "returned error: 500", "returned error: 502"),
            *("returned error: 503", "returned error: 504", "the remote end hung up unexpectedly"),
        ),
        ServiceUnavailableError,
        "{host} cannot be reached ({reason}); check the address and the network, and try again",
    ),
)


def remote_error(command: str, url: str, output: GitOutput, access: GitAccess) -> HarnessError:
    """The error of a git command that talked to a server; whatever was fetched before is unchanged.

    :param url: without credentials.
    """
    text = output.stderr.lower()
    if "no space left on device" in text:
        return git_error(command, output)
    reason = redact(output.reason(), access.secrets)
    host = access.place.shown or "the server"
    of = f" of the credential {access.credential!r}" if access.credential else ""
    verb = "push to" if command == "push" else "fetch"
    for rule in _RULES:
        if any(word in text for word in rule.words):
            given = f"{access.credential!r}, which has no password" if access.credential else "none"
            scan = key_scan(access.place.shown)
            said = rule.message.format(host=host, of=of, reason=reason, given=given, scan=scan)
            return rule.error(f"cannot {verb} {url}: {said}")
    used = f" ({access.credential!r} was used)" if access.credential else ""
    return RepositoryNotFoundError(
        f"cannot {verb} {url}: {reason}; check the address, the network and your credentials{used}"
    )
