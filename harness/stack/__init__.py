"""The local Prefect stack: one server, one `process` worker, all deployments.

``lifecycle`` has the four things that the command line does with a stack: up, down, status,
deploy. Prefect runs as subprocesses of this interpreter (``python -m prefect``) and is spoken to
over HTTP, so nothing here imports it. ``starting`` and ``stopping`` put the steps in order,
``processes`` starts and ends the subprocesses, ``environment`` says what they see, ``bundle`` where
the deployed code is, ``deploying`` registers it, ``state`` remembers what was started, ``status``
tells what still runs, ``api`` talks to the server, ``runs`` starts a flow run and follows it.

The server has a password (``access``), which a link gives to the owner's browser (``login``), and
refuses what pages of other sites send (``guard``). ``servers`` says which server a command means.
"""
