"""The table of settings."""

from gateway.config.reference import BEGIN, END, insert, render
from gateway.config.schema import Document
from tests.config.files import ROOT


def test_documentation_is_up_to_date() -> None:
    """docs/configuration.md holds the table; `python -m gateway.config.reference docs/configuration.md` renews it."""
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    assert insert(page) == page
    assert render() in page


def test_every_setting_has_a_sentence() -> None:
    """A row has a name, a default or a word for none, and one sentence that ends as sentences do."""
    rows = [row.strip("|").split(" | ") for row in render().splitlines()[2:]]
    assert all(len(row) == 3 and row[2].strip().endswith((".", "...")) for row in rows)
    assert {row[0].strip(" `").partition(".")[0].removesuffix("[]") for row in rows} == set(Document.model_fields)


def test_names_are_those_of_the_file() -> None:
    """Lists, mappings and Python's reserved words are written as an operator writes them."""
    table = render()
    for name in (
        "purposes.CODE.import",
        "keys[].name",
        "providers.NAME.models.MODEL.reasoning",
        "ledger.weights.input",
    ):
        assert f"| `{name}` |" in table


def test_only_the_table_is_replaced() -> None:
    """What stands around the marks stays."""
    page = insert(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert page.startswith(f"before\n{BEGIN}\n| setting |")
    assert page.endswith(f"{END}\nafter\n")
    assert "old\n" not in page
