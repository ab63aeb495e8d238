"""The locked graph: built from what a lock says, walked, thinned out, and laid out in boxes."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker

from envctl.domain.graph.building import graph_of, may_hold
from envctl.domain.graph.dominators import dominators
from envctl.domain.graph.nodes import Edge, Graph, Node
from envctl.domain.graph.paths import reduced, why
from envctl.domain.graph.picture import SHARED, picture
from envctl.domain.graph.views import View
from envctl.domain.lock import Lock
from envctl.domain.lock.reading import parse_lock

INPUTS = ("requires a>=1", "extra viz", "extra viz: c", "group dev: b", "python ==3.11.*")
STACK = {"a==1": ("c", "b ; sys_platform == 'win32'"), "b==2": ("c",), "c==3": ()}


def lock_of(
    packages: Mapping[str, Sequence[str]],
    inputs: Sequence[str] = (),
    markers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Lock:
    """Read a lock as envctl writes one: its entries by key, with what each requires."""
    entries = []
    for key in packages:
        name, _, version = key.partition("==")
        wheel = {
            "name": f"{name.replace('-', '_')}-{version}-py3-none-any.whl",
            "hashes": {"sha256": "00"},
        }
        entry: dict[str, Any] = {"name": name, "version": version, "wheels": [wheel]}
        wheel["url"] = f"https://index.example/{wheel['name']}"
        if markers and key in markers:
            entry["marker"] = markers[key]
        entries.append(entry)
    own = {
        "schema": 1,
        "inputs": list(inputs),
        "digests": dict.fromkeys(packages, "sha256:00"),
        "requires": {key: list(texts) for key, texts in packages.items() if texts},
    }
    data = {"lock-version": "1.0", "created-by": "envctl", "packages": entries}
    return parse_lock({**data, "tool": {"envctl": own}, **(more or {})})


def graph(
    packages: Mapping[str, Sequence[str]],
    inputs: Sequence[str] = (),
    markers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Graph:
    return graph_of(lock_of(packages, inputs, markers, more), inputs)


def arrows(found: Graph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in found.edges}


def node(found: Graph, name: str) -> Node:
    (only,) = found.named(name)
    return only


def outline(view: View) -> list[str]:
    """Return a view's rows as text: indented by depth, with what follows below."""
    marks = {"shown": "", "nothing": "", "elsewhere": " (*)", "too-deep": " …"}
    return ["  " * len(row.guides) + row.node.id + marks[row.below] for row in view.rows()]


def test_roots_and_packages_are_nodes_and_needs_are_edges() -> None:
    found = graph(STACK, INPUTS)
    assert [each.id for each in found.nodes] == [
        "project:",
        "extra:viz",
        "group:dev",
        "a==1",
        "b==2",
        "c==3",
    ]
    assert arrows(found) == {
        ("project:", "a==1"),
        ("extra:viz", "c==3"),
        ("group:dev", "b==2"),
        ("a==1", "b==2"),
        ("a==1", "c==3"),
        ("b==2", "c==3"),
    }
    by_ends = {(edge.source, edge.target): edge for edge in found.edges}
    assert by_ends["project:", "a==1"].asked == "a>=1"
    assert by_ends["project:", "a==1"].specifier == ">=1"
    assert by_ends["a==1", "b==2"].marker == "sys_platform == 'win32'"
    assert by_ends["a==1", "b==2"].asked == ""


def test_every_package_knows_the_roots_through_which_it_comes() -> None:
    found = graph(STACK, INPUTS)
    assert node(found, "a").roots == {"project:"}
    assert node(found, "b").roots == {"project:", "group:dev"}
    assert node(found, "C").roots == {"project:", "extra:viz", "group:dev"}


def test_an_extra_and_a_group_that_ask_for_nothing_are_there_all_the_same() -> None:
    found = graph({}, ("extra none", "group empty"))
    assert [each.id for each in found.roots] == ["extra:none", "group:empty"]


def test_a_need_leads_to_the_version_that_fits() -> None:
    found = graph(
        {"a==1": ("b==1 ; os_name == 'nt'",), "b==1": (), "b==2": ()},
        ("requires a", "requires b>1"),
    )
    assert arrows(found) == {("project:", "a==1"), ("project:", "b==2"), ("a==1", "b==1")}


def test_versions_that_fit_alike_are_told_apart_by_their_own_markers() -> None:
    markers = {"b==1": "os_name == 'nt'", "b==2": "os_name != 'nt'"}
    found = graph({"b==1": (), "b==2": ()}, ("requires b",), markers)
    assert {(edge.target, edge.marker) for edge in found.edges} == {
        ("b==1", "os_name == 'nt'"),
        ("b==2", "os_name != 'nt'"),
    }


