"""uv as a resolver: for all declared platforms at once.

A temporary project is locked, then exported as PEP 751 once per root (the base, each extra, each group): which
exports hold a package tells through which roots it comes, and so its marker. Edges come from ``uv.lock``. Earlier
pins are given as a minimal synthetic ``uv.lock``, which uv takes as preferences.
"""

import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w
from packaging.pylock import Package, Pylock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.adapters import uv
from envctl.adapters.uv_failures import PROJECT
from envctl.domain.build import PROJECT as OWN
from envctl.domain.lock_entry import version_of
from envctl.domain.markers import implied, joined, root_condition
from envctl.domain.resolution import Pin, Question, Resolution
from envctl.ports import Runner

NAME = "uv"
_CONFIG = "envctl-uv.toml"


def resolve(question: Question, *, run: Runner, workspace: Path) -> Resolution:
    """Answer the question (see ``envctl.ports.Engine``)."""
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / _CONFIG).write_text(tomli_w.dumps(_settings(question)), encoding="utf-8")
    if question.pins:
        (workspace / "uv.lock").write_text(tomli_w.dumps(_preferences(question)), encoding="utf-8")
    names = _named(question)
    _lock(question, names, run=run, workspace=workspace)
    while strays := _strays(question, workspace):
        # uv ties names, not patterns, to an index: a name that comes up on the way is tied in another round.
        names |= strays
        _lock(question, names, run=run, workspace=workspace)
    with ThreadPoolExecutor(max_workers=2) as pool:
        texts = _exports(question, pool, run=run, workspace=workspace)
        locked = tomllib.loads((workspace / "uv.lock").read_text(encoding="utf-8"))
        exports = {root: _packages(text.result()) for root, text in texts.items()}
    environments = [platform.marker for platform in question.platforms]
    return Resolution(
        packages=tuple(_merge(exports, environments)),
        edges=_edges(locked),
        environments=tuple(environments),
        requires_python=locked.get("requires-python"),
        made_by=f"uv {uv.version(run)}",
    )


def _lock(question: Question, names: set[str], *, run: Runner, workspace: Path) -> None:
    manifest = tomli_w.dumps(_project(question, names))
    (workspace / "pyproject.toml").write_text(manifest, encoding="utf-8")
    arguments = ["lock", "--quiet", "--python", question.interpreter.path]
    uv.call(run, arguments, cwd=workspace, config=workspace / _CONFIG)


def _named(question: Question) -> set[str]:
    """Return the names that are known before anything is resolved: what is asked for, and earlier pins."""
    sets = (question.requirements, *question.extras.values(), *question.groups.values())
    asked = {canonicalize_name(Requirement(text).name) for texts in sets for text in texts}
    return asked | {pin.name for pin in question.pins}


def _strays(question: Question, workspace: Path) -> set[str]:
    """Return the locked packages that an index claims and that came from elsewhere."""
    if not any(index.packages for index in question.indexes):
        return set()
    locked = tomllib.loads((workspace / "uv.lock").read_text(encoding="utf-8"))
    return {
        package["name"]
        for package in locked.get("package", [])
        if (index := question.claimant(package["name"]))
        and package.get("source", {}).get("registry", index.url).rstrip("/") != index.url
    }


def _project(question: Question, names: set[str]) -> dict[str, Any]:
    claims = {name: index for name in sorted(names) if (index := question.claimant(name))}
    own: dict[str, Any] = {
        "package": False,
        "environments": [platform.marker for platform in question.platforms],
        # They exclude nothing: through them uv ties packages that only others ask for to their index as well.
        "constraint-dependencies": [*question.constraints, *(f"{name}>=0" for name in claims)],
        "default-groups": [],
    }
    if claims:
        own["index"] = [
            {"name": index.name, "url": index.url, "explicit": True}
            for index in question.indexes
            if index.packages
        ]
        own["sources"] = {name: {"index": index.name} for name, index in claims.items()}
    return {
        "project": {
            "name": PROJECT,
            "version": "0",
            "requires-python": question.requires_python or f">={question.interpreter.minor}",
            "dependencies": list(question.requirements),
            "optional-dependencies": {name: list(texts) for name, texts in question.extras.items()},
        },
        "dependency-groups": {name: list(texts) for name, texts in question.groups.items()},
        "tool": {"uv": own},
    }


def _settings(question: Question) -> dict[str, Any]:
    """Write uv's own settings: uv ignores those in pyproject.toml once a configuration file is named."""
    settings: dict[str, Any] = {}
    if question.exclude_newer:
        from envctl.adapters.index_files import moment  # noqa: PLC0415  # lazy: it brings HTTP

        limit = moment(question.exclude_newer)
        # uv reads a bare day in this machine's own time zone: two teammates would get two answers.
        settings["exclude-newer"] = limit.isoformat() if limit else question.exclude_newer
    settings |= _builds(question)
    open_indexes = [index for index in question.indexes if not index.packages]
    if open_indexes:
        first, *others = open_indexes
        settings["index"] = [
            *({"name": index.name, "url": index.url} for index in others),
            {"name": first.name, "url": first.url, "default": True},
        ]
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


def _home(question: Question, pin: Pin) -> str:
    """Return the index that uv is told: of a package that an index claims, it prefers none of another index."""
    claimed = question.claimant(pin.name)
    return claimed.url if claimed else pin.index or _SOMEWHERE


def _preferences(question: Question) -> dict[str, Any]:
    return {
        "version": 1,
        "revision": 3,
        "requires-python": question.requires_python or f">={question.interpreter.minor}",
        "package": [
            *(
                {
                    "name": pin.name,
                    "version": pin.version,
                    "source": {"registry": _home(question, pin)},
                }
                for pin in question.pins
            ),
            {"name": PROJECT, "version": "0", "source": {"virtual": "."}},
        ],
    }


def _exports(
    question: Question, pool: ThreadPoolExecutor, *, run: Runner, workspace: Path
) -> dict[str, Future[str]]:
    """Start one export per root; the caller reads ``uv.lock`` meanwhile."""
    roots = {"": ["--no-default-groups"]}
    for name in question.extras:
        roots[root_condition("extra", name)] = ["--no-default-groups", "--extra", name]
    for name in question.groups:
        roots[root_condition("group", name)] = ["--only-group", name]
    fixed = ["export", "--quiet", "--frozen", "--format", "pylock.toml", "--no-header"]
    fixed += ["--no-emit-project", "--python", question.interpreter.path]
    return {
        root: pool.submit(
            uv.call, run, [*fixed, *options], cwd=workspace, config=workspace / _CONFIG
        )
        for root, options in roots.items()
    }


def _packages(text: str) -> tuple[Package, ...]:
    return tuple(Pylock.from_dict(tomllib.loads(text)).packages)


def _merge(
    exports: Mapping[str, tuple[Package, ...]], environments: list[str]
) -> Iterator[Package]:
    found: dict[tuple[str, str, str | None], tuple[Package, dict[str, str | None]]] = {}
    for root, packages in exports.items():
        for package in packages:
            key = (package.name, version_of(package), package.index)
            _, markers = found.setdefault(key, (package, {}))
            text = str(package.marker) if package.marker else None
            markers[root] = implied(text, environments)
    for package, markers in found.values():
        yield replace(package, marker=joined(markers))


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
        key = (package["name"], package.get("version", ""))
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
