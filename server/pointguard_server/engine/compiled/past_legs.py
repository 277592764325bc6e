"""Reading the legs that canonical records begin with; ``domain/record.py`` describes the bytes.

Called by ``storage``: one column of a row is read several times as fast as all of a leg's.
"""

import numpy as np

from pointguard_server.domain.ledger_rows import LEG_FIELDS
from pointguard_server.domain.record import RAW_FIELDS, RECORD_LEG_FIELDS
from pointguard_server.engine.compiled.varint import varint, zigzag
from pointguard_server.velocity.compiling import entry, part

COLUMNS_BY_VERSION = np.zeros(max(RECORD_LEG_FIELDS) + 1, np.int64)
for _version, _fields in RECORD_LEG_FIELDS.items():
    COLUMNS_BY_VERSION[_version] = len(_fields)
IS_RAW = np.array([name in RAW_FIELDS for name in LEG_FIELDS], np.int64)
_WORD_BYTES = 8


@part
def _word(data, at):
    """Return eight bytes as they stand in memory."""
    word = np.uint64(0)
    for i in range(_WORD_BYTES):
        word |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return np.int64(word)


@part
def _read_leg(data, at, end, columns_by_version, is_raw, leg):
    """Read one leg; return whether it is there."""
    version, at = varint(data, at, end)
    if at < 0 or not 0 <= version < columns_by_version.shape[0]:
        return False
    columns = columns_by_version[version]
    word = 0
    for column in range(columns):
        if is_raw[column]:
            if at + 2 * _WORD_BYTES > end:
                return False
            leg[word] = _word(data, at)
            leg[word + 1] = _word(data, at + _WORD_BYTES)
            at += 2 * _WORD_BYTES
            word += 2
        else:
            leg[word], at = zigzag(data, at, end)
            if at < 0:
                return False
            word += 1
    return columns > 0


@entry
def read_legs(data, ends, columns_by_version, is_raw, legs):
    """Read the leg of each record, which end at ``ends``, as rows of int64; what a version has not stays as it is.

    Returns how many were read: fewer than there are if one is no record of a known version.
    """
    begin = 0
    for i in range(ends.shape[0]):
        if not _read_leg(data, begin, ends[i], columns_by_version, is_raw, legs[i]):
            return i
        begin = ends[i]
    return ends.shape[0]
