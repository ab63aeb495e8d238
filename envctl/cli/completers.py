"""What a key press completes: names of the project, asked of its files, without a word on any terminal."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from envctl.ports import Project

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def _completer(names: "Callable[[Project, click.Context], Iterable[str]]") -> Completer:
    """Return what completes a parameter to these names; those that were given already are left out."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        given = ctx.params.get(param.name or "")
        before = given if isinstance(given, tuple) else ()
        try:
            found = [each for each in names(_project(ctx), ctx) if each not in before]
            exact = [each for each in found if each.startswith(incomplete)]
            plain = _plain(incomplete)
            return exact or [each for each in found if _plain(each).startswith(plain)]
        except Exception:  # noqa: BLE001  # whatever is wrong is said when the command is run
            return []

    return complete


def _project(ctx: click.Context) -> "Project":
    from envctl.bootstrap import services  # noqa: PLC0415  # only a key press needs it

    return services(ctx.find_root().params["directory"].resolve()).project


def _plain(name: str) -> str:
    """Return a name as indexes compare it (PEP 503)."""
    return name.lower().replace("_", "-").replace(".", "-")


def _one(ctx: click.Context, name: str) -> str | None:
    value = ctx.params.get(name)
    return value if isinstance(value, str) else None


def _profiles(project: "Project", _ctx: click.Context) -> Iterable[str]:
    from envctl.usecases.completion import profiles  # noqa: PLC0415

    return profiles(project)


def _groups(project: "Project", _ctx: click.Context) -> Iterable[str]:
    from envctl.usecases.completion import groups  # noqa: PLC0415

    return groups(project)


def _extras(project: "Project", _ctx: click.Context) -> Iterable[str]:
    from envctl.usecases.completion import extras  # noqa: PLC0415

    return extras(project)


def _requirements(project: "Project", ctx: click.Context) -> Iterable[str]:
    from envctl.usecases.completion import requirements  # noqa: PLC0415

    where = {name: _one(ctx, name) for name in ("group", "extra", "profile")}
    return requirements(project, **where)


def _packages(project: "Project", ctx: click.Context) -> Iterable[str]:
    from envctl.usecases.completion import packages  # noqa: PLC0415

    return packages(project, profile=_one(ctx, "profile"))


def _machines(project: "Project", _ctx: click.Context) -> Iterable[str]:
    from envctl.usecases.completion import machines  # noqa: PLC0415

    return machines(project)


def _platforms(project: "Project", _ctx: click.Context) -> Iterable[str]:
    from envctl.usecases.completion import platforms  # noqa: PLC0415

    return platforms(project)


def _programs(project: "Project", _ctx: click.Context) -> Iterable[str]:
    from envctl.usecases.completion import programs  # noqa: PLC0415

    return programs(project)


profiles = _completer(_profiles)
groups = _completer(_groups)
extras = _completer(_extras)
requirements = _completer(_requirements)
packages = _completer(_packages)
machines = _completer(_machines)
platforms = _completer(_platforms)
_program = _completer(_programs)


def layers(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the last of several layers: ``lock,im`` to ``lock,image``."""
    from envctl.domain.finding import LAYERS  # noqa: PLC0415

    *before, last = incomplete.split(",")
    names = (each for each in LAYERS if each.startswith(last) and each not in before)
    return [",".join((*before, each)) for each in names]


def shells(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a shell that there is activation for."""
    from envctl.emitters.shells import SHELLS  # noqa: PLC0415

    return [name for name in SHELLS if name.startswith(incomplete)]


def command_line(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> "list[CompletionItem[str]]":
    """Complete a command to the environment's programs, and what follows it to files."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415

    names = _program(ctx, param, incomplete) if not ctx.params.get(param.name or "") else []
    found = [CompletionItem(name) for name in names]
    return found or [CompletionItem(incomplete, type="file")]
