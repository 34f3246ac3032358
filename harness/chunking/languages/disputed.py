"""Extensions that several languages use: the content decides.

Patterns are searched for in the beginning of a file and stay linear: none lets one repetition
run over the line ends or the blanks that another one already took.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Contender(NamedTuple):
    """A language, and what only its files hold."""

    language: str
    pattern: str


_B: Final = r"(?m)^[ \t]*"  # at the beginning of a line
_XML: Final = Contender("xml", r"\A\ufeff?\s{0,100}<(?:\?xml|!DOCTYPE (?!html)|!--|map version)")
_BINARY: Final = Contender("text", r"\A[^\n]{0,2000}\x00")
_PHP: Final = Contender("php", r"<\?(?:php\b|=)")
_OBJC: Final = Contender(
    "objc",
    _B + r"(?:@(?:interface|implementation|protocol|class|property|end|import|autoreleasepool)\b"
    r"|#import\b)|\bNS_ASSUME_NONNULL_BEGIN\b|\bNSString\b",
)
_CPP: Final = Contender(
    "cpp",
    _B + r"(?:class[ \t]+\w+|namespace\b[ \t]*[\w{]|inline[ \t]+namespace\b|template[ \t]*<"
    r"|using[ \t]+\w+|(?:public|private|protected)[ \t]*:|constexpr\b|enum[ \t]+class\b"
    r"|(?:virtual|explicit|friend|typename)[ \t]+\w|static_assert\b"
    r"|#[ \t]*include[ \t]*<[a-z_]+>)|\bstd::\w|\boperator[ \t]*(?:\(\)|\[\]"
    r"|[=!<>+*/-]{1,2})[ \t]*\("
    r"|\b(?:nullptr|noexcept|static_cast|dynamic_cast|reinterpret_cast)\b",
)
_C_PREPROCESSOR: Final = Contender("c", _B + r"#[ \t]*(?:include|define|ifdef|ifndef|pragma|if)\b")
_PASCAL: Final = Contender(
    "pascal",
    r"(?mi)^[ \t]*(?:(?:program|unit|library)[ \t]+[\w.]+[ \t]*;|uses\b[^\n=>{]*(?:;|,|$)"
    r"|implementation[ \t]*$"
    r"|(?:procedure|function|constructor|destructor)[ \t]+\w[\w.]*[^\n{]*;|end\.|begin[ \t]*$"
    r"|\{\$\w)",
)
_PERL: Final = Contender(
    "perl",
    _B + r"(?:use[ \t]+(?:strict|warnings|utf8|v?5|lib|parent|base|[A-Z]\w*(?:::\w+)*)\b"
    r"|package[ \t]+\w[\w:]*[ \t]*[;{]|sub[ \t]+\w+|(?:my|our|local)[ \t]*[$@%(]|=(?:head\d|pod"
    r"|cut)\b"
    r"|[$@%]\w+[ \t]*=|(?:ok|is|plan|done_testing|require)\b[ \t]*[(\w$'\"])",
)
_PROLOG: Final = Contender(
    "prolog",
    r"(?m)^(?::-[ \t]*\w|\?-[ \t]*\w|[a-z]\w*(?:\([^\n]{0,300}\))?[ \t]*(?::-|-->)"
    r"|[a-z]\w*\([^\n()]{0,300}\)[ \t]*\.[ \t]*$)",
)
_VB: Final = Contender(
    "vb",
    r"(?mi)^[ \t]*(?:VERSION[ \t]+\d+\.\d+|Attribute[ \t]+VB_\w+|Option[ \t]+(?:Explicit|Strict"
    r"|Compare|Base)"
    r"|(?:(?:Public|Private|Friend|Static)[ \t]+)*(?:Sub|Function|Property[ \t]+(?:Get|Let"
    r"|Set))[ \t]+\w+"
    r"|End[ \t]+(?:Sub|Function|Property|Class|If)\b|Dim[ \t]+\w+)",
)
_GLSL: Final = Contender(
    "glsl",
    r"\bgl_[A-Z]\w+|" + r"(?m:^[ \t]*(?:#[ \t]*version[ \t]+\d|precision[ \t]+\w+p\b|layout[ \t]*\("
    r"|(?:uniform|varying|attribute)[ \t]+\w|(?:in|out)[ \t]+(?:vec|mat|float|int)\w*[ \t]))",
)
_FORTH: Final = Contender(
    "forth", r"(?m)^(?::[ \t]+\S+|\\[ \t]|\([ \t]|(?:variable|constant|create)[ \t]+\S+)"
)
_ASM: Final = Contender(
    "asm",
    r"(?mi)^[ \t]*(?:%(?:macro|define|include)\b|\.(?:macro|text|data|section|globl|global"
    r"|align|equ|byte|word)\b"
    r"|(?:section|segment)[ \t]+\.?\w|(?:global|extern)[ \t]+\w+[ \t]*$|(?:mov|push|call|jmp"
    r"|ldr|str|lda|sta|add)l?q?[ \t]+[%$#\[\w])",
)
_ROFF: Final = Contender("text", r"(?m)^[.'](?:\\\"|TH|SH|Dd|Sh|so|de|ds)\b")
_MAKE: Final = Contender(
    "make", r"(?m)\A(?:#[^\n]*\n){0,20}[\w./\\+-]+\.(?:o|d|lo|obj|dep|rlib|rmeta|so|a)[ \t]*:"
)
_SCHEME: Final = Contender("scheme", r"\A\s{0,100}(?:#!r6rs|;|\((?:library|import|define))")
_SHELL: Final = Contender("bash", r"(?m)\A#!|^[ \t]*(?:function[ \t]+\w+|\w+[ \t]*\(\))[ \t]*\{")

# Tried in order; with none the extension's own language, or plain text.
DISPUTED: Final[dict[str, tuple[Contender, ...]]] = {
    "h": (_OBJC, _CPP),
    "hh": (Contender("hack", r"\A\s{0,100}<\?hh"),),
    "php": (Contender("hack", r"\A\s{0,100}<\?hh"),),
    "mm": (_XML, Contender("text", r"(?m)^[ \t]*\$[cvfeapd]\s")),
    "m": (
        _OBJC,
        # MUMPS: comments begin with ";"; Limbo and MUF.
        Contender(
            "text",
            r"(?m)^[%A-Za-z]\w*(?:\([^)\n]{0,200}\))?[ \t]*;[ \t]|^[ \t]+;|^implement[ \t]+\w+;"
            r"|^:[ \t]+\w",
        ),
        Contender("mercury", r"(?m)^[ \t]*:-[ \t]*(?:module|interface|import_module|pred|func)\b"),
        Contender("text", r"\A\s{0,100}\(\*|(?m:^[ \t]*\w+\[[^\n]{0,200}\][ \t]*:=)"),
        Contender("objc", _B + r"(?:#[ \t]*include\b|/\*|//|(?:int|void)[ \t]+main[ \t]*\()"),
    ),
    "pp": (_PASCAL,),
    "inc": (
        *(
            _BINARY,
            _PHP,
            Contender("html", r"(?i)\A\s{0,100}<(?:!doctype|html|div|%@|head|table|!--)"),
        ),
        *(
            Contender(
                "bitbake",
                _B + r"(?:[A-Z][\w:${}-]*[ \t]*(?:\?\??|:|\+|\.)?=[ \t]*\"|(?:inherit"
                r"|require)[ \t]+[\w./$-]+[ \t]*$|do_\w+[\w:]*[ \t]*\(\))",
            ),
        ),
        *(_PASCAL, _PERL, _CPP, _C_PREPROCESSOR, _ASM, _SHELL),
        Contender("make", _B + r"(?:[A-Z_]+[ \t]*[:?+]=|\.PHONY[ \t]*:)"),
        Contender("sql", r"(?mi)^[ \t]*(?:create|insert|select|alter|drop)[ \t]+\w"),
        Contender("c", _B + r"(?:static|extern|const|struct|typedef|void|int|char)[ \t]+\w"),
    ),
    "cls": (
        Contender("text", r"(?mi)^[ \t]*(?:class[ \t]+[\w.]+[^\n{;:]*:|define[ \t]+\w+)"),
        _VB,
        Contender(
            "latex",
            r"\\(?:NeedsTeXFormat|ProvidesClass|LoadClass|documentclass|RequirePackage"
            r"|newcommand|def)\b",
        ),
        Contender("text", r"(?m)^Class[ \t]+[%\w.]+[ \t]*(?:Extends|\[|\{|$)"),
        Contender(
            "apex",
            r"(?mi)^[ \t]*(?:@\w+(?:\([^)\n]*\))?[ \t]*)*(?:(?:public|private|protected|global"
            r"|abstract|virtual"
            r"|with|without|inherited|sharing)[ \t]+)*(?:class|interface|enum)[ \t]+\w+",
        ),
    ),
    "bas": (_VB,),
    "al": (_PERL,),
    "ex": (
        Contender(
            "text",
            r"(?m)^(?:include[ \t]+\S+\.e\b|(?:(?:global|public|export)[ \t]+)?"
            r"(?:procedure|function)[ \t]+\w+[ \t]*\()",
        ),
    ),
    "plt": (_PROLOG,),
    "vba": (Contender("vim", r"\bUseVimball\b"),),
    "vsh": (_GLSL,),
    "trigger": (Contender("apex", r"(?i)\btrigger\s{1,9}\w+\s{1,9}on\b"), _SHELL),
    "frm": (_VB, _BINARY),
    "fs": (_GLSL, Contender("c", r"(?m)^#pragma[ \t]+(?:version|rs)\b"), _FORTH),
    "fsh": (_GLSL,),
    "vs": (_GLSL,),
    "fp": (_GLSL,),
    "vp": (_GLSL,),
    "mesh": (_GLSL,),
    "task": (_GLSL,),
    "shader": (
        _GLSL,
        Contender("hlsl", r"\b(?:CGPROGRAM|HLSLPROGRAM)\b|\A\s{0,100}Shader[ \t]*\""),
    ),
    "ts": (
        *(_XML, _BINARY),
        Contender("xml", r"\A\s{0,100}<TS\b"),
        Contender("text", r"\AG[^\n]{0,8}[\x00-\x08\ufffd]"),
    ),
    "tsx": (_XML,),
    "v": (
        Contender(
            "verilog",
            r"\bendmodule\b|(?m:^[ \t]*`(?:timescale|define|include|ifdef|default_nettype))",
        ),
        Contender(
            "coq",
            _B + r"(?:(?:From[ \t]+[\w.]+[ \t]+)?Require[ \t]+(?:Import|Export)?|(?:Theorem|Lemma"
            r"|Corollary|Inductive|Fixpoint"
            r"|CoInductive|Definition|Notation|Ltac|Section|Hypothesis|Variable)[ \t]+\S"
            r"|Proof\b|Qed\.|Defined\.)",
        ),
        Contender(
            "v",
            r"(?m)^(?:(?:pub[ \t]+)?fn[ \t]+[\w(]|(?:pub[ \t]+)?(?:struct|enum|interface"
            r"|type)[ \t]+[A-Z]\w*|import[ \t]+[a-z][\w.]*[ \t]*(?:$|\{|as\b)"
            r"|(?:pub[ \t]+)?const[ \t]*[\w(]|println\(|@\[|__global)",
        ),
    ),
    "pl": (_PERL, _PROLOG),
    "pro": (
        Contender(
            "make", _B + r"(?:QT|TARGET|TEMPLATE|SOURCES|HEADERS|CONFIG|DEFINES)[ \t]*[+*-]?="
        ),
        _PROLOG,
    ),
    "p": (_PERL, _PROLOG, _PASCAL),
    "t": (
        _PERL,
        Contender("text", r"(?m)^  \$ |^[ \t]*(?:put|get|end[ \t]+\w+|import[ \t]+\w+)\b|^terra\b"),
    ),
    "pm": (Contender("c", r"\A\s{0,100}/\*[ \t]*XPM"),),
    "r": (Contender("text", r"(?i)\A(?:#[^\n]*\n|;[^\n]*\n|\s){0,40}(?:rebol|red)[ \t]*\["),),
    "d": (
        _MAKE,
        Contender(
            "text",
            r"(?m)\A#!.*dtrace|^provider[ \t]+\w+|^#pragma[ \t]+D[ \t]+option"
            r"|^[\w*$]*:[\w*$-]*:[\w*$-]*:[\w*$-]*[ \t,]*$|^(?:BEGIN|END)[ \t]*$",
        ),
    ),
    "cl": (
        Contender(
            "c",
            r"\b(?:__kernel|__global|__local|get_global_id)\b|(?m:^[ \t]*(?:kernel[ \t]+void"
            r"|#[ \t]*(?:include|define|pragma|ifdef|if)\b|//|/\*"
            r"|(?:static|inline|void|int|float|typedef|constant)[ \t]+\w))",
        ),
        Contender("text", r"(?m)^[ \t]*class[ \t]+\w+[ \t]*(?:inherits[ \t]+\w+[ \t]*)?\{"),
    ),
    "mod": (
        *(_XML, _BINARY),
        Contender("gomod", r"(?m)^module[ \t]+[\w./~-]+[ \t]*$|^require[ \t]*\("),
    ),
    "l": (
        Contender("c", r"(?m)^%(?:%|\{|option\b)"),
        _ROFF,
        Contender("commonlisp", r"(?m)^(?:;|\()"),
    ),
    "lex": (Contender("c", r"(?m)^%(?:%|\{|option\b)"),),
    "y": (Contender("c", r"(?m)^%(?:%|\{|token\b|union\b)"),),
    "as": (
        Contender(
            "actionscript",
            _B + r"(?:package\b|import[ \t]+(?:flash|mx|spark)\.|(?:(?:public|private|protected"
            r"|internal|static|override|final|dynamic)[ \t]+)+"
            r"(?:var|const|function|class|interface)\b|var[ \t]+\w+[ \t]*:"
            r"|function[ \t]+\w+[ \t]*\([^)\n]*\)[ \t]*:)",
        ),
        _ASM,
        Contender(
            "cpp",
            _B + r"(?:#[ \t]*include\b|(?:void|int|bool|float|string|shared)[ \t]+\w+"
            r"|class[ \t]+\w+|namespace\b|funcdef\b)",
        ),
    ),
    "es": (Contender("erlang", r"\A#!.*escript|(?m:^-(?:module|export|mode|compile)\b|^main\()"),),
    "gd": (
        Contender(
            "text",
            r"\b(?:Declare(?:Operation|GlobalFunction|Attribute|Category|Property)"
            r"|InstallMethod)\s{0,9}\(",
        ),
    ),
    "sc": (
        Contender(
            "text",
            r"\bSynthDef\b|\.(?:ar|kr)\(|(?m:^[ \t]*\*?\w+[ \t]*\{[ \t]*(?:\||arg\b)"
            r"|^[ \t]*(?:[+][ \t]*)?[A-Z]\w*[ \t]*:[ \t]*[A-Z]\w*[ \t]*\{|^[ \t]*~\w+[ \t]*="
            r"|^[ \t]*[(][ \t]*$)",
        ),
    ),
    "ml": (Contender("text", r"(?m)^[ \t]*(?:structure|functor|signature|fun|datatype)[ \t]+\w"),),
    "rs": (*(_XML, Contender("c", r"(?m)^#pragma[ \t]+(?:version|rs)\b")),),
    "cs": (Contender("text", r"(?m)^!\w+[\w ]*methodsFor:|^[ \t]*![\w ]+!"),),
    "ll": (Contender("c", r"(?m)^%(?:%|\{|option\b)"),),
    "fc": (Contender("text", r"\bgen_context\s{0,9}\(|\bsystem_u:"),),
    "bb": (
        Contender("clojure", r"\A(?:#![^\n]*\n|;[^\n]*\n|\s){0,40}\("),
        Contender("text", r"(?mi)^[ \t]*(?:Function|Graphics|End[ \t]+Function|Include[ \t]+\")"),
    ),
    "pde": (
        Contender(
            "java",
            r"\bsize[ \t]*\([ \t]*\d+[ \t]*,|\bPApplet\b|\bimport[ \t]+(?:processing|java)\.",
        ),
    ),
    "sls": (_SCHEME,),
    "scm": (
        Contender(
            "query",
            r"(?m)(?:^[ \t]*[\[(\"\w].*[ \t)\]\"]@[\w.]+|^[ \t]*@[\w.]+|^[ \t]*\(#(?:eq|match"
            r"|any-of|set)[?!])",
        ),
    ),
    "md": (Contender("text", r"(?m)^\((?:define_insn|define_expand|define_mode_iterator)\b"),),
    "module": (_PHP,),
    "install": (_PHP, _SHELL),
    "theme": (_PHP,),
    "engine": (_PHP,),
    "profile": (_PHP, _SHELL),
    "rules": (
        Contender(
            "udev",
            r"(?m)^[ \t]*(?:ACTION|KERNEL|SUBSYSTEM|ATTRS?|ENV|SUBSYSTEMS|DRIVERS?|LABEL"
            r"|KERNELS)\b[^\n]*=",
        ),
        Contender("javascript", r"\bpolkit\.\w+"),
        Contender("yaml", r"\A(?:#[^\n]*\n){0,20}groups:"),
    ),
    "exp": (Contender("tcl", r"\A#!.*expect|(?m:^[ \t]*(?:spawn|expect|send|proc|set)[ \t]+\S)"),),
    "x": (Contender("linkerscript", r"(?m)^[ \t]*(?:SECTIONS|MEMORY|ENTRY)\b"), _C_PREPROCESSOR),
    "f": (_FORTH,),
    "for": (_FORTH,),
    "4th": (_FORTH,),
    "tpl": (
        _XML,
        _PHP,
        Contender("html", r"<(?:html|div|body|head|p|a|ul|table|form|span|!DOCTYPE)\b"),
    ),
    "tmpl": (
        _XML,
        _PHP,
        Contender("html", r"<(?:html|div|body|head|p|a|ul|table|form|span|!DOCTYPE)\b"),
    ),
    "cgi": (_PERL,),
}
