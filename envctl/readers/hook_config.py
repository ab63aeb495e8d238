"""pre-commit's configuration as a text: where an item of ``repos`` can be put, and what of it is ours.

The text is a person's: it is read with the parser that pre-commit uses, for positions only, and every byte of it stays.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from envctl.errors import ManifestError

Kind = Literal["lines", "brackets", "key"]
_LINE_END = re.compile(r"\r\n|\n|\r")
_COMMENT = re.compile(r"([ \t]*)#[^\r\n]*(?:\r\n|\n|\r|\Z)")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as pre-commit does: it takes more


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """Where an item can be put: ``at`` that offset, indented by so many spaces.

    ``kind``: in a list in lines; in one in brackets, after a comma where ``comma``; or with the key ``repos`` itself.
    """

    kind: Kind
    at: int
    indent: int
    comma: bool = False


def read(text: str, name: str) -> Mapping[str, Any]:
    """Return what the configuration says; raises ``ManifestError`` with the line for what is no mapping."""
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe one
    except yaml.MarkedYAMLError as error:
        raise _broken(error, name) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestError(f"not YAML: {error}", where=name, hint="correct it") from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("repos") or [], list):
        raise unfit(name)
    return found


def _broken(error: yaml.MarkedYAMLError, name: str) -> ManifestError:
    mark = error.problem_mark or error.context_mark
    where = f"{name}:{mark.line + 1}" if mark else name
    return ManifestError(
        f"not YAML: {error.problem or error.context}", where=where, hint="correct that line"
    )


def unfit(name: str) -> ManifestError:
    """Return the failure for a configuration that cannot be added to as it is."""
    return ManifestError(
        "nothing can be added to this configuration without a change of what it says",
        where=name,
        hint="write `repos:` as a list, or add the lines that `envctl hooks install --print` prints",
    )


def spot(text: str, name: str) -> Spot:
    """Return where an item can be put; raises ``ManifestError``."""
    read(text, name)
    events: list[Any] = list(yaml.parse(text, Loader=_Loader))
    if sum(isinstance(each, yaml.DocumentStartEvent) for each in events) > 1:
        raise unfit(name)
    body = events[2:-2]  # within the stream and the document
    if not body or (isinstance(body[0], yaml.ScalarEvent) and not body[0].value):
        return Spot(kind="key", at=len(text), indent=0)
    root, column = body[0], int(body[0].start_mark.column)
    if not isinstance(root, yaml.MappingStartEvent):
        raise unfit(name)
    for key, value in _pairs(body):
        if isinstance(key[0], yaml.ScalarEvent) and key[0].value == "repos":
            return _in_value(text, key, value, column, name)
    if root.flow_style:
        raise unfit(name)
    return Spot(kind="key", at=_after(text, body), indent=column)


def _in_value(text: str, key: list[Any], value: list[Any], column: int, name: str) -> Spot:
    first, last = value[0], value[-1]
    if isinstance(first, yaml.SequenceStartEvent) and first.flow_style:
        at = last.end_mark.index - 1
        return Spot(kind="brackets", at=at, indent=column + 2, comma=_needs_comma(text, at))
    if isinstance(first, yaml.SequenceStartEvent):
        return Spot(kind="lines", at=_after(text, value), indent=_dash(text, first))
    empty = first.start_mark.index == first.end_mark.index
    if isinstance(first, yaml.ScalarEvent) and empty and not (first.anchor or first.tag):
        return Spot(kind="lines", at=_after(text, key), indent=column + 2)
    raise unfit(name)


def _pairs(body: list[Any]) -> Iterator[tuple[list[Any], list[Any]]]:
    """Yield the root's keys and values, each with all events within."""
    nodes: list[list[Any]] = []
    depth = 0
    for event in body[1:-1]:
        if depth == 0:
            nodes.append([])
        nodes[-1].append(event)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
    yield from zip(nodes[::2], nodes[1::2], strict=True)


def _after(text: str, events: list[Any]) -> int:
    """Return where the line after the last word of these begins; the end of a list in lines says less."""
    flows = 0
    end = 0
    for event in events:
        stop = event.end_mark.index
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            end = max(end, stop)
        elif isinstance(event, yaml.CollectionStartEvent) and (flows or event.flow_style):
            flows += 1
        elif isinstance(event, yaml.CollectionEndEvent) and flows:
            flows -= 1
            end = max(end, stop)
    if not (end and text[end - 1] in "\r\n"):  # a text in lines takes its line end along
        found = _LINE_END.search(text, end)
        end = found.end() if found else len(text)
    return _after_comments(text, end)


def _after_comments(text: str, at: int) -> int:
    """Return where the comments end that stand below an item without an empty line between, as one left out does.

    Those at the left edge that stand above something else belong to that.
    """
    end = indented = at
    while found := _COMMENT.match(text, end):
        end = found.end()
        if found[1]:
            indented = end
    return end if _LINE_END.match(text, end) or end == len(text) else indented


def _dash(text: str, start: Any) -> int:
    tokens: Iterator[Any] = yaml.scan(text, Loader=_Loader)
    return next(
        int(token.start_mark.column)
        for token in tokens
        if isinstance(token, yaml.BlockEntryToken)
        and token.start_mark.index >= start.start_mark.index
    )


def _needs_comma(text: str, at: int) -> bool:
    before: Any = None
    tokens: Iterator[Any] = yaml.scan(text, Loader=_Loader)
    for token in tokens:
        if token.start_mark.index == at and isinstance(token, yaml.FlowSequenceEndToken):
            break
        before = token
    return not isinstance(before, yaml.FlowEntryToken | yaml.FlowSequenceStartToken)
