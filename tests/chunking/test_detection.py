"""Which language a file is found to be in."""

from __future__ import annotations

import re
import time

import pytest

from harness.chunking.detection import detect_language
from harness.chunking.languages.catalog import LANGUAGES
from harness.chunking.languages.disputed import DISPUTED


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a/b/Dockerfile.dev", "", "dockerfile"),
        ("Makefile", "", "make"),
        ("x.H", "", "c"),
        ("x.h", "#include <vector>\nclass A {};\n", "cpp"),
        ("x.m", "@interface A\n@end\n", "objc"),
        ("bin/run", "#!/usr/bin/env python3\n", "python"),
        ("bin/run", "#!/bin/sh -e\n", "bash"),
        ("bin/run", "#!/usr/bin/env -S node --x\n", "javascript"),
        ("x.unknown", "", "text"),
        ("LICENSE", "", "text"),
        ("a.ipynb", "", "json"),
        ("requirements-dev.in", "", "requirements"),
        ("Makefile.am", "", "make"),
        ("a.mm", "", "objc"),
        ("a.m", "x = 1;\n", "matlab"),
        ("a.c", "@interface A\n@end\n", "c"),
        ("bin/run", "\ufeff#!/usr/bin/env A=1 luajit\n", "lua"),
        ("bin/run", "#!/usr/bin/env unheard-of\n", "text"),
    ],
)
def test_detect_language(path: str, text: str, expected: str) -> None:
    assert detect_language(path, text).name == expected


