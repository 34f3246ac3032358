"""The file of a static model: its format, reading and writing.

Little-endian throughout::

    8 bytes   b"HRNSTM01", the last two digits being the version of this format
    4 bytes   length of the header
    header    JSON: name, tokenizer, terms, buckets, dimension, seed
    padding   zeros up to a multiple of 64 bytes
    hashes    uint32 (terms,)                  of the known terms, ascending
    scales    float32 (terms + buckets,)       what a row's numbers are multiplied by
    weights   float16 (terms + buckets,)       what a row counts in a question
    rows      int8 (terms + buckets, dimension)

Row ``i`` belongs to the i-th known term; the rows after them are buckets, in which an unknown term
or a run of letters finds its row by ``hash % buckets``.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import ModelMismatchError, ModelMissingError

MAGIC = b"HRNSTM01"
_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class StaticModel:
    """The tables of a model; shapes as in the module's description."""

    name: str
    tokenizer: str
    hashes: npt.NDArray[np.uint32]
    scales: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float16]
    rows: npt.NDArray[np.int8]
    seed: int = 0

    @property
    def buckets(self) -> int:
        """Rows for what is not known."""
        return len(self.rows) - len(self.hashes)

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return int(self.rows.shape[1])


def read(file: Path) -> StaticModel:
    """Map a model's file into memory; pages are shared with other processes.

    :raises ModelMissingError: there is no such file.
    :raises ModelMismatchError: it is not of this format, or not whole.
    """
    try:
        with file.open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ModelMissingError(
            f"The embedding model {file} cannot be read ({error}): install Harness again."
        ) from error
    try:
        return _parsed(data)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelMismatchError(
            f"{file} is not an embedding model that this version reads: install Harness again."
        ) from error


def _parsed(data: mmap.mmap) -> StaticModel:
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("another format")
    start = len(MAGIC) + 4
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    header: dict[str, Any] = json.loads(data[start:end])
    terms, buckets = _number(header["terms"], 0), _number(header["buckets"], 1)
    dimension, seed = _number(header["dimension"], 1), _number(header["seed"], 0)
    count = terms + buckets
    at = -(-end // _ALIGNMENT) * _ALIGNMENT
    # Before anything is read by these numbers: nothing that is added up here can overflow.
    if at + 4 * terms + (4 + 2 + dimension) * count != len(data):
        raise ValueError("not whole")

    def table(kind: str, length: int) -> npt.NDArray[Any]:
        nonlocal at
        array = np.frombuffer(data, dtype=np.dtype(kind), count=length, offset=at)
        at += array.nbytes
        return array

    return StaticModel(
        name=str(header["name"]),
        tokenizer=str(header["tokenizer"]),
        hashes=table("<u4", terms),
        scales=table("<f4", count),
        weights=table("<f2", count),
        rows=table("i1", count * dimension).reshape(count, dimension),
        seed=seed,
    )


def _number(value: object, least: int) -> int:
    """A whole number of a header.

    :raises ValueError: it is something else, or smaller.
    """
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r:.40} is no number from {least}")
    return value


def write(model: StaticModel, file: Path) -> None:
    """Write a model's file.

    :param model: ``hashes`` must ascend.
    :param file: replaced.
    """
    header = json.dumps(
        {
            "name": model.name,
            "tokenizer": model.tokenizer,
            "terms": len(model.hashes),
            "buckets": model.buckets,
            "dimension": model.dimension,
            "seed": model.seed,
        }
    ).encode()
    head = MAGIC + len(header).to_bytes(4, "little") + header
    head += bytes(-len(head) % _ALIGNMENT)
    tables = (
        model.hashes.astype("<u4"),
        model.scales.astype("<f4"),
        model.weights.astype("<f2"),
        model.rows.astype("i1"),
    )
    file.write_bytes(head + b"".join(table.tobytes() for table in tables))


def digest(file: Path) -> str:
    """sha256 of a model's file (10 ms).

    :raises ModelMissingError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelMissingError(
            f"The embedding model {file} cannot be read ({error}): install Harness again."
        ) from error
