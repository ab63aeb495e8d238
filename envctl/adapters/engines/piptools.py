"""pip-tools as a resolver: for this platform and the target's own Python.

Everything is resolved together once, with one input file per root (the base, each extra, each group), so that
versions agree; pip-compile's ``via`` comments are the graph, and tell through which roots a package comes. It tells
no files: these are read from the index's pages.
"""

import platform as machine
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from envctl.adapters.index import packages as index_packages
from envctl.adapters.index import route as index_route
from envctl.adapters.index.default import default_index
from envctl.adapters.index.files import Taste, moment
from envctl.adapters.index.packages import Source
from envctl.adapters.index.way import Way
from envctl.adapters.piptools import failures as piptools_failures
from envctl.adapters.piptools import notes as piptools_notes
from envctl.adapters.piptools import program as piptools
from envctl.domain.indexes.routing import complete
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.markers import joined, root_condition
from envctl.domain.platforms import Platform, platform_of
from envctl.domain.resolution import Question, Resolution
from envctl.errors import InterpreterError, ManifestError
from envctl.ports import Runner
from envctl.readers.compiled import Compiled, edges, reach, read_compiled

NAME = "pip-tools"
_COMPILED = "compiled.txt"
_OPTIONS = (
    "--resolver=backtracking",
    "--annotation-style=line",
    "--no-header",
    "--no-emit-options",
    "--no-strip-extras",
    # pip and setuptools are packages like any other: a lock without them would not be whole.
    "--allow-unsafe",
)
# Pins, and what pip said besides.
_Compile = Callable[[str, Sequence[str]], tuple[tuple[Compiled, ...], str]]


def resolve(question: Question, *, run: Runner, workspace: Path) -> Resolution:
    """Answer the question (see ``envctl.ports.Engine``)."""
    workspace.mkdir(parents=True, exist_ok=True)
    here = _this_platform(question.platforms)
    _fitting(question)
    _write_inputs(question, workspace)

    def ask(way: Way) -> Resolution:
        return _ask(question, here, way, run=run, workspace=workspace)

    return index_route.resolved(question, ask, run=run, finds_logins=False)


def _ask(
    question: Question, here: Platform, way: Way, *, run: Runner, workspace: Path
) -> Resolution:
    before = moment(question.exclude_newer)
    taste = Taste(platform=here, python=question.interpreter.version, before=before)
    source = Source(indexes=complete(question.indexes, default_index()), way=way)
    roots = {file: condition for file, (condition, texts) in _roots(question).items() if any(texts)}
    compile_ = _compiler(question, before, source, run=run, workspace=workspace)
    pins, said = compile_(_COMPILED, tuple(roots)) if roots else ((), "")
    reached = _reached(pins, compile_, workspace)
    markers = {
        name: joined({roots[file]: None for file in roots if file in files})
        for name, files in reached.items()
    }
    packages, notes = index_packages.fetch(pins, markers, taste, source)
    needed = edges(pins)
    return Resolution(
        packages=packages,
        edges={(each.name, version_of(each)): needed[each.name] for each in packages},
        environments=(f"{here.marker} and python_version == '{question.interpreter.minor}'",),
        requires_python=question.requires_python or f"=={question.interpreter.minor}.*",
        made_by=piptools.made_by(),
        notes=(*notes, *piptools_notes.missing_extras(said, pins)),
    )


def _this_platform(wanted: Sequence[Platform]) -> Platform:
    here = platform_of(sys.platform, machine.machine())
    if here is None:
        raise ManifestError(
            f"pip-tools cannot lock for this machine ({sys.platform}, {machine.machine()})",
            where="tool.envctl.resolver",
            hint='use `resolver = "uv"`',
        )
    foreign = [each.name for each in wanted if (each.os, each.machine) != (here.os, here.machine)]
    if foreign:
        raise ManifestError(
            f"pip-tools resolves for the machine it runs on ({here.name}), "
            f"not for {', '.join(foreign)}",
            where="tool.envctl.platforms",
            hint='use `resolver = "uv"`, which resolves for all platforms, '
            f'or `platforms = ["{here.name}"]`',
        )
    return here


def _fitting(question: Question) -> None:
    supported = SpecifierSet(question.requires_python or "")
    if not supported.contains(question.interpreter.version, prereleases=True):
        raise InterpreterError(
            f"{question.interpreter.path} is Python {question.interpreter.version}, "
            f"but the project needs {supported}",
            where="project.requires-python",
            hint="choose another Python in tool.envctl.python",
        )
    for _, texts in _roots(question).values():
        for requirement in map(Requirement, texts):
            if requirement.url:
                index_packages.lockable(requirement.name, requirement.url)


def _roots(question: Question) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return each root's input file, with the root's condition and its requirements."""
    found = {"base.in": ("", question.requirements)}
    for kind, sets in (("extra", question.extras), ("group", question.groups)):
        for name in sorted(sets):
            found[f"{kind}-{name}.in"] = (root_condition(kind, name), sets[name])
    return found


def _write_inputs(question: Question, workspace: Path) -> None:
    files = {file: texts for file, (_, texts) in _roots(question).items()}
    files["constraints.txt"] = tuple(map(_without_extras, question.constraints))
    # An output that is there already is what pip-compile prefers to keep.
    files[_COMPILED] = tuple(f"{pin.name}=={pin.version}" for pin in question.pins if pin.version)
    for file, lines in files.items():
        (workspace / file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _without_extras(text: str) -> str:
    """Return a constraint as pip takes it: with extras it refuses the whole file."""
    constraint = Requirement(text)
    constraint.extras = set()
    return str(constraint)


def _compiler(
    question: Question,
    before: datetime | None,
    source: Source,
    *,
    run: Runner,
    workspace: Path,
) -> _Compile:
    """Return what compiles input files into pins, or raises what the failure means."""
    options = [*_OPTIONS, "--constraint=constraints.txt"]
    if before:
        options.append(f"--uploaded-prior-to={before.isoformat()}")
    call = partial(piptools.call, run, interpreter=question.interpreter, way=source.way)

    def compile_(output: str, arguments: Sequence[str]) -> tuple[tuple[Compiled, ...], str]:
        done = call([*options, f"--output-file={output}", *arguments], cwd=workspace)
        if done.code != 0:
            raise piptools_failures.explain(done, question, source.look)
        return read_compiled((workspace / output).read_text(encoding="utf-8")), done.stderr

    return compile_


def _reached(
    pins: Sequence[Compiled], compile_: _Compile, workspace: Path
) -> Mapping[str, set[str]]:
    """Return the input files that lead to each package.

    Where two roots lead to one package and some want its extras, the comments do not tell which: then these roots
    are compiled once more, each alone, held to the versions that are found.
    """
    reached = reach(pins)
    unclear = {
        file
        for pin in pins
        if pin.extras and len(reached[pin.name]) > 1
        for file in reached[pin.name]
    }
    if unclear:
        lines = (f"{p.name} @ {p.url}" if p.url else f"{p.name}=={p.version}" for p in pins)
        (workspace / "pins.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for file in sorted(unclear):
        alone, _ = compile_(f"{file}.txt", ("--constraint=pins.txt", file))
        names = {pin.name for pin in alone}
        for name, files in reached.items():
            if name not in names:
                files.discard(file)
    return reached
