"""The contract's messages read into rows and written from rows by kernels, with no object for a request.

They do the usual alone: whatever is unusual, such as a text that was never seen or a field that is wrong, is left to
``rpc/decode.py`` and ``rpc/encode.py``, which know everything. Both ways lead to the same rows and the same bytes,
which a test compares. ``codec.py`` is the way in.
"""

# Says where compiled kernels are kept, before the first of them is made.
import pointguard_server.engine.compiled  # noqa: F401
