"""TOML text to a table, with failures that say where."""

import re
import tomllib
from typing import Any

from envctl.errors import EnvctlError, ManifestError

# git-merge(1), "How conflicts are presented"; the third is the diff3 style's common ancestor.
_MARKER = re.compile(r"^(<<<<<<< |>>>>>>> |\|\|\|\|\|\|\| |=======\r?$)", re.MULTILINE)
_PLACE = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of .*)\)")


def read_toml(
    text: str, name: str, *, failure: type[EnvctlError] = ManifestError
) -> dict[str, Any]:
    """Parse TOML; raises ``failure`` with ``name:line:column``, or with the line of a merge conflict."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError as error:
        raise failure(
            "not TOML: nested too deeply", where=name, hint="correct that file"
        ) from error
    except ValueError as error:  # TOMLDecodeError, or a number with too many digits
        raise _explain(text, name, str(error), failure) from error


def conflict_line(text: str) -> int | None:
    """Return the line of the first merge-conflict marker."""
    found = _MARKER.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def _explain(text: str, name: str, reason: str, failure: type[EnvctlError]) -> EnvctlError:
    conflict = conflict_line(text)
    if conflict is not None:
        return failure(
            f"merge conflict at line {conflict}",
            where=f"{name}:{conflict}",
            hint="resolve it: keep what is right, delete the marker lines, then run the command again",
        )
    found = _PLACE.fullmatch(reason)
    what = found["what"] if found else reason
    if found and found["line"]:
        where = f"{name}:{found['line']}:{found['column']}"
    else:
        where = f"{name}:{len(text.splitlines()) or 1}" if found else name
    return failure(
        f"not TOML: {what[:1].lower()}{what[1:]}",
        where=where,
        hint="correct that line, or the one before it",
    )
