"""Where the server is and what its models are called."""

from __future__ import annotations

from harness.addresses import DefaultPorts, parse_address

DEFAULT_PORT = 11434
_DEFAULT_REGISTRY = "registry.ollama.ai/"
_DEFAULT_NAMESPACE = "library/"


def parse_host(text: str) -> str:
    """Turn what users write into ``OLLAMA_HOST`` into a base URL with an explicit port.

    The rules are those of the ``ollama`` command, which reads the same variable: without a
    scheme the port is 11434, ``http://`` alone means 80 and ``https://`` alone 443.

    :param text: see :func:`harness.addresses.parse_address`.
    :returns: ``scheme://host:port[/prefix]`` without a trailing slash.
    :raises InvalidSettingError: nothing of that form; the message names the variable.
    """
    return parse_address(text, "OLLAMA_HOST", DefaultPorts(bare=DEFAULT_PORT))


def qualified_name(name: str) -> str:
    """Write a model's name the way the server lists it.

    :param name: as users write it; the default registry and namespace and ``:latest`` may be
        left out.
    :returns: the name with its tag, without the default registry and namespace.
    """
    short = name.strip()
    short = short.removeprefix(_DEFAULT_REGISTRY).removeprefix(_DEFAULT_NAMESPACE)
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def same_model(first: str, second: str) -> bool:
    """Tell whether two names mean one model: the server ignores case and implies ``:latest``."""
    return qualified_name(first).casefold() == qualified_name(second).casefold()
