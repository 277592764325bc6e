"""Bytes to messages, and numbers to bytes as kernels take them. For ``rpc``."""

from array import array
from collections.abc import Sequence

from google.protobuf.message import DecodeError, Message

from pointguard_server.domain.errors import InvalidRequest, Violation


def packed_numbers(numbers: Sequence[int]) -> bytes:
    """Return int64s in memory order."""
    return array("q", numbers).tobytes()


def parse(message: Message, data: bytes) -> None:
    """Read a message.

    Raises:
        InvalidRequest: if it is malformed.
    """
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise InvalidRequest(Violation("request", "must be a well-formed message")) from None
