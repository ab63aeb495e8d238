"""Conda's match specifications (``numpy=1.26``, ``conda-forge::pytorch=2.1=*cuda*``) and their versions as PEP 440.

conda documentation, "Package match specifications"; the order of the steps is that of conda's
``models/match_spec.py``.
"""

import re
from dataclasses import dataclass

from packaging.version import Version

from envctl.readers.poetry.version_ranges import (
    Alternative,
    Clause,
    ConstraintError,
    clause,
    united,
)

_SPEC = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)\s*(?P<rest>[\s=<>!~|,*\d].*)?")
_BRACKETS = re.compile(r"(?P<head>[^\[\]]*)\[(?P<inner>[^\[\]]*)\]\s*")
_PAIR = re.compile(r"\s*(\w+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,'\"]*))\s*(?:,|$)")
_PART = re.compile(r"(?P<operator>==|>=|<=|!=|~=|>|<|=)?(?P<version>[^=<>!~\s]+)")
# PEP 440's spelling alone: `2023c` would be read as a release candidate.
_VERSION = re.compile(
    r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.?post\d+)?(\.?dev\d+)?(\+[a-z0-9.]+)?", re.IGNORECASE
)
_LONGEST = 500  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """One specification; ``version`` in conda's words (``""``: any), ``exact``: a bare one means just that."""

    name: str
    version: str = ""
    build: str = ""
    channel: str = ""


def parse_spec(text: str) -> Spec:
    """Cut a specification into its parts; raises ``ConstraintError``."""
    if len(text) > _LONGEST or "://" in text:
        raise ConstraintError("it is no name of a package")
    inner = ""
    if bracketed := _BRACKETS.fullmatch(text):
        text, inner = bracketed["head"], bracketed["inner"]
    channel, _, body = text.rpartition("::")
    found = _SPEC.fullmatch(body.strip())
    if found is None:
        raise ConstraintError("it is no name of a package")
    version, build = _version_and_build((found["rest"] or "").strip())
    more = {key: one or two or three for key, one, two, three in _PAIR.findall(inner)}
    return Spec(
        name=found["name"],
        version=more.get("version", version).strip(),
        build=more.get("build", build).strip(),
        channel=more.get("channel", channel).strip(),
    )


def _version_and_build(rest: str) -> tuple[str, str]:
    rest = re.sub(r"\s*([,|])\s*", r"\1", rest)
    rest = re.sub(r"([<>=!~])\s+", r"\1", rest)
    found = re.fullmatch(r"(?P<equal>==?)?(?P<version>[^=<>!~\s,|]+)[ =]+(?P<build>\S+)", rest)
    if found:  # with a build, the version is just that one
        return f"=={found['version']}", found["build"]
    version, _, build = rest.partition(" ")
    return version, build.strip()


def specifier(version: str) -> str:
    """Return the PEP 440 specifier for a version in conda's words; raises ``ConstraintError``."""
    found = clauses(version)
    joined = found[0] if len(found) == 1 else united(found)
    return ",".join(dict.fromkeys(each.text for each in joined))


def clauses(version: str) -> tuple[Alternative, ...]:
    """Return the alternatives (``|``), each the clauses that hold together (``,``)."""
    if "(" in version:
        raise ConstraintError("it has brackets")
    return tuple(
        tuple(found for part in each.split(",") if (found := _clause(part.strip())))
        for each in version.split("|")
    )


def _clause(part: str) -> Clause | None:
    if part in ("", "*", "=*", "==*", ">=*"):
        return None
    found = _PART.fullmatch(part)
    if found is None:
        raise ConstraintError(f"`{part}` is no version")
    operator, version = found["operator"] or "", found["version"]
    stem = re.sub(r"\.?\*$", "", version)
    if _VERSION.fullmatch(stem) is None:
        raise ConstraintError(f"`{version}` is no version as indexes have them")
    if operator in (">=", ">", "<=", "<", "~="):  # conda ignores a star there
        return clause(operator, stem)
    final = Version(stem).base_version == str(Version(stem))
    wildcard = final and (stem != version or operator == "=")
    return clause("!=" if operator == "!=" else "==", stem, wildcard=wildcard)
