"""What registries say of the images behind ``FROM``: for ``dockerize`` and ``image``, which may need a network."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import zip_longest

from envctl.checks import image_base as base_check
from envctl.domain import blocks
from envctl.domain.finding import Finding
from envctl.domain.image import Names
from envctl.domain.image import base as image_base
from envctl.domain.image.described import Described
from envctl.domain.image.fitting import fit
from envctl.domain.image.settings import as_chosen, default_python
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.errors import EnvctlError, RegistryFailure
from envctl.ports import Project, Registry


def look(
    project: Project, manifest: Manifest, lock: Lock, registry: Registry
) -> tuple[Finding, ...]:
    """Return the findings; none where there is no Dockerfile of ours, or where it cannot be made any more.

    That is for ``checks.image`` to say. A registry that does not answer is a note.
    """
    names = Names(profile=manifest.profile)

    @cache
    def ask(reference: str) -> Described | None:
        return registry.described(reference)

    found: list[Finding] = []
    try:
        block = blocks.find(project.read(names.dockerfile) or "", names.dockerfile)
        if block is None or block.conflict:
            return ()
        manifest = as_chosen(manifest, block)
        python = default_python(manifest, lock, block.value("python"), None)
        earlier = image_base.in_block(block)
        base, slices = fit(manifest, lock, python=python, where=names.lock, earlier=earlier)
        items = {platform: taken.items for platform, taken in slices.items()}
        declared = bool(manifest.platforms)
        # One by one: what is known stays known when a later one is not to be had.
        for finding in base_check.asked(
            block, base, ask, items=items, python=python, declared=declared
        ):
            found.append(finding)  # noqa: PERF402
    except RegistryFailure as error:
        found.append(_unchecked(error, names))
    except EnvctlError:
        return tuple(found)
    return tuple(found)


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield findings as lines of talk; what mends several in a row is said with the last of them."""
    found = list(dict.fromkeys(findings))
    for finding, after in zip_longest(found, found[1:]):
        kind = "note" if finding.severity == "note" else "warning"
        same = after and (after.fix, after.advice) == (finding.fix, finding.advice)
        yield f"{kind}: {said(replace(finding, fix=None, advice=None) if same else finding)}"


def said(finding: Finding) -> str:
    """Return a finding as one line of talk."""
    way = f"run `{finding.fix}`" if finding.fix else finding.advice
    known = finding.subject in finding.message
    text = finding.message if known else f"{finding.subject}: {finding.message}"
    return text + (f"; {way}" if way else "")


def _unchecked(error: RegistryFailure, names: Names) -> Finding:
    return base_check.unchecked(names.dockerfile, error.message, error.hint or "run it again later")
