"""What is left out of a text, and what stays where it was."""

from __future__ import annotations

import base64
import random
import time

import pytest

from harness.abridging.abridge import abridge
from harness.abridging.blobs import without_blobs
from harness.chunking.chunker import chunk_text
from harness.repository.content import classify

_BYTES = random.Random(2).randbytes(45_000)
_BASE64 = base64.b64encode(_BYTES).decode()
_HEX = _BYTES.hex()
_CODE = "export const size = 1;\n" * 60
_NUMBERS = ["-122.4194, 37.7749,"] * 500


def wrapped(text: str, width: int = 76, form: str = "{}") -> str:
    return "\n".join(form.format(text[at : at + width]) for at in range(0, len(text), width))


def rows_of(data: bytes, form: str) -> str:
    rows = [data[at : at + 12] for at in range(0, 12_000, 12)]
    return "\n".join(", ".join(form.format(byte) for byte in row) + "," for row in rows)


_UU = "\n".join("M" + "".join(chr(33 + byte % 63) for byte in _BYTES[:60]) for _ in range(400))
_FILES = {
    "guide.md": f"![shot](data:image/png;base64,{_BASE64})\n",
    "reference.md": f"[1]: <data:image/png;base64,{_BASE64}>\n",
    "font.css": f"@font-face {{ src: url(data:font/woff2;base64,{_BASE64}) }}\n",
    "drawing.css": "a { b: url(data:image/svg+xml," + "%3Csvg%20%22http%3A//w3" * 400 + ") }\n",
    "map.css": f"/*# sourceMappingURL=data:application/json;charset=utf-8;base64,{_BASE64} */\n",
    "map.js": f"//# sourceMappingURL=data:application/json;base64,{_BASE64[:1200]}\n",
    "icon.ts": f'export const ICON = "{_BASE64}";\n',
    "path.tsx": '<path d="' + "M12.1 3.4c-1.2.5-2 " * 900 + '"/>\n',
    "page.html": f'<img src="data:image/png;base64,{_BASE64}">\n',
    "fixture.json": '{"blob": "' + _BASE64 + '"}\n',
    "escaped.json": '{"pem": "' + wrapped(_BASE64, 64, "{}\\n").replace("\n", "") + '"}\n',
    "php.json": '{"blob": "' + _BASE64.replace("/", "\\/") + '"}\n',
    "secret.yaml": "data:\n  a: |\n" + wrapped(_BASE64, 76, "    {}") + "\n",
    "blob.py": f'DATA = """\n{wrapped(_BASE64)}\n"""\n',
    "hex.py": f'KEY = bytes.fromhex("{_HEX}")\n',
    "escapes.py": 'DATA = b"' + "".join(f"\\x{byte:02x}" for byte in _BYTES) + '"\n',
    "repr.py": f"DATA = {_BYTES!r}\n",
    "certificate.py": "CA = (\n" + wrapped(_BASE64[:4000], 64, '    "{}\\n"') + "\n)\n",
    "certificate.go": f"const ca = `-----BEGIN CERTIFICATE-----\n{wrapped(_BASE64, 64)}\n`\n",
    "comment.sh": wrapped(_BASE64, 64, "# {}") + "\n",
    "hex.ts": "const k = [\n" + wrapped(_HEX, 64, "  '{}',") + "\n];\n",
    "image.c": "char image[] = {\n" + rows_of(_BYTES, "0x{:02x}") + "\n};\n",
    "table.c": "int table[] = {\n" + rows_of(_BYTES, "{}") + "\n};\n",
    "geo.json": '{"at": [\n'
    + "\n".join(f"    [\n      {row}\n    ]," for row in _NUMBERS)
    + "\n]}\n",
    "one.json": "[" + ",".join(f'{{"id":{at},"name":"n{at}"}}' for at in range(9_000)) + "]\n",
    "inserts.sql": "".join(f"INSERT INTO u VALUES ({at}, 'a name');\n" for at in range(5_000)),
    "values.sql": "INSERT INTO u VALUES\n" + "".join(f"({at}, 'x y'),\n" for at in range(5_000)),
    "copy.sql": "COPY u (a, b) FROM stdin;\n"
    + "".join(f"{at}\tx y\n" for at in range(5_000))
    + "\\.\n",
    "line.sql": "INSERT INTO u VALUES " + ",".join(f"({at},'x y')" for at in range(9_000)) + ";\n",
    "worker.ts": 'const W = "' + "function a(b,c){return b+c};" * 1000 + '";\n',
    "uu.txt": f"begin 644 x\n{_UU}\n`\nend\n",
}