def test_a_need_that_the_lock_does_not_answer_is_shown_unless_it_holds_on_no_platform() -> None:
    found = graph({"a==1": ("gone", "other ; sys_platform == 'plan9'")}, ("requires a",))
    assert [(each.id, each.kind) for each in found.nodes if not each.is_root] == [
        ("a==1", "package"),
        ("missing:gone", "missing"),
    ]


@pytest.mark.parametrize("text", ["a b c", "", "!", "a==", "a @ ", "a;"])
def test_what_is_no_requirement_does_not_stop_the_rest(text: str) -> None:
    found = graph({"a==1": (text,), "b==1": ()}, (f"requires {text}", "requires b"))
    assert ("project:", "b==1") in arrows(found)


def test_an_extra_of_a_package_counts_only_for_the_root_that_asks_for_it() -> None:
    """`srv` in the project and `srv[fast]` in an extra are one node: its needs are those of both."""
    found = graph(
        {"srv==1": ("core", "loop"), "core==1": (), "loop==1": ()},
        ("requires srv", "extra quick: srv[fast]"),
        {"loop==1": "'quick' in extras and sys_platform != 'win32'"},
    )
    assert node(found, "loop").roots == {"extra:quick"}
    assert outline(View(graph=found, tops=found.roots)) == [
        "project:",
        "  srv==1",
        "    core==1",
        "extra:quick",
        "  srv==1",
        "    core==1",
        "    loop==1",
    ]
    assert [chain.root.id for chain in why(found, node(found, "loop"))] == ["extra:quick"]
    up = View(graph=found.inverted(), tops=found.named("loop"), inverted=True)
    assert outline(up) == ["loop==1", "  srv==1", "    extra:quick"]


def test_a_lock_without_edges_is_flat_below_what_is_asked_for() -> None:
    foreign = lock_of(STACK, more={"created-by": "some-tool", "tool": {}})
    found = graph_of(foreign, INPUTS)
    assert not any(each.known for each in found.packages)
    flat = graph_of(foreign, ())
    assert arrows(flat) == {("rest:", "a==1"), ("rest:", "b==2"), ("rest:", "c==3")}
    assert [each.id for each in flat.roots] == ["rest:"]


def test_pep_751s_own_dependencies_are_edges_too() -> None:
    here = {"directory": {"path": "."}}
    packages = [
        {"name": "a", "version": "1", "dependencies": [{"name": "b", "version": "2"}], **here},
        {"name": "b", "version": "1", **here},
        {"name": "b", "version": "2", **here},
    ]
    data = {"lock-version": "1.0", "created-by": "some-tool", "packages": packages}
    lock = parse_lock(data)
    found = graph_of(lock, ("requires a",))
    assert arrows(found) == {("project:", "a==1"), ("a==1", "b==2"), ("rest:", "b==1")}
    assert [each.id for each in found.packages if not each.known] == ["b==1", "b==2"]


def test_a_cycle_that_nobody_asks_for_hangs_below_the_rest_once() -> None:
    found = graph({"a==1": ("b",), "b==1": ("a",), "c==1": ("a",), "d==1": ("e",), "e==1": ("d",)})
    assert [edge.target for edge in found.edges if edge.source == "rest:"] == ["c==1", "d==1"]


@pytest.mark.parametrize(
    ("marker", "extras", "groups", "expected"),
    [
        ("sys_platform == 'plan9'", (), (), True),
        ("python_full_version < '1'", (), (), True),
        ("'viz' in extras", (), (), False),
        ("'viz' in extras", ("viz",), (), True),
        ("'viz' in extras and os_name == 'nt'", ("io",), (), False),
        ("('viz' in extras and os_name == 'nt') or 'dev' in dependency_groups", (), ("dev",), True),
        ("os_name == 'nt' or 'viz' in extras", (), (), True),
        ("'viz' not in extras", (), (), True),
        ("'viz' not in extras", ("viz",), (), False),
        ("platform_version == ') or (' and 'viz' in extras", (), (), False),
        ("platform_version in 'extras' and 'viz' in extras", ("viz",), (), True),
    ],
)
def test_a_marker_is_asked_about_roots_only(
    marker: str, extras: tuple[str, ...], groups: tuple[str, ...], expected: bool
) -> None:
    assert may_hold(Marker(marker), extras, groups) is expected


