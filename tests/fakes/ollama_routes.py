"""The routes of the imitation: what each answers, as documents, lines of a stream or bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.fakes.ollama_models import Embeddings, FakeModel, Turn
from tests.fakes.ollama_protocol import BadRequestError, CutError, texts_of

if TYPE_CHECKING:
    from tests.fakes.ollama_server import FakeOllama


def _model(
    fake: FakeOllama,
    body: dict[str, Any],
    quote: str = "'",
    named: Callable[[str], str] = str,
) -> FakeModel:
    wanted = str(body.get("model") or body.get("name") or "")
    if not wanted:
        raise BadRequestError("model is required")
    found = _lookup(fake.shelf.models, wanted)
    if found is None:
        hint = ", try pulling it first" if quote == '"' else ""
        raise BadRequestError(f"model {quote}{named(wanted)}{quote} not found{hint}", 404)
    return found


def _lookup(models: dict[str, FakeModel], name: str) -> FakeModel | None:
    tagged = _tagged(name).lower()
    return next((m for key, m in list(models.items()) if key.lower() == tagged), None)


def _tagged(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


def joined(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """One answer out of a stream's lines, for requests with ``stream`` off."""
    last = dict(lines[-1])
    if "message" in last:
        message = {"role": "assistant"}
        message["content"] = "".join(line["message"].get("content", "") for line in lines)
        calls = [call for line in lines for call in line["message"].get("tool_calls", [])]
        last["message"] = {**message, **({"tool_calls": calls} if calls else {})}
    if "response" in last:
        last["response"] = "".join(line.get("response", "") for line in lines)
    return last


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _version(fake: FakeOllama, body: dict[str, Any]) -> dict[str, Any]:
    return {"version": fake.version}


def _details(model: FakeModel) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.architecture,
        "families": [model.architecture],
        "parameter_size": "23M",
        "quantization_level": "Q8_0",
    }


def _listed(model: FakeModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        "size": sum(model.layer_bytes),
        "digest": model.digest,
        "details": _details(model),
    }


def _tags(fake: FakeOllama, body: dict[str, Any]) -> dict[str, Any]:
    models = list(fake.shelf.models.values())
    return {"models": [{**_listed(model), "modified_at": _now()} for model in models]}


def _show(fake: FakeOllama, body: dict[str, Any]) -> dict[str, Any]:
    model = _model(fake, body, named=_tagged)
    return {
        "modelfile": f"FROM {model.name}",
        "template": "{{ .Prompt }}",
        "details": _details(model),
        "model_info": {
            "general.architecture": model.architecture,
            f"{model.architecture}.context_length": model.context_length,
            f"{model.architecture}.embedding_length": model.dimension,
        },
        "capabilities": list(model.capabilities),
        "modified_at": _now(),
    }


def _ps(fake: FakeOllama, body: dict[str, Any]) -> dict[str, Any]:
    loaded = [(fake.shelf.models[name], ctx) for name, ctx in list(fake.shelf.loaded.items())]
    return {
        "models": [
            {**_listed(model), "expires_at": _now(), "size_vram": 0, "context_length": ctx}
            for model, ctx in loaded
        ]
    }


def _delete(fake: FakeOllama, body: dict[str, Any]) -> bytes:
    name = _model(fake, body).name
    with fake.shelf.lock:
        fake.shelf.models.pop(name, None)
        fake.shelf.loaded.pop(name, None)
    return b""


