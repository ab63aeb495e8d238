"""uv as a resolver: for all declared platforms at once.

A temporary project is locked, then exported as PEP 751 once per root (the base, each extra, each group): which
exports hold a package tells through which roots it comes, and so its marker. Edges come from ``uv.lock``. Earlier
pins are given as a minimal synthetic ``uv.lock``, which uv takes as preferences.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

from envctl.adapters.index import route as index_route
from envctl.adapters.index.way import Way
from envctl.adapters.uv import direct as uv_direct
from envctl.adapters.uv import failures as uv_failures
from envctl.adapters.uv import program as uv
from envctl.adapters.uv.export import Exports
from envctl.adapters.uv.proof import PROJECT
from envctl.domain.build import PROJECT as OWN
from envctl.domain.lock.markers import root_condition
from envctl.domain.resolution import Pin, Question, Resolution
from envctl.ports import Completed, Runner

NAME = "uv"
_CONFIG = "envctl-uv.toml"
_WORKERS = 4
_Uv = Callable[[Sequence[str]], Completed]


def resolve(question: Question, *, run: Runner, workspace: Path) -> Resolution:
    """Answer the question (see ``envctl.ports.Engine``)."""
    workspace.mkdir(parents=True, exist_ok=True)

    def ask(way: Way) -> Resolution:
        return _ask(question, way, run=run, workspace=workspace)

    return index_route.resolved(question, ask, run=run, finds_logins=True)


def _ask(question: Question, way: Way, *, run: Runner, workspace: Path) -> Resolution:
    config = workspace / _CONFIG
    config.write_text(tomli_w.dumps(_settings(question, way)), encoding="utf-8")
    if question.pins:
        (workspace / "uv.lock").write_text(
            tomli_w.dumps(_preferences(question, way)), encoding="utf-8"
        )
    paths = uv_direct.Paths(question.root)
    project = tomli_w.dumps(_project(question, paths))
    (workspace / "pyproject.toml").write_text(project, encoding="utf-8")
    uv_: _Uv = partial(
        uv.completed,
        run,
        cwd=workspace,
        config=config,
        way=way,
        constraints=question.constraints,
    )
    said = uv_(["lock", "--python", question.interpreter.path]).stderr
    environments = [platform.marker for platform in question.platforms]
    exports = Exports(environments)
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        texts = _exports(question, pool, uv_)
        locked = tomllib.loads((workspace / "uv.lock").read_text(encoding="utf-8"))
        for root, text in texts.items():
            exports.add(root, text.result().stdout)
    return Resolution(
        packages=tuple(paths.restored(exports.packages())),
        edges=_edges(locked),
        environments=tuple(environments),
        requires_python=locked.get("requires-python"),
        made_by=f"uv {uv.version(run)}",
        notes=tuple(uv_failures.notes(said)),
    )


def _project(question: Question, paths: uv_direct.Paths) -> dict[str, Any]:
    def sets(named: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
        return {name: paths.absolute(texts) for name, texts in named.items()}

    return {
        "project": {
            "name": PROJECT,
            "version": "0",
            "requires-python": question.requires_python or f">={question.interpreter.minor}",
            "dependencies": paths.absolute(question.requirements),
            "optional-dependencies": sets(question.extras),
        },
        "dependency-groups": sets(question.groups),
        "tool": {
            "uv": {
                "package": False,
                "environments": [platform.marker for platform in question.platforms],
                "constraint-dependencies": paths.absolute(question.constraints),
                "default-groups": [],
            }
        },
    }


def _settings(question: Question, way: Way) -> dict[str, Any]:
    """Write uv's own settings: uv ignores those in pyproject.toml once a configuration file is named."""
    settings: dict[str, Any] = {}
    if question.exclude_newer:
        from envctl.adapters.index.files import moment  # noqa: PLC0415  # lazy: it brings HTTP

        limit = moment(question.exclude_newer)
        # uv reads a bare day in this machine's own time zone: two teammates would get two answers.
        settings["exclude-newer"] = limit.isoformat() if limit else question.exclude_newer
    settings |= _builds(question)
    tables = way.tables()
    if tables:
        settings["index"] = tables
    return settings


