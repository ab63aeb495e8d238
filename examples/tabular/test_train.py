"""The example's own test: `envctl run -- pytest`."""

from train import ROWS, data, score


def test_the_data_is_complete() -> None:
    assert len(data()) == ROWS


def test_the_model_foretells_wear() -> None:
    assert 0.8 < score() < 1
