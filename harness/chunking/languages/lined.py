"""Languages without a grammar: the beginnings of their lines say what is defined."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Content, Head, Kind, LanguageSpec, Structure

_VB_MODIFIERS: Final = (
    r"(?i)\s{0,40}(?:(?:public|private|friend|static|global|protected|shared|overridable"
    r"|overrides)\s+)*"
)

LANGUAGES: Final = (
    LanguageSpec(
        "batch",
        extensions=("bat", "cmd"),
        structure=Structure.LINES,
        marks=(Head(r"[ \t]{0,40}:([A-Za-z_][\w.-]*)", Kind.FUNCTION),),
    ),
    LanguageSpec(
        "prolog",
        extensions=("prolog", "yap"),
        interpreters=("swipl", "yap", "gprolog"),
        structure=Structure.LINES,
        marks=(
            Head(r":-\s*module\(\s*(\w+)", Kind.NAME),
            Head(r"([a-z]\w*)(?:\(.*)?\s*(?::-|-->)", Kind.FUNCTION),
            Head(r"([a-z]\w*)\(.*\)\s*\.", Kind.NAME),
        ),
    ),
    LanguageSpec(
        "vb",
        extensions=("vb", "vbs", "bas", "frm", "vba", "ctl", "dsr"),
        structure=Structure.LINES,
        marks=(
            Head(r"(?i)Attribute\s+VB_Name\s*=\s*\"(\w+)\"", Kind.NAME),
            Head(
                _VB_MODIFIERS + r"(?:sub|function|property\s+(?:get|let|set))\s+(\w+)",
                Kind.FUNCTION,
            ),
            Head(
                _VB_MODIFIERS + r"(?:class|module|structure|type|enum|interface)\s+(\w+)", Kind.NAME
            ),
            Head(_VB_MODIFIERS + r"const\s+(\w+)", Kind.NAME),
        ),
    ),
    LanguageSpec(
        "coq",
        structure=Structure.LINES,
        marks=(
            Head(
                r"\s{0,40}(?:(?:Local|Global|Program|#\[\w+\])\s+)*(?:Theorem|Lemma|Corollary|Fact|Remark"
                r"|Proposition|Definition|Fixpoint|CoFixpoint|Inductive|CoInductive|Record|Structure|Class"
                r"|Instance|Axiom|Parameter|Example|Function|Ltac|Variant)\s+([\w']+)",
                Kind.FUNCTION,
            ),
            Head(r"(?:Module|Section)\s+(?:Type\s+)?(\w+)", Kind.NAME),
        ),
    ),
    LanguageSpec(
        # There is a grammar, and a few hundred quotation marks make it end the process.
        "agda",
        extensions=("agda", "lagda"),
        structure=Structure.LINES,
        marks=(
            Head(r"module\s+([\w.]+)", Kind.NAME),
            Head(r"\s{0,40}(?:data|record|codata)\s+(\S+)", Kind.TYPE),
            Head(r"(?:postulate\s+)?([^\s(){};:]+)\s+:\s", Kind.FUNCTION),
        ),
    ),
    LanguageSpec(
        # As with Agda: a few hundred brackets in a row make the grammar end the process.
        "typst",
        extensions=("typ",),
        structure=Structure.LINES,
        content=Content.PROSE,
        marks=(
            Head(r"#let\s+([\w-]+)\(", Kind.FUNCTION),
            Head(r"#let\s+([\w-]+)", Kind.NAME),
        ),
    ),
    LanguageSpec(
        "forth",
        extensions=("4th", "forth", "fth", "frt"),
        interpreters=("gforth", "pforth"),
        structure=Structure.LINES,
        marks=(
            Head(r":\s+(\S+)", Kind.FUNCTION),
            Head(r"(?i).{0,80}?\b(?:variable|constant|create|value)\s+(\S+)", Kind.NAME),
        ),
    ),
    LanguageSpec(
        "awk",
        extensions=("awk", "gawk", "mawk", "nawk"),
        interpreters=("awk", "gawk", "mawk", "nawk"),
        structure=Structure.LINES,
        marks=(Head(r"[ \t]{0,40}func(?:tion)?[ \t]+([A-Za-z_]\w*(?:::\w+)?)", Kind.FUNCTION),),
    ),
    LanguageSpec(
        "crystal",
        extensions=("cr",),
        interpreters=("crystal",),
        structure=Structure.LINES,
        marks=(
            Head(
                r"[ \t]{0,40}(?:(?:private|protected|abstract)[ \t]+)*(?:def|macro|fun)[ \t]+"
                r"(?:self\.)?([^\s(.;:]+)",
                Kind.FUNCTION,
            ),
            Head(
                r"[ \t]{0,40}(?:(?:private|abstract)[ \t]+)*"
                r"(?:class|module|struct|enum|lib|annotation|alias|union)[ \t]+(?:\w+::)*(\w+)",
                Kind.NAME,
            ),
            Head(r"[ \t]{0,40}([A-Z][A-Z0-9_]+)[ \t]*=(?!=)", Kind.NAME),
        ),
    ),
    LanguageSpec(
        # Like Make, but a recipe takes parameters, which that grammar reads as further targets.
        "just",
        extensions=("just",),
        file_names=("justfile", ".justfile"),
        interpreters=("just",),
        structure=Structure.LINES,
        marks=(
            Head(r"(?:(?:alias|export)[ \t]+)?([A-Za-z_][\w-]*)[ \t]*:=", Kind.NAME),
            Head(r"@?([A-Za-z_][\w-]*)(?:[ \t][^:#]*)?:(?!=)", Kind.FUNCTION),
        ),
    ),
    LanguageSpec(
        "move",
        extensions=("move",),
        structure=Structure.LINES,
        marks=(
            Head(r"[ \t]{0,40}module[ \t]+(?:\w+::)?(\w+)", Kind.NAME),
            Head(
                r"[ \t]{0,40}(?:(?:public(?:\(\w+\))?|entry|native|inline|macro)[ \t]+)*"
                r"fun[ \t]+(\w+)",
                Kind.FUNCTION,
            ),
            Head(r"[ \t]{0,40}(?:public[ \t]+)?(?:struct|enum)[ \t]+(\w+)", Kind.TYPE),
            Head(r"[ \t]{0,40}const[ \t]+(\w+)", Kind.NAME),
        ),
    ),
    LanguageSpec(
        "mercury",
        interpreters=("mmc",),
        structure=Structure.LINES,
        marks=(
            Head(r"\s{0,40}:-\s*module\s+([\w.]+)", Kind.NAME),
            Head(r"\s{0,40}:-\s*(?:pred|func|type|inst|mode|typeclass)\s+(\w+)", Kind.NAME),
        ),
    ),
)
