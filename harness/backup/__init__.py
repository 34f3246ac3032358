"""Backups of the index: how they are made, checked and restored, whatever the engine.

:mod:`harness.backup.folders` keeps the backups' folders, :mod:`harness.backup.manifest` describes
what is in one, and :mod:`harness.backup.operations` makes and restores them. A store's own
:class:`harness.store.snapshots.Snapshots` does the copying.
"""
