"""The worker of a Kubernetes work pool: ``python -m deployments.worker ARGUMENTS`` is
``prefect worker start --type kubernetes ARGUMENTS``, with an observer that says why a run does not
start, and a worker that carries some runs out itself.
"""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    """Work until SIGTERM."""
    from prefect.cli import app

    # Importing them is enough: handlers of Prefect's observer, and a worker of its type.
    import deployments.kubernetes_worker
    import deployments.observing  # noqa: F401

    # Prefect's command line takes its arguments from nowhere else.
    given = sys.argv[1:] if arguments is None else arguments
    sys.argv = ["prefect", "worker", "start", "--type", "kubernetes", *given]
    app()


if __name__ == "__main__":
    main()
