"""YAML in which every text that comes from elsewhere stands in double quotes (YAML 1.2.2, 7.3.1)."""

from collections.abc import Mapping
from typing import Any


class Text(str):
    """A text that no YAML may take for anything else.

    PyYAML quotes what YAML 1.1 would misread; others read YAML 1.2, which takes ``1e-3``, ``0o17`` and ``08`` for
    numbers as well.
    """

    __slots__ = ()


def dump(table: Mapping[str, Any]) -> str:
    """Return the table as YAML, keys in its order, no line broken."""
    import yaml  # noqa: PLC0415  # lazy: only what writes YAML needs it

    class Dumper(yaml.SafeDumper):
        """PyYAML's own, with one more type."""

    def quoted(dumper: yaml.SafeDumper, text: Text) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')

    Dumper.add_representer(Text, quoted)
    return yaml.dump(table, Dumper=Dumper, sort_keys=False, width=2**20)


def quoted(text: str) -> str:
    """Return one text as a scalar in double quotes, on one line: for YAML that is written as text."""
    return dump({"": Text(text)}).partition(": ")[2].removesuffix("\n")