_FILES = [
    (
        "manifests/init.pp",
        "class nginx (\n  String $user = 'www',\n) {\n  package { 'nginx': }\n}\n",
        "puppet",
    ),
    ("src/unit1.pp", "program Hello;\nbegin\n  writeln(1);\nend.\n", "pascal"),
    (
        "O.cls",
        "public with sharing class Orders {\n  public static void run() { }\n}\n",
        "apex",
    ),
    ("rtl/top.v", "module top(input a, output b);\nassign b = a;\nendmodule\n", "verilog"),
    ("bin/run.d", "import std.stdio;\nvoid main() {}\n", "d"),
    ("a.d", "build/a.o: a.c \\\n  a.h\n", "make"),
    ("shader.fs", "#version 330\nvoid main() { gl_FragColor = vec4(1.0); }\n", "glsl"),
    ("a.fs", "module A\nlet x = 1\n", "fsharp"),
    ("a.fs", ": square dup * ;\n", "forth"),
    ("x.inc", "<?php\nfunction f() { return 1; }\n", "php"),
    ("x.inc", 'SRC_URI = "a"\ninherit cmake\n', "bitbake"),
    ("x.inc", "#define X 1\n", "c"),
    ("x.inc", "just words\n", "text"),
    ("notes.qmd", "# T\n", "markdown"),
    ("a.Rmd", "# T\n", "markdown"),
    ("a.R", "f <- 1\n", "r"),
    ("a.r", "REBOL [\n]\n", "text"),
    ("Dockerfile.prod", "", "dockerfile"),
    ("shows.sq", "getAll:\nSELECT * FROM shows;\n", "sql"),
    ("stories.rss.builder", "xml.rss do\nend\n", "ruby"),
    ("Project.xcconfig", "A = B\n", "ini"),
    ("prod.Dockerfile", "", "dockerfile"),
    ("Containerfile.dev", "", "dockerfile"),
    ("Dockerfile.j2", "", "dockerfile"),
    ("dockerfile.py", "", "python"),
    ("GNUmakefile", "", "make"),
    ("Makefile.am", "", "make"),
    ("Makefile.win", "", "make"),
    ("makefile.js", "", "javascript"),
    ("a.m", "function y = f(x)\ny = x;\nend\n", "matlab"),
    ("a.m", '#import "A.h"\n@implementation A\n@end\n', "objc"),
    ("a.m", ":- module a.\n", "mercury"),
    ("a.m", "% c\nx=1;\n", "matlab"),
    ("foo.ts", '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n', "xml"),
    ("foo.ts", "<!DOCTYPE TS>\n<TS>", "xml"),
    ("a.ts", "const a = 1\n", "typescript"),
    ("v.ts", "G@\x00\x10binary", "text"),
    ("a.tsx", "export const A = () => <div/>;\n", "tsx"),
    ("a.tsx", '<?xml version="1.0"?><tileset/>', "xml"),
    ("a.h", "#pragma once\nstruct A { int x; };\n", "c"),
    ("a.h", "class A { public: int x; };\n", "cpp"),
    ("a.h", "@interface A\n", "objc"),
    ("a.h", "/* -*- C++ -*- */\nint x;\n", "cpp"),
    ("a.kts", "", "kotlin"),
    ("a.ipynb", "{}", "json"),
    ("a.v", "Require Import Arith.\nLemma x : 1 = 1.\n", "coq"),
    ("a.v", "module main\nfn main() {\n}\n", "v"),
    ("a.pl", "use strict;\nmy $x = 1;\n", "perl"),
    ("a.pl", ":- module(a, []).\nfoo(X) :- bar(X).\n", "prolog"),
    ("a.pl", "#!/usr/bin/swipl\n", "prolog"),
    ("a.pl", "", "perl"),
    ("a.cl", "__kernel void f() {}\n", "c"),
    ("a.cl", "(defun f ())", "commonlisp"),
    ("t/a.t", "use Test::More;\nok(1);\n", "perl"),
    ("a.t", "  $ echo hi\n  hi\n", "text"),
    ("a.mod", "module a.b/c\n\ngo 1.2\n", "gomod"),
    ("go.mod", "", "gomod"),
    ("a.l", "%{\n%}\n%%\n", "c"),
    ("a.l", "(defun x ())\n", "commonlisp"),
    ("a.l", ".TH A 1\n", "text"),
    ("a.s", "", "asm"),
    ("a.S", "", "asm"),
    ("a.asm", "", "asm"),
    ("a.bas", 'Attribute VB_Name = "A"\nSub X()\nEnd Sub\n', "vb"),
    ("a.frm", "VERSION 5.00\n", "vb"),
    ("main.tf", "", "terraform"),
    ("a.as", "package a {\n public class B {}\n}\n", "actionscript"),
    ("a.as", "class Foo { }\nvoid main() {}\n", "cpp"),
    ("a.es", "#!/usr/bin/env escript\nmain(_) -> ok.\n", "erlang"),
    ("a.es", "const a = 1\n", "javascript"),
    ("a.gd", "extends Node\n", "gdscript"),
    ("a.sc", "object A { def f = 1 }\n", "scala"),
    ("a.sc", "SynthDef(\\a, { |freq| SinOsc.ar(freq) }).add;\n", "text"),
    ("a.sol", "", "solidity"),
    ("a.cls", 'VERSION 1.0 CLASS\nAttribute VB_Name = "A"\n', "vb"),
    ("a.cls", "\\NeedsTeXFormat{LaTeX2e}\n\\ProvidesClass{a}\n", "latex"),
    ("X.PY", "", "python"),
    ("a.C", "int x;", "cpp"),
    ("a.c", "", "c"),
    ("MAIN.C", "int x;", "c"),
    ("x.H", "", "c"),
    ("A.JAVA", "", "java"),
    ("README.MD", "", "markdown"),
    ("a.d.ts", "", "typescript"),
    ("a.html.erb", "", "embeddedtemplate"),
    ("a.html.haml", "", "haml"),
    ("a.slim", "", "slim"),
    ("a.blade.php", "", "html"),
    ("a.tar", "", "text"),
    ("a.tar.gz", "", "text"),
    ("x.min.js", "", "javascript"),
    ("nginx.conf.j2", "", "ini"),
    ("kickstart.ks.j2", "reboot\nurl --url {{ url }}\n", "text"),
    ("sshd_config.j2", "#!/bin/sh\nPort 22\n", "bash"),
    ("page.j2", "{% block a %}\n<p class='x'>{{ b }}</p>\n{% endblock %}\n", "html"),
    ("values.yaml.tmpl", "", "yaml"),
    ("config.py.in", "", "python"),
    ("main.tf.tmpl", "", "terraform"),
    (".env.example", "", "properties"),
    ("phpunit.xml.dist", "", "xml"),
    ("settings.json.example", "", "json"),
    ("x", "#!/usr/bin/env python3.12\n", "python"),
    ("x", "#!/usr/bin/env -S node --flags\n", "javascript"),
    ("x", "#!/bin/bash -e\n", "bash"),
    ("x", "#!/usr/bin/env -S uv run --script\n", "python"),
    ("x", "#! /usr/bin/perl -w\n", "perl"),
    ("x", "#!/usr/bin/env -S deno run\n", "typescript"),
    ("x", "#!/usr/bin/env -i A=b ruby3.2\n", "ruby"),
    ("x", "#!/usr/bin/env Rscript\n", "r"),
    ("x", "#!/usr/bin/pypy3\n", "python"),
    ("x", "#!/usr/bin/env nix-shell\n#! nix-shell -i python3 -p x\n", "python"),
    ("x", '#!/bin/sh\n# \\\nexec tclsh "$0" "$@"\n', "tcl"),
    ("x", "#!/usr/bin/env pwsh\n", "powershell"),
    ("x", "#!/usr/bin/dotnet fsi\n", "fsharp"),
    ("x", "#!/usr/bin/env -Snode --x\n", "javascript"),
    ("x", "#!/usr/bin/env unheard\n", "text"),
    ("x", "#!/usr/bin/lua5.3\n", "lua"),
    ("x", "#!/usr/bin/awk -f\n", "awk"),
    ("x", "#!\n", "text"),
    ("x", "#!/bin/busybox sh\n", "bash"),
    ("run.cgi", "#!/usr/bin/python3\n", "python"),
    ("x", "# vim: set ft=ruby :\n", "ruby"),
    ("x", "# -*- mode: python; coding: utf-8 -*-\n", "python"),
    ("x", "// -*- C++ -*-\n", "cpp"),
    (
        "x",
        "a\n" * 500 + "# vim: ft=sh\n",
        "bash",
    ),
    ("x.txt", "# vim: ft=python\n", "python"),
    ("x", "# -*- coding: utf-8 -*-\n", "text"),
    ("x.conf", "# vi: set ft=nginx:\n", "ini"),
    ("BUILD", "", "starlark"),
    ("BUILD.bazel", "", "starlark"),
    ("WORKSPACE", "", "starlark"),
    ("build", "#!/bin/sh\n", "bash"),
    ("build", "x", "text"),
    ("Tiltfile", "", "starlark"),
    ("Jenkinsfile", "", "groovy"),
    ("Jenkinsfile.release", "", "groovy"),
    ("Vagrantfile", "", "ruby"),
    ("Podfile", "", "ruby"),
    ("Gemfile", "", "ruby"),
    ("Gemfile.lock", "", "text"),
    ("Rakefile", "", "ruby"),
    ("justfile", "", "just"),
    ("CMakeLists.txt", "", "cmake"),
    (".bashrc", "", "bash"),
    ("go.sum", "", "gosum"),
    ("requirements-dev.txt", "", "requirements"),
    ("notes.txt", "", "text"),
    ("Pipfile", "", "toml"),
    ("a.gradle", "", "groovy"),
    ("a.gradle.kts", "", "kotlin"),
    ("BUILD.gn", "", "gn"),
    ("Makefile", "#!/usr/bin/make -f\n", "make"),
    ("a.bat", ":x\n", "batch"),
    ("x.rules", 'ACTION=="add", KERNEL=="x"\n', "udev"),
    ("a.ml", "let x = 1", "ocaml"),
    ("a.mm", "", "objc"),
    ("a.mm", '<map version="1"/>', "xml"),
    ("LICENSE", "", "text"),
    ("x", "<?php echo 1;", "php"),
    ("x", '<?xml version="1.0"?>', "xml"),
    ("_posts/x.html", "---\n", "html"),
    ("a.hh", "<?hh\n", "hack"),
    ("a.php", "<?hh\n", "hack"),
    ("a.cu", "", "cuda"),
    ("a.bzl", "", "starlark"),
    ("a.luau", "", "luau"),
    ("a.hlsl", "", "hlsl"),
    ("a.wgsl", "", "wgsl"),
    ("a.prisma", "", "prisma"),
    ("a.bicep", "", "bicep"),
    ("a.fsx", "", "fsharp"),
    ("Dockerfile", "# syntax=docker/dockerfile:1\nFROM x", "dockerfile"),
]
_FILES += [
    ("Dockerfile.arm", "FROM x\n", "dockerfile"),
    ("Dockerfile.go", "# builds\nFROM golang\n", "dockerfile"),
    ("dockerfile.go", "package dockerfile\n", "go"),
    ("Makefile.boot", "all: x\n", "make"),
    ("Makefile.PL", "use ExtUtils::MakeMaker;\n", "perl"),
    ("Jenkinsfile.kt", "pipeline {\n}\n", "groovy"),
    ("bin.ts", "#!/usr/bin/env node\nconst a: number = 1\n", "typescript"),
    ("a.m", "LOCK ; comment\n ; more\n N X S X=1\n", "text"),
    ("a.ex", "include std/io.e\n\nprocedure main()\n", "text"),
    ("a.ex", "defmodule A do\nend\n", "elixir"),
    ("a.cls", "CLASS email.Email:\nEND CLASS.\n", "text"),
    ("a.d", "provider app {\n};\n", "text"),
    ("a.vsh", "attribute vec4 p;\n", "glsl"),
    ("a.scm", "(a\n  name: (b) @name) @c\n", "query"),
    ("a.trigger", "trigger T on Account (before insert) {}\n", "apex"),
    ("a.trigger", "#!/bin/sh\n", "bash"),
]
_UNITS = ("a", "\n", " ", "(", ")", "a(", ") ", "@", "<", "a ", "[", ":", "class ", "-*- ", "vim: ")


@pytest.mark.parametrize(("path", "text", "expected"), _FILES)
def test_names_and_contents(path: str, text: str, expected: str) -> None:
    assert detect_language(path, text).name == expected


def test_patterns_of_disputed_extensions_name_declared_languages() -> None:
    for contenders in DISPUTED.values():
        for contender in contenders:
            assert contender.language in LANGUAGES
            assert re.compile(contender.pattern)


@pytest.mark.parametrize("extension", [*DISPUTED, "txt", "unknown", "C"])
def test_hostile_content_takes_no_time(extension: str) -> None:
    for unit in _UNITS:
        text = (unit * 1_000_000)[:1_000_000]
        start = time.process_time()
        detect_language(f"x.{extension}", text)
        assert time.process_time() - start < 0.5, unit  # 0.01 s where this was written


def test_only_the_beginning_decides() -> None:
    far = "int x;\n" * 10_000 + "class A {};\n"
    assert detect_language("a.h", far).name == "c"
