"""What the kernel hands to the rules beside the fields that all have is what the interpreter would be told."""

from pointguard_server.domain.codes import Channel, CodeKind, Kind, Operation, RequestFlag
from pointguard_server.engine.ask import Ask
from pointguard_server.engine.rows import RequestFields, currency_number
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from tests.support.explaining import explaining
from tests.support.ledger import Ledger, open_ledger


def purchase(ledger: Ledger, account: int, cents: int = 100, **fields: int) -> Ask:
    """A purchase without lines."""
    asked = RequestFields(int(Operation.ACCRUE), int(Kind.PURCHASE), account, money=cents, **fields)
    return ledger.ask(None, asked, currency=currency_number("CAD"))


def earned(ledger: Ledger, ask: Ask) -> dict[str, int]:
    """What a purchase earns, by rule."""
    texts = {number: text for text, number in ledger.names.codes(ledger.connection, ledger.tenant, CodeKind.RULE)}
    return {texts[entry.rule_id]: entry.signed_points for entry in ledger.one(ask).entries}


def test_patterns_are_asked_of_texts_from_before_and_after_the_rules() -> None:
    earn = """
    rule "store" when store.id matches "4?*" earn bonus 1
    rule "tender" when order.tender not matches "*CARD" earn bonus 2
    rule "channel" when order.channel matches "*LINE" earn bonus 4
    rule "kind" when order.kind matches "PUR*" earn bonus 8
    rule "home" when member.province matches "CA-*" earn bonus 16
    """
    with open_ledger(earn=earn) as ledger:
        account = ledger.member(province="CA-ON")
        codes = {(kind, text): ledger.code(kind, text) for kind, text in (
            (CodeKind.STORE, "4"), (CodeKind.STORE, "41"), (CodeKind.TENDER, "CARD"), (CodeKind.TENDER, "CASH"),
        )}  # fmt: skip
        plain = {"kind": 8, "home": 16}
        cases = [
            ({}, {"tender": 2}),
            ({"store_id": codes[CodeKind.STORE, "4"]}, {"tender": 2}),
            ({"store_id": codes[CodeKind.STORE, "41"]}, {"store": 1, "tender": 2}),
            ({"tender_id": codes[CodeKind.TENDER, "CARD"], "channel": int(Channel.ONLINE)}, {"channel": 4}),
            ({"tender_id": codes[CodeKind.TENDER, "CASH"], "channel": int(Channel.IN_STORE)}, {"tender": 2}),
        ]
        for fields, expected in cases:
            assert earned(ledger, purchase(ledger, account, **fields)) == plain | expected
        # Many texts later the words have grown, and rules that are new ask of all that there is.
        for number in range(2_000):
            ledger.code(CodeKind.TERMINAL, f"t{number}")
        late = ledger.code(CodeKind.STORE, "499")
        assert earned(ledger, purchase(ledger, account, store_id=late)) == plain | {"store": 1, "tender": 2}
        ledger.change(earn=earn.replace("4?*", "*9*"))
        assert earned(ledger, purchase(ledger, account, store_id=late)) == plain | {"store": 1, "tender": 2}
        assert "store" not in earned(ledger, purchase(ledger, account, store_id=codes[CodeKind.STORE, "41"]))


def test_the_country_of_a_store_and_the_groups_of_a_member_are_those_of_now() -> None:
    earn = """
    rule "abroad" when store.country not in ("CA", "US") earn bonus 1
    rule "north" when store.country matches "?A" earn bonus 2
    rule "vip" when "VIP" in member.groups and "STAFF" not in member.groups earn bonus 4
    """
    with open_ledger(earn=earn) as ledger:
        account = ledger.member()
        stores = {country: ledger.code(CodeKind.STORE, f"store {country}") for country in ("CA", "FR", "MA")}
        numbers = {stores[country]: ledger.code(CodeKind.COUNTRY, country) for country in stores}

        def earned_at(country: str) -> dict[str, int]:
            return earned(ledger, purchase(ledger, account, store_id=stores.get(country, 0)))

        ledger.change(countries=numbers)
        assert [earned_at(country) for country in ("CA", "FR", "MA", "")] == [
            {"north": 2}, {"abroad": 1}, {"abroad": 1, "north": 2}, {"abroad": 1},
        ]  # fmt: skip
        ledger.change(earn='rule "vip" when "VIP" in member.groups and "STAFF" not in member.groups earn bonus 4')
        for groups, given in ((("VIP",), {"vip": 4}), (("STAFF", "VIP"), {}), ((), {}), (("OTHER", "VIP"), {"vip": 4})):
            ledger.one(groups_ask(ledger, account, *groups))
            assert earned(ledger, purchase(ledger, account)) == given
            ledger.restart_decider()
            assert earned(ledger, purchase(ledger, account)) == given
        with explaining(ledger) as explainer:
            *_, last = explainer.all_legs()
            assert last.reproduced, last.differences
            assert last.case is not None and last.case.order is not None  # noqa: PT018
            assert last.case.order.groups == ("OTHER", "VIP")


def groups_ask(ledger: Ledger, account: int, *groups: str) -> Ask:
    """Change the groups of an account's member."""
    number = ledger.code(CodeKind.GROUP_SET, GROUP_SEPARATOR.join(sorted(groups)))
    fields = RequestFields(
        int(Operation.UPDATE_MEMBER), int(Kind.PROFILE_UPDATE), account, flags=int(RequestFlag.CHANGES_GROUPS)
    )
    return ledger.ask(f"groups {groups}", fields, group_set_id=number)
