"""Leases: records that say who may work on something, and that change by comparison only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds ``key``. ``holder`` is empty when nobody does; ``fence`` is one more with each
    holder, so that the work of an earlier one can be told from that of a later one. ``version`` is
    another random text after each change: whoever sees the same one twice knows that the holder has
    given no sign of life meanwhile. ``note`` is the holder's own."""

    key: str
    fence: int
    holder: str
    version: str
    note: str = ""


class LeaseStore(Protocol):
    """Where leases are kept. Not part of a backup: a restored index is held by nobody."""

    def lease(self, key: str) -> Lease | None:
        """The lease as it is now; None when nobody has ever held it."""

    def swap_lease(self, new: Lease, expected: str | None) -> bool:
        """Replace a lease if it is still the one that the caller has seen. Of several who try at
        once, one succeeds.

        :param expected: the version that was seen; None: there was no lease.
        :returns: whether ``new`` is what is stored now.
        """
