"""Show the locked graph: who needs whom, and why a package is there. Reads files only."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from envctl.domain.graph.building import graph_of
from envctl.domain.graph.nodes import Graph, Node, tops
from envctl.domain.graph.paths import Chain, along, why
from envctl.domain.graph.views import View
from envctl.domain.lock import Lock, inputs_of
from envctl.domain.lock.state import answers
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.nearest import meant
from envctl.emitters.plural import many
from envctl.errors import LockError, UsageError
from envctl.ports import Project
from envctl.usecases import load

_MANY = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A view of a lock's graph, and what must be said about it."""

    view: View
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reasons:
    """Why packages are there: for each locked version its chains, and the view that holds just these."""

    graph: Graph
    chains: tuple[tuple[Node, tuple[Chain, ...]], ...]
    view: View
    notes: tuple[str, ...] = ()


def tree(
    project: Project,
    manifest: Manifest | None,
    packages: Iterable[str] = (),
    *,
    invert: bool = False,
    depth: int | None = None,
    roots: Iterable[tuple[str, str]] = (),
) -> Tree:
    """Return the tree below ``packages``, or below every root; ``invert``: who needs them, and who needs these.

    ``manifest`` says which lock; without one it is ``pylock.toml``. ``roots``: kinds and names (``("group", "dev")``)
    to show instead of all. Raises ``LockError`` without a lock, ``UsageError`` for a package or root that it lacks.
    """
    lock_name, lock, graph = _graph(project, manifest)
    stale = _stale(lock, manifest)
    chosen = [node for name in packages for node in _named(graph, name, lock_name, stale)]
    chosen = chosen or [_root(graph, kind, name, lock_name) for kind, name in roots]
    if invert:
        graph = graph.inverted()
    view = View(
        graph=graph,
        tops=tuple(dict.fromkeys(chosen)) or _tops(graph, invert=invert),
        depth=depth,
        inverted=invert,
    )
    return Tree(view=view, notes=_notes(graph, lock, lock_name, stale))


def reasons(project: Project, manifest: Manifest | None, packages: Iterable[str]) -> Reasons:
    """Return why packages are there: the requirements that lead to each, and one shortest way from each of these.

    Raises ``LockError`` without a lock, ``UsageError`` for a package that it does not have.
    """
    lock_name, lock, graph = _graph(project, manifest)
    stale = _stale(lock, manifest)
    named = (_named(graph, name, lock_name, stale) for name in packages)
    targets = dict.fromkeys(node for nodes in named for node in nodes)
    found = tuple((target, why(graph, target)) for target in targets)
    part = along(graph, targets, (chain for _, chains in found for chain in chains))
    return Reasons(
        graph=graph,
        chains=found,
        view=View(graph=part, tops=(*part.roots, *(node for node, each in found if not each))),
        notes=_notes(graph, lock, lock_name, stale),
    )


def _graph(project: Project, manifest: Manifest | None) -> tuple[str, Lock, Graph]:
    name = manifest.lock_name if manifest else load.LOCK
    lock = load.lock(project, name)
    if lock is None:
        raise LockError(f"there is no {name}", where=name, hint="run `envctl lock`")
    # Another tool's lock does not say what was asked for: the manifest does, where there is one.
    inputs = lock.inputs if lock.ours or manifest is None else inputs_of(manifest)
    return name, lock, graph_of(lock, inputs)


def _stale(lock: Lock, manifest: Manifest | None) -> Manifest | None:
    """Return the manifest, as far as the lock is for it, if envctl's lock does not answer it any more."""
    if manifest is None or not lock.ours:
        return None
    asked = restricted(manifest, lock.only)
    return None if answers(lock, asked) else asked


def _tops(graph: Graph, *, invert: bool) -> tuple[Node, ...]:
    if not invert:
        return graph.roots
    nodes = graph.by_id()
    return tuple(nodes[key] for key in tops(graph, [node.id for node in graph.packages]))


def _named(graph: Graph, name: str, lock_name: str, stale: Manifest | None) -> tuple[Node, ...]:
    found = graph.named(name)
    if not found:
        if stale is not None and _asks(stale, name):
            raise UsageError(
                f"the lock has no package `{name}`",
                where=lock_name,
                hint=f"{load.MANIFEST} asks for it: the lock is stale, run `envctl lock`",
            )
        names = {node.name for node in graph.packages}
        raise _unknown("package", name, names, lock_name)
    return found


def _asks(manifest: Manifest, name: str) -> bool:
    from packaging.requirements import Requirement  # noqa: PLC0415  # on failure only
    from packaging.utils import canonicalize_name  # noqa: PLC0415  # on failure only

    texts = chain(manifest.dependencies, *manifest.extras.values(), *manifest.groups.values())
    asked = {canonicalize_name(Requirement(text).name) for text in texts}
    return canonicalize_name(name) in asked


def _root(graph: Graph, kind: str, name: str, lock_name: str) -> Node:
    from packaging.utils import canonicalize_name  # noqa: PLC0415  # with roots only

    own = {node.name: node for node in graph.roots if node.kind == kind}
    found = own.get(canonicalize_name(name) if name else "")
    if found is None:
        if kind == "project":
            raise UsageError(
                "the project itself asks for nothing: all of its requirements are in extras and groups",
                where=lock_name,
                hint="leave `--only-project` out",
            )
        raise _unknown("dependency group" if kind == "group" else kind, name, own, lock_name)
    return found


def _unknown(what: str, name: str, known: Iterable[str], lock_name: str) -> UsageError:
    hint = meant(name, sorted(known), otherwise="see `envctl tree` for what it has")
    return UsageError(f"the lock has no {what} `{name}`", where=lock_name, hint=hint)


def _notes(graph: Graph, lock: Lock, lock_name: str, stale: Manifest | None) -> tuple[str, ...]:
    """Say what the reader of the graph should know of its lock."""
    return (*((load.STALE,) if stale else ()), *_gaps(graph, lock, lock_name))


def _gaps(graph: Graph, lock: Lock, lock_name: str) -> tuple[str, ...]:
    """Say what the lock leaves open."""
    if not graph.packages:
        return (f"{lock_name} holds no packages",)
    silent = [node.name for node in graph.packages if not node.known]
    if not silent:
        return ()
    writer = f"`{lock.pylock.created_by}` wrote it"
    if len(silent) == len(graph.packages):
        said = f"{lock_name} does not say which package needs which ({writer}): PEP 751 leaves that open"
        return (f"{said}. Only what the project asks for by name has a place in the tree",)
    shown = ", ".join(silent[:_MANY]) + (" …" if len(silent) > _MANY else "")
    need = f"{many(len(silent))} {'needs' if len(silent) == 1 else 'need'}"
    return (f"{lock_name} does not say what {need} ({writer}): {shown}",)
