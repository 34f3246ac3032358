"""What a search has tried, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.agent.localise.places import Place
from harness.agent.verification.verifier import Verdict


@dataclass(frozen=True, slots=True)
class Version:
    """One that fails: how, and the places that it changes, in the order of the changes."""

    verdict: Verdict
    snapshot: str
    places: tuple[Place, ...]


@dataclass(slots=True)
class Standing:
    """``seen`` are versions of a file, each with the snapshot that it was put into. ``best`` is the
    version that got furthest, and ``attempts`` has for each place its best one, or else the latest
    that failed in another way than before."""

    seen: set[tuple[str, str]] = field(default_factory=set)
    best: Version | None = None
    attempts: dict[Place, Version] = field(default_factory=dict)

    def changed_before(self, place: Place) -> tuple[Place, ...]:
        """The other places that are changed in the files when a place is tried."""
        best = self.best
        return best.places if best is not None and best.places[-1] != place else ()

    def add(self, version: Version, before: Verdict, *, further: bool) -> None:
        """Take note of a version that failed.

        :param before: how the files that it was made from fail.
        :param further: it got further than the best one so far.
        """
        place = version.places[-1]
        if further:
            self.best = self.attempts[place] = version
        elif version.verdict.essence != before.essence and (
            self.best is None or self.attempts.get(place) is not self.best
        ):
            self.attempts[place] = version
