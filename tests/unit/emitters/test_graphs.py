"""Drawings of the graph: what a person reads, and that no name of a group or marker can break out of its label."""

import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envctl.domain.graph.nodes import Edge, Graph, Kind, Node
from envctl.domain.graph.paths import why
from envctl.domain.graph.picture import picture
from envctl.domain.graph.views import View
from envctl.emitters.graphs import FORMATS, data, dot, labels, mermaid, text
from envctl.emitters.graphs.palette import HUES, TEXT
from envctl.emitters.printable import printable
from tests.unit.domain.test_graph import graph, large

SVG = "{http://www.w3.org/2000/svg}"

TEAM = graph(
    {
        "app==1.0": ("srv[fast]", "torch ; sys_platform == 'linux'"),
        "srv==2.1": ("core", "loop"),
        "core==3": ("app", "lost"),
        "loop==0.5": (),
        "torch==2.9.1+cu130": ("nvidia-nccl ; sys_platform == 'linux'",),
        "nvidia-nccl==2.27": (),
    },
    ("requires app<2", "extra quick: srv[fast]>=2", "group dev: core ; os_name == 'posix'"),
    {"loop==0.5": "'quick' in extras"},
)


def whole(found: Graph) -> View:
    return View(graph=found, tops=found.roots)


def test_the_tree_reads_well_without_colours() -> None:
    assert FORMATS["text"](whole(TEAM)) == (
        "project\n"
        "└── app 1.0 (<2)\n"
        "    ├── srv[fast] 2.1\n"
        "    │   └── core 3\n"
        "    │       ├── app 1.0 (*)\n"
        "    │       └── lost (not in the lock)\n"
        "    └── torch 2.9.1+cu130 ; sys_platform == 'linux'\n"
        "        └── nvidia-nccl 2.27 ; sys_platform == 'linux'\n"
        "\n"
        "extra quick\n"
        "└── srv[fast] 2.1 (>=2)\n"
        "    ├── core 3\n"
        "    │   ├── app 1.0\n"
        "    │   │   ├── srv[fast] 2.1 (*)\n"
        "    │   │   └── torch 2.9.1+cu130 ; sys_platform == 'linux' (*)\n"
        "    │   └── lost (not in the lock)\n"
        "    └── loop 0.5\n"
        "\n"
        "group dev\n"
        "└── core 3 ; os_name == 'posix'\n"
        "    ├── app 1.0\n"
        "    │   ├── srv[fast] 2.1\n"
        "    │   │   └── core 3 (*)\n"
        "    │   └── torch 2.9.1+cu130 ; sys_platform == 'linux' (*)\n"
        "    └── lost (not in the lock)\n"
    )


def test_the_inverted_tree_says_what_each_asks_for() -> None:
    view = View(graph=TEAM.inverted(), tops=TEAM.named("srv"), inverted=True)
    assert FORMATS["text"](view) == (
        "srv 2.1\n"
        "├── app 1.0 (as srv[fast])\n"
        "│   ├── core 3\n"
        "│   │   ├── group dev asks for core ; os_name == 'posix'\n"
        "│   │   └── srv 2.1 (*)\n"
        "│   └── project asks for app<2\n"
        "└── extra quick asks for srv[fast]>=2\n"
    )


def test_reasons_are_ways_from_the_roots() -> None:
    (loop,) = TEAM.named("loop")
    assert text.plain(text.reasons(TEAM, loop, why(TEAM, loop))) == (
        "loop 0.5\n└── extra quick → srv[fast] 2.1 (>=2) → loop 0.5\nneeded directly by: srv 2.1\n"
    )
    flat = graph({"alone==1": ()})
    (alone,) = flat.named("alone")
    said = text.plain(text.reasons(flat, alone, ()))
    assert said == "alone 1\n└── nothing in the lock needs it\n"
    said = text.plain(text.reasons(flat, alone, why(flat, alone)))
    assert said == "alone 1\n└── the lock does not say who needs it\n"


def test_what_a_part_of_a_line_means_goes_with_it() -> None:
    meanings = {part.strip(): meaning for line in text.tree(whole(TEAM)) for part, meaning in line}
    assert meanings["project"] == "root"
    assert meanings["torch"] == "gpu"
    assert meanings["app"] == "plain"
    assert meanings["2.9.1+cu130"] == "faint"
    assert meanings["lost (not in the lock)"] == "missing"


def test_the_flowchart_has_a_box_a_root_and_one_for_nvidia() -> None:
    drawn = FORMATS["mermaid"](whole(TEAM))
    for line in (
        'subgraph bn0["project · 5 packages"]',
        'subgraph bn1["extra quick · 1 package"]',
        'subgraph gn0["NVIDIA libraries"]',
        'n9["torch 2.9.1+cu130"]',
        """n3 -.->|"sys_platform == #39;linux#39;"| n9""",
        "class n7,n9 gpu",
    ):
        assert line in [each.strip() for each in drawn.splitlines()]


