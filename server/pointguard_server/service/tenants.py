"""What the edge knows of a tenant: its program's limits, the texts its rules speak of, and its digest key."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct
from zoneinfo import ZoneInfo

from pointguard_server.domain.codes import CodeKind
from pointguard_server.domain.identifiers import IdentifierKind
from pointguard_server.engine.engine import Engine
from pointguard_server.engine.rows import currency_number
from pointguard_server.service.conversions import ConversionConfig
from pointguard_server.service.line_codes import LineCodes
from pointguard_server.service.messages import NO_MESSAGES, Languages, Messages
from pointguard_server.service.ports import Directory

LINE_VALUE = 1_000_000  # the rules' fixed point
_UTC = ZoneInfo("UTC")
_LENGTHS = Struct("<4I").pack


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant with its program. ``line_codes`` are of the earn rules that decide or are planned.

    ``messages`` are those of the fraud rules that decide, ``languages`` what requests have asked for them in.
    """

    tenant_id: int
    program_id: int
    currency: str
    money_scale: int
    reservation_ttl_max: int  # microseconds
    line_codes: LineCodes
    digest_key: bytes = field(repr=False)
    messages: Messages = NO_MESSAGES
    languages: Languages = field(default_factory=Languages, repr=False, compare=False)
    adjustment_reasons: tuple[str, ...] = ()  # the reason codes of what agents may do to points
    zone: ZoneInfo = _UTC  # of the program's calendar
    cards_a_month: int | None = None  # that a business unit may link to an account; None: any number
    rate: tuple[int, int] = (1, 1)  # points that are worth so much money, in minor units
    offline_grace: int = 0  # microseconds
    identifiers: frozenset[IdentifierKind] = frozenset(IdentifierKind)  # the kinds that find a member
    conversions: Mapping[str, ConversionConfig] = field(default_factory=dict)  # by their codes
    currency_number: int = field(init=False)  # the currency as the kernel compares it
    _keyed: "blake2b" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.languages.take(self.messages.languages)
        object.__setattr__(self, "currency_number", currency_number(self.currency))
        # Copying a hash that has taken the key in costs a third of keying a new one.
        object.__setattr__(self, "_keyed", blake2b(digest_size=16, key=self.digest_key))

    def digest(self, fields: bytes, names: bytes, body: bytes, private: bytes = b"") -> bytes:
        """Return the 16-byte digest of a request's normal form.

        Keyed, so that a digest in the ledger confirms nobody's telephone number. The parts' lengths come first,
        so that no two requests have the same bytes.
        """
        digest = self._keyed.copy()
        digest.update(_LENGTHS(len(fields), len(names), len(body), len(private)) + fields + names + body + private)
        return digest.digest()


class Vocabulary:
    """Numbers for the codes that tills send, learned as they come."""

    def __init__(self, directory: Directory, engine: Engine) -> None:
        self._directory = directory
        self._engine = engine

    def find(self, tenant_id: int, kind: CodeKind, text: str) -> int | None:
        """Return a text's number, 0 for the empty text, or None if memory does not have it."""
        return self._directory.code(tenant_id, kind, text) if text else 0

    async def learn(self, tenant_id: int, texts: Iterable[tuple[CodeKind, str]]) -> None:
        """Give numbers to texts, durably, so that ``find`` has them."""
        wanted = sorted(set(texts))
        intern = self._directory.intern
        numbers = await self._engine.run(
            lambda connection: [intern(connection, tenant_id, kind, text) for kind, text in wanted]
        )
        for (kind, text), number in zip(wanted, numbers, strict=True):
            self._directory.remember(tenant_id, kind, text, number)
