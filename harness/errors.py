"""The one exception tree of Harness.

::

    HarnessError                      exit code 1
    ├── TransientError                worth another try: retried with backoff by tasks
    │   ├── StoreBusyError            another process holds the embedded store
    │   └── ServiceUnavailableError   exit 3: a server did not answer, or said 429/503
    │       └── ServiceTimeoutError   exit 3: it took the request and said nothing in time
    └── PermanentError                the same call would fail again
        ├── UsageError                exit 2: bad input (path, query, option, setting)
        │   ├── RepositoryNotFoundError   exit 2: not a folder, unreachable URL, unknown name
        │   ├── CredentialError           exit 2: a git server refuses it, or it may not be used
        │   ├── NameTakenError            exit 2: the name in the index is another repository's
        │   ├── InvalidSettingError       exit 2: an environment variable cannot be used
        │   └── NothingIndexedError       exit 2: the index is empty
        ├── ModelMissingError         exit 3: the server does not have the model
        ├── ModelMismatchError        exit 3: wrong dimension, not finite, wrong count
        ├── StoreError                exit 1: the store refused, or its disk is full
        │   ├── StoreFullError            exit 1: no room for another batch
        │   ├── StoreDamagedError         exit 1: part of it is damaged: `harness repair`
        │   └── NoTablesError             exit 1: Prefect's server has not made its database yet
        ├── LeaseLostError            exit 1: another run has taken the place of this one
        ├── UnsafeNameError           exit 1: a name from outside that must not become a path
        ├── PolicyError               exit 7: refused by a permission
        ├── PatchConflictError        exit 1: a patch does not apply cleanly
        ├── GitError                  exit 3: git is missing, or a git command failed
        └── StackError                exit 3: the local Prefect stack could not be started or used

A message is one line that says what is wrong and what to do about it. Exceptions are caught
only at a border: the command line, a flow, a batch of files.
"""

from __future__ import annotations


class HarnessError(Exception):
    """Root of the tree. ``exit_code`` is what the command line ends with."""

    exit_code = 1


class TransientError(HarnessError):
    """A later try may work."""


class PermanentError(HarnessError):
    """The same call would fail again."""


class StoreBusyError(TransientError):
    """Another process holds the embedded store; the message names its pid."""


class ServiceUnavailableError(TransientError):
    """A server did not answer in time, or answered 429 or 503."""

    exit_code = 3


class ServiceTimeoutError(ServiceUnavailableError):
    """A server took a request and was silent for too long: another try costs the same time."""


class UsageError(PermanentError):
    """The caller's input cannot be used."""

    exit_code = 2


class RepositoryNotFoundError(UsageError):
    """No such folder, no such indexed repository, or a git URL that cannot be reached."""


class CredentialError(UsageError):
    """A credential is missing, refused by the server, or not meant for it; the message names
    repository, host and credential, never a secret."""


class NameTakenError(UsageError):
    """A name in the index belongs to another repository."""


class NothingIndexedError(UsageError):
    """The index is empty, so there is nothing to do it with."""


class InvalidSettingError(UsageError):
    """A setting's value cannot be used; the message names the variable."""


class ModelMissingError(PermanentError):
    """The model is not on the server; the message names the command that brings it."""

    exit_code = 3


class ModelMismatchError(PermanentError):
    """A model answered with the wrong count, dimension, or with values that are not finite."""

    exit_code = 3


class StoreError(PermanentError):
    """The vector store refused an operation, is damaged, or its disk is full."""


class StoreFullError(StoreError):
    """The disk of the store has no room for another batch."""


class StoreDamagedError(StoreError):
    """Part of the embedded store is not what was written; ``harness repair`` mends it."""


class NoTablesError(StoreError):
    """A database has not one table: the server that makes them has not started yet."""


class LeaseLostError(PermanentError):
    """Another run has taken the place of this one, which must not write any more."""


class UnsafeNameError(PermanentError):
    """A name from outside that must not become part of a path; nothing was touched."""


class PolicyError(PermanentError):
    """Refused by a permission that is enforced in code."""

    exit_code = 7


class GitError(PermanentError):
    """git is not installed, refused a repository, or failed; the message holds git's own words."""

    exit_code = 3


class PatchConflictError(PermanentError):
    """A patch does not apply cleanly to the files as they are; nothing was changed."""


class StackError(PermanentError):
    """The local Prefect server or worker could not be started, reached, or used."""

    exit_code = 3


def is_transient(error: BaseException) -> bool:
    """Tell whether a later try of the same call may work.

    Connection errors and time-outs of the standard library count as transient; a full disk
    (``ENOSPC``) and everything else outside the tree do not.
    """
    if isinstance(error, HarnessError):
        return isinstance(error, TransientError)
    return isinstance(error, ConnectionError | TimeoutError)
