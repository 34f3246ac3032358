"""Which language a file is in: by its name, its extension, its content, its first line.

The content is looked at only near its beginning, and at the very end for a modeline.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

from harness.chunking.languages.catalog import (
    BY_EXACT_NAME,
    BY_EXTENSION,
    BY_FILE_NAME,
    BY_INTERPRETER,
    BY_PATTERN,
    LANGUAGES,
)
from harness.chunking.languages.disputed import DISPUTED
from harness.chunking.languages.modes import MODES
from harness.chunking.languages.spec import LanguageSpec

_UNKNOWN: Final = LANGUAGES["text"]
_HEAD_CHARS: Final = 20_000
_MODELINE_CHARS: Final = 1_000

# What is put around a file of another kind: "nginx.conf.j2", "Makefile.in".
_AROUND: Final = frozenset(
    {
        *("in", "tmpl", "tpl", "template", "tt", "example", "sample", "dist", "default", "orig"),
        *("bak", "old", "new", "j2", "jinja", "jinja2", "flow", "inc", "disabled", "skel"),
    }
)
# Names that end so say little; a pattern ("Dockerfile.txt") or a modeline says more.
_WEAK: Final = frozenset({"text", "ini", "html"})

# A template of no known kind is a page if there is an element in it.
_ELEMENT: Final = re.compile(r"(?i)<(?:!--|!doctype\b|/?[a-z][\w:-]{0,40}(?:\s[^<>]{0,400})?/?>)")

# What tells a build file from a program with its name ("dockerfile.py", "makefile.js").
_BUILD_MARKS: Final = {
    "dockerfile": re.compile(r"(?mi)^(?:FROM|ARG)[ \t]+\S"),
    "make": re.compile(r"(?m)^(?:[\w.%$()/-]+[ \t]*:(?![=:])|[A-Z_]+[ \t]*[:?+]?=|include[ \t])"),
    "groovy": re.compile(r"(?m)^(?:pipeline|node|@Library|library)\b"),
}

_EMACS: Final = re.compile(
    r"-\*-[ \t]*(?:(?:[^\n]*;)?[ \t]*mode:[ \t]*)?([\w+#.-]+?)(?:-mode)?[ \t]*(?:;[^\n]*)?-\*-",
    re.IGNORECASE,
)
_VIM: Final = re.compile(
    r"(?:^|[ \t])(?:vi|vim\d*|ex):(?:[^\n]*[ \t:])?(?:ft|filetype|syntax)=([\w.+-]+)", re.MULTILINE
)
_COMMAND: Final = re.compile(r"([a-z][a-z_+-]*?)[-.\d]*(?:\.exe)?")
_EXEC: Final = re.compile(r"^[ \t:;]*exec[ \t]+([\w./-]+)[^\n]*[\"']?\$(?:0|\{0)", re.MULTILINE)
_NIX_SHELL: Final = re.compile(r"^#![^\n]*nix-shell[^\n]* -i[ \t]+([\w./-]+)", re.MULTILINE)
# Commands that only start another one.
_STARTERS: Final = frozenset({"env", "sudo", "busybox", "nice", "time", "exec", "command"})
# Commands that may run another language than their own, named further on in the line.
_RUNNERS: Final = frozenset({"dotnet", "npx", "bunx", "uv", "pipx", "bun", "stack", "nix"})
_OPENINGS: Final = (
    (re.compile(r"\s{0,100}<\?php\b"), "php"),
    (re.compile(r"\s{0,100}<\?xml\b"), "xml"),
    (re.compile(r"(?i)\s{0,100}<(?:!doctype\s+html|html)\b"), "html"),
    (re.compile(r"#(?:compdef|autoload)\b"), "bash"),
    (re.compile(r"%YAML\b"), "yaml"),
)


def detect_language(path: str, text: str = "") -> LanguageSpec:
    """The language of a file; plain text when unknown.

    :param path: only its last part is used.
    :param text: the content; it decides between languages that share an extension and for files
        whose names say nothing.
    """
    text = text.removeprefix("\ufeff")
    written = path.rpartition("/")[2]
    return _by_name(written, text) or _by_first_lines(text) or _UNKNOWN


def _by_name(written: str, text: str) -> LanguageSpec | None:
    name = written.lower()
    spec = BY_EXACT_NAME.get(written) or BY_FILE_NAME.get(name)
    if spec is not None:
        script = _by_shebang(text) if "." not in name else None
        return script or spec
    for pattern, spec in BY_PATTERN.items():
        if not pattern.endswith("*") and fnmatchcase(name, pattern):
            return spec
    for pattern, spec in BY_PATTERN.items():
        # "Makefile.boot", "Dockerfile.arm": not of the language that the ending stands for.
        if pattern.endswith(".*") and written[0].isupper() and fnmatchcase(name, pattern):
            mark = _BUILD_MARKS.get(spec.name)
            if mark is not None and mark.search(text[:_HEAD_CHARS]):
                return spec
    stem, dot, extension = name.rpartition(".")
    if not dot:
        extension = ""
    known = BY_EXTENSION.get(extension)
    if extension in _AROUND and stem:
        known = _inner(written[: len(stem)], text) or known
        if known is LANGUAGES["html"] and text and not _ELEMENT.search(text[:_HEAD_CHARS]):
            known = None
    elif extension in DISPUTED:
        return _disputed(extension, text, known)
    elif known is not None and known.name == "c" and written.endswith(".C"):
        # As compilers have it; a name in capitals throughout tells nothing.
        upper = written[: -len(".C")].isupper()
        known = _contended("h", text) or (known if upper else LANGUAGES["cpp"])
    if known is not None and known.name not in _WEAK:
        return known
    for pattern, spec in BY_PATTERN.items():
        if pattern.endswith("*") and fnmatchcase(name, pattern):
            return spec
    if extension in DISPUTED:
        known = _disputed(extension, text, known)
    if known is None:
        return None
    return _by_modeline(text) or _by_shebang(text) or known


def _inner(written: str, text: str) -> LanguageSpec | None:
    """The language of a file that only has something added to its name, if that tells one."""
    spec = _by_name(written, text)
    return spec if spec is not None and spec is not _UNKNOWN else None


def _disputed(extension: str, text: str, usual: LanguageSpec | None) -> LanguageSpec | None:
    said = _by_modeline(text) or _by_shebang(text)
    if said is not None and usual is not None and said is not usual:
        # "node" runs TypeScript, too: only what such files may be in counts.
        possible = {contender.language for contender in DISPUTED[extension]}
        said = said if said.name in possible else None
    return said or _contended(extension, text) or usual


def _contended(extension: str, text: str) -> LanguageSpec | None:
    head = text[:_HEAD_CHARS]
    for contender in DISPUTED[extension]:
        if re.search(contender.pattern, head):
            return LANGUAGES[contender.language]
    return None


def _by_first_lines(text: str) -> LanguageSpec | None:
    said = _by_modeline(text) or _by_shebang(text)
    if said is not None:
        return said
    for opening, name in _OPENINGS:
        if opening.match(text):
            return LANGUAGES[name]
    return None


def _by_modeline(text: str) -> LanguageSpec | None:
    """What an editor is told in the first or last lines."""
    lines = text[:_MODELINE_CHARS].split("\n")[:5]
    if len(text) > _MODELINE_CHARS:
        lines += text[-_MODELINE_CHARS:].split("\n")[1:]
    found = _EMACS.search("\n".join(lines[:2])) or _VIM.search("\n".join([*lines[:5], *lines[-5:]]))
    if found is None:
        return None
    mode = found[1].lower()
    return LANGUAGES.get(MODES.get(mode, mode))


def _by_shebang(text: str) -> LanguageSpec | None:
    if not text.startswith("#!"):
        return None
    head = text[:_MODELINE_CHARS]
    nix = _NIX_SHELL.search(head)
    if nix is not None:
        return _interpreter(nix[1])
    words = head.partition("\n")[0][2:].split()
    spec = None
    for word in words:
        command = word.replace("\\", "/").rpartition("/")[2].lower()
        if command.startswith("-"):
            command = re.sub(r"^-[a-z]*s(?=[a-z])", "", command)  # env -Snode
        if not command or command in _STARTERS or command.startswith("-") or "=" in command:
            continue
        found = _interpreter(command)
        if spec is None and found is None:
            return None
        spec = found or spec
        if command not in _RUNNERS and found is not None:
            break
    if spec is not None and spec.name == "bash":
        # A shell that hands its own script to another interpreter.
        other = _EXEC.search(head)
        return (other and _interpreter(other[1])) or spec
    return spec


def _interpreter(command: str) -> LanguageSpec | None:
    match = _COMMAND.fullmatch(command.rpartition("/")[2].lower())
    return BY_INTERPRETER.get(match[1]) if match else None
