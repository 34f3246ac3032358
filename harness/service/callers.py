"""Who asks, and what they may do with which repositories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Scope(StrEnum):
    """What a caller may do; each includes those before it.

    ``READ``: search, symbols, files, repositories, metrics. ``ASK``: also questions, which occupy
    the model. ``TASK``: also coding tasks. ``ADMIN``: also adding, refreshing and removing
    repositories.
    """

    READ = "read"
    ASK = "ask"
    TASK = "task"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Whether a caller with this scope may do what needs the other one."""
        order = list(Scope)
        return order.index(other) <= order.index(self)


@dataclass(frozen=True, slots=True)
class Grant:
    """A scope for the repositories whose name one of the globs matches."""

    scope: Scope
    repos: tuple[str, ...] = ("*",)

    def covers(self, scope: Scope, repo: str) -> bool:
        """Whether it allows what needs a scope with a repository."""
        return self.scope.includes(scope) and any(fnmatchcase(repo, one) for one in self.repos)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was recognised.

    :param name: of the token or the user, for the audit log.
    """

    name: str
    grants: tuple[Grant, ...]

    def may(self, scope: Scope) -> bool:
        """Whether there can be a repository with which the caller may do what needs a scope."""
        return any(grant.scope.includes(scope) for grant in self.grants)

    def may_with(self, scope: Scope, repo: str) -> bool:
        """Whether the caller may do what needs a scope with a repository."""
        return any(grant.covers(scope, repo) for grant in self.grants)

    def visible(self, scope: Scope = Scope.READ) -> Callable[[str], bool]:
        """Which repositories the caller may do with what needs a scope, by their names."""
        return lambda repo: self.may_with(scope, repo)


OWNER = Caller("owner", (Grant(Scope.ADMIN),))
"""Whoever uses a service that listens on this machine only."""