def test_default_groups_come_with_the_project() -> None:
    found = graph(
        {"a==1": ("b",), "b==1": ()},
        ("requires a",),
        {"b==1": "'default' in dependency_groups"},
        {"default-groups": ["default"]},
    )
    assert node(found, "b").roots == {"project:"}


def test_why_gives_one_shortest_way_for_each_requirement() -> None:
    found = graph(
        {"a==1": ("b", "x"), "b==1": ("x",), "c==1": ("d",), "d==1": ("b",), "x==1": ()},
        ("requires a>0", "requires c", "group dev: x", "group dev: y"),
    )
    ways = [
        (chain.root.id, chain.edges[0].asked, [edge.target for edge in chain.edges])
        for chain in why(found, node(found, "x"))
    ]
    assert ways == [
        ("project:", "a>0", ["a==1", "x==1"]),
        ("project:", "c", ["c==1", "d==1", "b==1", "x==1"]),
        ("group:dev", "x", ["x==1"]),
    ]


def test_a_tree_shows_what_is_asked_for_in_full_and_all_else_once() -> None:
    found = graph(
        {"a==1": ("b",), "b==1": ("c",), "c==1": ("d",), "d==1": ("b",)},
        ("requires a", "requires c", "group dev: a", "group dev: d"),
    )
    assert outline(View(graph=found, tops=found.roots)) == [
        "project:",
        "  a==1",
        "    b==1",
        "      c==1 (*)",
        "  c==1",
        "    d==1",
        "      b==1 (*)",
        "group:dev",
        "  a==1 (*)",
        "  d==1 (*)",
    ]


def test_depth_cuts_and_says_so() -> None:
    found = graph({"a==1": ("b",), "b==1": ("c",), "c==1": ()}, ("requires a", "group dev: b"))
    assert outline(View(graph=found, tops=found.roots, depth=1)) == [
        "project:",
        "  a==1 …",
        "group:dev",
        "  b==1 …",
    ]
    assert outline(View(graph=found, tops=found.roots, depth=2)) == [
        "project:",
        "  a==1",
        "    b==1 …",
        "group:dev",
        "  b==1",
        "    c==1",
    ]
    assert arrows(View(graph=found, tops=found.roots[:1], depth=1).part()) == {("project:", "a==1")}


def test_a_chain_of_thousands_is_no_trouble() -> None:
    names = [f"p{number:04d}" for number in range(3000)]
    packages = {
        f"{name}==1": (after,) for name, after in zip(names, [*names[1:], names[0]], strict=True)
    }
    found = graph(packages, (f"requires {names[0]}",))
    rows = list(View(graph=found, tops=found.roots).rows())
    assert len(rows) == 3002
    assert rows[-1].below == "elsewhere"
    assert len(why(found, node(found, names[-1]))[0].edges) == 3000
    assert len(dominators(found, found.roots[0])) == 3000


def test_an_edge_is_needless_only_where_the_longer_way_holds_as_well() -> None:
    found = graph(
        {
            "a==1": ("b ; os_name == 'nt'", "c", "d", "e ; os_name == 'nt'"),
            "b==1": ("c", "e"),
            "c==1": ("d",),
            "d==1": (),
            "e==1": (),
        },
        ("requires a", "requires d"),
    )
    left_out = arrows(found) - arrows(reduced(found))
    assert left_out == {("a==1", "d==1"), ("a==1", "e==1")}


def test_a_way_through_what_only_an_extra_brings_makes_nothing_needless() -> None:
    found = graph(
        {"a==1": ("b", "c"), "b==1": ("c",), "c==1": ()},
        ("requires a", "extra x: a[b]"),
        {"b==1": "'x' in extras"},
    )
    assert arrows(reduced(found)) == arrows(found)


NAMES = [f"zz{letter}" for letter in "abcdefgh"]
MARKERS = ("", " ; os_name == 'nt'", " ; sys_platform == 'linux'")
NEED = st.tuples(st.sampled_from(NAMES), st.sampled_from(MARKERS)).map("".join)
NEEDS = st.lists(NEED, max_size=4)


def built(
    needs: list[list[str]], asked: list[str], grouped: list[str], markers: dict[str, str]
) -> Graph:
    return graph(
        {f"{name}==1": texts for name, texts in zip(NAMES, needs, strict=True)},
        [*(f"requires {text}" for text in asked), *(f"group dev: {text}" for text in grouped)],
        markers,
    )


