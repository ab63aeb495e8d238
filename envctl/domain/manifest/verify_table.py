"""``[tool.envctl.verify]``: how much each code of a finding counts in this project."""

from typing import cast, get_args

from envctl.domain import reading
from envctl.domain.finding.codes import Code
from envctl.domain.finding.weights import WEIGHTS, Weight, Weights
from envctl.domain.nearest import meant
from envctl.errors import ManifestError

_OTHERWISE = "write a code as `envctl verify` shows it, for example `variable-unset`"


def verify(own: reading.Table, root: str) -> Weights:
    """Read the table ``verify``; raises ``ManifestError``, for a code that no finding has as well."""
    table = reading.table(own, "verify", root)
    where = f"{root}.verify"
    reading.only(table, ("severity", "strict"), where)
    severity = reading.table(table, "severity", where)
    path = f"{where}.severity"
    for code in severity:
        if code not in get_args(Code):
            raise _unknown(code, path)
    return Weights(
        severity={cast("Code", code): _weight(severity, code, path) for code in severity},
        strict=reading.flag(table, "strict", where, default=False),
    )


def _weight(table: reading.Table, code: str, where: str) -> Weight:
    return cast("Weight", reading.text(table, code, where, choices=WEIGHTS))


def _unknown(code: str, where: str) -> ManifestError:
    return ManifestError(
        f"no finding has the code `{code}`",
        where=reading.join(where, code),
        hint=meant(code, get_args(Code), otherwise=_OTHERWISE),
    )
