"""Backups of the index: made, checked, restored; the same for every engine.

:mod:`harness.backup.folders` keeps the folders, :mod:`harness.backup.manifest` what is written into
them, :mod:`harness.backup.operations` what is done; copying is :mod:`harness.store.snapshots`.
"""