def _pull(fake: FakeOllama, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name = str(body.get("model") or body.get("name") or "")
    if not name or " " in name or name.count(":") > 1:
        raise BadRequestError("invalid model name")
    return _pull_lines(fake, name)


def _pull_lines(fake: FakeOllama, name: str) -> Iterator[dict[str, Any]]:
    yield {"status": "pulling manifest"}
    model = _lookup(fake.shelf.registry, name)
    if model is None:
        yield {"error": "pull model manifest: file does not exist"}
        return
    for digest, size in model.layers:
        line = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": size}
        done = fake.shelf.downloaded.get(digest, 0)
        while True:
            # What is on the disk stays there: the next attempt resumes.
            fake.shelf.downloaded[digest] = done
            yield {**line, "completed": done} if done else line
            if done >= size:
                break
            done = min(size, done + max(1, size // 4))
    yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}
    with fake.shelf.lock:
        fake.shelf.models[model.name] = model
    yield {"status": "success"}


def _embed(fake: FakeOllama, body: dict[str, Any]) -> bytes | dict[str, Any]:
    model = _model(fake, body, '"')
    texts, faults = texts_of(body), fake.faults
    if "embedding" not in model.capabilities:
        raise BadRequestError(
            "This server does not support embeddings. Start it with `--embeddings`", 501
        )
    if 0 < faults.slow_batch < len(texts):
        fake.stopping.wait()
        raise CutError
    if 0 < faults.largest_batch < len(texts):
        raise BadRequestError("llama runner process no longer running: -1", 500)
    if 0 < faults.memory_batch < len(texts):
        raise BadRequestError('do embedding request: Post "http://127.0.0.1:1/v1/embeddings": EOF')
    window = min(model.context_length, (body.get("options") or {}).get("num_ctx", 4096))
    if fake.embeddings.mode != "noop":
        if body.get("truncate") is False:
            if any(fake.embeddings.count_tokens(text) > window for text in texts):
                raise BadRequestError("the input length exceeds the context length")
        else:
            texts = [fake.embeddings.cut(text, window) for text in texts]
    fake.shelf.loaded[model.name] = window
    if not texts:
        return {"model": body["model"], "embeddings": []}
    embeddings, dimension = fake.embeddings, model.dimension
    if faults.embed == "dimension":
        embeddings, dimension = Embeddings("hash"), dimension // 2
    rows = embeddings.rows(texts, dimension)
    if faults.embed in _SPOILT_ROWS:
        rows[-1] = _SPOILT_ROWS[faults.embed](rows[-1])
    elif faults.embed == "count":
        rows = rows[:-1]
    name = json.dumps(body["model"])
    tokens = sum(map(embeddings.count_tokens, texts))
    return (
        f'{{"model":{name},"embeddings":[{",".join(rows)}],"total_duration":1,"load_duration":1,'
        f'"prompt_eval_count":{tokens}}}'
    ).encode()


_SPOILT_ROWS = {
    "nan": lambda row: "[NaN" + row[row.index(",") :],
    "infinite": lambda row: "[1e999" + row[row.index(",") :],
    "zero": lambda row: "[" + ",".join("0" for _ in row.split(",")) + "]",
    "ragged": lambda row: "[" + row[row.index(",") + 1 :],
}


def _load(fake: FakeOllama, model: FakeModel, body: dict[str, Any]) -> str:
    """Note that the model is in memory, or no more; why a request without a text is done."""
    with fake.shelf.lock:
        # The window that is given is at most the model's own.
        asked = (body.get("options") or {}).get("num_ctx", 4096)
        fake.shelf.loaded[model.name] = min(asked, model.context_length)
        if body.get("keep_alive") != 0:
            return "load"
        del fake.shelf.loaded[model.name]
        return "unload"


def _next_turn(fake: FakeOllama) -> Turn:
    with fake.shelf.lock:
        if fake.shelf.script:
            return fake.shelf.script.pop(0)
    return Turn("This is an imitation of a model; it has nothing to say.")


def _prompt_tokens(model: FakeModel, body: dict[str, Any], prompt: str) -> int:
    window = (body.get("options") or {}).get("num_ctx", 4096)
    tokens = len(prompt) // 4 + 1
    if tokens > window and body.get("truncate") is False:
        refusal = {
            "code": 400,
            "message": f"request ({tokens} tokens) exceeds the available context size "
            f"({window} tokens), try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": tokens,
            "n_ctx": window,
        }
        # The runner's own answer, JSON inside the text.
        raise BadRequestError(json.dumps({"error": refusal}))
    return min(tokens, window)


def _chat(fake: FakeOllama, body: dict[str, Any]) -> Iterator[dict[str, Any]] | dict[str, Any]:
    model = _model(fake, body)
    if "completion" not in model.capabilities:
        raise BadRequestError(f'"{body["model"]}" does not support chat')
    if body.get("tools") and "tools" not in model.capabilities:
        raise BadRequestError(f"registry.ollama.ai/library/{model.name} does not support tools")
    if body.get("think") and "thinking" not in model.capabilities:
        raise BadRequestError(f'"{body["model"]}" does not support thinking')
    start = {"model": body["model"], "created_at": _now()}
    reason = _load(fake, model, body)
    if not body.get("messages"):
        message = {"role": "assistant", "content": ""}
        return {**start, "message": message, "done": True, "done_reason": reason}
    prompt = json.dumps([body["messages"], body.get("tools")])
    return _talk(_next_turn(fake), start, _prompt_tokens(model, body, prompt), chat=True)


def _generate(fake: FakeOllama, body: dict[str, Any]) -> Iterator[dict[str, Any]] | dict[str, Any]:
    model = _model(fake, body)
    start = {"model": body["model"], "created_at": _now()}
    if "completion" not in model.capabilities:
        raise BadRequestError(f'"{body["model"]}" does not support generate')
    reason = _load(fake, model, body)
    if not body.get("prompt"):
        return {**start, "response": "", "done": True, "done_reason": reason}
    tokens = _prompt_tokens(model, body, body["prompt"])
    return _talk(replace(_next_turn(fake), tool_calls=()), start, tokens, chat=False)


def _talk(
    turn: Turn, start: dict[str, Any], prompt_tokens: int, chat: bool
) -> Iterator[dict[str, Any]]:
    def part(content: str, **more: Any) -> dict[str, Any]:
        if not chat:
            return {**start, "response": content, "done": False}
        message = {"role": "assistant", "content": content, **more}
        return {**start, "message": message, "done": False}

    if turn.thinking and chat:
        yield part("", thinking=turn.thinking)
    words = turn.content.split(" ")
    for number, word in enumerate(words if turn.content else []):
        yield part(word if number == 0 else f" {word}")
    for number, (name, arguments) in enumerate(turn.tool_calls):
        function = {"index": number, "name": name, "arguments": arguments}
        yield part("", tool_calls=[{"id": f"call_{number}", "function": function}])
    yield {
        **part(""),
        "done": True,
        "done_reason": turn.done_reason,
        "total_duration": 1_000_000,
        "prompt_eval_count": prompt_tokens,
        "eval_count": len(words) + len(turn.tool_calls),
    }


ROUTES: dict[str, tuple[set[str], Any]] = {
    "/api/version": ({"GET", "HEAD"}, _version),
    "/api/tags": ({"GET", "HEAD"}, _tags),
    "/api/ps": ({"GET"}, _ps),
    "/api/show": ({"POST"}, _show),
    "/api/pull": ({"POST"}, _pull),
    "/api/delete": ({"DELETE"}, _delete),
    "/api/embed": ({"POST"}, _embed),
    "/api/chat": ({"POST"}, _chat),
    "/api/generate": ({"POST"}, _generate),
}
