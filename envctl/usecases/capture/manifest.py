"""The manifest of a captured environment: its roots, its Python, and a note for all that a manifest cannot hold."""

from collections.abc import Iterator, Mapping, Sequence

from packaging.version import Version

from envctl.domain.captured.needs import target
from envctl.domain.captured.packages import Capture
from envctl.domain.gpu import torch_builds
from envctl.domain.imported import Entry, FoundIndex, Imported, Note
from envctl.usecases.capture.plan import Sorted, guards

_SHOWN = 8


def imported(
    found: Capture,
    plan: Sorted,
    *,
    torch: Mapping[str, tuple[str, ...]],
    notes: Sequence[str] = (),
) -> Imported:
    """Return what the manifest gets; ``torch``: the builds whose index is to be added, with the packages from it."""
    said = (*found.remarks, *notes, *_notes(found, plan, torch))
    return Imported(
        python=found.minor,
        requirements=tuple(_entries(found, plan)),
        constraints=(*_previews(found, plan), *_guards(found, plan)),
        indexes=tuple(
            FoundIndex(url=torch_builds.index_url(build), name=f"pytorch-{build}", packages=names)
            for build, names in torch.items()
        ),
        notes=tuple(Note(where=found.label, message=each) for each in said),
    )


def _entries(found: Capture, plan: Sorted) -> Iterator[Entry]:
    """Yield the roots, then comments for what is left out."""
    stated = {target(each): str(each) for each in plan.needs.of(plan.own.name)} if plan.own else {}
    for name, extras in plan.roots.names.items():
        if name not in plan.asked:
            text = stated.get(name) or _text(name, extras, plan)
            yield Entry(text=text, where=found.label)
    remarks = tuple(
        f"not carried over: {each.package.name} {each.package.version}: {each.why}"
        for each in plan.left_out
    )
    if remarks:
        yield Entry(above=remarks)


def _text(name: str, extras: frozenset[str], plan: Sorted) -> str:
    """Return a requirement that takes what was captured and what is newer, as uv writes it."""
    package = plan.needs.packages[name]
    whole = f"{name}[{','.join(sorted(extras))}]" if extras else name
    if package.origin.direct:
        return f"{whole} @ {package.origin.url}"
    standing = plan.standings.get(name)
    version = standing.version if standing and standing.version else package.version
    return f"{whole}>={Version(version).public}"  # no order is defined for local versions


def _previews(found: Capture, plan: Sorted) -> Iterator[Entry]:
    """Yield a constraint for each pre-release that only others need: resolvers take one when somebody names it."""
    for name in plan.constraints():
        version = Version(plan.standings[name].version or "0")
        if version.is_prerelease and name not in plan.roots.names and name not in plan.asked:
            yield Entry(text=f"{name}>={version.public}", where=found.label)


def _guards(found: Capture, plan: Sorted) -> Iterator[Entry]:
    """Yield a constraint for each package that blocks the lock: the next `envctl lock` must not take a stranger's."""
    for name, (left, who) in sorted(plan.missed.items()):
        said = f"{who} needs it, and it is {left.why}: nothing else of that name may be taken"
        standing = plan.standings.get(name)
        text = guards(left.package)[bool(standing and standing.stranger)]
        yield Entry(text=text, above=(said,), where=found.label)


def _notes(found: Capture, plan: Sorted, torch: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    if found.python != found.minor:
        yield f"python = {found.minor}: write {found.python}, if it must be exactly that one"
    yield from _notes_on_roots(plan)
    for each in plan.left_out:
        name = f"`{each.package.name}` {each.package.version}"
        yield f"{name} is left out: it is {each.why}; {each.advice}"
    for build, names in torch.items():
        yield (
            f"{_listed(names)} come from the index of torch's build `{build}`, which is added; "
            "for more than one build, use profiles"
        )
    for name, requirement in plan.needs.contradictions():
        there = plan.needs.packages[target(requirement)].version
        yield f"it contradicts itself: `{name}` asks for `{requirement}`, {there} is installed"


def _notes_on_roots(plan: Sorted) -> Iterator[str]:
    if plan.own:
        yield f"`{plan.own.name}` is the project itself: `envctl sync` installs it"
    if plan.roots.seeds:
        yield (
            f"left out ({_listed(plan.roots.seeds)}): installers that environments come with; "
            "add what the project itself imports"
        )
    for name in plan.roots.inferred:
        text = _text(name, plan.roots.names[name], plan).partition(">")[0]
        yield f"`{text}`: that extra was concluded from what is installed"
    if plan.roots.strays:
        yield (
            f"nothing needs {_listed(plan.roots.strays)} and nobody asked for it: "
            "take it out, if the project does not import it"
        )


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:_SHOWN]) + more
