"""The kernel's parts, one noun a file. Compiled with Numba into ``engine.kernel.decide``; used by nothing else.

Numba's cache on disk notices a change of the file that a function stands in, but not of the functions that it calls
from other files. So the cache's folder is named after the content of all of them; it becomes machine code of this
process, so it is kept where nobody else may write.
"""

import os
from hashlib import sha256
from pathlib import Path

import numba
from numba.core.caching import UserProvidedCacheLocator

from pointguard_server.rules.code_cache import private_directory

CACHE_VARIABLE = "POINTGUARD_CACHE_DIR"
_SERVER = Path(__file__).parents[2]
_SOURCES = ("domain", "engine", "rpc/wire", "rules", "velocity")


def _cache_directory() -> Path:
    root = (
        os.environ.get(CACHE_VARIABLE)
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pointguard"
    )
    digest = sha256()
    for folder in _SOURCES:
        for path in sorted((_SERVER / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return Path(root) / "kernels" / digest.hexdigest()[:16]


def are_cached() -> bool:
    """Whether the kernels have been compiled before; if not, the first use takes about a minute."""
    return any(_cache_directory().rglob("kernel.decide-*.nbi"))


class KernelLocator(UserProvidedCacheLocator):
    """Tells Numba where kernels are. Its own passes over a folder that it cannot write to, such as one of an image."""

    def ensure_cache_path(self) -> None:
        """Make the folder if it is not there."""
        Path(self.get_cache_path()).mkdir(parents=True, exist_ok=True)  # type: ignore[no-untyped-call]


numba.config.CACHE_LOCATOR_CLASSES = f"{__name__}.{KernelLocator.__name__}"  # type: ignore[attr-defined]
numba.config.CACHE_DIR = str(private_directory(_cache_directory()))  # type: ignore[attr-defined]
