"""The packages load nothing by themselves, so that a command starts as fast as what it needs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["harness.agent", "harness.workspace"])
def test_every_public_name_is_there_when_it_is_asked_for(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module._MODULES) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = module.nothing


@pytest.mark.parametrize("package", ["harness.agent", "harness.workspace"])
def test_importing_the_package_imports_no_module_of_it(package: str) -> None:
    code = f"import sys, {package}; print([m for m in sys.modules if m.startswith('{package}.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
