"""YAML as nodes with their lines: scalars stay text as it is written, and nothing is ever constructed.

A loader would turn ``1.10`` into ``1.1`` and ``no`` into false; libyaml's base loader does neither, and knows no
tags, so that no file can make an object of anything.
"""

from collections.abc import Iterator

import yaml

from envctl.errors import ManifestError

try:
    from yaml import CBaseLoader as _Loader
except ImportError:  # PyYAML without libyaml: slower, and the same
    from yaml import BaseLoader as _Loader  # type: ignore[assignment]

_DEEPEST = 20  # levels; an environment has three
_MOST_ALIASES = 100


def read_yaml(text: str, name: str) -> dict[str, yaml.Node]:
    """Return the keys of a document that is a mapping; raises ``ManifestError`` with ``name:line``."""
    try:
        _refuse_bombs(text, name)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _not_yaml(f"{name}:{line}", error.problem or "broken") from error
    except (yaml.YAMLError, ValueError) as error:  # a character that no YAML may hold
        raise _not_yaml(name, str(error).splitlines()[0]) from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise _not_yaml(f"{name}:{line_of(root)}", "expected `key: value` lines")
    return keys(root)


def _refuse_bombs(text: str, name: str) -> None:
    """Stop at a depth or a number of aliases that no real file has, before anything is built."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > _DEEPEST or aliases > _MOST_ALIASES:
            what = "nested too deeply" if depth > _DEEPEST else "too many aliases"
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise _not_yaml(f"{name}:{line}", what)


def keys(node: yaml.Node) -> dict[str, yaml.Node]:
    """Return a mapping's values by key; of a key that stands twice the last counts, others than text are left."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {key.value: value for key, value in pairs if isinstance(key, yaml.ScalarNode)}


def items(node: yaml.Node, where: str) -> Iterator[yaml.Node]:
    """Yield a list's items; an empty value is an empty list. Raises ``ManifestError`` for anything else."""
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif not is_empty(node):
        raise ManifestError("expected a list", where=where, hint="begin each line with `- `")


def is_empty(node: yaml.Node) -> bool:
    """Whether nothing stands there: ``key:`` with no value."""
    return isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null") and not node.style


def line_of(node: yaml.Node) -> int:
    """Return the line on which a node begins, from 1."""
    return int(node.start_mark.line) + 1


def _not_yaml(where: str, what: str) -> ManifestError:
    return ManifestError(f"not YAML: {what}", where=where, hint="correct that line")
