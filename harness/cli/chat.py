"""``harness chat``: the interactive agent.

Changes go to a copy of the repository and reach your files only by ``/apply``. Ctrl-C ends a
request, not the session; Ctrl-D or ``/quit`` ends the session.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.narration import narrate_chat
from harness.cli.options import Model
from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.agent import ChatSession
    from harness.types import Hit

HELP = """\
/help            this list
/search WORDS    passages of the index
/open PATH[:N]   show a file of the copy, from line N
/diff            what was changed in this session
/undo            take back the changes of the last request
/apply           apply the changes to your files (never commits)
/model NAME      go on with another model
/quit            end (also Ctrl-D)
A line that ends in \\ goes on in the next; a line of three quotes starts and ends a longer text."""

_LINES_SHOWN = 60


def chat(
    repo: Annotated[
        str, typer.Option(metavar="PATH", help="Folder, git URL, or name of an indexed repository.")
    ] = ".",
    model: Model = None,
    approve: Annotated[
        bool, typer.Option("--approve/--no-approve", help="Ask before each command.")
    ] = True,
) -> None:
    """Talk with the agent about a repository, and let it change a copy."""
    from harness.agent import ChatSession
    from harness.configured import index_of, open_assistant, opened_repository, results_folder

    if not sys.stdin.isatty():
        raise UsageError("chat needs a terminal; use `harness ask` or `harness task` instead")
    ask_user = _ask_user if approve else None
    with (
        opened_repository(repo) as repository,
        open_assistant(results_folder("chat"), model, approve=ask_user) as assistant,
        index_of(repository.record) as (name, search, _),
        ChatSession(
            repository.root,
            assistant.model,
            search=search,
            repo=name,
            limits=assistant.limits,
            on_event=narrate_chat(),
            results_dir=assistant.results_dir,
            options=assistant.options,
        ) as session,
    ):
        with_index = f"index: {name}" if name else "not indexed (`harness index`): grep is used"
        where = repository.remote.url if repository.remote else repository.root
        about = f"{where}  model: {assistant.model.model}  {with_index}  /help for commands"
        print(console.printable(about))
        with _history():
            Conversation(session, search, has_folder=repository.remote is None).run()


class Conversation:
    """Reads lines until the end; commands start with a slash."""

    def __init__(
        self,
        session: ChatSession,
        search: Callable[[str, int], Sequence[Hit]] | None,
        *,
        has_folder: bool = True,
    ) -> None:
        self._session = session
        self._search = search
        self._has_folder = has_folder

    def run(self) -> None:
        """Go on until ``/quit`` or Ctrl-D."""
        while True:
            try:
                text = read_message()
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                print("  (/quit or Ctrl-D ends the session)")
                continue
            if not text.strip():
                continue
            if text.strip() in {"/quit", "/exit"}:
                return
            try:
                self.handle(text)
            except KeyboardInterrupt:
                print("\n(interrupted)")
            except HarnessError as error:
                console.error(str(error))

    def handle(self, text: str) -> None:
        """Carry out one message or command."""
        word, _, rest = text.strip().partition(" ")
        commands: dict[str, Callable[[str], None]] = {
            "/help": lambda rest: print(HELP),
            "/search": self._show_passages,
            "/open": self._open,
            "/diff": lambda rest: print(console.printable(self._session.diff()) or "no changes"),
            "/undo": lambda rest: print("undone" if self._session.undo() else "nothing to undo"),
            "/apply": self._apply,
            "/model": self._switch_model,
        }
        if word in commands:
            commands[word](rest.strip())
        elif word.startswith("/") and "/" not in word[1:]:
            raise UsageError(f"{word} is not a command; /help lists them")
        else:
            self._send(text)

    def _send(self, text: str) -> None:
        result = self._session.send(text)
        print()
        if result.error:
            console.error(f"{result.status}: {result.error}")
        unverified = [f"{c.path}:{c.start_line}" for c in result.citations if not c.verified]
        if unverified:
            print(console.printable(f"(not verified: {', '.join(unverified)})"))

    def _show_passages(self, query: str) -> None:
        if self._search is None:
            raise UsageError("this folder is not indexed; run `harness index` first")
        for hit in self._search(query, 5):
            print(
                console.printable_name(f"{hit.path}:{hit.start_line}-{hit.end_line}  {hit.symbol}")
            )

    def _open(self, place: str) -> None:
        from harness import charsets
        from harness.workspace import ConfinedTree

        path, _, line = place.partition(":")
        if not path:
            raise UsageError("name a file: /open PATH or /open PATH:LINE")
        data = ConfinedTree(self._session.workspace_root).read_bytes(path)
        lines = charsets.readable(data).removeprefix(charsets.MARK).split("\n")
        start = int(line) if line.isdigit() else 1
        for number, content in enumerate(lines[start - 1 : start - 1 + _LINES_SHOWN], start):
            print(console.printable(f"{number:6}  {content}"))

    def _apply(self, rest: str) -> None:
        if not self._has_folder:
            raise UsageError("this repository is on a server; /diff shows the patch to take along")
        patch = self._session.apply()
        print("applied; look at it with `git diff`" if patch else "nothing to apply")

    def _switch_model(self, name: str) -> None:
        from harness.configured import open_chat_model

        if not name:
            print(self._session.model.model)
            return
        self._session.switch_model(open_chat_model(name))


def read_message(read: Callable[[str], str] = input) -> str:
    """One message: a line, lines that end in a backslash, or a text between triple quotes."""
    line = read("> ")
    if line.strip() == '"""':
        lines: list[str] = []
        while (line := read("… ")).strip() != '"""':
            lines.append(line)
        return "\n".join(lines)
    parts = [line]
    while parts[-1].endswith("\\"):
        parts[-1] = parts[-1][:-1]
        parts.append(read("… "))
    return "\n".join(parts)


def _ask_user(kind: str, text: str) -> bool:
    print(f"\n{kind}:\n{console.printable(text)}")
    return typer.confirm("Allow?", default=False)


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Arrow keys and a history that is kept, readable by the user only."""
    try:
        import readline
    except ImportError:  # a Python built without it
        yield
        return
    from harness.files import PRIVATE_FILE, private_folder
    from harness.settings import DataSettings, load

    path: Path = load(DataSettings).data_dir / "chat_history"
    with contextlib.suppress(OSError):
        private_folder(path.parent)
        path.touch(mode=PRIVATE_FILE)
        readline.read_history_file(path)
    readline.set_history_length(1000)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(path)
