"""Opens the channel to the server: TLS, or plaintext on this machine alone. The client and the load tool use it."""

from typing import Final

import grpc

from pointguard_client.errors import ConfigurationError
from pointguard_client.settings import find_address, find_api_key, is_loopback

Metadata = tuple[tuple[str, str], ...]

# A batch of 10,000 baskets and its answers must fit; the server has its own, smaller, limits.
MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # A restarted server is found again well inside one deadline; gRPC's own first step is a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def open_channel(
    address: str | None = None, plaintext: bool | None = None, root_certificates: bytes | None = None
) -> grpc.aio.Channel:
    """Open a channel; nothing is sent yet. Must be called in a running event loop.

    Without `plaintext` the loopback is spoken to in plaintext unless `root_certificates` (PEM) are given, and every
    other address with TLS.
    """
    target = find_address(address)
    if plaintext is None:
        plaintext = is_loopback(target) and root_certificates is None
    if not plaintext:
        credentials = grpc.ssl_channel_credentials(root_certificates=root_certificates)
        return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
    if root_certificates is not None:
        raise ConfigurationError("root certificates make no sense with plaintext")
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


def call_metadata(api_key: str | None = None) -> Metadata:
    """Return the metadata that authenticates every call; raise ConfigurationError if no API key is found."""
    return (("authorization", f"Bearer {find_api_key(api_key)}"),)
