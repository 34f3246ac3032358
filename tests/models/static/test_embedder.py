"""The model that is shipped: what its vectors mean, and that they depend on the text alone."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ModelMismatchError
from harness.models.static import model_file
from harness.models.static.embedder import MODEL_FILE, StaticEmbedder
from harness.models.term_counts import count_terms

LONG = "app/net.py | connect\ndef connect(host, port): return socket(host, port)\n" * 60

PASSAGES = {
    "web/session.py": "web/session.py | SessionStore.save\n"
    "def save(self, session):\n    cookie = self.sign(session.data)\n"
    "    self.response.set_cookie(self.name, cookie, max_age=self.lifetime)\n",
    "db/connection.go": "db/connection.go | Pool.Connect\n"
    "func (p *Pool) Connect(dsn string) (*Conn, error) {\n"
    "\tconn, err := p.driver.Open(dsn)\n\treturn conn, err\n}\n",
    "files/remove.rs": "files/remove.rs | remove_file\n"
    "pub fn remove_file(path: &Path) -> io::Result<()> {\n    fs::delete(path)\n}\n",
    "config/load.js": "config/load.js | loadConfig\n"
    "function loadConfig(path) {\n  const settings = JSON.parse(readFile(path))\n"
    "  return merge(defaults, settings)\n}\n",
    "ui/colors.ts": "ui/colors.ts | parseColor\n"
    "export function parseColor(text: string): Rgb {\n"
    "  return { red: hex(text, 0), green: hex(text, 2), blue: hex(text, 4) }\n}\n",
    "mail/send.php": "mail/send.php | Mailer.send\n"
    "public function send(Message $message): void {\n"
    "    $this->transport->deliver($message->recipients(), $message->body());\n}\n",
    "auth/login.rb": "auth/login.rb | Login.authenticate\n"
    "def authenticate(name, password)\n  user = User.find(name)\n"
    "  user if user.password_matches?(password)\nend\n",
    "log/rotate.c": "log/rotate.c | rotate_log\n"
    "int rotate_log(struct logger *log) {\n  if (log->size < log->limit) return 0;\n"
    "  return rename_file(log->path, next_name(log));\n}\n",
}


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder()


@pytest.mark.parametrize(
    ("query", "path"),
    [
        pytest.param("how is the session kept in a cookie", "web/session.py", id="English"),
        pytest.param("erase a file from disk", "files/remove.rs", id="other words"),
        pytest.param("where are users verifed by their pasword", "auth/login.rb", id="misspelt"),
        pytest.param("read the configuraton", "config/load.js", id="a letter is missing"),
        pytest.param("Wie wird eine Datei gelöscht?", "files/remove.rs", id="German"),
        pytest.param("Wo wird die Verbindung zur Datenbank geöffnet?", "db/connection.go",
                     id="German, by relatives"),
        pytest.param("如何删除文件", "files/remove.rs", id="Chinese"),
        pytest.param("在哪里加载配置设置", "config/load.js", id="Chinese, settings"),
    ],
)  # fmt: skip
def test_a_question_finds_its_passage(embedder: StaticEmbedder, query: str, path: str) -> None:
    vectors = embedder.embed_documents(list(PASSAGES.values()))
    best = int(np.argmax(vectors @ embedder.embed_query(query)))
    assert list(PASSAGES)[best] == path


def test_a_vector_depends_on_its_text_alone(embedder: StaticEmbedder) -> None:
    texts = ["short", LONG, "", "another short one", *PASSAGES.values()]
    vectors = embedder.embed_documents(texts)
    assert vectors.shape == (len(texts), embedder.dimension)
    assert vectors.dtype == np.float32
    norms = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(np.delete(norms, 2), 1.0, atol=1e-5)
    assert norms[2] == 0.0
    fresh = StaticEmbedder()
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda text: fresh.embed_documents([text])[0], texts))
    np.testing.assert_array_equal(vectors, np.stack(again))


def test_counted_terms_give_the_same_vectors_in_another_process_too(
    embedder: StaticEmbedder,
) -> None:
    many = "app/net.py | connect\n" + " ".join(f"unknown{n}word" for n in range(400))
    passages = [many, "a.py | f\n", LONG, *PASSAGES.values()]
    # Of each file's passages the terms are counted together.
    counts = [
        count_terms(path, [symbol, ""], [code, ""])
        for path, symbol, code in (re.split(r" \| |\n", text, maxsplit=2) for text in passages)
    ]
    vectors = embedder.embed_documents(passages)
    here = [embedder.by_words().embed_counted(one)[0] for one in counts]
    np.testing.assert_array_equal(here, vectors)
    sent = pickle.dumps(embedder)
    assert len(sent) < 1000
    assert pickle.loads(sent) is pickle.loads(sent)  # its table is read once
    there = [pickle.loads(sent).embed_counted(one)[0] for one in counts]
    np.testing.assert_array_equal(there, vectors)


def test_another_model_in_another_process_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    shutil.copyfile(MODEL_FILE, file)
    sent = pickle.dumps(StaticEmbedder(file))
    with file.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x05")
    with pytest.raises(ModelMismatchError, match=r"was replaced while it was in use"):
        pickle.loads(sent).embed_counted(count_terms("a.py", [""], ["word"]))


def test_words_beside_a_question_are_what_passages_of_one_word_are(
    embedder: StaticEmbedder,
) -> None:
    words = ["socket", "zvqzzz", "file"]
    vectors = embedder.word_vectors()
    numbers = np.array(list(vectors.numbers(words).values()))
    asked = embedder.embed_query("open a network connection")
    near = vectors.products(numbers, asked) / np.sqrt(vectors.squares(numbers))
    alone = embedder.embed_documents([f"\n{word}" for word in words]) @ asked
    np.testing.assert_allclose(near, alone, atol=1e-5)
    # More than there is room for at first: each keeps its number and its vector.
    many = [f"word{number}" for number in range(1500)]
    assert len(set(vectors.numbers(many).values())) == 1500
    assert list(vectors.numbers(words).values()) == numbers.tolist()
    again = vectors.products(numbers, asked) / np.sqrt(vectors.squares(numbers))
    np.testing.assert_array_equal(again, near)
    last = np.array([vectors.numbers(many)[many[-1]]])
    own = embedder.embed_documents([f"\n{many[-1]}"])[0]
    assert vectors.products(last, own) / np.sqrt(vectors.squares(last)) == pytest.approx(
        1, abs=1e-5
    )


def test_no_texts(embedder: StaticEmbedder) -> None:
    assert embedder.embed_documents([]).shape == (0, embedder.dimension)


def test_nothing_is_cut(embedder: StaticEmbedder) -> None:
    vectors = embedder.embed_documents([LONG, LONG + "entirely different ending " * 50])
    assert float(vectors[0] @ vectors[1]) < 0.99
    assert (embedder.max_tokens, embedder.count_tokens(LONG)) == (0, 0)


def test_it_is_small_and_loads_at_once() -> None:
    assert MODEL_FILE.stat().st_size <= 16_000_000
    model_file.read(MODEL_FILE)
    times = []
    for _ in range(5):
        began = time.process_time()
        StaticEmbedder().embed_query("x")
        times.append(time.process_time() - began)
    assert min(times) < 0.05


def test_it_needs_neither_network_nor_the_transformer() -> None:
    code = (
        "import sys; from harness.models.static.embedder import StaticEmbedder;"
        "StaticEmbedder().embed_query('x');"
        "print({'onnxruntime', 'tokenizers', 'scipy', 'training'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
