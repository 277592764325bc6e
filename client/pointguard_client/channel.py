"""Opens the channel to the server: TLS, or plaintext on this machine alone. The client and the load tool use it."""

from dataclasses import dataclass
from typing import Final

import grpc

from pointguard_client.errors import ConfigurationError
from pointguard_client.settings import find_address, find_api_key, is_loopback

Metadata = tuple[tuple[str, str], ...]

# A batch of 10,000 baskets and its answers must fit; the server has its own, smaller, limits.
MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Connection:
    """How the connection is kept; all in seconds.

    While calls or a stream are under way a ping goes out after `keepalive_seconds` of silence, and a connection that
    does not answer it within `keepalive_timeout_seconds` counts as broken: a cable that was pulled is noticed. The
    server allows a ping every ten seconds. A lost connection is made again by itself, at first after
    `reconnect_seconds`, then at growing intervals up to `reconnect_seconds_max`. After `idle_seconds` without a call
    the connection is given back; the next call makes a new one.
    """

    keepalive_seconds: float = 30.0
    keepalive_timeout_seconds: float = 10.0
    # A restarted server is found again well inside one deadline; gRPC's own first step is a second.
    reconnect_seconds: float = 0.1
    reconnect_seconds_max: float = 1.0
    idle_seconds: float = 300.0

    def options(self) -> tuple[tuple[str, int], ...]:
        """Return the channel options of gRPC that say so."""
        milliseconds = {
            "grpc.keepalive_time_ms": self.keepalive_seconds,
            "grpc.keepalive_timeout_ms": self.keepalive_timeout_seconds,
            "grpc.initial_reconnect_backoff_ms": self.reconnect_seconds,
            "grpc.min_reconnect_backoff_ms": self.reconnect_seconds,
            "grpc.max_reconnect_backoff_ms": self.reconnect_seconds_max,
            "grpc.client_idle_timeout_ms": self.idle_seconds,
        }
        return (
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
            *((name, round(seconds * 1000)) for name, seconds in milliseconds.items()),
        )


USUAL_CONNECTION: Final = Connection()


def open_channel(
    address: str | None = None,
    plaintext: bool | None = None,
    root_certificates: bytes | None = None,
    connection: Connection = USUAL_CONNECTION,
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
        return grpc.aio.secure_channel(target, credentials, options=connection.options())
    if root_certificates is not None:
        raise ConfigurationError("root certificates make no sense with plaintext")
    return grpc.aio.insecure_channel(target, options=connection.options())


def call_metadata(api_key: str | None = None) -> Metadata:
    """Return the metadata that authenticates every call; raise ConfigurationError if no API key is found."""
    return (("authorization", f"Bearer {find_api_key(api_key)}"),)
