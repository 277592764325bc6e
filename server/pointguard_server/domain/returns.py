"""What a return says of lines, as its record keeps it in the basket's place, and the amounts of an original's lines.

Any layer may use it.
"""

from collections.abc import Iterable, Iterator

from pointguard_server.domain.record import decode_varint, encode_varint

# As the wire has them (``Basket`` and ``BasketLine``): the numbers of fields, and the kinds of what follows.
_LINES, _AMOUNT = 2, 5
_VARINT, _BYTES = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}


def encode_lines(lines: Iterable[tuple[int, int]]) -> bytes:
    """Return (a line's place in the original basket, from 1; minor units that are returned of it, 0: all) as bytes."""
    return b"".join(encode_varint(number) for line in lines for number in line)


def decode_lines(data: bytes) -> list[tuple[int, int]]:
    """Read what ``encode_lines`` wrote.

    Raises:
        ValueError: if it is cut short.
    """
    numbers, at = [], 0
    while at < len(data):
        number, at = decode_varint(data, at)
        numbers.append(number)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def line_amounts(basket: bytes) -> list[int]:
    """Return the amounts of a basket's lines in minor units, in order; ``basket`` is the wire's message.

    Raises:
        ValueError: if it is none.
    """
    lines = [value for number, value in _fields(basket) if number == _LINES and isinstance(value, bytes)]
    amounts = (
        [value for number, value in _fields(line) if number == _AMOUNT and isinstance(value, int)] for line in lines
    )
    return [next(iter(found), 0) for found in amounts]


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: number, and a varint's value or the bytes."""
    at = 0
    while at < len(data):
        key, at = decode_varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = decode_varint(data, at)
            yield number, value
            continue
        size = _FIXED_BYTES.get(kind, 0)
        if kind == _BYTES:
            size, at = decode_varint(data, at)
        elif not size:
            raise ValueError("a field is of no kind that messages have")
        if at + size > len(data):
            raise ValueError("a field is cut short")
        yield number, data[at : at + size]
        at += size
