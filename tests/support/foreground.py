"""Has this process compile rules as it runs itself: tests wait for the compiler, and nothing is served meanwhile."""

import sys

from pointguard_server.rules import compiler


def compile_in_foreground() -> None:
    """From now on. The servers that tests start keep to the background."""
    compiler.in_background = lambda module, *arguments: [sys.executable, "-P", "-m", module, *arguments]
