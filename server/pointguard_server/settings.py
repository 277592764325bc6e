"""What the server can be told: options, each with an environment variable. For ``bootstrap`` and ``__main__``."""

import argparse
import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pointguard_server.feeds.publishing import Publishing
from pointguard_server.service.credentials import ROLES, TILL
from pointguard_server.service.logs import LEVELS

PLAINTEXT_WARNING = (
    "plaintext beyond the loopback would show API keys and members' identifiers to the network:"
    " give --tls-certificate and --tls-key, or say both --allow-plaintext and POINTGUARD_ALLOW_PLAINTEXT=yes"
)

DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg")
"""What a database's URL may begin with; which driver it names makes no difference."""


class SettingsError(ValueError):
    """The settings contradict each other; the text says how."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's settings. Addresses are ``host:port``; port 0 takes any free one."""

    data_directory: Path
    database: str  # a PostgreSQL's URL; empty: SQLite, in the data directory
    cache_directory: Path
    grpc_address: str
    http_address: str
    sandbox: bool
    tenant: str
    program: Path | None
    stores: Path | None
    reflection: bool
    accounts_max: int
    drain_s: float
    count_s: float
    tls_certificate: Path | None
    tls_key: Path | None
    on_ready: str
    log_level: str
    otlp_endpoint: str
    publishing: Publishing
    dead_letters: str
    compile_kernels: bool