@pytest.mark.parametrize("path", _FILES)
def test_data_is_left_out_and_the_rest_stays_in_its_lines(path: str) -> None:
    text = f"{_CODE}first = before_it\n{_FILES[path]}last = after_it\n{_CODE}"
    assert classify(path, text) is None
    lines = text.split("\n")
    chunks = chunk_text(path, text)
    assert len(chunks) <= 25
    held = [
        (chunk.start_line + at, line)
        for chunk in chunks
        for at, line in enumerate(chunk.text.split("\n"))
    ]
    for number, line in held:
        assert line in lines[number - 1] or "left out" in line or len(lines[number - 1]) > 4_000
    for wanted in ("first = before_it", "last = after_it"):
        assert (lines.index(wanted) + 1, wanted) in held
    assert max(len(line) for _, line in held) <= 2_100


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(
            "a.py",
            "\n".join(f"    some_long_function_name_number_{n}_of_many," for n in range(90)),
            id="names",
        ),
        pytest.param(
            "a.ts", "import x from '" + "../components/Button" * 12 + "/index';", id="path"
        ),
        pytest.param("a.md", "Words of a paragraph, in one line. " * 300, id="prose"),
        pytest.param("a.md", "这是一个很长的段落" * 900, id="chinese"),
        pytest.param("a.py", "#" * 300 + "\n" + "-" * 900, id="rulers"),
        pytest.param("a.py", "M = [\n" + "    [1, 2, 3],\n" * 12 + "]", id="a small matrix"),
        pytest.param("a.sql", "INSERT INTO roles VALUES (1, 'x');\n" * 30, id="few rows"),
        pytest.param("a.py", "def f():\n" + "    return 1\n" * 50, id="code"),
        pytest.param("a.js", "})\n" * 100, id="brackets"),
        pytest.param(
            "a.yaml",
            "sha: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f\n" * 9,
            id="checksums with keys",
        ),
    ],
)
def test_what_people_write_stays(path: str, text: str) -> None:
    assert abridge(path, text).text == text


def test_a_mark_says_how_much_is_missing() -> None:
    text = f"a\n{wrapped(_BASE64)}\nb\nx = '{_HEX[:400]}'"
    found = abridge("a.py", text)
    count = wrapped(_BASE64).count("\n") + 1
    assert found.lines[1] == f"[… {count} lines of data left out …]"
    assert found.lines[2 : count + 1] == ("",) * (count - 1)
    assert found.lines[count + 1 :] == ("b", "x = '[… 400 characters of data left out …]'")
    assert found.runs == ((1, count),)


def test_long_tables_keep_their_beginning() -> None:
    text = "\n".join(f"{at},name {at}" for at in range(30_000))
    found = abridge("a.csv", text)
    assert found.lines[0] == "0,name 0"
    assert 30_000 < len("".join(found.lines)) < 41_000
    assert abridge("a.py", text).text == text


@pytest.mark.parametrize(
    "unit",
    [
        "\\",
        "\\x",
        "\\n",
        "data:a/b;",
        "0 ",
        "a1",
        "a1B2\n",
        "(0,",
        "'",
        '"A1b2"\n',
        "insert into ",
        "copy ",
    ],
)
def test_the_time_is_linear(unit: str) -> None:
    for path in ("a.sql", "a.ts"):
        started = time.process_time()
        abridge(path, unit * (1_000_000 // len(unit)))
        assert time.process_time() - started < 5  # shared test machines; a square takes hours


def test_octal_escapes_that_are_too_few_are_read_in_one_way() -> None:
    line = r"\141\142" * 19 + r"\141 and a word"
    assert without_blobs(line) == line  # with several ways to match, this would take for ever
