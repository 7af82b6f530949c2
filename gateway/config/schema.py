"""Owns the shape of the file: which settings exist, their defaults, and the sentence that describes each.

The rule that matters: a setting that is not listed here is refused, and one that is listed does something. The
descriptions are the only ones; docs/configuration.md is made of them.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from gateway.config import fields as f
from gateway.config.accounts import ProviderSection
from gateway.config.section import Section, required, setting
from gateway.config.served import AdminSection, ServerSection
from gateway.config.traced import TracingSection
from gateway.config.warned import WarningsSection
from gateway.model import CATEGORIES, UNLIMITED, Enforcement, OnFailure, Role, Unit, Unpriced


class StoreSection(Section):
    """`store:`."""

    url: f.StoreUrl = setting(
        "embedded",
        "Where the ledger lives: `embedded` (our own Valkey), `redis://`, `unix://`, `redis+sentinel://` or "
        "`redis+cluster://`; with TLS `rediss` instead of `redis`.",
    )
    data_dir: f.FilePath = setting(
        "./data", "Where the embedded store's data and the journal are, from this file's directory."
    )
    retention_days: f.RetentionDays = setting(400, "How long usage is remembered.")
    allow_volatile: f.Switch = setting(
        False, "Accept a store without persistence, which forgets all spending when it restarts."
    )
    on_failure: f.Failure = setting(
        OnFailure.CLOSED,
        "While it is away: `closed` refuses with 503, `grace` lets calls take `grace_tokens`, `open` forwards all.",
    )
    grace_tokens: f.Tokens = setting(
        100_000, "With `grace`: weighted tokens that a company may take from each worker in an outage."
    )
    journal: f.Switch = setting(
        True, "Write calls in flight to `data_dir`, so that a gateway that dies while the store is away loses none."
    )


class WeightsSection(Section):
    """`ledger.weights:`."""

    input: f.Weight = setting(Decimal(1), "What an uncached prompt token counts.")
    output: f.Weight = setting(Decimal(1), "What a completion token counts, reasoning included.")
    cache_read: f.Weight = setting(Decimal(1), "What a prompt token read from the provider's cache counts.")
    cache_creation: f.Weight = setting(Decimal(1), "What a prompt token written to that cache counts.")


class LedgerSection(Section):
    """`ledger:`."""

    enforcement: f.Strictness = setting(
        Enforcement.HARD, "`hard` refuses calls and cuts streams, `soft` refuses new calls only, `shadow` only counts."
    )
    tranche_tokens: f.ModelTokens = setting(2048, "How much completion a stream sets aside at a time.")
    default_output_tokens: f.ModelTokens = setting(
        4096, "The longest answer to expect when neither the call nor its model says."
    )
    lease_seconds: f.LeaseSeconds = setting(60, "How long a hold outlives a gateway that died.")
    weights: WeightsSection = setting(WeightsSection(), "How budgets weigh the kinds of token.")
    unpriced: f.PricelessModels = setting(
        Unpriced.REFUSE, "A model without a price, under a budget in dollars: `refuse` it, or call it `free`."
    )


class PurposeSection(Section):
    """`purposes.CODE:`."""

    description: f.Description = setting("", "What it is, in a line.")
    category: f.Category | None = setting(
        None, f"Billing category, else the endpoint's: {', '.join(f'`{name}`' for name in CATEGORIES)}."
    )
    deep_thought: f.Switch = setting(False, "Count its completions as deep thought too.")
    imports: f.Switch = setting(False, "Count the characters of its prompts as imported.", alias="import")


class QuotasSection(Section):
    """`quotas:`: every user's default."""

    daily: f.Limit = setting(UNLIMITED, "Tokens of a user in a calendar day, unless the user has an own limit.")
    weekly: f.Limit = setting(UNLIMITED, "Tokens in a week, which starts on Monday.")
    monthly: f.Limit = setting(UNLIMITED, "Tokens in a calendar month.")


