"""The log: one JSON line an event on standard error, and nothing personal in any. Set up by ``__main__``.

Our own events have fixed names and carry ids, counts and causes. Two things could bring in what a caller sent: the text
of an exception, which often quotes a value, and lines of libraries, which are put together from anything. So of an
exception only types and places are kept, with the text where it is known to be harmless; of a library's line only its
name and the text that it was made from.
"""

import logging
import sqlite3
import sys
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict

from pointguard_server.domain.errors import PointguardError

LEVELS: Final = ("debug", "info", "warning", "error")
lines: Final[Counter[str]] = Counter(dict.fromkeys(LEVELS, 0))
"""Lines written since the start, by level."""
HARMLESS: Final = (PointguardError, OSError, sqlite3.Error)
"""Their texts name fields, files and tables, never a value."""

log = structlog.get_logger(__name__)


def configure(level: str) -> None:
    """Write events of ``level`` (one of ``LEVELS``) and above, and warnings of libraries."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _count,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _explain,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_LibraryHandler()], force=True)


class _Unfailing:
    """A stream whose failures concern nobody: a full disk under the log must not stop what it tells of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or try again with the next line."""
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with suppress(OSError):
            self._stream.flush()


def log_loop_error(_loop: object, context: dict[str, Any]) -> None:
    """Log what the event loop could tell nobody; a handler for ``set_exception_handler``."""
    log.error("fault", where=context["message"], exc_info=context.get("exception"))


class _LibraryHandler(logging.Handler):
    """Turns the lines of libraries into events."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a line by the text that it was made from, without the values."""
        error = record.exc_info[1] if record.exc_info else None
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library", library=record.name, line=str(record.msg).partition("\n")[0], exc_info=error)


def _count(_logger: object, _method: str, event: EventDict) -> EventDict:
    lines[event["level"]] += 1
    return event


def _explain(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Put an exception and its causes into words, innermost last."""
    error = event.pop("exc_info", None)
    told = []
    while isinstance(error, BaseException):
        text = f": {error}" if isinstance(error, HARMLESS) else ""
        told.append({"error": f"{type(error).__qualname__}{text}", "at": _places(error.__traceback__)})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if told:
        event["exception"] = told
    return event


def _places(trace: TracebackType | None) -> list[str]:
    return [
        f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace)
    ]
