"""Checks rules in whatever process this is: ``checking_process``, or a server's own where no till waits."""

from collections.abc import Callable

from pointguard_server.rules.conditions import load_conditions
from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.service.checking_messages import Order
from pointguard_server.service.rule_availability import require_available

Check = Callable[[Order], RuleSet]
"""Returns what an order's source or conditions are; raises ``RuleSetError`` or ``ConditionsError``. May block."""


def check_here(order: Order) -> RuleSet:
    """Check in this process, whatever it costs."""
    if order.conditions:
        return load_conditions(order.conditions, order.name, currency=order.currency)

    def read_set(file: str) -> str:
        if file in order.unreadable:
            raise OSError(order.unreadable[file])
        if file not in order.files:
            raise ValueError("it is not among the files that came with the rules")
        found = order.files[file]
        return found if isinstance(found, str) else found.lines.decode()

    return require_available(load_rule_set(order.source, order.name, currency=order.currency, read_set=read_set))