def test_a_flowchart_that_a_page_would_refuse_is_known() -> None:
    drawn = FORMATS["mermaid"](whole(TEAM))
    assert not mermaid.too_much(drawn)
    assert mermaid.too_much(drawn + "  n0 --> n1\n" * mermaid.ARROWS)
    assert mermaid.too_much(drawn + "%" * mermaid.CHARACTERS)


@pytest.mark.parametrize("form", FORMATS)
def test_the_order_of_a_graph_is_the_order_of_its_drawing(form: str) -> None:
    assert FORMATS[form](whole(TEAM)) == FORMATS[form](whole(TEAM))
    assert FORMATS[form](whole(TEAM)).endswith("\n")


def test_data_has_edges_in_their_own_direction_whatever_is_shown() -> None:
    view = View(graph=TEAM.inverted(), tops=TEAM.named("torch"), inverted=True, depth=1)
    assert data.view_data(view) == {
        "tops": ["torch==2.9.1+cu130"],
        "nodes": [
            {
                "id": "app==1.0",
                "kind": "package",
                "name": "app",
                "version": "1.0",
                "marker": None,
                "roots": ["extra:quick", "group:dev", "project:"],
                "gpu": False,
                "edges_known": True,
            },
            {
                "id": "torch==2.9.1+cu130",
                "kind": "package",
                "name": "torch",
                "version": "2.9.1+cu130",
                "marker": None,
                "roots": ["extra:quick", "group:dev", "project:"],
                "gpu": True,
                "edges_known": True,
            },
        ],
        "edges": [
            {
                "source": "app==1.0",
                "target": "torch==2.9.1+cu130",
                "extras": [],
                "marker": "sys_platform == 'linux'",
                "asked": None,
            }
        ],
    }


def test_colours_can_be_told_from_their_ground() -> None:
    """Contrast as WCAG 2.1 defines it: 4.5 for text, 3 for frames and arrows."""

    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(one: str, other: str) -> float:
        dark, bright = sorted((light(one), light(other)))
        return (bright + 0.05) / (dark + 0.05)

    for hue in HUES:
        assert contrast(TEXT, hue.fill) >= 4.5
        assert contrast("#ffffff", hue.ink) >= 3  # a root's name is large and bold
        assert contrast(hue.ink, hue.ground) >= 3


# From here on: text that was made to break out.

HOSTILE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            '"];\n x -> y; //',
            'a"]; end; n1["b',
            "</font><script>alert(1)</script>",
            "&lt;b&gt; &amp;amp; &#x41; &bogus;",
            "\\N \\G \\\\ \\",
            "\x1b[31mred\x1b]8;;http://x\x07",
            "-->]]><!--",
            '#quot;#34;"`**bold**`',
            "subgraph end click n1 call f()",
            "%%{init: {}}%%",
            "\u202egro.live\u2066",
            "\ud800",
            "é\u0301 日本 😀",
            "{{}}(())[[]]|>;",
            " ",
        ]
    ),
)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(("extra", "group"))


@st.composite
def hostile(draw: st.DrawFn) -> Graph:
    """Draw two roots, two packages, and edges whose every text is somebody's."""
    texts = draw(st.lists(HOSTILE, min_size=7, max_size=7))
    kinds = draw(st.tuples(KINDS, KINDS))
    roots = [
        Node(id=f"{kind}:{name}", kind=kind, name=name)
        for kind, name in zip(kinds, texts, strict=False)
    ]
    if roots[0].id == roots[1].id:
        roots.pop()
    named = frozenset(root.id for root in roots)
    nodes = [
        Node(
            id="torch==1", kind="package", name="torch", version="1", marker=texts[2], roots=named
        ),
        Node(
            id="b==1", kind="package", name="b", version=texts[3], roots=frozenset([roots[-1].id])
        ),
        Node(id="missing:c", kind="missing", name=texts[4], roots=named),
    ]
    edges = [
        *(
            Edge(source=root.id, target="torch==1", asked=texts[5], specifier=texts[6])
            for root in roots
        ),
        Edge(source="torch==1", target="b==1", extras=(texts[6],), marker=texts[5] or "x"),
        Edge(source="torch==1", target="missing:c", marker=texts[4] or None),
    ]
    return Graph(nodes=(*roots, *nodes), edges=tuple(edges))


TAME = Graph(
    nodes=(
        Node(id="extra:x", kind="extra", name="x"),
        Node(id="a==1", kind="package", name="a", version="1", roots=frozenset(["extra:x"])),
    ),
    edges=(Edge(source="extra:x", target="a==1", asked="a"),),
)


@given(st.text())
def test_printable_text_is_one_line_that_steers_nothing(words: str) -> None:
    shown = printable(words)
    assert not any(unicodedata.category(character)[0] == "C" for character in shown)
    assert not any(unicodedata.category(character) in ("Zl", "Zp") for character in shown)
    assert shown.encode().decode() == shown
    if words.isprintable():
        assert shown == words


