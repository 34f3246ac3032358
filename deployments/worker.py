"""A worker of ours. ``python -m deployments.worker ARGUMENTS`` is ``prefect worker start --type
kubernetes ARGUMENTS``, with an observer that says why a run does not start, and a worker that
carries some runs out itself and loses none. With ``--type process`` first it is a local stack's.
"""

from __future__ import annotations

import sys

_PROCESS = ["--type", "process"]
_KUBERNETES = ["--type", "kubernetes"]


def main(arguments: list[str] | None = None) -> None:
    """Work until SIGTERM."""
    from prefect.cli import app

    # Prefect's command line takes its arguments from nowhere else.
    given = sys.argv[1:] if arguments is None else arguments
    # Importing them is enough: handlers of Prefect's observer, and a worker of its type.
    if given[:2] == _PROCESS:
        import deployments.process_worker
    else:
        import deployments.kubernetes_worker
        import deployments.observing  # noqa: F401

        given = [*_KUBERNETES, *given]
    sys.argv = ["prefect", "--no-prompt", "worker", "start", *given]
    app()


if __name__ == "__main__":
    main()
