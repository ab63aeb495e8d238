"""The conda packages of an ``environment.yml``: carried over by the name that an index has, or noted."""

import re

import yaml

from envctl.domain.imported import Entry
from envctl.readers.conda import names as conda_names
from envctl.readers.conda.specs import Spec, clauses, parse_spec, specifier
from envctl.readers.conda.yaml_nodes import line_of
from envctl.readers.gathering import Gathered, plain_comment
from envctl.readers.poetry.version_ranges import ConstraintError
from envctl.readers.requirements.entries import Entries

_COMMENT = re.compile(r"\s+#\s?(?P<said>.*)")
_ACCELERATOR = re.compile(r"cuda|cpu|rocm|mkl", re.IGNORECASE)


class Packages:
    """The packages as they come, one array of the manifest to be, and what they say of Python."""

    def __init__(self, file: str, text: str, found: Gathered) -> None:
        self._file = file
        self._lines = re.split(r"\r\n|\r|\n", text)  # YAML 1.1 ends a line here
        self._found = found
        self._array = Entries()
        self._parts: list[str] = []
        self._builds: list[str] = []
        self._channels: dict[str, list[str]] = {}
        self._ranges: list[str] = []
        self.python: str | None = None

    def entries(self) -> tuple[Entry, ...]:
        """Return the array."""
        return self._array.entries()

    @property
    def requires_python(self) -> str | None:
        """The range that ``python>=3.9,<3.12`` asks for."""
        return ",".join(self._ranges) or None

    def take(self, node: yaml.ScalarNode) -> None:
        """Take one line of ``dependencies``."""
        where = f"{self._file}:{line_of(node)}"
        text = plain_comment(" ".join(node.value.split()))
        for remark in self._above(node):
            self._array.remark(remark)
        try:
            spec = parse_spec(text)
        except ConstraintError as error:
            self._leave(text, str(error), where)
            return
        if spec.name.lower() == "python":
            self._take_python(spec, where)
        elif conda_names.is_part(spec.name):
            self._parts.append(spec.name)
        elif reason := conda_names.why_not(spec.name):
            self._leave(text, reason, where)
        elif name := conda_names.on_an_index(spec.name):
            self._carry(name, spec, where, self._beside(node))
        else:
            self._leave(text, _NOT_MAPPED, where)

    def sum_up(self) -> None:
        """Note what concerns many lines alike."""
        where = f"{self._file}: dependencies"
        if self._parts:
            listed = ", ".join(f"`{name}`" for name in self._parts)
            self._found.note(where, f"left out ({listed}): {conda_names.why_no_part()}")
        if self._builds:
            listed = ", ".join(f"`{each}`" for each in self._builds)
            self._found.note(where, f"builds are conda's own, the version is kept: {listed}")
        for channel, names in self._channels.items():
            listed = ", ".join(f"`{name}`" for name in names)
            self._found.note(where, f"the channel `{channel}` is left out for {listed}")

    def with_comment(self, node: yaml.ScalarNode) -> str:
        """Return a line of ``pip`` with the comment beside it, as a requirements file has it."""
        comment = self._beside(node)
        return f"{node.value}  # {comment}" if comment else str(node.value)

    def _carry(self, name: str, spec: Spec, where: str, comment: str) -> None:
        try:
            text = f"{name}{specifier(spec.version)}"
        except ConstraintError as error:
            text = name
            said = f"`{name}` is carried over without its version `{spec.version}`: {error}"
            self._found.note(where, said)
        if spec.channel:
            self._channels.setdefault(spec.channel, []).append(spec.name)
        if spec.build not in ("", "*"):
            if _ACCELERATOR.search(spec.build):
                said = 'choose the build with a profile, for example with `torch = "cpu"`'
                self._found.note(where, f"`{name}` without its build `{spec.build}`: {said}")
            else:
                self._builds.append(f"{spec.name}={spec.build}")
        for entry in self._found.entry(text, where):
            self._array.add(entry.text or "", comment or None, where)

    def _take_python(self, spec: Spec, where: str) -> None:
        try:
            found = clauses(spec.version)
            wanted = specifier(spec.version)
        except ConstraintError as error:
            self._found.note(where, f"python `{spec.version}` is left out: {error}")
            return
        only = found[0][0] if len(found) == 1 and len(found[0]) == 1 else None
        if only and only.operator == "==" and (minor := _minor(only.version)):
            self.python = minor
            if minor != only.version:
                said = f"python = {minor}: write {only.version}, if it must be exactly that one"
                self._found.note(where, said)
        elif wanted:
            self._ranges.append(wanted)

    def _leave(self, text: str, reason: str, where: str) -> None:
        self._array.remark(f"not carried over ({where}): {text}")
        self._found.note(where, f"`{text}`: {reason}")

    def _above(self, node: yaml.Node) -> list[str]:
        """Return the comments right above an item."""
        said: list[str] = []
        number = node.start_mark.line - 1
        while 0 <= number < len(self._lines) and self._lines[number].lstrip().startswith("#"):
            said.insert(0, plain_comment(self._lines[number].lstrip(" \t#")))
            number -= 1
        return said

    def _beside(self, node: yaml.Node) -> str:
        """Return the comment on an item's own line."""
        mark = node.end_mark
        if mark.line != node.start_mark.line or mark.line >= len(self._lines):
            return ""
        found = _COMMENT.fullmatch(self._lines[mark.line][mark.column :])
        return plain_comment(found["said"]) if found else ""


def _minor(version: str) -> str | None:
    found = re.match(r"3\.\d{1,3}", version)
    return found[0] if found else None


_NOT_MAPPED = "not mapped: it is not known what it is called on an index; if it is a Python package, add it by hand"
