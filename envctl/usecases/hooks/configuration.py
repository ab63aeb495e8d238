"""Our hooks in the configuration of pre-commit or prek: put in, brought up to date, taken out."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from envctl.domain.hooks import HOOKS, Hook, Origin, block
from envctl.emitters import hook_config
from envctl.errors import ManifestError
from envctl.readers import hook_config as reader

NAMES = (".pre-commit-config.yaml", ".pre-commit-config.yml", "prek.toml")
"""Where the configuration lies; pre-commit reads the first only."""
LOCAL = Origin()


@dataclass(frozen=True, kw_only=True, slots=True)
class Configured:
    """What a configuration has of ours: what envctl wrote, from where, and what a person wrote."""

    written: tuple[Hook, ...]
    origin: Origin
    by_hand: tuple[Hook, ...]


def read(text: str, name: str) -> Configured:
    """Return what a configuration has of ours; raises ``ManifestError``."""
    found = block.find(text, name)
    theirs = _repos(_read(take_out(text, name), name))
    every = _repos(_read(text, name))
    ours = next((each for each in every if each not in theirs), None) if found else None
    repo = str((ours or {}).get("repo", "local"))
    origin = LOCAL if repo == "local" else Origin(repo=repo, rev=str((ours or {}).get("rev", "")))
    hand = [each for each in every if each is not ours]
    return Configured(written=_named([ours] if ours else []), origin=origin, by_hand=_named(hand))


def put(text: str, name: str, hooks: Sequence[Hook], origin: Origin) -> str:
    """Return the text with these hooks in it, where ours stand already or at the end of the list.

    Raises ``ManifestError`` where that would change anything else of what it says.
    """
    found = block.find(text, name)
    item = hook_config.entry(hooks, origin)
    new = _again(text, found, item, name) if found else _first(text, item, name)
    if not _is_more(_read(new, name), _read(take_out(text, name), name), item):
        raise reader.unfit(name)
    return new


def take_out(text: str, name: str) -> str:
    """Return the text without what envctl wrote; raises ``ManifestError`` where that changes anything else."""
    found = block.find(text, name)
    if found is None:
        return text
    before = _read(text, name)
    rest = block.without(text, found)
    keys = [rest]
    if found.with_key:  # others stand below it by now
        end = block.line_end(text)
        keys.append(f"{text[: found.start]}{' ' * found.indent}repos:{end}{text[found.end :]}")
    for each in keys:
        try:
            if _is_less(_read(each, name), before):
                return each
        except ManifestError:
            continue
    raise reader.unfit(name)


def printed(hooks: Sequence[Hook], origin: Origin) -> str:
    """Return the lines to add by hand."""
    item = hook_config.entry(hooks, origin)
    return "\n".join(["repos:", *(f"  {line}" for line in hook_config.lines(item))]) + "\n"


def _first(text: str, item: Mapping[str, Any], name: str) -> str:
    if name.endswith(".toml"):
        _read(text, name)
        return block.lines(text, len(text), hook_config.toml(item), 0)
    at = reader.spot(text, name)
    if at.kind == "brackets":
        return block.brackets(text, at.at, hook_config.flow(item), at.indent, comma=at.comma)
    written = hook_config.lines(item)
    if at.kind == "key":
        written = ["repos:", *(f"  {line}" for line in written)]
    return block.lines(text, at.at, written, at.indent)


def _again(text: str, found: block.Found, item: Mapping[str, Any], name: str) -> str:
    rest = block.without(text, found)
    if found.in_brackets:
        written = hook_config.flow(item)
        return block.brackets(rest, found.start, written, found.indent, comma=found.comma)
    lines = hook_config.toml(item) if name.endswith(".toml") else hook_config.lines(item)
    if found.with_key:
        lines = ["repos:", *(f"  {line}" for line in lines)]
    return block.lines(rest, found.start, lines, found.indent)


def _read(text: str, name: str) -> Mapping[str, Any]:
    if not name.endswith(".toml"):
        return reader.read(text, name)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"not TOML: {error}", where=name, hint="correct that line") from error
    if not isinstance(found.get("repos", []), list):
        raise reader.unfit(name)
    return found


def _repos(config: Mapping[str, Any]) -> list[Any]:
    return list(config.get("repos") or [])


def _is_more(new: Mapping[str, Any], old: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether ``new`` says what ``old`` says, and this item beside."""
    repos = _repos(new)
    plain = json.loads(json.dumps(item))
    if plain not in repos or _others(new) != _others(old):
        return False
    repos.remove(plain)
    return repos == _repos(old)


def _is_less(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether ``new`` says what ``old`` says but for one item."""
    left, before = _repos(new), _repos(old)
    cut = [before[:n] + before[n + 1 :] for n in range(len(before))]
    return _others(new) == _others(old) and left in cut


def _others(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "repos"}


def _named(repos: Sequence[Any]) -> tuple[Hook, ...]:
    hooks = [hook for each in repos if isinstance(each, dict) for hook in each.get("hooks") or []]
    ids = {hook.get("id") for hook in hooks if isinstance(hook, dict)}
    return tuple(each for each in HOOKS if each.id in ids)