@given(hostile())
def test_a_trees_lines_are_its_own(found: Graph) -> None:
    rows = list(whole(found).rows())
    blank = sum(not row.guides for row in rows) - 1
    lines = FORMATS["text"](whole(found)).split("\n")
    assert len(lines) == len(rows) + blank + 1
    assert all(line.isprintable() for line in lines)


def entities(label: str) -> str:
    return re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label)


@given(hostile())
def test_a_flowcharts_labels_are_its_own(found: Graph) -> None:
    drawn = FORMATS["mermaid"](whole(found))
    assert all(line.isprintable() for line in drawn.split("\n"))
    head, _, body = drawn.partition("\n")
    assert head.startswith("%%{init")
    assert head.count("%%") == 2
    # Without its labels, nothing is left but keys, arrows and colours.
    bare = re.sub(r'"[^"]*"', '""', body)
    assert re.fullmatch(r'[\sa-zA-Z0-9_,:#.>|\[\]"-]*', bare)
    shown = {entities(label) for label in re.findall(r'"([^"]*)"', body)}
    for root in found.roots:
        assert labels.name(root) in shown
    for label in re.findall(r'"([^"]*)"', body):
        assert re.fullmatch(r"([a-zA-Z0-9 .,\-_+·\[\]()=…]|#\d+;)*", label)


def svg(graph_text: str) -> ET.Element:
    program = shutil.which("dot")
    if program is None:
        pytest.skip("no Graphviz on this machine (apt-get install graphviz)")
    done = subprocess.run(
        [program, "-Tsvg"], input=graph_text.encode(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return ET.fromstring(done.stdout)


def words(drawn: ET.Element) -> str:
    return " ".join("".join(each.itertext()) for each in drawn.iter(f"{SVG}text"))


def tips(drawn: ET.Element) -> Iterator[str]:
    for each in drawn.iter():
        yield from (value for name, value in each.attrib.items() if name.endswith("}title"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile())
def test_graphviz_draws_what_was_meant(found: Graph) -> None:
    """The real program reads the drawing, and a real parser its SVG."""
    drawn = svg(FORMATS["dot"](whole(found)))
    laid_out = picture(found)
    groups = [each.get("class") for each in drawn.iter(f"{SVG}g")]
    every = list(laid_out.every())
    assert groups.count("node") == sum(len(box.figures) + len(box.stubs) for box in every)
    rows = laid_out.loose()
    assert groups.count("edge") == len(laid_out.arrows) + sum(len(row) - 1 for row in rows)
    assert {each.tag for each in drawn.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "g", "title", "text", "path", "polygon", "polyline", "a")
    }
    shown = squeezed(words(drawn))
    for node in found.nodes:
        assert squeezed(labels.name(node)) in shown
    said = {squeezed(tip) for tip in tips(drawn)}
    for node in found.nodes:
        tip = labels.name(node) if node.is_root else labels.about(node)
        assert squeezed(tip).replace("\\", "\u2216") in said
    nodes = found.by_id()
    for edge in found.edges:
        tip = labels.need(nodes[edge.source], nodes[edge.target], edge)
        assert squeezed(tip).replace("\\", "\u2216") in said


def squeezed(shown: str) -> str:
    """Return a text without white space: dot is free with it at the ends of labels."""
    return "".join(shown.split())


def test_a_large_graph_is_drawn_in_its_boxes() -> None:
    drawn = svg(FORMATS["dot"](whole(large())))
    titles = squeezed(words(drawn))
    for box in ("project · 125 packages", "app · 11 packages", "two · 10 packages"):
        assert squeezed(box) in titles
    assert squeezed("needed from several boxes · 1 package") in titles
    links = [
        value
        for each in drawn.iter(f"{SVG}a")
        for name, value in each.attrib.items()
        if "href" in name
    ]
    keys = {each.get("id") for each in drawn.iter(f"{SVG}g")}
    assert links
    assert {link.removeprefix("#") for link in links} <= keys


def test_what_nothing_leads_to_stands_in_rows() -> None:
    flat = graph({f"p{number:02d}==1": () for number in range(20)})
    chart = FORMATS["mermaid"](whole(flat))
    assert "n0 ~~~ n1 ~~~ n2 ~~~ n3 ~~~ n4 ~~~ n5" in chart
    assert "-->" not in chart
    drawn = svg(FORMATS["dot"](whole(flat)))
    columns = {each.get("x") for each in drawn.iter(f"{SVG}text") if (each.text or "")[:1] == "p"}
    assert len(columns) == 6


def test_the_module_names_what_it_draws() -> None:
    assert set(FORMATS) == {"text", "mermaid", "dot"}
    assert dot.emit(whole(TAME)).startswith("digraph ")
    assert FORMATS["mermaid"](whole(TAME)).splitlines()[1] == "flowchart LR"
