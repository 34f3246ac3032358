"""Starts an index run when somebody pushes: the receiver of git servers' webhooks.

``signatures`` decides whether a request is genuine, ``events`` reads what was pushed, ``routes``
finds the repository it concerns, ``journal`` keeps it on disk, ``delivery`` hands it to Prefect
as soon as that answers (``runs``: over its HTTP API), ``service`` is the HTTP side of all this and
``metrics`` what it counts. Nothing here imports Prefect.
"""
