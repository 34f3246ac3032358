"""Makes the embedding model that Harness ships: ``python -m training --help``.

Nothing here is part of the installed package. What it makes is one file, read by
:mod:`harness.models.static`.
"""