class CompanyBudgetSection(Section):
    """`companies[].budget:`."""

    tokens: f.Limit = required("Tokens in any `window_days` days: -1 unlimited, 0 blocked.")
    window_days: f.WindowDays = setting(30, "Length of the rolling window, 1 to 480 days.")
    sliced: f.Switch = setting(
        False, "For a company with very many calls: each worker leases parts of the budget and counts in memory."
    )


class CompanySection(Section):
    """`companies[]:`."""

    id: f.Guid = required("Its GUID, for ever: spending is remembered under it.")
    name: f.Name = required("What people and this file call it.")
    budget: CompanyBudgetSection | None = setting(None, "Its rolling budget; left out: unlimited over 30 days.")
    timezone: f.Zone | None = setting(None, "Where its days begin; left out, the file's `timezone`.")
    users_may_report: f.Switch = setting(
        True, "Whether keys of its users may report usage; its service keys and administrators may."
    )
    users_see_company: f.Switch = setting(
        True, "Whether keys of its users may read its credit bill; its service keys and administrators may."
    )


class UserQuotasSection(Section):
    """`users[].quotas:`."""

    daily: f.Limit | None = setting(None, "Own limit of a day; left out, the default of `quotas`.")
    weekly: f.Limit | None = setting(None, "Own limit of a week.")
    monthly: f.Limit | None = setting(None, "Own limit of a month.")


class UserSection(Section):
    """`users[]:`: names and exceptions; a user who is not listed has the default quotas."""

    id: f.Guid = required("Its GUID; the same one in two companies is two users.")
    name: f.Name = required("Its name, unique in its company.")
    company: f.Reference = required("Its company, by name or id.")
    quotas: UserQuotasSection = setting(UserQuotasSection(), "Exceptions from the default quotas.")


class AgentSection(Section):
    """`agents[]:`."""

    id: f.Guid = required("GUID of a bot or app that calls are made for.")
    name: f.Name = required("Its name, unique in its company.")
    company: f.Reference = required("Its company, by name or id.")


class KeySection(Section):
    """`keys[]:`."""

    name: f.Label = required("What people, budgets, usage and logs call the key.")
    key: f.KeyText | None = setting(None, "The key itself, best as `${NAME}`; or else `sha256`.")
    sha256: f.Sha256 | None = setting(None, "SHA-256 of the key, as `gateway key new` prints it.")
    company: f.Reference | None = setting(None, "Who pays, by name or id; only an `admin` key may have none.")
    user: f.Reference | None = setting(None, "Whose key it is, by name or id; left out: a service key.")
    agent: f.Reference | None = setting(None, "The agent its calls are made for, unless a call names another.")
    role: f.KeyRole = setting(Role.USER, "`user`, `company_admin` or `admin`: what it may read and administer.")
    models: tuple[f.ModelName, ...] = setting((), "Models it may call, with `*` in patterns; none: all.")
    purposes: tuple[f.PurposeCode, ...] = setting((), "Purposes it may state; none: all.")
    default_purpose: f.PurposeCode | None = setting(None, "The purpose of a call that states none.")
    expires: f.Moment | None = setting(None, "When it stops working: a time (UTC), or the start of a date.")
    acts_for_users: f.Switch = setting(False, "Let a service key name any user of its company in `X-Gateway-User`.")
    user_from_body: f.Switch = setting(False, "Let it name the user in the body's `user` too.")


class MatchSection(Section):
    """`budgets[].match:`."""

    provider: f.Glob | None = setting(None, "Only calls to this provider; `*` stands for anything.")
    model: f.Glob | None = setting(None, "Only calls to this model, such as `gpt-4o*`.")
    purpose: f.Glob | None = setting(None, "Only calls with this purpose.")


class WindowSection(Section):
    """`budgets[].window:`: exactly one of these."""

    rolling_days: f.WindowDays | None = setting(None, "Any so many days, 1 to 480.")
    calendar: f.CalendarPeriod | None = setting(None, "The current `day`, `week` or `month`.")
    fixed_seconds: f.WindowSeconds | None = setting(None, "Slices of so many seconds, at most 31 days.")
    lifetime: f.Switch | None = setting(None, "`true`: for ever.")


