"""Tells whether a release may be learned from: permissive by its metadata *and* its licence file.

Two kinds of packages have only one of the two, and pass with that one: Go modules have no metadata,
and jars of sources often have their licence as a header in every file instead of a file of its own.
"""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_string

PERMISSIVE = frozenset(
    [
        "MIT",
        "MIT-0",
        "X11",
        "ISC",
        "0BSD",
        "BSD-1-Clause",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-4-Clause",
        "Apache-2.0",
        "Zlib",
        "BSL-1.0",
        "Unlicense",
        "CC0-1.0",
        "PSF-2.0",
        "PostgreSQL",
        "HPND",
        "BlueOak-1.0.0",
        "Unicode-3.0",
        "NCSA",
        "curl",
        "WTFPL",
        "libpng",
        "OpenSSL",
    ]
)

_NAMES: tuple[tuple[str, str], ...] = (
    (r"apache|asl|\bal2", "Apache-2.0"),
    (r"mit-0", "MIT-0"),
    (r"\bmit\b|expat|mit license", "MIT"),
    (r"\bisc\b", "ISC"),
    (r"0bsd|bsd-0|zero-clause", "0BSD"),
    (r"bsd-?2|2-clause|simplified bsd|freebsd", "BSD-2-Clause"),
    (r"bsd", "BSD-3-Clause"),
    (r"zlib", "Zlib"),
    (r"bsl-1|boost", "BSL-1.0"),
    (r"unlicense|public domain", "Unlicense"),
    (r"cc0", "CC0-1.0"),
    (r"psf|python software|python-2", "PSF-2.0"),
    (r"postgresql", "PostgreSQL"),
    (r"hpnd|historical permission", "HPND"),
    (r"blueoak", "BlueOak-1.0.0"),
    (r"unicode", "Unicode-3.0"),
    (r"ncsa", "NCSA"),
    (r"\bcurl\b", "curl"),
)
_NOT_PERMISSIVE = re.compile(
    r"gpl|general public|mozilla|mpl|eclipse|epl|cddl|business source|busl|server side|sspl|"
    r"commons clause|elastic|polyform|non-?commercial|cc-by-nc|cc-by-sa|eupl|artistic|cecill|"
    r"proprietary|see license|unlicensed|commercial|osl|confluent",
    re.IGNORECASE,
)
_TEXTS: tuple[tuple[str, str], ...] = (
    (r"apache license,?\s+version 2|licensed under the apache license", "Apache-2.0"),
    (r"permission is hereby granted,? free of charge", "MIT"),
    (r"permission to use, copy, modify, and(/or)? distribute this", "ISC"),
    (r"redistribution and use in source and binary forms", "BSD-3-Clause"),
    (r"boost software license", "BSL-1.0"),
    (r"this software is provided ['‘`\"]+as-is", "Zlib"),
    (r"free and unencumbered software", "Unlicense"),
    (r"creative commons.*cc0|cc0 1\.0", "CC0-1.0"),
    (r"python software foundation license", "PSF-2.0"),
    (r"permission to use, copy, modify,? and distribute", "HPND"),
    (r"the postgresql (global|licence|license)", "PostgreSQL"),
    (r"blue oak model license", "BlueOak-1.0.0"),
)
_RESTRICTED_TEXT = re.compile(
    r"gnu (affero |lesser |library )?general public license|mozilla public license|"
    r"eclipse public license|common development and distribution|business source license|"
    r"server side public|commons clause|elastic license|polyform|"
    r"non-?commercial (use|purposes) only|european union public",
    re.IGNORECASE,
)
_FILE = re.compile(r"(^|/)(licen[cs]e|copying|unlicense|notice)[^/]*$", re.IGNORECASE)
_SOURCE = re.compile(r"\.(java|kt|scala|groovy|clj)$")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a release may be used, under which licence, and why not. ``may_use`` tells for a
    single path, where a package's files differ."""

    licence: str
    reason: str = ""
    may_use: Callable[[str], bool] = lambda path: True

    @property
    def is_permissive(self) -> bool:
        """Whether it may be used at all."""
        return not self.reason


def judge(registry: str, files: Mapping[str, bytes], pom: Sequence[str] = ()) -> Verdict:
    """Judge a release.

    :param registry: decides where its metadata are.
    :param files: content by path below the release's own folder.
    :param pom: of a Maven artifact: its POM and those of its parents.
    """
    if registry == "debian":
        return _debian(files)
    text_licence = _by_text(files)
    declared = _declared(registry, files, pom)
    if registry == "go":
        declared = text_licence
    if registry == "maven" and not text_licence:
        text_licence = _by_headers(files)
    if not declared:
        return Verdict("", "no licence in its metadata")
    metadata = _spdx(declared)
    if metadata is None:
        return Verdict(declared, f"its metadata say {declared[:60]!r}")
    if not text_licence:
        return Verdict(metadata, "no licence file that is known")
    if text_licence == "restricted" and " OR " not in declared.upper():
        return Verdict(metadata, "its licence file names another licence")
    return Verdict(metadata)


