"""Mean and spread of the numbers that a client sends: an API as small as one can be."""

from statistics import fmean, pstdev

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/health")
def health() -> Response:
    """Say that requests are answered."""
    return jsonify(status="ok")


@app.post("/summary")
def summary() -> Response | tuple[Response, int]:
    """Sum up ``{"numbers": [1, 2, 3]}``."""
    body = request.get_json(silent=True)
    numbers = body.get("numbers") if isinstance(body, dict) else None
    if not isinstance(numbers, list) or not numbers or not all(map(is_number, numbers)):
        return jsonify(error='send {"numbers": [1, 2, 3]}'), 400
    return jsonify(count=len(numbers), mean=fmean(numbers), spread=pstdev(numbers))


def is_number(value: object) -> bool:
    """Whether that is a number; JSON's true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