class BudgetSection(Section):
    """`budgets[]:`."""

    name: f.Label = required("What refusals and headers call it; its counters are kept under it.")
    scope: f.BudgetScope = required(
        "Whose spending is counted: each `company`, `user`, `key`, `agent`, or for all companies together each "
        "`provider` or the whole `installation`."
    )
    company: f.Reference | None = setting(None, "Only within this company, by name or id.")
    user: f.Reference | None = setting(None, "Only this user (scope `user`).")
    key: f.Reference | None = setting(None, "Only this key (scope `key`).")
    agent: f.Reference | None = setting(None, "Only this agent (scope `agent`).")
    match: MatchSection = setting(MatchSection(), "Which calls it counts; left out: all.")
    window: WindowSection | None = setting(None, "Over what time; exactly one kind, none for `in_flight`.")
    unit: f.BudgetUnit = setting(Unit.TOKENS, "`tokens`, `requests`, `in_flight` (calls at the same time) or `usd`.")
    limit: f.BudgetLimit = required("How much, in `usd` with up to 6 decimals: -1 unlimited, 0 blocked.")
    enforcement: f.Strictness | None = setting(None, "Left out, the ledger's.")
    sliced: f.Switch | None = setting(
        None,
        "Whether each worker leases parts of it and counts in memory (scope `company`, off if left out; what spans "
        "companies always is).",
    )


class PriceSection(Section):
    """`credits.models.MODEL:`."""

    input: f.Credit = required("Credits for 1,000 prompt tokens.")
    output: f.Credit = required("Credits for 1,000 completion tokens.")


class CreditsSection(Section):
    """`credits:`."""

    per_1k_tokens: f.Credit = setting(Decimal(1), "Credits for 1,000 tokens of a model without a price.")
    models: dict[f.ExactModelName, PriceSection] = setting({}, "Prices by model.")
    timezone: f.Zone = setting("UTC", "Where a billing day begins.")


class Document(Section):
    """The whole file."""

    server: ServerSection = setting(ServerSection(), "Where the gateway listens.")
    admin: AdminSection = setting(AdminSection(), "Where operators look.")
    store: StoreSection = setting(StoreSection(), "Where it remembers.")
    timezone: f.Zone = setting("UTC", "Where calendar days, weeks and months begin, as an IANA name.")
    ledger: LedgerSection = setting(LedgerSection(), "How budgets are held.")
    providers: Annotated[dict[f.ProviderName, ProviderSection], Field(min_length=1)] = required(
        "Upstream accounts by name; `NAME/MODEL` addresses one explicitly."
    )
    purposes: dict[f.PurposeCode, PurposeSection] = setting(
        {"QA": PurposeSection(description="Question answering", category="chat")},
        description="Why calls are made, by a short code; left out, there is `QA`.",
    )
    default_purpose: f.PurposeCode = setting("QA", "The purpose of calls that name none.")
    quotas: QuotasSection = setting(QuotasSection(), "Every user's default limits.")
    companies: tuple[CompanySection, ...] = setting((), "Tenants: they pay.")
    users: tuple[UserSection, ...] = setting((), "Users with a name or with own quotas; others need no entry.")
    agents: tuple[AgentSection, ...] = setting((), "Bots and apps that calls are made for.")
    keys: tuple[KeySection, ...] = setting((), "Who may call, and as whom.")
    budgets: tuple[BudgetSection, ...] = setting((), "Further limits, all checked in the same atomic step.")
    credits: CreditsSection = setting(CreditsSection(), "What the consumption APIs bill.")
    warnings: WarningsSection = setting(WarningsSection(), "When to tell that a budget is nearly gone, and whom.")
    tracing: TracingSection | None = setting(
        None, "Where spans and token metrics go (OpenTelemetry); left out: nowhere."
    )
