"""A run's description as it stands in a file, whoever wrote that."""

import json
from typing import Any

from envctl.domain.runs import reading as run_reading
from envctl.domain.runs.description import RunDescription
from envctl.errors import DescriptionError

_AGAIN = "take the file as `envctl run` or `envctl describe --json` wrote it"


def claims(text: str) -> bool:
    """Whether a text begins as JSON does: then what is wrong with it is said of a run's description."""
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def read_run(text: str, name: str) -> RunDescription:
    """Read a description; raises ``DescriptionError`` with the file's name and the place in it."""
    return run_reading.from_json(_parsed(text.removeprefix("\ufeff"), name), name)


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or "Unterminated" in error.msg
        message = "it is cut off" if cut else f"it is not JSON: {error.msg}"
        raise DescriptionError(
            f"this is no description of a run: {message}",
            where=f"{name}:{error.lineno}:{error.colno}",
            hint=_AGAIN,
        ) from error
    except RecursionError as error:
        raise DescriptionError("not JSON: nested too deeply", where=name, hint=_AGAIN) from error
    except ValueError as error:  # a number with too many digits
        raise DescriptionError(f"not JSON: {error}", where=name, hint=_AGAIN) from error
