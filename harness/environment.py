"""What this process's environment holds besides settings: what a command of the agent may see of
it, which values are secret, and which variables mean nothing."""

from __future__ import annotations

import os
from difflib import get_close_matches

from harness import settings
from harness.errors import HarnessError
from harness.repository.credentials import MIN_VALUE_CHARS, is_secret_variable
from harness.repository.logins import all_secrets

# What a command of the agent may know of this process's environment: where programs are, how
# text is written. Never keys, tokens or addresses of services.
COMMAND_VARIABLES = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("JAVA_HOME", "GOROOT", "CARGO_HOME", "RUSTUP_HOME", "NVM_DIR", "NODE_PATH", "DOTNET_ROOT"),
)

# Programs that stand for the chosen version of another look for it below the home, unless a
# variable says where: a command's home is another one.
_VERSIONS = {
    "RUSTUP_HOME": ".rustup",
    "PYENV_ROOT": ".pyenv",
    "RBENV_ROOT": ".rbenv",
    "NODENV_ROOT": ".nodenv",
    "GOENV_ROOT": ".goenv",
    "ASDF_DATA_DIR": ".asdf",
    "VOLTA_HOME": ".volta",
    "MISE_DATA_DIR": ".local/share/mise",
}


def command_environment() -> dict[str, str]:
    """Return the environment of the agent's commands: an allow-list, and where the versions of
    toolchains are that lie below the home."""
    names = (*COMMAND_VARIABLES, *_VERSIONS)
    found = {name: os.environ[name] for name in names if name in os.environ}
    home = os.path.expanduser("~")  # noqa: PTH111 - a container's user may have none
    for name, folder in _VERSIONS.items():
        place = os.path.join(home, folder)  # noqa: PTH118
        if name not in found and os.path.isdir(place):  # noqa: PTH112
            found[name] = place
    return found


# Read where they are used: a task for the container; the code's folder, the Jobs' defaults and the
# backups' claim and Secret of `harness deploy`; the mark of a local stack's processes.
_OTHER_VARIABLES = frozenset(
    "HARNESS_" + name
    for name in ("TASK", "CODE_DIR", "JOB_DEFAULTS", "BACKUPS_CLAIM", "BACKUP_SECRET", "STACK_ID")
)
# Of this project's own tests.
_TEST_VARIABLES = ("HARNESS_TEST_", "HARNESS_CLUSTER_")


def unknown_variables() -> tuple[tuple[str, str], ...]:
    """Variables called ``HARNESS_…`` that mean nothing, each with the known name that is most
    like it, or an empty one."""
    fields = (f for one in settings.classes() for f in one.model_fields.values())
    known = _OTHER_VARIABLES | {str(field.validation_alias) for field in fields}
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith("HARNESS_")
        and name not in known
        and not name.startswith(_TEST_VARIABLES)
    )
    return tuple(
        (name, "".join(get_close_matches(name, known, n=1, cutoff=0.8))) for name in unknown
    )


def environment_secrets() -> tuple[str, ...]:
    """Return what must not be shown, for redaction: the values of variables whose names say that
    they are secret, and the passwords for git servers."""
    variables = tuple(
        value
        for name, value in sorted(os.environ.items())
        if is_secret_variable(name) and len(value) >= MIN_VALUE_CHARS
    )
    try:
        folder = settings.load(settings.DataSettings).credentials
    except HarnessError:  # said where the setting is used
        return variables
    return variables + all_secrets(folder)
