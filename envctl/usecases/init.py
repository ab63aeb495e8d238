"""Make a folder a project, or an existing project one of envctl's; what is there already stays as it is."""

import tomli_w
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from envctl.domain import reading
from envctl.domain.gitignore import hides_records, with_unseen
from envctl.domain.imported import Additions, Imported, Note
from envctl.domain.manifest import parse_manifest
from envctl.domain.platforms import Platform
from envctl.domain.record import Record, machine_name
from envctl.domain.resolution import Interpreter
from envctl.errors import ManifestError, RecordError
from envctl.ports import Project
from envctl.readers.toml import read_toml
from envctl.usecases import record as records
from envctl.usecases.adopt import Folder, additions, look

MANIFEST = "pyproject.toml"
NEXT = ("envctl lock", "envctl sync")


@dataclass(frozen=True, kw_only=True, slots=True)
class InitPlan:
    """The files to write with their new text, what the user must know, and under which name this machine is known."""

    files: Mapping[str, str]
    notes: tuple[Note, ...]
    machine: str
    next: tuple[str, ...] = NEXT
