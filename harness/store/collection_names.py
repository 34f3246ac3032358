"""What an index's collections are called: on a disk, on a server, and in a backup."""

from __future__ import annotations

import re

from harness.names import path_name

COLLECTION_NAME = re.compile(r"harness-(?:[0-9a-f]{16}(?:-files)?|catalog)")
"""Names of the collections of an index; on a server its records have collections, too."""

CHUNKS_NAME = re.compile(r"harness-[0-9a-f]{16}")
"""Names of those that hold chunks."""


def collection_name(name: object) -> str:
    """A name that a collection may have, and so a folder or a snapshot.

    :raises UnsafeNameError: it is another one.
    """
    return path_name(name, "a collection", COLLECTION_NAME)
