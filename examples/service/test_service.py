"""The example's own test: `envctl run -- pytest`."""

from service import app


def test_it_sums_up() -> None:
    """Mean and spread are those of the numbers."""
    answer = app.test_client().post("/summary", json={"numbers": [1, 2, 3, 6]})
    assert answer.get_json() == {"count": 4, "mean": 3.0, "spread": 3.5**0.5}


def test_it_says_what_it_wants() -> None:
    """Anything else is refused, with a word on why."""
    for body in ({}, {"numbers": []}, {"numbers": ["1"]}, {"numbers": [True]}, [1]):
        answer = app.test_client().post("/summary", json=body)
        assert (answer.status_code, "numbers" in answer.get_json()["error"]) == (400, True)


def test_it_is_healthy() -> None:
    """The image's health check asks for this."""
    assert app.test_client().get("/health").status_code == 200
