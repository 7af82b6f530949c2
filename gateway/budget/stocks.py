"""All the stocks of one gateway, by budget: those in which something is going on are looked after once a second."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from gateway.budget import keys
from gateway.budget.shelf import Plain
from gateway.budget.stock import Stock
from gateway.budget.told import Told
from gateway.model import Budget, Level, Unit


class Stocks:
    """One stock for each budget that is spent in slices. `monotonic` gives seconds."""

    def __init__(self, plain: Plain, *, lease_seconds: float, monotonic: Callable[[], float], told: Told) -> None:
        self._plain = plain
        self._lease_seconds = lease_seconds
        self._monotonic = monotonic
        self._told = told
        self._stocks: dict[tuple[str, str, str], Stock] = {}
        self._awake: set[Stock] = set()
        self._shown: frozenset[tuple[str, Unit]] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything to look after."""
        return bool(self._awake)

    def of(self, company_id: str, budget: Budget) -> Stock:
        """Give the stock of a budget that counts a call of this company; it follows the budget's configuration."""
        name = _name(company_id, budget)
        stock = self._stocks.get(name)
        if stock is None:
            lease_seconds, monotonic, told = self._lease_seconds, self._monotonic, self._told
            stock = Stock(self._plain, budget, name[0], lease_seconds=lease_seconds, monotonic=monotonic, told=told)
            self._stocks[name] = stock
        elif stock.budget is not budget:
            stock.follow(budget)
        return stock

    def wake(self, stock: Stock) -> None:
        """Look after a stock, until nothing is left of it."""
        self._awake.add(stock)

    def seen(self, company_id: str, level: Level) -> Level:
        """Give the store's numbers, with what was spent here counted as used."""
        stock = self._stocks.get(_name(company_id, level.budget)) if level.budget.sliced else None
        return stock.seen(level) if stock else level

    def beat(self) -> None:
        """Give back and renew what is due."""
        awake = tuple(self._awake)
        self._awake = {stock for stock in awake if stock.beat()}
        self._tell(awake)

    async def hold_again(self, is_meant: Callable[[str], bool]) -> int:
        """Have the store hold the slices of the homes that are meant; gives how many. Raises StoreUnavailable."""
        stocks = [stock for (home, _, _), stock in self._stocks.items() if is_meant(home)]
        return sum(await asyncio.gather(*(stock.hold_again() for stock in stocks)))

    async def settled(self, timeout_seconds: float) -> None:
        """Give every slice back."""
        await asyncio.gather(*(stock.settled(timeout_seconds) for stock in tuple(self._awake)))
        self._tell(tuple(self._awake))

    def _tell(self, stocks: Sequence[Stock]) -> None:
        """Tell how many slices there are by a budget's name and unit; of one that has none any more, once."""
        slices: Counter[tuple[str, Unit]] = Counter()
        free: Counter[tuple[str, Unit]] = Counter()
        for stock in stocks:
            which = stock.budget.name, stock.budget.unit
            count, units = stock.counts()
            slices[which] += count
            free[which] += units
        for which in self._shown | slices.keys():
            self._told.now(*which, slices[which], free[which])
        self._shown = frozenset(slices)


def _name(company_id: str, budget: Budget) -> tuple[str, str, str]:
    return keys.home(budget, company_id), budget.subject, budget.id
