"""What runs beside a command of the agent, and makes its confinement: stand-alone scripts.

``supervisor`` is started for every command with ``python -I -S``: nothing here imports more than a
few modules of the standard library, and nothing of Harness but this folder. ``root`` builds what
the command sees of the file system, ``privileges`` gives up capabilities, ``landlock`` and
``seccomp`` ask the kernel for what a mount namespace does not cover, or cannot where there is none,
``requests`` decides what seccomp leaves to the supervisor. Whatever cannot be done fails the
command: it never starts.
"""
