"""Connecting to a Qdrant server."""

from __future__ import annotations

import logging
import warnings
from urllib.parse import urlsplit

from harness.addresses import DefaultPorts, parse_address
from harness.errors import StoreError
from harness.proxies import route_to
from harness.store.options import DEFAULT_PORT, QdrantOptions
from harness.store.qdrant import QdrantStore
from harness.store.qdrant_failures import translate

logger = logging.getLogger(__name__)

# Tenant indexes came with 1.11, and nothing newer is needed. An older server is refused at once
# with a clear message instead of a 400 later.
MINIMUM_SERVER = (1, 11)


def address_of(options: QdrantOptions) -> str:
    """The server's URL without credentials, which is also how messages name it.

    ``https`` alone is port 443; any other address without a port is at ``port``.

    :raises InvalidSettingError: neither QDRANT_URL nor QDRANT_HOST can be used.
    """
    if options.url:
        # A URL stands for itself: QDRANT_PORT is the port of QDRANT_HOST.
        port = options.port or DEFAULT_PORT
        return parse_address(options.url, "QDRANT_URL", DefaultPorts(bare=port, http=port))
    bare = options.port or DEFAULT_PORT
    ports = DefaultPorts(bare=bare, http=bare, https=options.port or 443)
    return parse_address(options.host or "", "QDRANT_HOST", ports)


def connect(options: QdrantOptions) -> QdrantStore:
    """Make a store on a server: over gRPC where that answers, else over REST.

    The only requests are for the version, the collections, and a connection to the gRPC port.

    :raises InvalidSettingError: the address, or the proxy for it, cannot be used.
    :raises ServiceUnavailableError: the server does not answer.
    :raises StoreError: the API key is refused, or the server is too old.
    """
    from qdrant_client import QdrantClient

    address = address_of(options)
    parts = urlsplit(address)
    host = parts.hostname or ""
    route = route_to(address)

    def client(prefer_grpc: bool) -> QdrantClient:
        with warnings.catch_warnings():
            # A key over plain HTTP is meant for the same machine or a cluster's own network, as
            # docs/services.md says; a warning with source lines at every command helps nobody.
            warnings.filterwarnings("ignore", message="Api key is used with an insecure")
            return QdrantClient(
                host=f"[{host}]" if ":" in host else host,
                port=parts.port,
                https=parts.scheme == "https",
                prefix=parts.path or None,
                grpc_port=options.grpc_port or 6334,
                prefer_grpc=prefer_grpc,
                # gRPC has variables and rules of its own; where a proxy is needed REST is used.
                grpc_options={"grpc.enable_http_proxy": 0},
                api_key=options.api_key,
                timeout=options.timeout_seconds,
                # Checked below once, with our message, instead of a warning at every start.
                check_compatibility=False,
                **route.options(),
            )

    def store(connected: QdrantClient) -> QdrantStore:
        return QdrantStore(connected, address, options.api_key, options.timeout_seconds)

    rest = client(prefer_grpc=False)
    try:
        version = rest.info().version
        rest.get_collections()
    except Exception as error:
        rest.close()
        raise translate(error, address) from error
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < MINIMUM_SERVER:
        rest.close()
        wanted = ".".join(str(part) for part in MINIMUM_SERVER)
        raise StoreError(f"Qdrant at {address} is {version}; Harness needs {wanted} or newer")
    # Proxies let HTTP through, hardly one of them gRPC to a port of its own.
    with_grpc = options.grpc_port and route.proxy is None
    if with_grpc and _grpc_answers(host, options.grpc_port):
        grpc = client(prefer_grpc=True)
        try:
            grpc.get_collections()
        except Exception as error:
            logger.info("gRPC of Qdrant at %s does not answer (%s): using REST", address, error)
            grpc.close()
        else:
            rest.close()
            return store(grpc)
    return store(rest)


def _grpc_answers(host: str, port: int) -> bool:
    """Whether something listens there; gRPC itself would wait for its whole time-out."""
    import socket

    try:
        with socket.create_connection((host, port), timeout=2.0):
            return True
    except OSError:
        return False