EVERYBODYS = st.lists(NEEDS, min_size=len(NAMES), max_size=len(NAMES))
ANY = st.builds(built, EVERYBODYS, NEEDS, NEEDS, st.just({}))
GROUPS = st.dictionaries(
    st.sampled_from(NAMES).map("{}==1".format), st.just("'dev' in dependency_groups")
)
GATED = st.builds(built, EVERYBODYS, NEEDS, NEEDS, GROUPS)
"""Some packages come with the group only, whatever the edges say: an extra of another package brings them."""


def reached(found: Graph, start: str, without: str = "") -> set[str]:
    """Return what is reached from a node, by the definition: no walk of envctl's own."""
    seen, growing = {start} - {without}, True
    while growing:
        more = {target for source, target in arrows(found) if source in seen} - {without}
        growing = not more <= seen
        seen |= more
    return seen


@given(ANY)
def test_reduction_keeps_what_is_reached_from_everywhere(found: Graph) -> None:
    thin = reduced(found)
    assert set(thin.edges) <= set(found.edges)
    for each in found.nodes:
        assert reached(thin, each.id) == reached(found, each.id)
    again = reduced(thin)
    assert again == thin


@given(ANY)
def test_a_dominator_is_what_all_ways_go_through(found: Graph) -> None:
    for root in found.roots:
        above = dominators(found, root)
        assert set(above) == reached(found, root.id) - {root.id}
        for key in above:
            path = [key]
            while path[-1] != root.id:
                path.append(above[path[-1]])
            needed = {
                each
                for each in reached(found, root.id)
                if each == key or key not in reached(found, root.id, without=each)
            }
            assert set(path) == needed


@given(ANY, st.booleans())
def test_a_tree_from_one_top_has_each_edge_once_and_expands_each_node_once(
    found: Graph, inverted: bool
) -> None:
    found = found.inverted() if inverted else found
    for top in found.packages:
        rows = list(View(graph=found, tops=(top,), inverted=inverted).rows())
        edges = [row.edge for row in rows[1:]]
        assert len({id(edge) for edge in edges}) == len(edges)
        expanded = [row.node.id for row in rows if row.below == "shown"]
        assert len(set(expanded)) == len(expanded)
        assert {row.node.id for row in rows if not row.node.is_root} >= {
            key for key in reached(found, top.id) if ":" not in key
        }


@given(ANY)
def test_the_whole_tree_leaves_no_package_and_no_edge_out(found: Graph) -> None:
    rows = list(View(graph=found, tops=found.roots).rows())
    assert {row.node for row in rows} == set(found.nodes)
    assert {row.edge for row in rows if row.edge} == set(found.edges)


@given(GATED)
def test_what_a_group_alone_brings_is_shown_below_it_and_explained_by_it(found: Graph) -> None:
    rows = list(View(graph=found, tops=found.roots).rows())
    assert {row.node for row in rows} == set(found.nodes)
    top = found.roots[0] if found.roots else None
    for row in rows:
        top = row.node if not row.guides else top
        if top and top.kind == "project" and row.node.kind == "package":
            assert "project:" in row.node.roots
    for target in found.packages:
        roots = {chain.root.id for chain in why(found, target)}
        assert roots
        assert roots - {"rest:"} == target.roots - {"rest:"}
    for thin in (reduced(found), found):
        for root in found.roots:
            assert set(dominators(thin, root)) == set(dominators(found, root))


@given(ANY)
def test_a_shallow_tree_says_where_it_goes_on(found: Graph) -> None:
    below = found.leaving()
    for depth in range(3):
        for row in View(graph=found, tops=found.roots, depth=depth).rows():
            assert len(row.guides) <= depth
            if row.below == "nothing":
                assert not below[row.node.id]


@given(ANY)
def test_why_finds_a_way_exactly_for_the_requirements_that_lead_there(found: Graph) -> None:
    for target in found.packages:
        chains = why(found, target)
        leading = {
            id(edge)
            for edge in found.edges
            if ":" in edge.source and target.id in reached(found, edge.target)
        }
        assert {id(chain.edges[0]) for chain in chains} == leading
        for chain in chains:
            steps = list(chain.edges)
            assert steps[0].source == chain.root.id
            assert steps[-1].target == target.id
            assert all(one.target == two.source for one, two in pairwise(steps))
            assert len({edge.target for edge in steps}) == len(steps)


