"""Prefect flows: thin shells around :mod:`harness`."""
