"""Compiled kernels are found where nothing can be written, as in a container image."""

import errno
import tempfile
from pathlib import Path
from typing import Any

import numba
import pytest

from pointguard_server.engine.compiled import KernelLocator
from pointguard_server.engine.kernel import decide

LOCATOR: Any = KernelLocator


def test_kernels_are_found_in_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = LOCATOR.from_function(decide.py_func, __file__)
    assert tmp_path in Path(found.get_cache_path()).parents
