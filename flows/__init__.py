"""Prefect flows: thin shells around :mod:`harness`."""

import harness  # noqa: F401 - it says how numpy is to multiply, before anything here loads numpy
