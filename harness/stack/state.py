"""What a stack is made of, on disk, so that a later command can find and stop it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from harness.files import PRIVATE_FOLDER, private_folder, write_atomically
from harness.stack.options import StackOptions
from harness.stack.processes import ProcessRecord

SERVER, WORKER, SERVICE = "server", "worker", "service"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a stack keeps its things below the data directory."""

    data_dir: Path

    @property
    def prefect_home(self) -> Path:
        """Prefect's database, profiles and local results."""
        return self.data_dir / "prefect"

    @property
    def database(self) -> Path:
        """The Prefect server's database, whose name is Prefect's default."""
        return self.prefect_home / "prefect.db"

    @property
    def directory(self) -> Path:
        """State, lock and logs."""
        return self.data_dir / "stack"

    @property
    def state_file(self) -> Path:
        """Which processes belong to the stack."""
        return self.directory / "state.json"

    @property
    def profile_file(self) -> Path:
        """Address and password of the server, as a profile of Prefect's."""
        return self.directory / "prefect-profiles.toml"

    @property
    def lock_file(self) -> Path:
        """Held while a stack is started or stopped."""
        return self.directory / "lock"

    def log(self, role: str) -> Path:
        """Output of one of the processes."""
        return self.directory / f"{role}.log"

    def create(self) -> None:
        """Make the folders, readable by their owner only: run parameters, paths of private
        repositories and the whole Prefect database are kept there."""
        private_folder(self.data_dir)
        for folder in (self.prefect_home, self.directory):
            private_folder(folder).chmod(PRIVATE_FOLDER)


@dataclass(frozen=True, slots=True)
class StackState:
    """One stack. ``id`` marks its processes' environment.

    :param auth_string: ``user:password`` of its server; None for one that a version of Harness
        without passwords has started.
    :param service_port: of its service; 0 when it has none.
    """

    id: str
    port: int
    work_pool: str = StackOptions().work_pool
    processes: tuple[ProcessRecord, ...] = ()
    auth_string: str | None = field(default=None, repr=False)
    service_port: int = 0

    def with_process(self, record: ProcessRecord) -> StackState:
        """A copy in which ``record`` is the process of its role."""
        others = tuple(other for other in self.processes if other.role != record.role)
        return replace(self, processes=(*others, record))

    def process(self, role: str) -> ProcessRecord | None:
        """The process of a role, None when it was never started."""
        return next((record for record in self.processes if record.role == role), None)


def read_state(layout: Layout) -> StackState | None:
    """The recorded stack; None when there is none, or when the file makes no sense. It is
    replaced as a whole, so another version of Harness must have written it then."""
    try:
        document = json.loads(layout.state_file.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            return None
        return StackState(
            id=str(document["id"]),
            port=int(document["port"]),
            # Versions before the setting wrote none.
            work_pool=str(document.get("work_pool", StackOptions().work_pool)),
            processes=tuple(
                ProcessRecord(str(entry["role"]), int(entry["pid"]), float(entry["started"]))
                for entry in document["processes"]
            ),
            auth_string=_text(document.get("auth_string")),
            service_port=int(document.get("service_port", 0)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def write_state(layout: Layout, state: StackState) -> None:
    """Replace the state file in one step, so that a reader never sees half of it.

    :raises OSError: the disk is full or the folder cannot be written.
    """
    document = {"format": _FORMAT, **asdict(state)}
    write_atomically(layout.state_file, json.dumps(document, indent=1))


def remove_state(layout: Layout) -> None:
    """Forget the stack."""
    layout.state_file.unlink(missing_ok=True)