def _declared(registry: str, files: Mapping[str, bytes], pom: Sequence[str]) -> str:
    if registry == "pypi":
        path = next((p for p in files if p.endswith(".dist-info/METADATA")), "")
        return _of_wheel(_text(files[path])) if path else ""
    if registry == "npm":
        return _of_npm(_text(files.get("package.json", b"{}")))
    if registry == "crates":
        try:
            manifest = tomllib.loads(_text(files.get("Cargo.toml", b"")))
        except tomllib.TOMLDecodeError:
            return ""
        return str(manifest.get("package", {}).get("license", "")).replace("/", " OR ")
    names = [
        name.strip()
        for one in pom
        for name in re.findall(r"<license>.*?<name>(.*?)</name>", one, re.DOTALL)[:3]
    ]
    return " OR ".join(dict.fromkeys(names))


def _of_wheel(metadata: str) -> str:
    message = message_from_string(metadata)
    expression = str(message.get("License-Expression", ""))
    if expression:
        return expression
    classifiers = [
        str(value).rpartition("::")[2].strip()
        for value in message.get_all("Classifier", [])
        if str(value).startswith("License ::") and "::" in str(value)[11:]
    ]
    return " OR ".join(classifiers) or str(message.get("License", "")).split("\n")[0][:100]


def _of_npm(manifest: str) -> str:
    try:
        licence = json.loads(manifest).get("license", "")
    except (json.JSONDecodeError, AttributeError):
        return ""
    return str(licence.get("type", "") if isinstance(licence, dict) else licence)


def _spdx(declared: str) -> str | None:
    """The licences of an expression in SPDX's names; None if they are not all permissive. Of a
    choice, one is enough."""
    choices = re.split(r"\s+or\s+|\s*,\s*", declared.strip("() "), flags=re.IGNORECASE)
    fine: list[str] = []
    for choice in choices:
        parts = [_spdx_of(p) for p in re.split(r"\s+and\s+", choice, flags=re.IGNORECASE)]
        if all(part in PERMISSIVE for part in parts):
            fine.append(" AND ".join(sorted({part for part in parts if part})))
    return " OR ".join(dict.fromkeys(fine)) if fine else None


def _spdx_of(name: str) -> str | None:
    name = name.strip("() ")
    if name in PERMISSIVE:
        return name
    if _NOT_PERMISSIVE.search(name):
        return None
    return next((to for what, to in _NAMES if re.search(what, name, re.IGNORECASE)), None)


def _by_text(files: Mapping[str, bytes]) -> str:
    """The licence that the files at the top say; ``restricted`` if one is not permissive."""
    found = ""
    for path in files:
        is_top = path.count("/") <= 1 or ".dist-info/" in path or path.startswith("META-INF/")
        if not (is_top and _FILE.search(path)):
            continue
        text = _text(files[path])
        if _RESTRICTED_TEXT.search(text):
            return "restricted"
        found = found or _known_text(text)
    return found


def _known_text(text: str) -> str:
    flat = " ".join(text.split())[:20_000]
    return next((name for what, name in _TEXTS if re.search(what, flat, re.IGNORECASE)), "")


def _by_headers(files: Mapping[str, bytes]) -> str:
    """The licence that most source files have at their top."""
    sources = [path for path in files if _SOURCE.search(path)][:60]
    heads = [_known_text(_text(files[path][:3000])) for path in sources]
    known = [head for head in heads if head]
    return known[0] if known and len(known) * 2 > len(heads) else ""


def _debian(files: Mapping[str, bytes]) -> Verdict:
    """By the machine-readable ``debian/copyright``; files under other licences are left out."""
    copyright_ = _text(files.get("debian/copyright", b""))
    if "format" not in copyright_[:400].lower():
        return Verdict("", "debian/copyright is not machine-readable")
    stanzas: list[tuple[list[str], str]] = []
    for paragraph in re.split(r"\n\s*\n", copyright_):
        patterns = re.search(r"^Files:\s*((?:.|\n[ \t])*)", paragraph, re.MULTILINE)
        licence = re.search(r"^License:[ \t]*(.*)", paragraph, re.MULTILINE)
        if patterns and licence:
            stanzas.append((patterns.group(1).replace(",", " ").split(), licence.group(1).strip()))
    main = next((licence for patterns, licence in stanzas if "*" in patterns), "")
    if not main:
        return Verdict("", "debian/copyright has no line for all files")
    metadata = _spdx(main.replace(" | ", " or "))
    if metadata is None:
        return Verdict(main, f"debian/copyright says {main[:60]!r}")
    text_licence = _by_text({p: d for p, d in files.items() if not p.startswith("debian/")})
    if not text_licence:
        return Verdict(metadata, "no licence file that is known")
    if text_licence == "restricted" and " or " not in main.lower() and len(stanzas) < 3:
        return Verdict(metadata, "its licence file names another licence")
    rules = [(p, _spdx(licence) is not None) for ps, licence in stanzas for p in ps]

    def may_use(path: str) -> bool:
        # The last stanza that matches counts.
        fitting = [fine for pattern, fine in rules if fnmatch.fnmatchcase(path, pattern)]
        return bool(fitting) and fitting[-1]

    return Verdict(metadata, "", may_use)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
