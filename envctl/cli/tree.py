"""``envctl tree``."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options, terminal
from envctl.cli.render import delivered, envelope, say, show
from envctl.domain.manifest import Manifest
from envctl.emitters.graphs import FORMATS, data, mermaid, text
from envctl.errors import UsageError
from envctl.usecases import load
from envctl.usecases import output as outputs
from envctl.usecases.tree import Reasons, Tree, reasons, tree

_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "root": {"bold": True, "fg": "blue"},
    "gpu": {"fg": "green"},
    "missing": {"fg": "red"},
    "faint": {"dim": True},
}
_FORMATS = (*FORMATS, "svg")
"""An SVG is the DOT graph after Graphviz."""
_EXAMPLES = {"text": "tree.txt", "mermaid": "tree.mmd"}


@click.command(epilog="Example: envctl tree --why numpy")
@click.argument("packages", nargs=-1, shell_complete=completers.packages)
@click.option("--invert", "-i", is_flag=True, help="Show who needs PACKAGES instead.")
@click.option(
    "--why",
    metavar="PACKAGE",
    multiple=True,
    shell_complete=completers.packages,
    help="Show which requirements lead to it.",
)
@click.option("--depth", "-d", type=click.IntRange(min=0), help="Go down so many steps.")
@click.option("--only-project", is_flag=True, help="Show what the project itself asks for.")
@click.option(
    "--only-extra",
    multiple=True,
    shell_complete=completers.extras,
    help="Show what this extra asks for.",
)
@click.option(
    "--only-group",
    multiple=True,
    shell_complete=completers.groups,
    help="Show what this dependency group asks for.",
)
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="text", help="Print it like this."
)
@click.option("--output", "-o", metavar="FILE", help="Write it to this file of the project.")
@click.option("--all-edges", is_flag=True, help="Draw arrows that follow from others as well.")
@options.profile
@options.as_json
@options.pass_services
def command(
    services: Services,
    packages: tuple[str, ...],
    invert: bool,
    why: tuple[str, ...],
    depth: int | None,
    only_project: bool,
    only_extra: tuple[str, ...],
    only_group: tuple[str, ...],
    form: str,
    output: str | None,
    all_edges: bool,
    profile: str | None,
    as_json: bool,
) -> None:
    """Show the locked packages as a tree: who needs whom.

    Everything below PACKAGES, or below what the project, its extras and its
    groups ask for. `--format svg` draws a picture with Graphviz.
    """
    roots = [("project", "")] if only_project else []
    roots += [("extra", name) for name in only_extra] + [("group", name) for name in only_group]
    if why and (packages or invert or depth is not None or roots):
        raise UsageError(
            "`--why` goes with none of: PACKAGES, `--invert`, `--depth`, `--only-…`",
            where="envctl tree",
            hint="name the package alone: `envctl tree --why numpy`",
        )
    if packages and roots:
        raise UsageError(
            "PACKAGES and `--only-…` both say where the tree begins",
            where="envctl tree",
            hint="give one of them: `envctl tree numpy`, or `envctl tree --only-group dev`",
        )
    if as_json and (form != "text" or output):
        raise UsageError(
            "`--json` is a format of its own, and goes to stdout",
            where="envctl tree",
            hint="leave `--format` and `--output` out: `envctl tree --json > tree.json`",
        )
    if output is not None:
        output = options.inside(services, output, example=_EXAMPLES.get(form, f"tree.{form}"))
    manifest = _manifest(services, profile)
    found: Tree | Reasons = (
        reasons(services.project, manifest, why)
        if why
        else tree(services.project, manifest, packages, invert=invert, depth=depth, roots=roots)
    )
    if as_json:
        show(envelope("tree", {"notes": list(found.notes), **_data(found)}, ok=True))
        return
    for note in found.notes:
        say(f"note: {note}")
    if form == "text":
        lines = list(_lines(found))
        _deliver(services, _text(lines, watched=output is None), output)
        _explain(lines)
    else:
        _deliver(services, _drawn(services, found, form, all_edges=all_edges), output)


def _manifest(services: Services, profile: str | None) -> Manifest | None:
    """Return the manifest of one profile; ``None``: a folder with nothing but a lock."""
    if services.project.read(load.MANIFEST) is None:
        return None
    return services.variant(load.manifest(services.project), profile)


def _lines(found: Tree | Reasons) -> Iterator[text.Line]:
    if isinstance(found, Tree):
        yield from text.tree(found.view)
        return
    for number, (target, chains) in enumerate(found.chains):
        if number:
            yield ()
        yield from text.reasons(found.graph, target, chains)


def _data(found: Tree | Reasons) -> dict[str, Any]:
    if isinstance(found, Tree):
        return data.view_data(found.view)
    return {"packages": [data.reasons_data(found.graph, *each) for each in found.chains]}


def _text(lines: Iterable[text.Line], *, watched: bool) -> str:
    """Return the lines, in colours if a person sees them on a terminal."""
    if not watched or not terminal.coloured(sys.stdout):
        return text.plain(lines)
    coloured = (
        "".join(click.style(part, **_LOOKS.get(meaning, {})) for part, meaning in line)
        for line in lines
    )
    return "".join(f"{line}\n" for line in coloured)


def _explain(lines: Iterable[text.Line]) -> None:
    """Say what the signs in a tree mean, if they are in it."""
    parts = {part.strip() for line in lines for part, _ in line}
    if text.ELSEWHERE in parts:
        say(f"{text.ELSEWHERE} what follows is shown at another place")
    if text.DEEPER in parts:
        say(f"{text.DEEPER} more follows than `--depth` shows")


def _drawn(services: Services, found: Tree | Reasons, form: str, *, all_edges: bool) -> str:
    drawn = FORMATS["dot" if form == "svg" else form](found.view, all_edges=all_edges)
    if form == "svg":
        return services.svg(drawn)
    if form == "mermaid" and mermaid.too_much(drawn):
        say(
            f"note: pages such as GitHub's draw at most {mermaid.ARROWS} arrows "
            f"and {mermaid.CHARACTERS:,} characters: show less with PACKAGES or `--depth`"
        )
    return drawn


def _deliver(services: Services, what: str, output: str | None) -> None:
    if output is not None:
        say(delivered(outputs.write(services.project, output, what), output))
    elif what:
        show(what)
