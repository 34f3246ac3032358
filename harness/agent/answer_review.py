"""Judges an answer to a question: it has to stand on something that can be looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness import charsets
from harness.agent.citations import check_citations, without_citations
from harness.agent.claim_words import telling_words
from harness.agent.status import Status, Stop
from harness.errors import HarnessError
from harness.repository.credentials import redact
from harness.repository.skip_names import is_secret
from harness.workspace.copies import list_files
from harness.workspace.paths import ConfinedTree

MAX_FILES = 2_000
MAX_FILE_BYTES = 500_000
AGAIN = (
    "Your answer names no place in the code that bears it out. Look at the passages above, or use "
    "a tool, and answer again with the place of every claim as path:line."
)
NO_WORDS = "You named a place. Say in words what the code there answers, with the place behind it."
NOT_BORNE_OUT = "the answer cites nothing that bears it out; look at the passages instead"
# Questions that a place alone answers, and words that say more than that there is a place.
_WHERE = re.compile(
    r"^\W*where\b|\b(?:which|what|in which) (?:file|line|module|place)", re.IGNORECASE
)
_SAYS = re.compile(r"\b(?!(?:path|see|files?|lines?|and|here|in|at)\b)\w{2,}", re.IGNORECASE)
# Words for any code, and names of few letters, which count as whole words.
_GENERAL = re.compile(
    r"(?:package|librar|project|module|support|function|implement|availab|possib|exist|provid|"
    r"built|kind|sort|someth|anyth|ways?$)\w*"
)
_SHORT = re.compile(r"\b[A-Z][A-Z0-9]{1,3}\b")
_YES_OR_NO = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|can|could|has|have|must|may|should|will|would)\b",
    re.IGNORECASE,
)
_ABSENCE = re.compile(
    r"^\W*(?:(?:is|are|was|were) there\b|(?:does|do|is|are|can|has|have)\b.*\b(?:any|support\w*|"
    r"exist\w*|have|implement\w*|available|possible)\b)",
    re.IGNORECASE,
)
DENIES = re.compile(
    r"^\W*no\b|\b(?:there (?:is|are) no|no such|not found|could not find|did not find|does not|"
    r"do not|doesn't|don't|isn't|aren't|is not|are not|cannot find|none of)\b",
    re.IGNORECASE,
)


def asks_yes_or_no(question: str) -> bool:
    """Tell whether a question is to be answered with yes or no."""
    return _YES_OR_NO.match(question) is not None


def asks_for_presence(question: str) -> bool:
    """Tell whether a question is one that "there is none" may answer."""
    return _ABSENCE.search(question) is not None


def _beginning_of(word: str) -> str:
    return rf"\b{re.escape(word)}\b" if len(word) < 5 else re.escape(word[:6])


class AnswerReview:
    """Asks once more for an answer without a citation that holds.

    An answer that something is not there cannot cite it. Harness then looks for the question's
    words itself: lines that have them contradict the answer, and their absence bears it out.
    """

    def __init__(self, question: str, tree: ConfinedTree) -> None:
        self._question = question
        self._tree = tree
        self._asked_again = False
        self.searched = ""
        # Shown instead of an answer that does not stand, for want of a better one.
        self.unplaced = ""
        self._absent = ""

    def judge(self, answer: str) -> str | None:
        """Return what to tell the model, None when the answer stands.

        :raises Stop: ``unverified``: it does not, for the second time.
        """
        remark = self.remark_on(answer)
        if remark is None:
            return None
        if self._asked_again:
            raise Stop(Status.UNVERIFIED, NOT_BORNE_OUT, self.unplaced or answer)
        self._asked_again = True
        return remark

    def remark_on(self, answer: str) -> str | None:
        """Return what there is to say against an answer, None when it stands."""
        if answer and answer == self._absent:
            return None
        cited = check_citations(answer, self._tree)[1]
        remark = AGAIN
        if any(citation.verified for citation in cited):
            if _WHERE.search(self._question) or _SAYS.search(without_citations(answer)):
                return None
            remark = NO_WORDS
        if asks_for_presence(self._question) and DENIES.search(answer):
            words, lines = self._look_for(telling_words(self._question))
            if words and not lines:
                self.searched = f"searched all files for {', '.join(words)}: no line has them"
                return None
            if lines:
                shown = "\n".join(lines[:8])
                remark = f"These lines have words of the question:\n{shown}\n{AGAIN}"
        return remark

    def absent(self) -> str:
        """Return that words of the question are nowhere, where it asks whether something is there;
        empty: it does not, or most of its words are somewhere.

        For models that never deny anything. It says what was looked for, and no more.
        """
        if not asks_for_presence(self._question):
            return ""
        wanted = {word for word in telling_words(self._question) if not _GENERAL.fullmatch(word)}
        wanted.update(word.lower() for word in _SHORT.findall(self._question))
        missing = set(wanted)
        for _, text in self._texts():
            low = text.lower()
            missing -= {word for word in missing if re.search(_beginning_of(word), low)}
        if not missing or 2 * len(missing) < len(wanted):
            return ""
        words = ", ".join(f'"{word}"' for word in sorted(missing))
        self._absent = f"Nothing of that was found: no line of the files has {words}."
        return self._absent

    def _look_for(self, words: frozenset[str]) -> tuple[list[str], list[str]]:
        """Return the words that were looked for, and the lines that have most of them."""
        wanted = sorted(words)
        if not wanted:
            return [], []
        need = max(1, (len(wanted) + 1) // 2)
        found: list[str] = []
        for path, text in self._texts():
            for number, line in enumerate(text.split("\n"), 1):
                low = line.lower()
                if sum(word[:6] in low for word in wanted) >= need:
                    found.append(f"{path}:{number}: {line.strip()[:160]}")
        return wanted, found

    def _texts(self) -> Iterator[tuple[str, str]]:
        for path in list_files(self._tree.root)[:MAX_FILES]:
            if is_secret(path):
                continue
            try:
                data = self._tree.read_bytes(path)
            except HarnessError:
                continue
            if len(data) <= MAX_FILE_BYTES and not charsets.looks_binary(data):
                yield path, redact(charsets.readable(data))
