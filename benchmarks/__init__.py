"""What is measured: ``python -m benchmarks``, and a module for each single question."""

import harness  # noqa: F401 - it says how numpy is to multiply, before anything here loads numpy
