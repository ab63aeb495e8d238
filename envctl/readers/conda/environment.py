"""conda's ``environment.yml``: the pip part exactly, packages that an index is known to have, a note for the rest."""

from urllib.parse import urlsplit

import yaml

from envctl.domain.imported import Imported
from envctl.errors import ManifestError
from envctl.readers.conda.packages import Packages
from envctl.readers.conda.variables import read_variables
from envctl.readers.conda.yaml_nodes import items, keys, line_of, read_yaml
from envctl.readers.gathering import Gathered
from envctl.readers.requirements.files import Read, read_requirements

_READ = ("name", "channels", "dependencies", "variables", "prefix")


def read_conda(text: str, name: str, read: Read) -> Imported:
    """Read the text of an ``environment.yml``; raises ``ManifestError`` with ``name:line``."""
    document = read_yaml(text, name)
    found = Gathered()
    packages = Packages(name, text, found)
    pip: dict[int, str] = {}
    if "dependencies" not in document:
        raise ManifestError(
            "it has no `dependencies`", where=name, hint="name the `environment.yml` of conda's"
        )
    for node in items(document["dependencies"], f"{name}: dependencies"):
        _dependency(node, name, packages, pip, found)
    packages.sum_up()
    _others(document, name, found)
    installed = _pip(pip, name, read)
    label = document.get("name")
    return Imported(
        name=label.value if isinstance(label, yaml.ScalarNode) else None,
        python=packages.python,
        requires_python=packages.requires_python,
        requirements=(*packages.entries(), *installed.requirements),
        constraints=installed.constraints,
        indexes=installed.indexes,
        env=read_variables(document.get("variables"), name, found),
        notes=(*found.notes, *installed.notes),
    )


def _dependency(
    node: yaml.Node, file: str, packages: Packages, pip: dict[int, str], found: Gathered
) -> None:
    where = f"{file}:{line_of(node)}"
    if isinstance(node, yaml.ScalarNode):
        packages.take(node)
        return
    table = keys(node)
    for key, value in table.items():
        if key != "pip":
            found.note(where, f"`{key}` is not read: conda itself knows `pip` alone here")
            continue
        for line in items(value, f"{where}: pip"):
            if not isinstance(line, yaml.ScalarNode):
                raise ManifestError(
                    "expected one requirement on each line of `pip`",
                    where=f"{file}:{line_of(line)}",
                    hint="correct that line",
                )
            pip[line_of(line)] = packages.with_comment(line)
    if not table:
        found.note(where, "not read: neither a package nor a list of them")


def _pip(lines: dict[int, str], name: str, read: Read) -> Imported:
    """Read the lines as the requirements file that conda makes of them, each at its own line number."""
    if not lines:
        return Imported()
    rows = [""] * max(lines)
    for number, line in lines.items():
        rows[number - 1] = " ".join(line.splitlines())
    return read_requirements(name, lambda file: "\n".join(rows) if file == name else read(file))


def _others(document: dict[str, yaml.Node], name: str, found: Gathered) -> None:
    """Note the keys that a manifest has no word for."""
    if node := document.get("channels"):
        channels = [
            _channel(each.value) for each in items(node, f"{name}: channels") if _is_text(each)
        ]
        listed = ", ".join(f"`{channel}`" for channel in channels)
        if listed:
            where = f"{name}:{line_of(node)}"
            found.note(where, f"channels left out ({listed}): envctl takes packages from indexes")
    if node := document.get("prefix"):
        found.note(f"{name}:{line_of(node)}", "`prefix` means something on one machine: left out")
    for key, node in document.items():
        if key not in _READ:
            found.note(f"{name}:{line_of(node)}", f"`{key}` is not read: conda has no such key")


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _channel(text: str) -> str:
    """Return a channel as it may be shown: of an address the host alone, for tokens stand in its path."""
    if "://" not in text:
        return text
    try:
        return urlsplit(text).hostname or "…"
    except ValueError:
        return "…"
