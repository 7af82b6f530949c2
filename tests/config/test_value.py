"""The configuration as a value."""

from gateway.model import MICROS, Secret, Weights


def test_weights_default_to_one_token_each() -> None:
    """Without weights every token counts once."""
    assert Weights() == Weights(MICROS, MICROS, MICROS, MICROS)


def test_secrets_are_equal_by_text() -> None:
    """Two loads of a file compare equal although they hold secrets."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") != "a"
