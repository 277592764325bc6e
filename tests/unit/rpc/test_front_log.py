"""The front's log tells of defects, and not of callers who were gone when they were answered."""

import logging
import sys

import grpc
import pytest

from pointguard_server.rpc import front


def record(error: Exception) -> logging.LogRecord:
    """Return the line that gRPC writes about an exception in a call."""
    try:
        raise error
    except type(error):
        return logging.LogRecord(front.GRPC_LOGGER, logging.ERROR, __file__, 1, "raised", None, sys.exc_info())


@pytest.mark.parametrize(("error", "of_note"), [(grpc.aio.InternalError(), False), (ValueError(), True)])
def test_a_caller_who_is_gone_is_no_defect(error: Exception, of_note: bool) -> None:
    assert front._is_of_note(record(error)) is of_note


def test_a_line_without_an_exception_is_of_note() -> None:
    assert front._is_of_note(logging.LogRecord(front.GRPC_LOGGER, logging.ERROR, __file__, 1, "raised", None, None))
