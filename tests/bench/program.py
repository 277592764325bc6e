"""The program under load: the sandbox's, with thresholds that no load reaches, its stores, and its members.

Every fraud rule and control of the sandbox that is about members stays and is evaluated for each decision; none may
stop the load. What watches agents is left out: nobody gives points by hand here. For the benchmarks.
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pointguard_client.client import PointguardClient
from pointguard_client.load.members import LoadMember
from pointguard_client.load.templates import LoadShape
from pointguard_client.requests import Identifier, Money, Origin, Profile
from pointguard_client.words import Decision
from pointguard_server.sandbox import data as sandbox_data
from pointguard_server.service.program_config import load_program_config

OUT_OF_REACH = 10**12
_OF_AGENTS = re.compile(
    r"(?s)\[program\.adjustments\].*?(?=\[\[program\.conversion\]\])|# -+ agents\n.*?(?=# -+ takeovers\n)"
)
MEMBERS = 2_000
OPENING_PURCHASE = Money(1_000_000_00, "CAD")
SHAPE = LoadShape(basket_lines=3, points=100)
TIERS = ("BASIC", "SILVER", "GOLD")
ENROLLING_AT_ONCE = 64
ENROLLING_TIMEOUT_S = 180.0


def write_program(directory: Path) -> tuple[Path, Path]:
    """Write the program's files into ``directory`` and return the paths of the configuration and of the stores."""
    text = _OF_AGENTS.sub("", sandbox_data.read_text("program.toml"))
    text = re.sub(r"(?m)^threshold = [\d_]+$", f"threshold = {OUT_OF_REACH}", text)
    head, marker, cap = text.partition("[program.redemption.daily_cap]")
    cap = re.sub(r"(?m)^money_minor = [\d_]+$", f"money_minor = {OUT_OF_REACH}", cap, count=1)
    directory.mkdir(parents=True, exist_ok=True)
    program, stores = directory / "program.toml", directory / "stores.csv"
    program.write_text(head + marker + cap, encoding="utf-8")
    stores.write_text(sandbox_data.read_text("stores.csv"), encoding="utf-8")
    rules = load_program_config(text, "program.toml").earn_rules
    (directory / rules).write_text(sandbox_data.read_text(rules), encoding="utf-8")
    return program, stores


def describe_program(program: Path) -> dict[str, Any]:
    """Return what is evaluated for a decision, for the settings of a result."""
    text = program.read_text(encoding="utf-8")
    config = load_program_config(text, str(program))
    earn_rules = (program.parent / config.earn_rules).read_text(encoding="utf-8")
    return {
        "fraud_rules": [rule.name for rule in config.fraud_rules],
        "windows": [
            _window_text(rule.window.kind.name, rule.window.length.days) for rule in config.fraud_rules if rule.window
        ],
        "controls": ["daily_cap", "out_of_province"],
        "thresholds": f"{OUT_OF_REACH}: all are evaluated, none is reached",
        "earn_rules": len(re.findall(r"(?m)^rule ", earn_rules)),
        "basket_lines": SHAPE.basket_lines,
        "members": MEMBERS,
    }


def program_text(program: Path) -> str:
    """Return what is evaluated for a decision, as a line for people."""
    facts = describe_program(program)
    windows = ", ".join(dict.fromkeys(facts["windows"]))
    return (
        f"{len(facts['fraud_rules'])} fraud rules over windows ({windows}), {len(facts['controls'])} controls and"
        f" {facts['earn_rules']} earn rules, baskets of {facts['basket_lines']} lines, {facts['members']:,} members"
    )


def _window_text(kind: str, days: int) -> str:
    return f"{kind} {days}d" if days else kind


def load_members(count: int = MEMBERS) -> list[LoadMember]:
    """Return the members, each with a store in the province where the member lives."""
    stores = sandbox_data.read_stores()
    return [LoadMember(f"B{number:07}", stores[number % len(stores)].store_id) for number in range(count)]


async def enroll_members(address: str, api_key: str, members: Sequence[LoadMember]) -> None:
    """Enroll the members and give each an opening balance that no load can spend.

    Raises:
        RuntimeError: if a purchase was not approved.
    """
    provinces = {store.store_id: store.province for store in sandbox_data.read_stores()}
    turn = asyncio.Semaphore(ENROLLING_AT_ONCE)

    async def enroll(client: PointguardClient, number: int, member: LoadMember) -> None:
        identifier = Identifier.loyalty_id(member.loyalty_id)
        async with turn:
            profile = Profile(province=provinces[member.store_id])
            await client.enroll_member([identifier], profile=profile, tier=TIERS[number % len(TIERS)])
            opening = await client.accrue(identifier, OPENING_PURCHASE, origin=Origin(store_id=member.store_id))
            if opening.decision is not Decision.APPROVED:
                raise RuntimeError(f"the opening purchase of {member.loyalty_id} was {opening.decision.name}")

    connection = PointguardClient.connect(address, api_key=api_key, timeout_seconds=ENROLLING_TIMEOUT_S)
    async with connection as client, asyncio.TaskGroup() as group:
        for number, member in enumerate(members):
            group.create_task(enroll(client, number, member))
