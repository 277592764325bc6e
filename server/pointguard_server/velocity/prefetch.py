"""Asking for memory before it is needed. Called by kernels that go through many accounts at random.

With a million accounts nearly every touch of one misses the processor's caches, and waits for a tenth of a
microsecond. Asked for ahead, a batch's worth of them is fetched side by side.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pointguard_server.velocity.compiling import part
from pointguard_server.velocity.windows import BLOCK, NONE

CACHE_LINE = 64
_FOR_WRITING, _KEEP, _DATA = 1, 3, 1


def _fetching(_context: Any, array: Any, index: Any, offset: Any) -> Any:
    """Ask for the line ``offset`` bytes into row ``index`` of an array; harmless whatever the address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        word, line = ir.IntType(32), ir.IntType(8).as_pointer()
        stride = builder.extract_value(held.strides, 0)
        at = builder.add(builder.mul(arguments[1], stride), arguments[2])
        address = builder.gep(builder.bitcast(held.data, line), [at])
        function = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module, ir.FunctionType(ir.VoidType(), [line, word, word, word]), "llvm.prefetch.p0"
        )
        builder.call(function, [address, word(_FOR_WRITING), word(_KEEP), word(_DATA)])
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp), generate


_fetch: Any = intrinsic(_fetching)


@part
def fetch_account(arrays, slot):
    """Ask for an account and its tallies."""
    for offset in range(0, arrays.accounts.itemsize + CACHE_LINE - 1, CACHE_LINE):
        _fetch(arrays.accounts, slot, min(offset, arrays.accounts.itemsize - 1))
    width = arrays.tallies.strides[0]
    for offset in range(0, width + CACHE_LINE - 1, CACHE_LINE):
        _fetch(arrays.tallies, slot, min(offset, width - 1))


@part
def fetch_events(arrays, slot):
    """Ask for what an account's windows will look at: where its next event goes, and those at the windows' ends.

    The account itself should be there by now.
    """
    last = arrays.accounts[slot].last_event
    if last == NONE:
        return
    if last % BLOCK == BLOCK - 1:
        _fetch(arrays.next_block, last // BLOCK, 0)
    else:
        _fetch(arrays.events, last + 1, 0)
    first = arrays.accounts[slot].first_event // BLOCK
    if first != last // BLOCK:
        # Whether its oldest block has had its time is seen by its newest event.
        _fetch(arrays.events, first * BLOCK + BLOCK - 1, 0)
    before = NONE
    for measure in range(arrays.tallies.shape[1]):
        cursor = arrays.tallies[slot, measure, 1]
        if cursor not in (NONE, before):
            _fetch(arrays.events, cursor, 0)
            # It has left the window as often as not, which begins at the one after it then.
            if cursor != last and cursor % BLOCK != BLOCK - 1:
                _fetch(arrays.events, cursor + 1, 0)
            before = cursor
