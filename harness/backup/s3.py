"""Backups and results in object storage that speaks S3: AWS, MinIO, Ceph, Garage, Cloudflare and
others.

boto3 finds credentials as everywhere: in ``AWS_…`` variables, in a file that
``AWS_SHARED_CREDENTIALS_FILE`` names, or from the cluster (IRSA, Pod Identity). A process that uses
two storages, each with credentials of its own, is told those of one. They appear in no message.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.backup.objects import too_large
from harness.errors import InvalidSettingError, ServiceUnavailableError, StoreError
from harness.files import new_private
from harness.store.snapshots import file_sha256

_PIECE_BYTES = 1 << 20
_ATTEMPTS = 4
_CONNECT_SECONDS, _READ_SECONDS = 10, 60
# Worth another try by whoever asked; botocore has tried by itself by then.
_BUSY = frozenset(
    {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "503", "500"}
)
MAX_NAMES = 2_000_000
"""Of files in a place for backups or results; turns of the model are the most of them."""

_MISSING = frozenset({"NoSuchKey", "404"})


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials that go before those that boto3 finds by itself."""

    key_id: str
    secret: str = field(repr=False)


class S3Objects:
    """See :class:`harness.backup.objects.Objects`.

    :param url: ``s3://bucket/prefix``.
    :param endpoint: address of the storage; None: AWS, or what ``AWS_ENDPOINT_URL_S3`` says.
    :param attempts: how often botocore sends a request, with backoff between.
    :param setting: beginning of the variables that the addresses are from, for messages.
    :param login: None: what boto3 finds.
    :raises InvalidSettingError: an address cannot be used, or boto3 is not installed.
    """

    def __init__(
        self,
        url: str,
        endpoint: str | None = None,
        *,
        attempts: int = _ATTEMPTS,
        setting: str = "HARNESS_BACKUP",
        login: Login | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or parts.query:
            raise InvalidSettingError(f"{setting}_URL must be s3://bucket or s3://bucket/prefix")
        self._bucket = parts.netloc
        prefix = parts.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self.where = f"s3://{self._bucket}/{prefix}".rstrip("/")
        self._setting = setting
        self._client = _client(endpoint, attempts, setting, login)

    def ask(self) -> None:
        """Ask for the first name only: whether it answers, knows the bucket and takes the
        credentials. That they may write and delete, only writing and deleting would tell.

        :raises StoreError: it refuses.
        :raises ServiceUnavailableError: it does not answer.
        """
        with self._explained():
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    def names(self) -> list[str]:
        """See the Protocol."""
        return list(self.times())

    def times(self) -> dict[str, float]:
        """See the Protocol."""
        found = {}
        with self._explained():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            for page in pages:
                for row in page.get("Contents", ()):
                    found[str(row["Key"]).removeprefix(self._prefix)] = row["LastModified"]
                if len(found) > MAX_NAMES:
                    raise StoreError(
                        f"{self.where} lists more than {MAX_NAMES} files; it may be used for "
                        "backups or results and nothing else"
                    )
        return {name: written.timestamp() for name, written in found.items()}

    def put(self, name: str, source: Path) -> None:
        """See the Protocol. Large files go in parts; all of it is read back and compared, because
        checksums of uploads are not something that every storage knows."""
        with self._explained():
            with source.open("rb") as file:
                self._client.upload_fileobj(file, self._bucket, self._prefix + name)
            digest, left = hashlib.sha256(), source.stat().st_size
            for piece in self._pieces(name):
                digest.update(piece)
                left -= len(piece)
                if left < 0:
                    break
        if digest.hexdigest() != file_sha256(source):
            raise StoreError(f"{self.where}/{name} is not what was written; look at that storage")

    def get(self, name: str, target: Path, most_bytes: int) -> None:
        """See the Protocol."""
        left = most_bytes
        with self._explained(), new_private(target, durable=False) as file:
            for piece in self._pieces(name):
                left -= len(piece)
                if left < 0:
                    raise too_large(f"{self.where}/{name}", most_bytes)
                file.write(piece)

    def remove(self, names: Sequence[str]) -> None:
        """See the Protocol. One request each: removing many at once is not known everywhere."""
        with self._explained():
            for name in names:
                self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def _pieces(self, name: str) -> Iterator[bytes]:
        body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"]
        with body:
            yield from body.iter_chunks(_PIECE_BYTES)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of boto3 as those of the tree.

        :raises ServiceUnavailableError: it does not answer, or is busy.
        :raises StoreError: it refuses.
        """
        from boto3.exceptions import Boto3Error
        from botocore import exceptions

        try:
            yield
        except exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _BUSY:
                raise ServiceUnavailableError(f"{self.where} is busy ({code})") from None
            if code in _MISSING:
                raise StoreError(
                    f"a file is missing in {self.where}; choose another backup or result"
                ) from None
            raise StoreError(
                f"{self.where} refuses ({code}); check that the bucket exists and that the "
                "credentials may list, read, write and delete there"
            ) from None
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
            raise StoreError(
                f"no credentials for {self.where}; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE"
            ) from None
        except (
            exceptions.HTTPClientError,
            exceptions.ConnectionError,
            exceptions.IncompleteReadError,
        ) as error:
            raise ServiceUnavailableError(
                f"{self.where} does not answer ({type(error).__name__}); check "
                f"{self._setting}_ENDPOINT and the network"
            ) from None
        except (exceptions.BotoCoreError, Boto3Error) as error:
            raise StoreError(f"{self.where} cannot be used ({type(error).__name__})") from None


def _client(endpoint: str | None, attempts: int, setting: str, login: Login | None) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise InvalidSettingError(
            f"{setting}_URL needs the extra s3: pip install 'harness-code-assistant[s3]'"
        ) from None
    # Its debug output quotes signed requests.
    for name in ("boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(name).setLevel(logging.INFO)
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        # Its newer defaults are refused by storages that are not AWS'.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # A bucket is a subdomain at AWS only.
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    try:
        return boto3.client(
            "s3",
            endpoint_url=endpoint,
            config=config,
            # Storages of one's own have one; AWS wants the bucket's.
            region_name=boto3.Session().region_name or "us-east-1",
            aws_access_key_id=login.key_id if login else None,
            aws_secret_access_key=login.secret if login else None,
        )
    except ValueError:
        raise InvalidSettingError(
            f"{setting}_ENDPOINT must be an address such as https://storage.example.org:9000"
        ) from None
