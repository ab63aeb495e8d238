"""``variables:`` of an ``environment.yml``: what a manifest may hold of them."""

import yaml

from envctl.domain.environment.activation import declared
from envctl.domain.variables import classify
from envctl.errors import ManifestError
from envctl.readers import addresses
from envctl.readers.conda.yaml_nodes import keys, line_of
from envctl.readers.gathering import Gathered


def read_variables(
    node: yaml.Node | None, file: str, found: Gathered
) -> tuple[tuple[str, str], ...]:
    """Return the variables that a committed file may set, with a note for each of the others."""
    kept: list[tuple[str, str]] = []
    for name, value in keys(node).items() if node else ():
        where = f"{file}:{line_of(value)}"
        if not isinstance(value, yaml.ScalarNode):
            found.note(where, f"`{name}` has no text for a value: left out")
        elif reason := _refused(name, value.value):
            found.note(where, f"`{name}` is left out: {reason}")
        else:
            kept.append((name, value.value))
    return tuple(kept)


def _refused(name: str, value: str) -> str:
    if not (name.isascii() and name.isidentifier()):
        return "that is no name for a variable"
    if classify(name) == "secret":
        return "it is a secret by its name: put it into an env-file (.envctl/local.toml)"
    if addresses.redacted(value) != value:
        return "its value holds a user name, a password or a token"
    if "\0" in value:
        return "a variable cannot hold a NUL byte"
    try:
        declared({name: value})
    except ManifestError as error:
        return error.message
    return ""
