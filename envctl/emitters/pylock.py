"""A lock as TOML text: one line per wheel, one block per package, a stable order.

``tomli_w`` does the quoting. It would spread each wheel over five lines (an array of tables); as the element of an
array inside an array it writes the same table on one line, which is what makes a diff of a lock readable.
"""

from collections.abc import Mapping
from typing import Any

import tomli_w

HEADER = "# Written by envctl from pyproject.toml: change that file, then run `envctl lock`.\n"
ADOPTED = (
    "# Written by another tool and adopted by envctl, which added [tool.envctl]. "
    "`envctl lock` resolves it anew.\n"
)
_INLINE = ("vcs", "directory", "archive", "sdist")


def emit(table: Mapping[str, Any], header: str | None = None) -> str:
    """Return the text of a PEP 751 lock given as data; ``header``: ``None`` says who wrote it."""
    if header is None:
        adopted = table.get("tool", {}).get("envctl", {}).get("adopted")
        header = ADOPTED if adopted else HEADER
    top = {key: value for key, value in table.items() if key not in ("packages", "tool")}
    blocks = [header + tomli_w.dumps(top)]
    blocks += [_package(package) for package in table["packages"]]
    if not table["packages"]:
        blocks[0] += "packages = []\n"
    tool = table.get("tool", {})
    if "envctl" in tool:
        blocks.append(_own(tool["envctl"]))
    others = {key: value for key, value in tool.items() if key != "envctl"}
    if others:
        blocks.append(tomli_w.dumps({"tool": others}))
    return "\n".join(blocks)


def _package(package: Mapping[str, Any]) -> str:
    plain = {
        key: value for key, value in package.items() if key not in (*_INLINE, "wheels", "tool")
    }
    text = "[[packages]]\n" + tomli_w.dumps(plain)
    for key in _INLINE:
        if key in package:
            text += f"{key} = {_lines([package[key]])[0].strip().removesuffix(',')}\n"
    if "wheels" in package:
        text += _array("wheels", package["wheels"])
    if "tool" in package:
        text += "\n" + tomli_w.dumps({"packages": {"tool": package["tool"]}})
    return text


def _own(own: Mapping[str, Any]) -> str:
    """Write [tool.envctl]: plain keys first, then its sub-tables; empty ones are left out."""
    filled = {key: value for key, value in own.items() if value != {}}
    return tomli_w.dumps({"tool": {"envctl": filled}})


def _array(key: str, tables: list[Mapping[str, Any]]) -> str:
    lines = "\n".join(line.removeprefix("    ") for line in _lines(tables))
    return f"{key} = [\n{lines}\n]\n"


def _lines(tables: list[Mapping[str, Any]]) -> list[str]:
    return tomli_w.dumps({"x": [list(tables)]}).splitlines()[2:-2]
