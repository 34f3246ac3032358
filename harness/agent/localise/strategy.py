"""Draws several versions of the likeliest places and keeps the first that passes.

All samples of a place are drawn on the same prompt, which the server evaluates once. The first is
the likeliest one, the others are drawn with a temperature, so that they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from harness import charsets
from harness.agent.events import EventKind
from harness.agent.kept_tests import changed_inner_test, is_check
from harness.agent.localise.checks import failing_checks
from harness.agent.localise.hidden import holds_hidden
from harness.agent.localise.line_edits import (
    MAX_TOKENS,
    asked_for_lines,
    schema_of,
    with_new_lines,
)
from harness.agent.localise.new_files import Request, wanted_file, write_new_file
from harness.agent.localise.places import (
    Clues,
    Place,
    as_it_is,
    names_in_failing_tests,
    rank_places,
)
from harness.agent.localise.plan import PLAN, WORTH, Round
from harness.agent.localise.progress import got_further
from harness.agent.localise.prompt import messages_for
from harness.agent.localise.renaming import rename_everywhere, wanted_rename
from harness.agent.localise.rewriting import (
    Shown,
    Unchanged,
    Unusable,
    is_complete,
    rewritten,
    show,
)
from harness.agent.localise.special_cases import special_case
from harness.agent.localise.standing import Standing, Version
from harness.agent.localise.trials import Sample, choose_change, passing_changes, write
from harness.agent.recorder import Recorder
from harness.agent.sources import Definition
from harness.agent.status import Stop
from harness.agent.tools.file_text import FileText
from harness.agent.tools.tool import counted, first_line
from harness.agent.verification.verifier import Verdict, Verifier
from harness.errors import HarnessError
from harness.models.conversation import Sampling
from harness.workspace.copies import Workspace

CHARS_PER_TOKEN = 3.0
MIN_SAMPLE_TOKENS = 300


@dataclass(frozen=True, slots=True)
class _Trial:
    """What versions of a place are judged by: the task, the place in its file's ``text``, how the
    files at ``base`` fail ``before``, and the code of the ``checks`` that the model was shown."""

    task: str
    place: Place
    shown: Shown
    text: FileText
    before: Verdict
    base: str
    checks: str


class Localiser:
    """Works on the copy of one task; at the end the files are at the version that passed, at the
    best one that failed less than before, or as they were.

    :param sample: draws a turn; raises what ends the run.
    :param secrets: values that the model does not get to see, besides credentials.
    :param seconds_left: for this strategy; it ends in time, and never in the middle of a sample.

    ``notes`` tell a person what was tried, also of a search that was stopped.
    """

    def __init__(
        self,
        space: Workspace,
        verifier: Verifier,
        recorder: Recorder,
        sample: Sample,
        secrets: Sequence[str],
        seconds_left: Callable[[], float],
    ) -> None:
        self._space = space
        self._verifier = verifier
        self._recorder = recorder
        self._sample = sample
        self._secrets = tuple(secrets)
        self._seconds_left = seconds_left
        self._names: frozenset[str] = frozenset()
        self.notes: list[str] = []

    def run(self, task: str, before: Verdict, clues: Clues) -> str:
        """Try the places one after another; say in words what passed, nothing when nothing did.

        :param before: the verdict on the files as they are.
        """
        state = Standing()
        base = self._space.snapshot()
        try:
            answer = self._rename(task, base)
            if not answer:
                places = self._places(clues)
                answer = self._new_file(task, before, places) or self._search(
                    task, before, clues, places, base, state
                )
        except BaseException:
            self._space.restore(base)
            raise
        if not answer:
            best = state.best
            self._space.restore(best.snapshot if best is not None else base)
            if best is not None:
                self._note(f"kept the best version, of {_where(best.places[-1].definition)}")
        return answer

    def _rename(self, task: str, base: str) -> str:
        names = wanted_rename(task)
        if names is None:
            return ""
        old, new = names
        changed = rename_everywhere(self._space.tree, old, new, self._verifier.command)
        if changed and self._verifier.verify(self._space.snapshot()).ok:
            files = ", ".join(changed)
            self._note(f"renamed {old} to {new} in {files}; no model was needed")
            return f"Renamed `{old}` to `{new}` in {files}."
        self._space.restore(base)
        return ""

    def _places(self, clues: Clues) -> list[Place]:
        return [
            place
            for place in rank_places(self._space.tree, clues)
            if not is_check(place.definition.path, self._verifier.command)
        ]

    def _new_file(self, task: str, before: Verdict, places: Sequence[Place]) -> str:
        path = wanted_file(task, self._space.tree)
        if not path:
            return ""
        self._note(f"write {path} (the task asks for it, and there is none)")
        written = write_new_file(
            self._space,
            self._verifier,
            path,
            Request(task, before, places, self._secrets),
            self._sample,
            self._seconds_left,
            self._note,
        )
        return f"Wrote {path}." if written else ""

    def _search(
        self,
        task: str,
        before: Verdict,
        clues: Clues,
        places: Sequence[Place],
        base: str,
        state: Standing,
    ) -> str:
        if not places:
            self._note("found no place that the task or the failure points to")
            return ""
        self._names = names_in_failing_tests(self._space.tree, clues)
        likely = [place for place in places if place.score >= WORTH * places[0].score]
        for part in PLAN:
            if part.rank >= len(likely):
                continue
            place, start, failing = likely[part.rank], base, before
            if state.best is not None and state.best.places[-1] != place:
                # More than one place has to change: on from what has been reached elsewhere.
                start, failing = state.best.snapshot, state.best.verdict
            if part.again and (version := state.attempts.get(place)) is not None:
                start, failing = version.snapshot, version.verdict
            self._space.restore(start)
            answer = self._try_place(task, place, part, failing, start, state)
            if not answer and part.tries:
                answer = self._try_small_changes(task, place.definition, failing)
            if answer or self._seconds_left() <= 0:
                return answer
        return ""

    def _try_small_changes(self, task: str, one: Definition, before: Verdict) -> str:
        text = self._text(one.path)
        if text is None or not one.name or self._seconds_left() <= 0:
            return ""
        one = as_it_is(one, text.plain)
        shown = show(one, text.plain)
        if holds_hidden(shown, text.plain, self._secrets):
            return ""
        passing, tried = passing_changes(
            self._space,
            self._verifier,
            one.path,
            text,
            shown.code_lines(text.plain),
            f"{task}\n{before.essence}",
            self._seconds_left,
        )
        where = _where(one)
        self._note(f"{where}: tried {counted(tried, 'small change')}, {len(passing)} pass")
        if not passing:
            return ""
        try:
            chosen = choose_change(task, one.path, passing, self._sample)
        except Stop:  # no time to ask: any of them is better than none
            chosen = passing[0]
        if chosen is None:
            self._note(f"{where}: none of them does what the task asks for, says the model")
            return ""
        write(self._space, one.path, text, chosen.text)
        self._space.snapshot()
        return (
            f"Changed `{chosen.was}` to `{chosen.now}` ({one.path}:{chosen.line}). It was found by "
            f"trying small changes, and {'only this one' if len(passing) == 1 else 'others, too,'} "
            "made the verification pass: look whether it is what you mean."
        )

    def _try_place(
        self,
        task: str,
        place: Place,
        part: Round,
        before: Verdict,
        base: str,
        state: Standing,
    ) -> str:
        text = self._text(place.definition.path)
        if text is None:
            return ""
        one = as_it_is(place.definition, text.plain)
        where = _where(one)
        shown = show(one, text.plain, self._names)
        if holds_hidden(shown, text.plain, self._secrets):
            # Hidden values cannot be written again; the loop edits around them.
            self._note(f"{where}: holds a credential, so it is not shown whole")
            return ""
        command = self._verifier.command
        checks = failing_checks(self._space.tree, before.output, command, self._secrets)
        messages = messages_for(task, shown, command=command, essence=before.essence, checks=checks)
        trial = _Trial(task, place, shown, text, before, base, checks)
        longest = max(MIN_SAMPLE_TOKENS, int(len(shown.folded.text) / CHARS_PER_TOKEN * 1.5) + 150)
        why = ", ".join(place.reasons) or "words in common"
        self._note(f"look at {where} ({why})")
        for temperature in part.temperatures:
            if self._seconds_left() <= 0:
                return ""
            sampling = Sampling(temperature, max_tokens=longest)
            answer = self._sample(messages, sampling, partial(is_complete, shown=shown)).content
            try:
                passes = self._try_answer(answer, trial, state)
            except Unchanged:
                # Once more in the same conversation, whose beginning the server knows.
                self._note(f"{where}: it changes nothing, asked for the lines")
                asked = asked_for_lines(messages, answer, shown, text.plain)
                sampling = Sampling(
                    max(temperature, 0.3), max_tokens=MAX_TOKENS, schema=schema_of(shown)
                )
                answer = self._sample(asked, sampling).content
                passes = self._try_answer(answer, trial, state, last=True)
            if passes:
                return _changed(state.changed_before(place), place)
        return ""

    def _try_answer(
        self, answer: str, trial: _Trial, state: Standing, *, last: bool = False
    ) -> bool:
        shown, text, place = trial.shown, trial.text, trial.place
        one = shown.definition
        where = _where(one)
        try:
            read = with_new_lines if last else rewritten
            new = read(answer, shown, text.plain)
        except Unusable as reason:
            if isinstance(reason, Unchanged) and not last and self._seconds_left() > 0:
                raise
            self._note(f"{where}: not usable, {first_line(str(reason), 160)}")
            return False
        if test := changed_inner_test(one.path, text.plain, new):
            self._note(f"{where}: not tried, it changes the test {test}")
            return False
        if value := special_case(text.plain, new, trial.checks, trial.task):
            self._note(f"{where}: not tried, it answers {value} as the check has it")
            return False
        if (trial.base, new) in state.seen:
            self._note(f"{where}: the same version again")
            return False
        state.seen.add((trial.base, new))
        try:
            write(self._space, one.path, text, new)
        except ValueError as reason:
            self._note(f"{where}: not usable, {first_line(str(reason), 160)}")
            return False
        snapshot = self._space.snapshot()
        verdict = self._verifier.verify(snapshot)
        if verdict.ok:
            self._note(f"{where}: passes")
            return True
        self._space.restore(trial.base)
        failed = verdict.failures
        said = f"still fails ({counted(failed, 'failure')})" if failed else "still fails"
        self._note(f"{where}: {said}")
        goal = trial.before if state.best is None else state.best.verdict
        version = Version(verdict, snapshot, (*state.changed_before(place), place))
        command, root = self._verifier.command, self._space.tree.root
        further = got_further(goal, verdict, command, root)
        state.add(version, trial.before, further=further)
        return False

    def _text(self, path: str) -> FileText | None:
        try:
            found = charsets.decoded(self._space.tree.read_bytes(path))
        except HarnessError:
            return None
        return None if found is None else FileText.parse(found[0])

    def _note(self, text: str) -> None:
        self.notes.append(text)
        self._recorder.event(EventKind.NOTE, text, summary=text)
        self._recorder.line("localise", text=text)


def _where(one: Definition) -> str:
    return f"{one.path}:{one.start} {one.name}".rstrip()


def _changed(before: Sequence[Place], place: Place) -> str:
    """What to answer when the version of a place passes."""
    changed = dict.fromkeys(one.definition for one in (*before, place))
    places = [f"`{one.name or one.path}` ({one.path}:{one.start})" for one in changed]
    return f"Changed {' and '.join(places)}."
