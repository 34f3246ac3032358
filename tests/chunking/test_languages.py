"""Definitions and symbols, per language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.chunking.chunker import chunk_text
from harness.chunking.detection import detect_language
from harness.chunking.languages.catalog import LANGUAGES
from harness.chunking.languages.spec import Grammar

_EXAMPLES = Path(__file__).parent / "examples" / "expected.json"
_DEFINITIONS = [
    pytest.param(
        "a.py",
        "import a\nX: int = 1\nA, B = 1, 2\n\n@dec\nclass C:\n    y = 1\n\n    @p\n"
        "    async def f(self):\n"
        "        local = 1\n\nif T:\n    def g(): pass\ntype Q = int\n",
        "X A B C f g Q",
        id="python",
    ),
    pytest.param(
        "a.js",
        "app.handle = function h() {}\nA.prototype.b = function () {}\nexports.z = 1\n"
        "const arrow = () => 1\nfunction* gen() {}\nclass K { static x = 1; #p() {} m() {} }\n"
        "module.exports = { y() { var no } }\n",
        "handle b z arrow gen K p m y",
        id="javascript",
    ),
    pytest.param(
        "a.awk",
        "#!/usr/bin/awk -f\nfunction pad(s, n) {\n  return s\n}\n{ print pad($1, 3) }\n"
        "END { pad(1) }\nfunc strip(s) { return s }\n",
        "pad strip",
        id="awk",
    ),
    pytest.param(
        "a.cr",
        "module Shop\n  LIMIT = 3\n  abstract class Base < Object\n"
        "    def self.build(x : Int32) : Base\n"
        "      x == 1\n    end\n    private def empty? : Bool\n    end\n"
        "    macro field(name)\n    end\n"
        "  end\n  struct Point; end\nend\nShop.build(1)\n",
        "Shop LIMIT Base build empty? field Point",
        id="crystal",
    ),
    pytest.param(
        "justfile",
        'set shell := ["bash", "-c"]\nversion := "1"\nalias b := build\n\n'
        'build target="x": lint\n'
        "  echo {{target}}: done\n\n@lint *args:\n  ruff {{args}}\n",
        "version b build lint",
        id="just",
    ),
    pytest.param(
        "a.move",
        "module shop::cart {\n  use std::vector;\n  const LIMIT: u64 = 3;\n"
        "  struct Cart has key { id: u64 }\n"
        "  public(friend) fun total(c: &Cart): u64 {\n    c.id\n  }\n"
        "  entry fun buy() { total(c); }\n}\n",
        "cart LIMIT Cart total buy",
        id="move",
    ),
    pytest.param(
        "a.ts",
        "export const B = () => 1\nexport interface I { x: 1 }\ntype T = 1\nenum E { A }\n"
        "namespace N { export function f() {} }\nabstract class C { private x = () => 1; m() {} }\n"
        "declare function d(): void\n",
        "B I T E N f C x m d",
        id="typescript",
    ),
    pytest.param(
        "a.tsx",
        "export default function App() { return <p/> }\nexport const Row = () => <tr/>\n",
        "App Row",
        id="tsx",
    ),
    pytest.param(
        "a.go",
        "package a\ntype S struct { x int }\nfunc (s *S) F() {}\nfunc (s S[T]) H() {}\n"
        "func G() {}\n"
        "const (\n A=1\n B=2\n)\nvar x, y = 1, 2\ntype I interface { M() }\n",
        "S F H G A B x y I",
        id="go",
    ),
    pytest.param(
        "a.rs",
        "#[derive(Debug)]\npub struct S<T> { a: T }\nimpl<T> Foo for S<T> { fn f(&self) {} }\n"
        "mod m { pub fn g() {} }\nmacro_rules! mm { () => {} }\ntype X=u8;\nconst K: u8=1;\n"
        "trait Tr { fn r(); }\nenum E { A }\n",
        "S f m g mm X K Tr r E",
        id="rust",
    ),
    pytest.param(
        "A.java",
        "package a;\n@Ann\npublic class C<T> extends D { static final int K=1; C() {} void m() {} "
        "enum E {A} }\nrecord R(int x) {}\n@interface AA {}\ninterface I { void q(); }\n",
        "C K C m E R AA I q",
        id="java",
    ),
    pytest.param(
        "a.c",
        "#ifndef A_H\n#define LIMIT 1\ntypedef struct foo { int x; } foo_t;\n"
        "static int *f(int a) { int local; }\nstruct bar { int y; };\nint g(int);\nenum e { X };\n"
        "static const int arr[] = {1};\n#define M(x) x\n#endif\n",
        "LIMIT foo foo_t f bar g e arr M",
        id="c",
    ),
    pytest.param(
        "a.cpp",
        "namespace a::b {\ntemplate <class T> class C : D {\npublic:\n  C();\n  ~C() {}\n"
        "  int f() const { return 1; }\n  bool operator==(int) { return 1; }\n};\n"
        "int C::g(int x) { }\n"
        "using X=int;\n}\nconstexpr int K=1;\n",
        "C ~C f operator== g X K",
        id="cpp",
    ),
    pytest.param(
        "macros.hpp",
        "#include <a>\nLIB_BEGIN_NAMESPACE\nnamespace lib {\nclass LIB_API logger {\npublic:\n"
        "  int level() const LIB_NOEXCEPT;\n};\ntemplate <typename T>\n"
        "class LIB_API sink final : public base<T> {\n  void log(int m) override {}\n};\n"
        "LIB_INLINE logger::logger() { }\nbool LIB_INLINE logger::flush() LIB_NOEXCEPT { }\n"
        "}\nLIB_END_NAMESPACE\n",
        "logger sink log flush",
        id="cpp-macros",
    ),
    pytest.param(
        "broken.c",
        "static int a(int x) {\n#ifdef FAST\n  if(x) {\n#else\n  while(x) {\n#endif\n"
        "    x--;\n  }\n  return x;\n}\nint b(int y) {\n  return y;\n}\n",
        "a b",
        id="c-conditions",
    ),
    pytest.param(
        "a.cs",
        "using X;\nnamespace A.B {\n [Attr]\n"
        " public class C : D { const int K=1; public int P {get;set;} "
        "public C(){} void F(){} }\n enum E {A}\n record R(int x);\n delegate void Del();\n}\n",
        "C K P C F E R Del",
        id="csharp",
    ),
    pytest.param(
        "a.rb",
        "module M\n class A < B\n  K=1\n  def f(a)\n   x = 1\n  end\n  def self.g; end\n"
        " end\nend\n",
        "M A K f g",
        id="ruby",
    ),
    pytest.param(
        "a.php",
        "<?php\nnamespace A\\B;\nuse X;\n#[Attr]\nfinal class C extends D { const K=1; "
        "public function f() {} }\nfunction g(){}\ninterface I{}\ntrait T{}\nenum E{case A;}\n",
        "C K f g I T E",
        id="php",
    ),
    pytest.param(
        "a.kt",
        "package a\n@Foo class A(val x:Int):B(){\n fun f(a:Int):Int=1\n val p=2\n"
        " companion object { const val K=1 }\n}\nobject O\nfun String.ext(){}\ninterface I\n"
        "typealias T=Int\n",
        "A f K O ext I T",
        id="kotlin",
    ),
    pytest.param(
        "a.swift",
        "struct A { func f() {}\n init() {} }\nextension A { func g() {} }\n"
        "protocol P { func h() }\nfunc top() {}\nlet k = 1\nenum E { case a }\ntypealias T = Int\n",
        "A f init g P h top k E T",
        id="swift",
    ),
    pytest.param(
        "a.swift",
        "class M {\n  func a() async -> Bool {\n    if x {\n      return true\n"
        "    } else if let e: S = try? await c.get(f: g(id: id)) {\n      return true\n    }\n"
        "    return false\n  }\n\n  func b() {}\n}\n",
        "M a b",
        id="swift-try-in-a-condition",
    ),
    pytest.param(
        "a.scala",
        "package a\nobject O { def f(x:Int)=1\n val k=2 }\ntrait T\ncase class C(x:Int)\n"
        "type X=Int\nobject `If-Range`\n",
        "O f T C X If-Range",
        id="scala",
    ),
    pytest.param(
        "a.sh",
        "X=1\nexport Y=2\nf() {\n  local z=1\n}\nfunction g { echo; }\n",
        "X Y f g",
        id="bash",
    ),
    pytest.param(
        "a.sql",
        "CREATE TABLE a.users (id int);\nCREATE VIEW v AS SELECT 1;\n"
        "CREATE FUNCTION f() RETURNS int AS $$ select 1 $$ LANGUAGE sql;\nSELECT * FROM x;\n",
        "users v f",
        id="sql",
    ),
    pytest.param("a.yaml", "a: 1\nb:\n  c: 2\n", "a b", id="yaml"),
    pytest.param("a.toml", "x=1\n[a.b]\nc=1\n[[d]]\ne=2\n", "x b d", id="toml"),
    pytest.param("a.json", '{"a":1,"b":{"c":[1,2]}}', "a b", id="json"),
    pytest.param("Dockerfile", "FROM a AS build\nRUN x \\\n  && y\n", "build", id="dockerfile"),
    pytest.param(
        "a.lua",
        "local M={}\nfunction M.f() end\nlocal function g() end\nM.h=function() end\nreturn M\n",
        "f g h",
        id="lua",
    ),
    pytest.param(
        "a.ex",
        'defmodule A.B do\n @doc "x"\n def f(a), do: 1\n defp g(a) do\n 1\n end\n'
        " defdelegate h(a), to: C\nend\n",
        "B f g h",
        id="elixir",
    ),
    pytest.param(
        "a.nim",
        "const K = 3\ntype\n  Foo* = object\n    a: int\n  E = enum A, B\n"
        "proc add*(a, b: int): int =\n  let local = a\n  result = local + b\n"
        "template t(x) = x\nwhen isMainModule:\n  proc inner() = discard\n",
        "K Foo E add t inner",
        id="nim",
    ),
    pytest.param(
        "a.f90",
        "module m\n  integer :: k\n  type, extends(base) :: point\n    real :: x\n  end type\n"
        "  interface add\n    module procedure add_i\n  end interface\n"
        "  interface\n  end interface\n"
        "contains\n  pure function add_i(a) result(c)\n    c = a\n  end function add_i\n"
        "  subroutine run(x)\n  end subroutine\nend module m\n"
        "program main\n  call run(1)\ncontains\n  subroutine own()\n  end subroutine\n"
        "end program\n",
        "m point add add_i run main own",
        id="fortran",
    ),
    pytest.param(
        "a.thrift",
        "namespace py a.b\nconst i32 MAX = 3\ntypedef i32 Id\nenum Color { RED = 1 }\n"
        "struct User { 1: required Id id }\nexception Bad { 1: string why }\n"
        "service Users extends Base { User get(1: Id id) throws (1: Bad b), void ping() }\n",
        "MAX Id Color User Bad Users get ping",
        id="thrift",
    ),
    pytest.param(
        "a.hs",
        "module M where\nf :: Int -> Int\nf x = 1\ndata D = A | B\nclass C a where\n  g :: a\n",
        "f f D C g",
        id="haskell",
    ),
    pytest.param(
        "a.zig",
        'const std = @import("std");\npub fn f() void {}\n',
        "std f",
        id="zig",
    ),
    pytest.param(
        "a.hcl",
        'region = "x"\nvariable "size" {\n  default = 1\n}\n',
        "region size",
        id="hcl",
    ),
    pytest.param("Makefile", "CC = gcc\n\nall: a.o\n\techo\n", "CC all", id="make"),
    pytest.param(
        "a.css",
        "@keyframes kf-in { from {} }\n:root { --main-color: red; }\n"
        ".cart-item, #top-bar.wide { color: red; }\n@media print { .only-print { a: b } }\n",
        "kf-in --main-color cart-item top-bar wide only-print",
        id="css",
    ),
    pytest.param(
        "a.scss",
        "$main-color: red;\n@mixin round-it($r) { a: b; }\n"
        "@function twice($n) { @return $n * 2; }\n"
        "%base { a: b }\n.cart { .inner-item { c: d } }\n",
        "main-color round-it twice base cart inner-item",
        id="scss",
    ),
    pytest.param(
        "a.svelte",
        "<script>\nfunction load() {}\n</script>\n<p>x</p>\n",
        "load",
        id="svelte",
    ),
    pytest.param(
        "a.vue",
        '<template>\n<p>x</p>\n</template>\n<script setup lang="ts">\n'
        "function load() {}\n</script>\n",
        "load",
        id="vue",
    ),
    pytest.param(
        "a.html",
        "<html><head><script>\nfunction load() {}\n</script></head></html>\n",
        "load",
        id="html",
    ),
]


@pytest.mark.parametrize(("path", "text", "expected"), _DEFINITIONS)
def test_definitions(path: str, text: str, expected: str) -> None:
    chunks = chunk_text(path, text, fits=lambda _text: True)
    names = [name for chunk in chunks for name in chunk.definitions]
    assert names == list(dict.fromkeys(expected.split()))


def test_every_language_with_definitions_has_an_example() -> None:
    languages = {detect_language(*case.values[:2]).name for case in _DEFINITIONS}
    expected = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    languages.update(example["language"] for example in expected.values())
    assert languages == {
        name
        for name, spec in LANGUAGES.items()
        if len(spec.grammar.roles) > len(Grammar().roles) or spec.marks
    }


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        pytest.param("a.py", "class A:\n    def f(self):\n        pass\n", "A", id="whole-class"),
        pytest.param("a.py", "def f():\n    pass\n", "f", id="function"),
        pytest.param("a.go", "// F does.\nfunc (s *S) F() {\n}\n", "S.F", id="go-receiver"),
        pytest.param("a.rs", "impl<T> Foo for a::S<T> {\n  fn f() {}\n}\n", "S", id="rust-impl"),
        pytest.param("a.cpp", "int a::C::g(int x) {\n  return 1;\n}\n", "a.C.g", id="cpp-member"),
        pytest.param("a.js", "app.handle = function () {\n}\n", "app.handle", id="js-assigned"),
        pytest.param("a.js", "A.prototype.b = function () {\n}\n", "A.b", id="js-prototype"),
        pytest.param("a.js", "exports.foo = function () {\n}\n", "foo", id="js-exports"),
        pytest.param("a.ts", "export const f = () => {\n  g()\n}\n", "f", id="ts-arrow"),
        pytest.param("a.f90", "module m\nend module m\n", "m", id="fortran-module"),
        pytest.param("a.kt", "fun <T> List<T>.last(): T {\n  b()\n}\n", "List.last", id="kotlin"),
        pytest.param("a.kt", "@A(b = 1) fun `is it`() {\n  c()\n}\n", "is it", id="kotlin-quoted"),
        pytest.param("a.swift", "extension A {\n  func g() {}\n}\n", "A", id="swift-extension"),
        pytest.param("a.nim", "proc add*(a: int): int =\n  a\n", "add", id="nim-exported"),
        pytest.param("a.rb", "module M\n  def f\n    1\n  end\nend\n", "M", id="ruby-module"),
        pytest.param("a.md", "# A\n\ntext\n\n## B\n\nmore text\n", "A", id="markdown"),
        pytest.param("a.txt", "just words\n", "", id="text"),
    ],
)
def test_symbol(path: str, text: str, expected: str) -> None:
    (chunk,) = chunk_text(path, text)
    assert chunk.symbol == expected


def test_methods_of_a_large_class_carry_its_name() -> None:
    methods = "\n".join(
        f"    def method_{index}(self, value: int) -> int:\n"
        + "".join(f"        value += {step} * self.factor\n" for step in range(9))
        for index in range(6)
    )
    chunks = chunk_text("a.py", f"import os\n\n\nclass Big:\n    '''Doc.'''\n\n{methods}")
    assert {chunk.symbol for chunk in chunks} >= {f"Big.method_{index}" for index in range(1, 6)}
    assert all(chunk.kind == "method" for chunk in chunks if "method_" in chunk.symbol)


def test_markdown_headings_are_a_path_and_fences_are_not_headings() -> None:
    words = "Some words about it, and some more of them. " * 20
    text = (
        f"# A\n\n{words}\n\n## B\n\n```sh\n# not a heading\n```\n\n{words}\n\nC\n===\n\n{words}\n"
    )
    symbols = [chunk.symbol for chunk in chunk_text("a.md", text)]
    assert list(dict.fromkeys(symbols)) == ["A", "A > B", "C"]