def split_address(address: str) -> tuple[str, int]:
    """Return the host and port of ``host:port``.

    Raises:
        SettingsError: if it is not of that form.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise SettingsError(f"{address!r} is not an address of the form host:port")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether a host can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    def default(name: str, value: str) -> str:
        return environment.get(f"POINTGUARD_{name}", value)

    parser = argparse.ArgumentParser(
        prog="pointguard-server",
        description="Serve a loyalty ledger over gRPC. Options have environment variables: POINTGUARD_DATA_DIR etc.",
    )
    add = parser.add_argument
    add("--data-dir", default=default("DATA_DIR", ".pointguard"), help="ledger, keys and lock (default: %(default)s)")
    add(
        "--database",
        default=default("DATABASE", ""),
        metavar="URL",
        help="a PostgreSQL to keep the ledger in, postgresql://… (default: SQLite in the data directory)",
    )
    cache = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    add(
        "--cache-dir", default=default("CACHE_DIR", f"{cache}/pointguard"), help="compiled rules (default: %(default)s)"
    )
    add("--grpc-address", default=default("GRPC_ADDRESS", "127.0.0.1:50051"), help="default: %(default)s")
    add("--http-address", default=default("HTTP_ADDRESS", "127.0.0.1:8080"), help="default: %(default)s")
    add(
        "--sandbox",
        action="store_true",
        help="serve a tenant with sample members, stores and rules, and write its API key to the data directory",
    )
    add("--tenant", default=default("TENANT", ""), help="code of the tenant to serve, with --program and --stores")
    add("--program", default=default("PROGRAM", ""), help="the program's configuration file (TOML)")
    add("--stores", default=default("STORES", ""), help="the stores (CSV: store_id,business_unit,country,province)")
    add("--issue-key", action="store_true", help="make an API key for the tenant, print it once, and end")
    add(
        "--role",
        choices=ROLES,
        action="append",
        help="with --issue-key, once or more: transactions (till, the default), rules (manager), interventions (fraud)",
    )
    add(
        "--reflection",
        choices=("auto", "on", "off"),
        default=default("REFLECTION", "auto"),
        help="gRPC reflection (auto: on in the sandbox)",
    )
    add(
        "--accounts-max",
        type=int,
        default=int(default("ACCOUNTS_MAX", "200000")),
        help="accounts kept in memory (default: %(default)s)",
    )
    _add_waits(add, default)
    _add_tls(add, default)
    add(
        "--log-level",
        choices=LEVELS,
        default=default("LOG_LEVEL", "info"),
        help="least level of the log's lines; debug has one for each call (default: %(default)s)",
    )
    add(
        "--otlp-endpoint",
        default=default("OTLP_ENDPOINT", ""),
        metavar="URL",
        help="send traces to a collector's OTLP/HTTP address (needs the extra otel)",
    )
    _add_publishing(add, default)
    add("--compile-kernels", action="store_true", help="have what a first start compiles compiled, and end")
    add("--on-ready", default="", metavar="COMMAND", help="run a command once requests are taken, and go on serving")
    return parser


def _add_waits(add: Callable[..., object], default: Callable[[str, str], str]) -> None:
    add(
        "--drain-seconds",
        type=float,
        default=float(default("DRAIN_SECONDS", "10")),
        help="how long calls under way may take at the end (default: %(default)s)",
    )
    add(
        "--count-seconds",
        type=float,
        default=float(default("COUNT_SECONDS", "30")),
        help="how long a start may count for wider windows of fraud rules before it serves (default: %(default)s)",
    )


def _add_tls(add: Callable[..., object], default: Callable[[str, str], str]) -> None:
    add("--tls-certificate", default=default("TLS_CERTIFICATE", ""), help="certificate chain (PEM)")
    add("--tls-key", default=default("TLS_KEY", ""), help="private key (PEM)")
    add(
        "--allow-plaintext",
        action="store_true",
        help="with POINTGUARD_ALLOW_PLAINTEXT=yes: listen beyond the loopback without TLS",
    )


def _add_publishing(add: Callable[..., object], default: Callable[[str, str], str]) -> None:
    add(
        "--publish-eventbridge",
        default=default("PUBLISH_EVENTBRIDGE", ""),
        metavar="BUS",
        help="publish advice to an event bus, by name or ARN (needs the extra aws)",
    )
    add(
        "--publish-dynamodb",
        default=default("PUBLISH_DYNAMODB", ""),
        metavar="TABLE",
        help="keep what stands against each account in a table (needs the extra aws)",
    )
    add("--aws-region", default=default("AWS_REGION", ""), help="region of both (default: as AWS's tools find it)")
    add(
        "--aws-endpoint",
        default=default("AWS_ENDPOINT", ""),
        metavar="URL",
        help="where both are reached, if not at AWS's own addresses",
    )
    add(
        "--dead-letters",
        choices=("list", "requeue"),
        help="print what the targets have refused, or have it published again at the next start, and end",
    )


def _check_database(url: str) -> None:
    scheme, separator, _ = url.partition("://")
    if url and (not separator or scheme not in DATABASE_SCHEMES):
        raise SettingsError(f"--database must begin with one of {', '.join(DATABASE_SCHEMES)}, and ://")
    if url and find_spec("psycopg") is None:
        raise SettingsError("--database needs the extra postgres: install pointguard[server,postgres]")


def read_settings(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> tuple[Settings, str]:
    """Return the settings, and the roles of an API key if only that is to be issued.

    Raises:
        SettingsError: if they contradict each other.
    """
    parser = _parser(environment)
    given = parser.parse_args(arguments)
    if bool(given.tls_certificate) != bool(given.tls_key):
        raise SettingsError("--tls-certificate and --tls-key go together")
    if not given.sandbox and not (given.tenant and given.program):
        raise SettingsError("give --sandbox, or --tenant and --program")
    if given.role and not given.issue_key:
        raise SettingsError("--role goes with --issue-key")
    if not 1_000 <= given.accounts_max <= 50_000_000:
        raise SettingsError("--accounts-max must be from 1,000 to 50,000,000")
    if given.log_level not in LEVELS:
        raise SettingsError(f"--log-level must be one of {', '.join(LEVELS)}")
    if given.otlp_endpoint and not given.otlp_endpoint.startswith(("http://", "https://")):
        raise SettingsError("--otlp-endpoint must begin with http:// or https://")
    if given.otlp_endpoint and find_spec("opentelemetry") is None:
        raise SettingsError("--otlp-endpoint needs the extra otel: install pointguard[server,otel]")
    if (given.publish_eventbridge or given.publish_dynamodb) and find_spec("aiobotocore") is None:
        raise SettingsError(
            "--publish-eventbridge and --publish-dynamodb need the extra aws: install pointguard[server,aws]"
        )
    if given.aws_endpoint and not given.aws_endpoint.startswith(("http://", "https://")):
        raise SettingsError("--aws-endpoint must begin with http:// or https://")
    _check_database(given.database)
    told_twice = given.allow_plaintext and environment.get("POINTGUARD_ALLOW_PLAINTEXT") == "yes"
    plain = [given.http_address] if given.tls_key else [given.http_address, given.grpc_address]
    for address in (given.grpc_address, given.http_address):
        host, _ = split_address(address)
        if address in plain and not is_loopback(host) and not told_twice:
            raise SettingsError(PLAINTEXT_WARNING)
    settings = Settings(
        data_directory=Path(given.data_dir),
        database=given.database,
        cache_directory=Path(given.cache_dir),
        grpc_address=given.grpc_address,
        http_address=given.http_address,
        sandbox=given.sandbox,
        tenant=given.tenant or "sandbox",
        program=Path(given.program) if given.program else None,
        stores=Path(given.stores) if given.stores else None,
        reflection=given.sandbox if given.reflection == "auto" else given.reflection == "on",
        accounts_max=given.accounts_max,
        drain_s=given.drain_seconds,
        count_s=given.count_seconds,
        tls_certificate=Path(given.tls_certificate) if given.tls_certificate else None,
        tls_key=Path(given.tls_key) if given.tls_key else None,
        on_ready=given.on_ready,
        log_level=given.log_level,
        otlp_endpoint=given.otlp_endpoint,
        publishing=Publishing(given.publish_eventbridge, given.publish_dynamodb, given.aws_region, given.aws_endpoint),
        dead_letters=given.dead_letters or "",
        compile_kernels=given.compile_kernels,
    )
    roles = " ".join(dict.fromkeys(given.role or (TILL,)))
    return settings, roles if given.issue_key else ""