@given(GATED, st.booleans())
def test_a_picture_has_each_node_in_one_box_and_arrows_within_boxes(
    found: Graph, all_edges: bool
) -> None:
    drawn = picture(found, all_edges=all_edges)
    homes = {figure.key: box.head for box in drawn.every() for figure in box.figures}
    outer = {
        figure.key: box.head
        for box in drawn.boxes
        for each in box.every()
        for figure in each.figures
    }
    shown = [each for each in found.nodes if each.kind != "rest"]
    assert len(homes) == sum(len(box.figures) for box in drawn.every()) == len(shown)
    tied = {each.key for arrow in drawn.arrows for each in (arrow.source, arrow.target)}
    loose = [figure.key for row in drawn.loose() for figure in row]
    assert sorted([*loose, *(tied & set(homes))]) == sorted(homes)
    stubs = {figure.key: box.head for box in drawn.every() for figure in box.stubs}
    ends = set()
    for arrow in drawn.arrows:
        target = arrow.target.stub_of or arrow.target.key
        ends.add((arrow.edge.source, arrow.edge.target))
        assert arrow.target.node.id == arrow.edge.target
        if arrow.target.stub_of:
            assert stubs[arrow.target.key] == homes[arrow.source.key] != homes[target]
        elif arrow.source.node.is_root:
            assert outer[arrow.source.key] == outer[target]
        else:
            assert homes[arrow.source.key] == homes[target]
    kept = arrows(found if all_edges else reduced(found))
    assert ends == {(source, target) for source, target in kept if source != "rest:"}
    every = [edge for edge in found.edges if edge.source != "rest:"]
    assert drawn.left_out == len(every) - len(drawn.arrows)


def large() -> Graph:
    """Return a project with a wide `big`, a small `app`, and `core`, which several packages of both need."""
    parts = [f"part{number:03d}" for number in range(100)]
    packages: dict[str, Sequence[str]] = {
        "big==1": parts,
        "app==1": ("core", "tool"),
        "core==1": (),
    }
    packages |= {f"{part}==1": ("core",) for part in parts}
    packages |= {"tool==1": [f"bit{n}" for n in range(9)], "more==1": (), "common==1": ()}
    packages |= {f"bit{n}==1": ("common",) for n in range(9)}
    half = {f"half{n}==1": ("common", "core") for n in range(9)}
    packages |= {"two==1": [key.partition("==")[0] for key in half], **half}
    return graph(packages, ("requires big", "requires app", "requires two", "requires more"))


def test_a_large_box_is_divided_by_what_brings_much() -> None:
    found = large()
    drawn = picture(found)
    (outer,) = drawn.boxes
    assert outer.count == len(found.packages)
    inner = {box.head: {figure.node.name for figure in box.figures} for box in outer.inner}
    assert set(inner) == {"app==1", "two==1", SHARED + "project:"}
    assert inner["two==1"] == {"two", *(f"half{n}" for n in range(9))}
    assert inner["app==1"] == {"app", "tool", *(f"bit{n}" for n in range(9))}
    assert inner[SHARED + "project:"] == {"common"}
    assert "big" in {figure.node.name for figure in outer.figures}  # it brings nearly all: no box


def test_the_order_in_which_a_lock_lists_things_changes_nothing() -> None:
    entries = list(STACK.items())
    turned = {key: tuple(reversed(texts)) for key, texts in reversed(entries)}
    assert graph(turned, tuple(reversed(INPUTS))) == graph(STACK, INPUTS)


def test_names_are_in_order_and_not_ids() -> None:
    found = graph({"a-b==1": (), "a==1": ("a-b", "a-a"), "a-a==1": (), "z==1": ()}, ("requires a",))
    assert [each.name for each in found.packages] == ["a", "a-a", "a-b", "z"]
    ends = [(edge.source, edge.target) for edge in found.edges]
    assert ends[:2] == [("a==1", "a-a==1"), ("a==1", "a-b==1")]


@pytest.mark.parametrize(
    ("name", "is_gpu"),
    [
        ("torch", True),
        ("torch-geometric", True),
        ("nvidia-cudnn-cu13", True),
        ("cuda-toolkit", True),
        ("triton", True),
        ("jax-cuda12-plugin", True),
        ("torchmetrics", False),
        ("numpy", False),
        ("cudatext", False),
    ],
)
def test_gpu_packages_are_known_by_their_names(name: str, is_gpu: bool) -> None:
    assert Node(id=name, kind="package", name=name).accelerated is is_gpu


def test_turning_an_edge_twice_gives_it_back() -> None:
    edge = Edge(source="a", target="b", extras=("x",), marker="os_name == 'nt'", asked="b[x]")
    assert edge.turned() != edge
    assert edge.turned().turned() == edge
