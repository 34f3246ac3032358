"""The receiver's counters, in the text format that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Metrics:
    """Counters since the start.

    ``deliveries`` is keyed by (provider, outcome), each one of a few fixed words. ``prefect_up`` is
    None until Prefect was called for the first time.
    """

    deliveries: Counter[tuple[str, str]] = field(default_factory=Counter)
    runs_started: int = 0
    prefect_errors: int = 0
    prefect_up: bool | None = None

    def text(self, *, dropped: int, pending: int, journal_bytes: int) -> str:
        """The page that Prometheus reads.

        :param dropped: connections that were too slow.
        :param pending: how many repositories have a push to hand over.
        :param journal_bytes: size of the journal on disk.
        """
        name = "harness_webhook_deliveries_total"
        lines = [f"# HELP {name} Requests by outcome.", f"# TYPE {name} counter"]
        for (provider, outcome), count in sorted(self.deliveries.items()):
            lines.append(f'{name}{{provider="{provider}",outcome="{outcome}"}} {count}')
        for kind, name, about, value in (
            ("counter", "harness_webhook_runs_started_total", "Index runs started.",
             self.runs_started),
            ("counter", "harness_webhook_prefect_errors_total", "Failed calls to Prefect.",
             self.prefect_errors),
            ("counter", "harness_webhook_dropped_connections_total", "Slow connections dropped.",
             dropped),
            ("gauge", "harness_webhook_pending", "Repositories with a push to hand over.",
             pending),
            ("gauge", "harness_webhook_journal_bytes", "Size of the journal on disk.",
             journal_bytes),
        ):  # fmt: skip
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {value}"]
        return "\n".join(lines) + "\n"
