"""Which price a call has: the file's own, else the table's by the address that serves the model. Pure."""

from collections.abc import Mapping

from gateway.model import FREE, Price, Route
from gateway.prices.table import Family, Table, load

_MOST_KNOWN = 4096
# Languages that one seller alone speaks, whatever the address.
_SELLERS: Mapping[str, str] = {"azure": "azure", "bedrock": "aws"}


class Prices:
    """Gives the price of a route of one configuration; `configured` are the file's, by (provider, listed model).

    In this order: the file's own price; nothing, where the provider is not `chargeable`, as nobody sends us a bill; the
    table's, by the provider's address; where nobody knows that address, by a vendor that the model's name begins with
    (`openai/gpt-4o`). None: there is no price, and none is guessed.
    """

    def __init__(self, configured: Mapping[tuple[str, str], Price], table: Table | None = None) -> None:
        self._configured = configured
        self._table = table or load()
        self._known: dict[tuple[str, str, str], Price | None] = {}

    def of(self, route: Route) -> Price | None:
        """Give the price of the calls to a route, None where it is not known."""
        place = (route.provider.name, route.spec.name, route.model)
        if place not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[place] = self._found(route)
        return self._known[place]

    def _found(self, route: Route) -> Price | None:
        configured = self._configured.get((route.provider.name, route.spec.name))
        if configured is not None:
            return configured
        if not route.provider.chargeable:
            return FREE
        seller = _SELLERS.get(route.provider.dialect)
        family = self._table.families[seller] if seller else self._table.serving(route.provider.base_url)
        if family is not None:
            return self._table.price_of(family, route.model)
        return self._by_vendor(route.model)

    def _by_vendor(self, model: str) -> Price | None:
        vendor, slash, name = model.partition("/")
        family: Family | None = self._table.families.get(vendor.lower()) if slash else None
        return None if family is None else self._table.price_of(family, name)
