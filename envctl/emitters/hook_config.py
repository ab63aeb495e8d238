"""The hooks as pre-commit's configuration has them: YAML for a list in lines or in brackets, TOML for prek's own."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from envctl.domain.hooks import FILES, Hook, Origin
from envctl.emitters.quoted_yaml import Text, dump


def entry(hooks: Iterable[Hook], origin: Origin) -> dict[str, Any]:
    """Return the item of ``repos``."""
    if origin.repo is None:
        return {"repo": "local", "hooks": [_local(each) for each in hooks]}
    named = [{"id": each.id} for each in hooks]
    return {"repo": Text(origin.repo), "rev": Text(origin.rev or ""), "hooks": named}


def _local(hook: Hook) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": hook.id,
        "name": hook.title,
        "entry": hook.entry,
        "language": "system",
    }
    if hook.at_commit:
        # A file that is removed is not among the names that pre-commit gives: the hook asks git.
        found["files"] = FILES
    else:
        found["pass_filenames"] = False
    return {**found, "always_run": True, "require_serial": True, "stages": _Row(hook.stages)}


class _Row(list[str]):
    """A list that stands in one line."""


def lines(item: Mapping[str, Any]) -> list[str]:
    """Return the item as the lines of a list in lines, its dash at the left edge."""
    found: list[str] = []
    for key, value in item.items():
        if key == "hooks":
            found.append("  hooks:")
            for each in value:
                found += [f"    {line}" for line in _mapping(each)]
        else:
            found.append(f"  {key}: {_scalar(value)}")
    return ["- " + found[0][2:], *found[1:]]


def _mapping(table: Mapping[str, Any]) -> list[str]:
    found = [f"  {key}: {_scalar(value)}" for key, value in table.items()]
    return ["- " + found[0][2:], *found[1:]]


def _scalar(value: Any) -> str:
    if isinstance(value, _Row):
        return f"[{', '.join(value)}]"
    return dump({"x": value}).removeprefix("x: ").rstrip("\n")


def flow(item: Mapping[str, Any]) -> str:
    """Return the item as one line in brackets: JSON, which YAML reads (YAML 1.2.2, 1.3)."""
    return json.dumps(item, ensure_ascii=False)


def toml(item: Mapping[str, Any]) -> list[str]:
    """Return the item as the lines of TOML (prek.toml)."""
    import tomli_w  # noqa: PLC0415  # for prek's own configuration alone

    plain = json.loads(flow(item))
    return tomli_w.dumps({"repos": [plain]}).rstrip("\n").split("\n")
