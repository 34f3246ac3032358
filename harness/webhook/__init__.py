"""Starts an index run when somebody pushes: the receiver of git servers' webhooks.

``providers`` describes each git server; ``signatures`` decides whether a request is genuine and
``events`` what it reports. ``routes`` finds the repository that was pushed to, ``journal`` keeps
the push on disk, and ``delivery`` hands it to Prefect as soon as Prefect answers (``runs``, over
its HTTP API). ``service`` is the HTTP side of it all, ``metrics`` its counters.
"""
