"""What points were turned into, worked out again."""

from collections.abc import Iterator

from pointguard_server.domain.codes import Kind
from pointguard_server.domain.conversions import decode_conversion
from pointguard_server.domain.record import Record
from pointguard_server.service.explanation.case import Case
from pointguard_server.service.explanation.differences import Difference


def conversion_differences(record: Record, case: Case) -> Iterator[Difference]:
    """Yield where a conversion is recorded otherwise than the configuration of then makes it.

    Raises:
        ValueError: if what is recorded is no conversion.
    """
    if case.request.get("kind") != Kind.CONVERSION:
        return
    recorded = decode_conversion(record.basket)
    config = case.config.conversions.get(recorded.code)
    made = None if config is None else config.of(case.request["points"])
    if made != recorded:
        yield Difference("conversion", str(recorded), str(made))