def _builds(question: Question) -> dict[str, Any]:
    """Say what uv cannot know of packages that it must build to learn what they need, or spare it that build."""
    stated = {
        name: each.dependencies
        for name, each in question.builds.items()
        if each.dependencies is not None and name != OWN
    }
    others = {
        name: each for name, each in question.builds.items() if name not in stated and name != OWN
    }
    found = {
        "dependency-metadata": [
            {"name": name, "requires-dist": list(texts)} for name, texts in stated.items()
        ],
        "extra-build-dependencies": {
            name: list(each.requires) for name, each in others.items() if each.requires
        },
        "extra-build-variables": {
            name: dict(each.env) for name, each in others.items() if each.env
        },
    }
    return {key: value for key, value in found.items() if value}


# A lock of another tool need not say where a version came from; uv's own must, and never asks this address.
_SOMEWHERE = "https://index.invalid/simple"


def _home(question: Question, pin: Pin, way: Way) -> str:
    """Return the index that uv is told: of a package that an index claims, it prefers none of another index."""
    claimed = question.claimant(pin.name)
    return way.entrance(claimed.url if claimed else pin.index or _SOMEWHERE, pin.name)


def _preferences(question: Question, way: Way) -> dict[str, Any]:
    return {
        "version": 1,
        "revision": 3,
        "requires-python": question.requires_python or f">={question.interpreter.minor}",
        "package": [
            *(
                {
                    "name": pin.name,
                    "version": pin.version,
                    "source": {"registry": _home(question, pin, way)},
                }
                for pin in question.pins
                if pin.vcs is None
            ),
            *filter(None, map(uv_direct.commit, question.pins)),
            {"name": PROJECT, "version": "0", "source": {"virtual": "."}},
        ],
    }


def _exports(
    question: Question, pool: ThreadPoolExecutor, uv_: _Uv
) -> dict[str, Future[Completed]]:
    """Start one export per root; the caller reads ``uv.lock`` meanwhile."""
    roots = {"": ["--no-default-groups"]}
    for name in question.extras:
        roots[root_condition("extra", name)] = ["--no-default-groups", "--extra", name]
    for name in question.groups:
        roots[root_condition("group", name)] = ["--only-group", name]
    fixed = ["export", "--quiet", "--frozen", "--format", "pylock.toml", "--no-header"]
    fixed += ["--no-emit-project", "--python", question.interpreter.path]
    return {root: pool.submit(uv_, [*fixed, *options]) for root, options in roots.items()}


def _edges(locked: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Read each package's requirements out of a parsed ``uv.lock``, with those of the extras that are asked for."""
    packages = locked.get("package", [])
    asked = _asked_extras(packages)
    edges = {}
    for package in packages:
        if package["name"] == PROJECT:
            continue
        wanted = list(package.get("dependencies", []))
        for extra in asked.get(package["name"], ()):
            wanted += package.get("optional-dependencies", {}).get(extra, [])
        versioned = uv_direct.has_version(package.get("source", {}))
        key = (package["name"], package.get("version", "") if versioned else "")
        edges[key] = tuple(sorted({_edge(dependency) for dependency in wanted}))
    return edges


def _asked_extras(packages: list[dict[str, Any]]) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = {}
    for package in packages:
        lists = [package.get("dependencies", [])]
        lists += package.get("optional-dependencies", {}).values()
        lists += package.get("dev-dependencies", {}).values()
        for dependency in (each for some in lists for each in some):
            asked.setdefault(dependency["name"], set()).update(dependency.get("extra", ()))
    return asked


def _edge(dependency: Mapping[str, Any]) -> str:
    text = str(dependency["name"])
    if dependency.get("extra"):
        text += f"[{','.join(sorted(dependency['extra']))}]"
    if dependency.get("version"):
        text += f"=={dependency['version']}"
    return f"{text} ; {dependency['marker']}" if dependency.get("marker") else text
