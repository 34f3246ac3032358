"""Where prefect.yaml and the code that it deploys are on this machine.

In a checkout they are at the top, beside the package. A wheel carries them inside the package,
because site-packages is shared: ``flows`` and ``deployments`` are names that anybody may use there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from harness.errors import StackError

_PACKAGE = Path(__file__).resolve().parents[1]
# pyproject.toml puts it there when a wheel is built.
_BUNDLE = _PACKAGE / "bundle"


def code_dir() -> Path:
    """The folder with ``prefect.yaml``, ``flows`` and ``deployments``.

    :raises StackError: this copy of Harness is incomplete.
    """
    for folder in (_BUNDLE, _PACKAGE.parent):
        if (folder / "prefect.yaml").is_file():
            return folder
    raise StackError(f"prefect.yaml is neither in {_BUNDLE} nor beside it; install Harness again")


def with_code(env: Mapping[str, str]) -> dict[str, str]:
    """An environment in which ``python -m deployments.…`` is found; for ``python -P``, so that a
    folder `deployments` where the caller happens to be is not taken for ours.

    :raises StackError: this copy of Harness is incomplete.
    """
    path = os.pathsep.join(filter(None, (str(code_dir()), env.get("PYTHONPATH"))))
    return {**env, "PYTHONPATH": path}
