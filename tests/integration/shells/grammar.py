"""Real parsers for the shells that run on Windows only, or are not to be had here."""

from collections.abc import Iterator

import tree_sitter
import tree_sitter_batch
import tree_sitter_powershell

_GRAMMARS = {"cmd": tree_sitter_batch.language, "powershell": tree_sitter_powershell.language}


def mistakes(shell: str, code: str) -> list[str]:
    """Return each place that the parser cannot take, with its line."""
    parser = tree_sitter.Parser(tree_sitter.Language(_GRAMMARS[shell]()))
    return [_said(node) for node in _wrong(parser.parse(code.encode()).root_node)]


def strings(code: str) -> list[str]:
    """Return the single-quoted literals of a PowerShell script as they are written."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    found = _all(parser.parse(code.encode()).root_node, "verbatim_string_characters")
    return [(node.text or b"").decode() for node in found]


def _wrong(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    if node.is_error or node.is_missing:
        yield node
    for child in node.children:
        yield from _wrong(child)


def _all(node: tree_sitter.Node, kind: str) -> Iterator[tree_sitter.Node]:
    if node.type == kind:
        yield node
    for child in node.children:
        yield from _all(child, kind)


def _said(node: tree_sitter.Node) -> str:
    return f"line {node.start_point.row + 1}: {(node.text or b'').decode()[:80]}"
