"""The directory.

Tenants, programs, stores, vocabularies, members and what finds them. All ordinary tables, outside the ledger.

Everything that writes takes the writer's connection and runs inside its atomic step; what is read often stays in
memory, bounded where clients can make it grow. Where other servers change these tables too, ``learn_codes`` and
``end_identifiers`` tell memory of it.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from pointguard_server.domain.codes import CodeKind, Outcome
from pointguard_server.domain.identifiers import CARDS, IdentifierKind
from pointguard_server.engine.ports import Identified, IntArray
from pointguard_server.service.ports import Link, NewMember, StoreFacts, Stores
from pointguard_server.service.vault import MemberVault, VaultError
from pointguard_server.storage.birth_dates import ADD_BIRTH_DATE, FIND_BIRTH_DATE, PURPOSE, open_birth_date
from pointguard_server.storage.connections import Connection

IDENTIFIERS_MAX = 400_000
CODES_MAX = 200_000

FIND_IDENTIFIER = "SELECT account_id, identifier_id, ended_at FROM identifiers WHERE tenant_id = ? AND blind_index = ?"
ADD_IDENTIFIER = (
    "INSERT INTO identifiers (tenant_id, blind_index, account_id, member_id, kind, ciphertext, identifier_id,"
    " linked_at, business_unit_id)"
    " SELECT ?, ?, ?, ?, ?, ?, coalesce(max(identifier_id), 0) + 1, ?, ? FROM identifiers"
)
FIND_ENDED = "SELECT 1 FROM identifiers WHERE identifier_id = ? AND ended_at > 0"
END_IDENTIFIER = "UPDATE identifiers SET ended_at = ? WHERE identifier_id = ?"
COUNT_LINKED = (
    "SELECT count(*) FROM identifiers WHERE tenant_id = ? AND member_id = ? AND account_id = ?"  # noqa: S608
    f" AND kind IN ({', '.join(str(int(kind)) for kind in sorted(CARDS))}) AND business_unit_id = ? AND linked_at >= ?"
)
ADD_REFUSED_CARD = (
    "INSERT INTO refused_cards"
    " (tenant_id, account_id, kind, business_unit_id, refused_at, linked, most, counted_from)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
SET_PROPERTY = (
    "INSERT INTO properties (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
FIND_CODE = "SELECT code_id FROM codes WHERE tenant_id = ? AND kind = ? AND text = ?"
ADD_CODE = "INSERT INTO codes (tenant_id, kind, text) VALUES (?, ?, ?) RETURNING code_id"
ADD_TENANT = "INSERT INTO tenants (code, name, created_at) VALUES (?, ?, ?) RETURNING tenant_id"
ADD_PROGRAM = "INSERT INTO programs (tenant_id, code) VALUES (?, ?) RETURNING program_id"
ADD_MEMBER = (
    "INSERT INTO members (tenant_id, wrapped_key, profile, enrolled_at) VALUES (?, ?, ?, ?) RETURNING member_id"
)
ADD_ACCOUNT = "INSERT INTO accounts (tenant_id, program_id) VALUES (?, ?) RETURNING account_id"
FIND_MEMBER = (
    "SELECT m.member_id, m.wrapped_key FROM account_members a JOIN members m ON m.member_id = a.member_id"
    " WHERE a.tenant_id = ? AND a.account_id = ? ORDER BY m.member_id LIMIT 1"
)
READ_STORES = (
    "SELECT s.tenant_id, c.text, s.store_id, s.business_unit_id, s.province_id, s.country"
    " FROM stores s JOIN codes c ON c.code_id = s.store_id"
)
READ_CODES = "SELECT tenant_id, kind, text, code_id FROM codes ORDER BY code_id LIMIT ?"
READ_NEW_CODES = "SELECT tenant_id, kind, text, code_id FROM codes WHERE code_id > ? ORDER BY code_id"
READ_CODES_OF_KIND = "SELECT text, code_id FROM codes WHERE tenant_id = ? AND kind = ?"
# version_stores: every store that is new, or not as it was when it was last versioned.
VERSION_STORES = (
    "INSERT INTO store_versions (tenant_id, store_id, version, effective_at, business_unit_id, country, province_id)"
    " SELECT s.tenant_id, s.store_id, coalesce(v.version, 0) + 1, ?1, s.business_unit_id, s.country, s.province_id"
    " FROM stores s LEFT JOIN store_versions v ON v.tenant_id = s.tenant_id AND v.store_id = s.store_id AND v.version ="
    " (SELECT max(version) FROM store_versions WHERE tenant_id = s.tenant_id AND store_id = s.store_id)"
    " WHERE s.tenant_id = ?2 AND (v.version IS NULL"
    " OR (v.business_unit_id, v.country, v.province_id) <> (s.business_unit_id, s.country, s.province_id))"
)


class Directory:
    """Implements ``service.ports.Directory``."""

    def __init__(self, vault: MemberVault) -> None:
        self._vault = vault
        self._stores: Stores = {}
        self._codes: dict[tuple[int, int, str], int] = {}
        self._texts: dict[int, str] = {0: ""}
        self._identified: dict[tuple[int, int, str], Identified] = {}
        self.ended_identifiers: IntArray = np.zeros(0, np.int64)
        self._newest_code: int | None = None
        self.on_new_code: Callable[[int, CodeKind, str, int], None] = lambda *_: None

    def load(self, connection: Connection) -> None:
        """Read stores and vocabularies into memory."""
        for tenant_id, kind, text, code_id in connection.execute(READ_CODES, (CODES_MAX // 2,)):
            self.remember(tenant_id, kind, text, code_id)
        self.keep_stores(self.read_stores(connection))

    def learn_codes(self, connection: Connection, newest: int) -> None:
        """Take note of the texts that have got numbers since the last time, up to the newest.

        At the first time nobody has asked anything of them yet: who does will read them.
        """
        if self._newest_code is not None and newest != self._newest_code:
            for tenant_id, kind, text, code_id in connection.execute(READ_NEW_CODES, (self._newest_code,)).fetchall():
                self.remember(tenant_id, kind, text, code_id)
                self.on_new_code(tenant_id, CodeKind(kind), text, code_id)
        self._newest_code = newest

    def bind(self, connection: Connection, name: str, value: str) -> bool:
        """Bind the database to something for good; return whether it is the one that it was bound to first."""
        connection.execute("INSERT INTO properties (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
        found = connection.execute("SELECT value FROM properties WHERE name = ?", (name,)).fetchone()
        return bool(found == (value,))

    def note(self, connection: Connection, name: str, value: str) -> None:
        """Write a property that may change."""
        connection.execute(SET_PROPERTY, (name, value))

    # ---------------------------------------------------------------------------------------- vocabularies and stores

    @property
    def stores(self) -> Stores:
        """See the port."""
        return self._stores

    def store(self, tenant_id: int, code: str) -> StoreFacts | None:
        """See the port."""
        return self._stores.get((tenant_id, code))

    def code(self, tenant_id: int, kind: CodeKind, text: str) -> int | None:
        """See the port."""
        return self._codes.get((tenant_id, kind, text))

    def text(self, code_id: int) -> str:
        """See the port. A number that memory has forgotten gives the empty text; ``Reader.text`` reads it."""
        return self._texts.get(code_id, "")

    def intern(self, connection: Connection, tenant_id: int, kind: CodeKind, text: str) -> int:
        """See the port."""
        known = self.code(tenant_id, kind, text)
        if known is not None:
            return known
        found = connection.execute(FIND_CODE, (tenant_id, kind, text)).fetchone()
        if found is None:
            (number,) = connection.execute(ADD_CODE, (tenant_id, kind, text)).fetchone()
            self.on_new_code(tenant_id, kind, text, number)
            # ``remember`` is for when it is durable: this step may yet fail.
            return int(number)
        self.remember(tenant_id, kind, text, found[0])
        return int(found[0])

    def codes(self, connection: Connection, tenant_id: int, kind: CodeKind) -> list[tuple[str, int]]:
        """See the port."""
        return connection.execute(READ_CODES_OF_KIND, (tenant_id, kind)).fetchall()

    def remember(self, tenant_id: int, kind: int, text: str, code_id: int) -> None:
        """See the port."""
        if len(self._codes) >= CODES_MAX:
            self._codes.clear()
            self._texts = {0: ""}
        self._codes[tenant_id, kind, text] = code_id
        self._texts[code_id] = text

    def add_store(
        self, connection: Connection, tenant_id: int, code: str, business_unit: str, country: str, province: str
    ) -> None:
        """See the port."""
        connection.execute(
            "INSERT INTO stores (tenant_id, store_id, business_unit_id, country, province_id) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (tenant_id, store_id) DO UPDATE SET business_unit_id = excluded.business_unit_id,"
            " country = excluded.country, province_id = excluded.province_id",
            (
                tenant_id,
                self.intern(connection, tenant_id, CodeKind.STORE, code),
                self.intern(connection, tenant_id, CodeKind.BUSINESS_UNIT, business_unit),
                country,
                self.intern(connection, tenant_id, CodeKind.PROVINCE, province),
            ),
        )

    def version_stores(self, connection: Connection, tenant_id: int, moment: int) -> None:
        """See the port."""
        connection.execute(VERSION_STORES, (moment, tenant_id))

    def read_stores(self, connection: Connection) -> Stores:
        """See the port."""
        return {(tenant_id, text): StoreFacts(*facts) for tenant_id, text, *facts in connection.execute(READ_STORES)}

    def keep_stores(self, stores: Stores) -> None:
        """See the port."""
        self._stores = stores

    # ------------------------------------------------------------------------------------------- tenants and programs

    def tenant(self, connection: Connection, code: str, name: str, now: int) -> int:
        """Return a tenant's number, making the tenant if it is new."""
        found = connection.execute("SELECT tenant_id FROM tenants WHERE code = ?", (code,)).fetchone()
        if found is not None:
            return int(found[0])
        return int(connection.execute(ADD_TENANT, (code, name, now)).fetchone()[0])

    def program(self, connection: Connection, tenant_id: int, code: str) -> int:
        """Return a program's number, making the program if it is new."""
        found = connection.execute(
            "SELECT program_id FROM programs WHERE tenant_id = ? AND code = ?", (tenant_id, code)
        ).fetchone()
        if found is not None:
            return int(found[0])
        return int(connection.execute(ADD_PROGRAM, (tenant_id, code)).fetchone()[0])

    def add_api_key(
        self, connection: Connection, key_id: str, tenant_id: int, role: str, key_hash: str, now: int
    ) -> None:
        """Store an API key's Argon2id hash and its roles, separated by spaces."""
        connection.execute(
            "INSERT INTO api_keys (key_id, tenant_id, role, hash, created_at) VALUES (?, ?, ?, ?, ?)",
            (key_id, tenant_id, role, key_hash, now),
        )

    def set_roles(self, connection: Connection, key_id: str, roles: str) -> None:
        """Change the roles of an API key."""
        connection.execute("UPDATE api_keys SET role = ? WHERE key_id = ?", (roles, key_id))

    # ---------------------------------------------------------------------------------------------------------- members

    def find_identifier(self, connection: Connection, tenant_id: int, kind: int, value: str) -> Identified | None:
        """Return what a normalized identifier finds, or None."""
        known = self._identified.get((tenant_id, kind, value))
        if known is not None:
            return known
        row = self._identifier(connection, tenant_id, kind, value)
        if row is None or row[2]:
            return None
        if len(self._identified) >= IDENTIFIERS_MAX:
            self._identified.clear()
        found = self._identified[tenant_id, kind, value] = Identified(*row[:2])
        return found

    def is_ended(self, connection: Connection, identifier_id: int) -> bool:
        """See ``engine.ports.LedgerStore``."""
        return connection.execute(FIND_ENDED, (identifier_id,)).fetchone() is not None

    def _identifier(self, connection: Connection, tenant_id: int, kind: int, value: str) -> tuple[int, int, int] | None:
        """Return (account, the identifier's number, when it was ended) of an identifier; None if nobody has had it."""
        blind_index = self._vault.blind_index(tenant_id, IdentifierKind(kind), value)
        row: tuple[int, int, int] | None = connection.execute(FIND_IDENTIFIER, (tenant_id, blind_index)).fetchone()
        return row

    def forget(self, tenant_id: int, identifiers: Sequence[tuple[int, str]]) -> None:
        """See the port."""
        for kind, value in identifiers:
            self._identified.pop((tenant_id, kind, value), None)

    def enroll(self, connection: Connection, tenant_id: int, member: NewMember, now: int) -> tuple[Outcome, int]:
        """See the port."""
        if any(self._identifier(connection, tenant_id, *identifier) for identifier in member.identifiers):
            return Outcome.IDENTIFIER_TAKEN, 0
        wrapped_key = self._vault.new_data_key(tenant_id)
        (member_id,) = connection.execute(ADD_MEMBER, (tenant_id, wrapped_key, b"", now)).fetchone()
        profile = self._vault.seal(tenant_id, member_id, wrapped_key, "profile", member.profile)
        connection.execute("UPDATE members SET profile = ? WHERE member_id = ?", (profile, member_id))
        (account_id,) = connection.execute(ADD_ACCOUNT, (tenant_id, member.program_id)).fetchone()
        connection.execute(
            "INSERT INTO account_members (tenant_id, account_id, member_id) VALUES (?, ?, ?)",
            (tenant_id, account_id, member_id),
        )
        for kind, value in dict.fromkeys(member.identifiers):
            # What a member comes with is linked at no moment: it is no new card.
            self._add_identifier(connection, tenant_id, account_id, (member_id, wrapped_key), Link(kind, value, 0))
        if member.birth_date:
            self.set_birth_date(connection, tenant_id, account_id, member.key, member.birth_date)
        return Outcome.DONE, account_id

    def set_birth_date(
        self, connection: Connection, tenant_id: int, account_id: int, key: bytes, birth_date: str
    ) -> Outcome:
        """See ``engine.ports.LedgerStore``."""
        found = connection.execute(FIND_MEMBER, (tenant_id, account_id)).fetchone()
        if found is None or not found[1]:
            return Outcome.ACCOUNT_UNKNOWN
        sealed = self._vault.seal(tenant_id, found[0], found[1], PURPOSE, birth_date.encode())
        connection.execute(ADD_BIRTH_DATE, (tenant_id, account_id, key, found[0], sealed))
        return Outcome.DONE

    def birth_date(self, connection: Connection, tenant_id: int, account_id: int, seq: int) -> str:
        """Return the birth date of an account's member as of a place in its sequence; empty if it cannot be known.

        A value that does not open is none: it must not keep the account from being decided.
        """
        asked = {"tenant": tenant_id, "account": account_id, "seq": seq}
        row = connection.execute(FIND_BIRTH_DATE, asked).fetchone()
        try:
            return open_birth_date(self._vault, tenant_id, row) or ""
        except VaultError:
            return ""

    def link(self, connection: Connection, tenant_id: int, account_id: int, link: Link) -> tuple[Outcome, int]:
        """See the port. Linking what is linked already changes nothing; what was ended is never linked again."""
        found = connection.execute(FIND_MEMBER, (tenant_id, account_id)).fetchone()
        if found is None or not found[1]:
            return Outcome.ACCOUNT_UNKNOWN, 0
        known = self._identifier(connection, tenant_id, link.kind, link.value)
        if known is not None:
            is_linked = known[0] == account_id and not known[2] and link.replaces is None
            return (Outcome.DONE if is_linked else Outcome.IDENTIFIER_TAKEN), 0
        linked = 0
        if link.most is not None and link.kind in CARDS:
            counted = (tenant_id, found[0], account_id, link.business_unit_id, link.counted_from)
            (linked,) = connection.execute(COUNT_LINKED, counted).fetchone()
            if linked >= link.most:
                place = (tenant_id, account_id, link.kind, link.business_unit_id)
                connection.execute(ADD_REFUSED_CARD, (*place, link.linked_at, linked, link.most, link.counted_from))
                return Outcome.CARD_LINKING_CAP, linked
        if link.replaces is not None:
            self._end(connection, tenant_id, link)
        self._add_identifier(connection, tenant_id, account_id, found, link)
        return Outcome.DONE, linked

    def _end(self, connection: Connection, tenant_id: int, link: Link) -> None:
        """Have the identifier that another one replaces find nobody any more."""
        assert link.replaces is not None  # noqa: S101  (see link)
        known = self._identifier(connection, tenant_id, *link.replaces)
        assert known is not None  # noqa: S101  (it has found the account)
        connection.execute(END_IDENTIFIER, (link.linked_at, known[1]))
        self.forget(tenant_id, (link.replaces,))
        self.ended_identifiers = np.union1d(self.ended_identifiers, [known[1]])

    def end_identifiers(self, ended: Iterable[int]) -> None:
        """Have identifiers find nobody any more that another server has ended."""
        numbers = frozenset(ended)
        if not numbers:
            return
        self._identified = {name: each for name, each in self._identified.items() if each[1] not in numbers}
        self.ended_identifiers = np.union1d(self.ended_identifiers, np.array(sorted(numbers), np.int64))

    def _add_identifier(
        self, connection: Connection, tenant_id: int, account_id: int, member: tuple[int, bytes], link: Link
    ) -> None:
        """Add an identifier of a member (number, wrapped key)."""
        sealed = self._vault.seal(tenant_id, *member, f"identifier {link.kind}", link.value.encode())
        blind_index = self._vault.blind_index(tenant_id, link.kind, link.value)
        row = (tenant_id, blind_index, account_id, member[0], link.kind, sealed, link.linked_at, link.business_unit_id)
        connection.execute(ADD_IDENTIFIER, row)
