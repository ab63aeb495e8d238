"""How each code of the catalogue comes about on a real project: the table of `tests/integration/test_every_code.py`.

envctl is called as a user calls it, through its command line, but in this process: some eighty cases would otherwise
wait for eighty Pythons to start. What a machine, a registry or a compiler is comes through envctl's own doors.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner

from envctl.bootstrap import Services
from envctl.cli import cli
from envctl.domain.finding import Layer
from envctl.domain.finding.codes import Code
from envctl.domain.image.described import Described
from envctl.domain.record import Record
from envctl.domain.workshop.toolchain import Toolchain
from envctl.errors import RegistryFailure
from envctl.ports import Registry, Workshop
from envctl.usecases.image_verify import Doors
from tests.integration.world import World

Way = Literal["fix", "advice"]


@dataclass(frozen=True)
class Images:
    """A registry: what it has by reference; ``None``: it does not answer."""

    there: Mapping[str, Described] | None

    def described(self, reference: str, platform: str | None = None) -> Described | None:
        if self.there is None:
            raise RegistryFailure("it does not answer", where=reference, hint="try again later")
        return self.there.get(reference)


@dataclass(frozen=True, kw_only=True)
class Opened(Services):
    """envctl's doors, some of them opened to what a test has in hand."""

    machine: Record | None = None
    images: Images = Images(there=None)
    tools: Toolchain | None = None
    proof: Callable[[Doors], Doors] = lambda doors: doors

    def record(self, name: str | None = None) -> Record:
        return super().record(name) if self.machine is None else replace(self.machine, name=name)

    @cached_property
    def registry(self) -> Registry:
        return self.images

    def registry_digest(self, reference: str) -> str | None:
        found = (self.images.there or {}).get(reference)
        return found.digest if found else None

    @cached_property
    def workshop(self) -> Workshop:
        made = Services(folder=self.folder, environ=self.environ).workshop
        if self.tools is not None:
            made.toolchain = lambda _interpreter, _variables: self.tools  # type: ignore[method-assign,assignment,return-value]
        return made

    def proof_doors(self) -> Doors:
        return self.proof(super().proof_doors())


@dataclass
class Near(World):
    """A project in which envctl is called in this process, with ``doors`` of the test's own."""

    doors: dict[str, Any] = field(default_factory=dict)

    def envctl(
        self,
        *arguments: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        given = {**self.environ, **(env or {})}

        def opened(folder: Path) -> Services:
            assert folder == self.root.resolve(), "no other project may be touched"
            return Opened(folder=folder, environ=dict(os.environ), **self.doors)

        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.root)
            patch.setattr("envctl.cli.services", opened)
            done = CliRunner().invoke(cli, arguments, env=given, prog_name="envctl")
        said = f"{arguments}: {done.exit_code}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in said, said
        assert done.exception is None or isinstance(done.exception, SystemExit), said
        assert code is None or done.exit_code == code, said
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@dataclass
class Stage:
    """A project as it was prepared, given afresh at the same place each time: environments know where they are."""

    near: Near

    def __post_init__(self) -> None:
        self._kept = self.near.root.with_name(f"{self.near.root.name}.kept")
        subprocess.run(["cp", "-a", str(self.near.root), str(self._kept)], check=True)

    def fresh(self) -> Near:
        shutil.rmtree(self.near.root)
        subprocess.run(["cp", "-a", str(self._kept), str(self.near.root)], check=True)
        return replace(self.near, environ=dict(self.near.environ), doors=dict(self.near.doors))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to a code: ``provoke`` a project of ``stage`` until ``command`` reports it, and what mends it."""

    code: Code
    layer: Layer
    way: Way
    provoke: Callable[[Near], None]
    stage: str = "plain"
    command: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return self.command or ("verify", "--only", self.layer)

    def __str__(self) -> str:
        return f"{self.code}-{self.layer}-{self.way}"
