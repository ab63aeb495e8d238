"""The example's own test: `envctl run -- pytest`."""

from train import ROWS, data, score


def test_the_data_is_complete() -> None:
    """Every row is there."""
    assert len(data()) == ROWS


def test_the_model_foretells_wear() -> None:
    """It explains most of the wear, and does not know it by heart."""
    assert 0.8 < score() < 1
