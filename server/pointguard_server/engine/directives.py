"""What the staff has put in force beside the rules: exemptions, stops of redemptions. ``batch.py`` decides by them."""

import numpy as np

from pointguard_server.engine.world import DEED, EXEMPTION, STOP, RowArray, World
from pointguard_server.velocity.views import Recent


class Directives:
    """Those that are in force or end on their way. They are taken on the writer's thread, for the next batch on."""

    def __init__(self) -> None:
        self._exemptions: RowArray = np.zeros(0, EXEMPTION)
        self._stops: RowArray = np.zeros(0, STOP)
        self._deeds: RowArray = np.zeros(0, DEED)
        self._deeds_of: dict[str, RowArray] = {}
        self._recent = Recent()

    def take_exemptions(self, exemptions: RowArray) -> None:
        """Have these let transactions pass: ``world.EXEMPTION``."""
        self._exemptions = np.sort(exemptions, order=("entity", "value"))

    def take_stops(self, stops: RowArray) -> None:
        """Have these stop redemptions: ``world.STOP``."""
        self._stops = stops

    def take_deeds(self, of: str, deeds: RowArray) -> None:
        """Have rules about agents count these, all that directives of a kind come to: ``world.DEED``."""
        self._deeds_of[of] = deeds
        self._deeds = np.sort(np.concatenate(list(self._deeds_of.values())), order=("agent_id", "moment"))

    def exemptions_in_force(self, moment: int) -> int:
        """Return how many exemptions let transactions pass at a moment; any thread may ask."""
        return _in_force(self._exemptions, moment)

    def stops_in_force(self, moment: int) -> int:
        """Return how many stops decline redemptions at a moment; any thread may ask."""
        return _in_force(self._stops, moment)

    def on(self, world: World) -> World:
        """Return a world in which they are in force."""
        return self._recent.same(world._replace(exemptions=self._exemptions, stops=self._stops, deeds=self._deeds))


def _in_force(rows: RowArray, moment: int) -> int:
    return int(((rows["starts_at"] <= moment) & (moment < rows["ends_at"])).sum())
