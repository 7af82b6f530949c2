"""What a call costs: rates, prices and tariffs. Money is integer micro-dollars everywhere.

The rule that matters: a price is rounded up, and what is set aside for a call is worked out at the dearest rate that
may apply to it, so that a cost within its estimate is never above what was held.
"""

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from gateway.model.budgets import Weights
from gateway.model.calls import Usage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Micro-dollars for a million tokens of each class; every class is stated.

    `cache_creation_1h` is for tokens that a provider's cache is asked to keep for an hour.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation: int = 0
    cache_creation_1h: int = 0
    input_audio: int = 0
    output_audio: int = 0

    @classmethod
    def of(
        cls,
        input: int = 0,  # noqa: A002 - the class's name, as everywhere
        output: int = 0,
        *,
        cache_read: int | None = None,
        cache_creation: int | None = None,
        cache_creation_1h: int | None = None,
        input_audio: int | None = None,
        output_audio: int | None = None,
    ) -> "Rates":
        """Make rates of what is stated: a class without a rate of its own costs what its plain tokens cost."""
        written = input if cache_creation is None else cache_creation
        return cls(
            input=input,
            output=output,
            cache_read=input if cache_read is None else cache_read,
            cache_creation=written,
            cache_creation_1h=written if cache_creation_1h is None else cache_creation_1h,
            input_audio=input if input_audio is None else input_audio,
            output_audio=output if output_audio is None else output_audio,
        )

    @property
    def dearest_input(self) -> int:
        """The most that a prompt token of any class costs."""
        return max(self.input, self.cache_read, self.cache_creation, self.cache_creation_1h, self.input_audio)

    @property
    def dearest_output(self) -> int:
        """The most that a completion token of any class costs."""
        return max(self.output, self.output_audio)

    def weigh(self, usage: Usage) -> int:
        """Give a usage's cost in millionths of a micro-dollar; a token that is in two classes counts in one."""
        long_lived = min(usage.cache_creation_1h_tokens, usage.cache_creation_tokens)
        uncached = max(0, usage.input_tokens - usage.cache_read_tokens - usage.cache_creation_tokens)
        heard = min(usage.input_audio_tokens, uncached)
        spoken = min(usage.output_audio_tokens, usage.output_tokens)
        return (
            (uncached - heard) * self.input
            + heard * self.input_audio
            + usage.cache_read_tokens * self.cache_read
            + (usage.cache_creation_tokens - long_lived) * self.cache_creation
            + long_lived * self.cache_creation_1h
            + (usage.output_tokens - spoken) * self.output
            + spoken * self.output_audio
        )


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs. `tiers` are (above how many input tokens, rates), rising: they hold for the whole call.

    `request_micros` is added to each call. `service` gives the prices of the service levels that a client can ask for
    (`priority`, `flex`, `fast`) where they differ.
    """

    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    request_micros: int = 0
    service: tuple[tuple[str, "Price"], ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether nothing is ever charged."""
        kinds = (self.rates, *(rates for _, rates in self.tiers))
        return not self.request_micros and all(rates == Rates() for rates in kinds)

    def served(self, level: str | None) -> "Price":
        """Give the price at the service level that a client asks for; at one that has no price of its own, this."""
        return next((price for name, price in self.service if name == level), self)

    def cost_micros(self, usage: Usage) -> int:
        """Give what a usage costs in micro-dollars, rounded up."""
        applied = self.rates
        for above, rates in self.tiers:
            if usage.input_tokens > above:
                applied = rates
        return self.request_micros - (-applied.weigh(usage) // _MILLION)

    def dearest(self, prompt_tokens: int) -> tuple[int, int]:
        """Give what to hold for a call of at most `prompt_tokens`: (micro-dollars at once, rate for completion tokens).

        The rate is in micro-dollars for a million tokens: what `Ask.rate_micros` wants in a budget of micro-dollars.
        """
        may_apply = [self.rates, *(rates for above, rates in self.tiers if prompt_tokens > above)]
        prompt = prompt_tokens * max(rates.dearest_input for rates in may_apply)
        return self.request_micros - (-prompt // _MILLION), max(rates.dearest_output for rates in may_apply)


FREE = Price(Rates())
"""What costs nothing, and is known to."""


class Tariff(msgspec.Struct, frozen=True, gc=False):
    """What one call's tokens count: by weight in budgets of tokens, by price in those of dollars; None: not known."""

    weights: Weights
    price: Price | None = None


def dollars(micros: int) -> str:
    """Give micro-dollars as exact decimal dollars for people: `12.50`, `0.000125`."""
    whole, part = divmod(abs(micros), _MILLION)
    decimals = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{decimals}"


def micros(amount: Decimal) -> int:
    """Give decimal dollars of at most six decimals as micro-dollars."""
    return int(amount * _MILLION)
