"""The data file itself: every row has a source, versions parse, nothing is there twice, what must rise rises."""

import json
import re
from datetime import UTC, date, datetime
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu import cards as gpu_cards

DATA: dict[str, Any] = json.loads(
    files("envctl").joinpath("data/gpu.json").read_text(encoding="utf-8")
)
TABLES = {name: table for name, table in DATA.items() if isinstance(table, dict)}
VERSION = re.compile(r"\d+(\.\d+)*")
# By table: what makes a row the only one, its columns, those that it may have, and what stands beside the rows.
SCHEMA: dict[str, tuple[str, str, str, str]] = {
    "toolkit_driver": ("toolkit", "toolkit linux windows", "", ""),
    "toolkit_branch": ("toolkit", "toolkit branch", "", ""),
    "minor_version_floor": ("major", "major linux windows", "note", ""),
    "forward_compat": ("toolkit", "toolkit row", "", "platform branches legend errors"),
    "architectures": (
        "name",
        "name compute_capabilities first_toolkit last_toolkit last_branch",
        "",
        "",
    ),
    "devices": ("compute_capability", "compute_capability names patterns", "", "note"),
    "data_centre": ("words", "compute_capability words", "source", "note not"),
    "torch_builds": ("torch", "torch tags python", "source", "note"),
    "torch_libc": ("first tag", "first tag libc", "source", "note"),
    "torch_default": ("torch", "torch cuda", "cudnn nccl", "machine"),
    "torch_cudnn": ("torch cuda", "torch cuda cudnn", "source", ""),
    "torch_kernels": ("torch cuda machine", "torch cuda machine sm ptx source", "", ""),
    "tensorflow": ("tensorflow", "tensorflow cuda cudnn", "", ""),
    "onnxruntime": ("first", "first cuda cudnn", "source", "note newest"),
    "libraries": ("library", "library 11 12 13", "", "note"),
    "loads": ("package", "package libraries", "first needs brings source", "note"),
}
MAY_BE_NULL = {
    ("toolkit_driver", "windows"),
    ("architectures", "last_toolkit"),
    ("architectures", "last_branch"),
    ("torch_builds", "python"),
    ("torch_libc", "tag"),
}
VERSIONS = {
    *("toolkit", "linux", "windows", "branch", "compute_capability", "torch", "cuda", "cudnn"),
    *("nccl", "tensorflow", "first", "first_toolkit", "last_toolkit", "last_branch", "libc"),
    *("compute_capabilities", "sm", "ptx", "python"),
}
# Oldest first, or newest first: each next row is not below the one before.
RISING = {
    "torch_builds": ("torch",),
    "torch_default": ("torch", "cuda", "cudnn"),
    "tensorflow": ("tensorflow", "cuda", "cudnn"),
}
FALLING = {
    "toolkit_driver": ("toolkit", "linux", "windows"),
    "toolkit_branch": ("toolkit", "branch"),
    "forward_compat": ("toolkit",),
    "devices": ("compute_capability",),
    "onnxruntime": ("first", "cuda", "cudnn"),
}


def numbers(version: object) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version).split("."))


def flat(value: object) -> list[object]:
    return [each for part in value for each in flat(part)] if isinstance(value, list) else [value]


def test_the_date_is_a_month_that_has_been() -> None:
    assert re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", DATA["date"])
    read = date.fromisoformat(f"{DATA['date']}-01")
    assert date(2026, 1, 1) <= read <= datetime.now(UTC).date()
    assert DATA["schema"] == 1


def test_every_table_is_tested_here() -> None:
    assert set(TABLES) == set(SCHEMA)
    assert set(DATA) - set(TABLES) == {"schema", "date", "newest_page"}


@pytest.mark.parametrize("name", SCHEMA)
class TestTable:
    def test_it_has_its_columns_and_no_other(self, name: str) -> None:
        _, columns, optional, beside = SCHEMA[name]
        assert set(TABLES[name]) == {"source", "rows", *beside.split()}
        for row in TABLES[name]["rows"]:
            assert set(row) - {*optional.split()} == {*columns.split()}, row

    def test_every_row_has_a_source(self, name: str) -> None:
        assert TABLES[name]["rows"]
        for row in TABLES[name]["rows"]:
            source = row.get("source", TABLES[name].get("source"))
            assert isinstance(source, str)
            assert len(source.strip()) > 10, row

    def test_no_row_is_there_twice(self, name: str) -> None:
        first, *others = SCHEMA[name][0].split()
        keys = [
            (each, *(row[other] for other in others))
            for row in TABLES[name]["rows"]
            for each in flat(row[first])
        ]
        assert len(set(keys)) == len(keys)

    def test_every_version_is_one(self, name: str) -> None:
        for row in TABLES[name]["rows"]:
            for key in VERSIONS & set(row):
                for value in flat(row[key]):
                    known = (name, key) in MAY_BE_NULL and value is None
                    assert known or VERSION.fullmatch(str(value)), (name, key, row)

    def test_what_rises_rises(self, name: str) -> None:
        for order, columns in ((1, RISING.get(name, ())), (-1, FALLING.get(name, ()))):
            for column in columns:
                found = [row[column] for row in TABLES[name]["rows"] if row.get(column) is not None]
                for before, after in pairwise(found[::order]):
                    assert numbers(before) <= numbers(after), (column, before, after)


def test_the_floor_of_a_major_is_not_above_any_driver_of_it_but_the_first() -> None:
    for floor in TABLES["minor_version_floor"]["rows"]:
        for row in TABLES["toolkit_driver"]["rows"]:
            major, minor = numbers(row["toolkit"])[:2]
            if major == floor["major"] and (major, minor) != (11, 0):
                assert numbers(floor["linux"]) <= numbers(row["linux"])


def test_a_matrix_has_a_cell_for_each_branch() -> None:
    table = TABLES["forward_compat"]
    assert table["branches"] == sorted(table["branches"], key=int)
    for row in table["rows"]:
        assert len(row["row"]) == len(table["branches"])
        assert re.fullmatch(r"C*N?X*", row["row"])


def test_a_newer_package_serves_every_branch_that_an_older_one_does() -> None:
    rows = TABLES["forward_compat"]["rows"]
    for newer, older in pairwise(rows):
        assert newer["row"].count("C") >= older["row"].count("C")


def test_builds_and_kernels_belong_together() -> None:
    tags = {
        (row["torch"], f"{tag[2:-1]}.{tag[-1]}")
        for row in TABLES["torch_builds"]["rows"]
        for tag in row["tags"]
    }
    for row in TABLES["torch_kernels"]["rows"]:
        for torch in row["torch"]:
            assert (torch, row["cuda"]) in tags, row
        assert set(row["ptx"]) <= {*row["sm"]}
        assert [*row["sm"]] == sorted(row["sm"], key=numbers)
    for row in TABLES["torch_default"]["rows"]:
        minors = ".".join(row["torch"].split(".")[:2]), ".".join(row["cuda"].split(".")[:2])
        assert minors in tags, row
    for row in TABLES["torch_cudnn"]["rows"]:
        assert (row["torch"], row["cuda"]) in tags, row


def test_every_library_that_a_package_loads_has_a_wheel() -> None:
    known = {row["library"]: row for row in TABLES["libraries"]["rows"]}
    for row in TABLES["loads"]["rows"]:
        assert set(row["libraries"]) <= set(known), row
        assert row.get("needs") or row["brings"], row


# Against a copy of what was read on NVIDIA's and PyTorch's pages, which nobody edits together with the data


FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "assets/gpu_facts.json").read_text(encoding="utf-8")
)
OLDER = [  # on the same page, below
    ("9.2.148", "396.37", "398.26"),
    ("9.2.88", "396.26", "397.44"),
    ("9.1", "390.46", "391.29"),
    ("9.0", "384.81", "385.54"),
    ("8.0.61", "375.26", "376.51"),
    ("8.0.44", "367.48", "369.30"),
    ("7.5", "352.31", "353.66"),
    ("7.0", "346.46", "347.62"),
]


def rows(name: str, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.get(column) for column in columns) for row in TABLES[name]["rows"]]


def test_the_drivers_are_those_of_the_release_notes() -> None:
    read = [
        (row["toolkit"], row["linux_min"], row["windows_min"])
        for row in FACTS["cuda_toolkit_driver"]["rows"]
    ]
    assert len(read) == 55
    assert rows("toolkit_driver", "toolkit", "linux", "windows") == read + OLDER
    read_branches = FACTS["cuda_toolkit_driver"]["branch_only"]
    branches = {toolkit: branch.removeprefix("R") for toolkit, branch in read_branches.items()}
    assert dict(rows("toolkit_branch", "toolkit", "branch")) == branches
    floors = {
        int(major): (row["linux_min"], row["windows_min"])
        for major, row in FACTS["minor_version_compat"].items()
        if major.isdigit()
    }
    own = rows("minor_version_floor", "major", "linux", "windows")
    assert {major: floor for major, *floor in own} == {m: [*f] for m, f in floors.items()}


def test_forward_compatibility_is_that_of_the_page() -> None:
    assert TABLES["forward_compat"]["branches"] == FACTS["forward_compat"]["base_branches"]
    assert dict(rows("forward_compat", "toolkit", "row")) == FACTS["forward_compat"]["matrix"]


def test_the_architectures_are_those_of_the_matrix() -> None:
    def plain(text: str, end: str) -> str | None:
        return None if text == "ongoing" else text.removesuffix(end).removeprefix("R")

    read = [
        (name, capabilities.split(","), first.split()[0], plain(last, ".x"), plain(branch, ""))
        for name, capabilities, first, last, branch in FACTS["arch_toolkit"]["rows"]
    ]
    columns = ("name", "compute_capabilities", "first_toolkit", "last_toolkit", "last_branch")
    assert rows("architectures", *columns) == read


def test_the_cards_are_those_of_the_pages() -> None:
    read = {key: names for key, names in FACTS["gpu_cc"].items() if key != "source"}
    assert dict(rows("devices", "compute_capability", "names")) == read
    for row in TABLES["data_centre"]["rows"]:
        if "source" not in row:  # one that NVIDIA's pages name themselves
            assert {*row["words"]} <= {*read[row["compute_capability"]]}, row


def test_each_card_is_found_by_its_name_and_by_no_others() -> None:
    """Ranges as the pages print them (`RTX 4090..4050`) are no names."""
    named = [
        (row["compute_capability"], name)
        for row in TABLES["devices"]["rows"]
        for name in row["names"]
        if not re.search(r"[/]|\.\.|xx", name)
    ]
    assert len(named) > 25
    for capability, name in named:
        assert gpu_cards.capability_of(f"NVIDIA {name}") == capability, name


def test_the_builds_of_torch_are_those_of_the_pages() -> None:
    read = {key: tags for key, tags in FACTS["torch_cuda_builds"].items() if key != "source"}
    own = {
        row["torch"]: row["tags"] for row in TABLES["torch_builds"]["rows"] if "source" not in row
    }
    assert own == read
    untagged = {key: cuda for key, cuda in FACTS["torch_pypi_default"].items() if key != "source"}
    assert dict(rows("torch_default", "torch", "cuda")) == untagged


def dotted(capability: str) -> str:
    return f"{capability[:-1]}.{capability[-1]}"


def minors(text: str) -> list[str]:
    """Return the minors of a build: `2.9-2.10`, `2.0.1`."""
    first, _, last = text.partition("-")
    major, low = map(int, first.split(".")[:2])
    return [f"{major}.{n}" for n in range(low, (numbers(last)[1] if last else low) + 1)]


def test_the_kernels_of_torch_are_those_of_the_pages() -> None:
    known = {
        (torch, row["cuda"]): ({*row["sm"]}, {*row["ptx"]})
        for row in TABLES["torch_kernels"]["rows"]
        for torch in row["torch"]
        if row["machine"] == "x86_64"
    }
    every = sorted({sm for sms, _ in known.values() for sm in sms}, key=numbers)
    for build, read in FACTS["torch_sm_linux_x86"].items():
        if build == "source":
            continue
        torch, tag = re.split(r"[+ ]", build)
        ptx = {dotted(word[3:6]) for word in read if word.startswith("ptx")}
        sms = {dotted(word) for word in read if word.isdigit()}
        if ".." in read[0]:  # a range, in which the rows name each
            low, high = map(dotted, read[0].split(".."))
            sms = {sm for sm in every if numbers(low) <= numbers(sm) <= numbers(high)}
        for minor in minors(torch):
            assert known[minor, f"{tag[2:-1]}.{tag[-1]}"] == (sms, ptx), build


CUDNN = {  # torch: CUDA and cuDNN, as PyTorch's release matrix and the wheels have it
    "1.13": "11.6 8.3.2.44, 11.7 8.5.0.96",
    "2.0": "11.7 8.5.0.96, 11.8 8.7.0.84",
    **dict.fromkeys(("2.1", "2.2", "2.3"), "11.8 8.7.0.84, 12.1 8.9.2.26"),
    **dict.fromkeys(("2.4", "2.5"), "11.8 9.1.0.70, 12.1 9.1.0.70, 12.4 9.1.0.70"),
    "2.6": "11.8 9.1.0.70, 12.4 9.1.0.70, 12.6 9.5.1.17",
    "2.7": "11.8 9.1.0.70, 12.6 9.5.1.17, 12.8 9.7.1.26",
    "2.8": "12.6 9.10.2.21, 12.8 9.10.2.21, 12.9 9.10.2.21",
    "2.9": "12.6 9.10.2.21, 12.8 9.10.2.21, 13.0 9.13.0.50",
    "2.10": "12.6 9.10.2.21, 12.8 9.10.2.21, 13.0 9.15.1.9",
    "2.11": "13.0 9.19.0.56",
    **dict.fromkeys(("2.12", "2.13"), "13.0 9.20.0.48"),
    "2.14": "13.0 9.24.0.43",
    "2.15": "13.2 9.26.0.51",
}
NCCL = {"2.8.0": "2.27.3", "2.9.1": "2.27.5", "2.11.0": "2.28.9", "2.13.0": "2.29.7"}
TENSORFLOW = {
    "11.0 8.0": "4",
    "11.2 8.1": "5 6 7 8 9 10 11",
    "11.8 8.6": "12 13",
    "11.8 8.7": "14",
    "12.2 8.9": "15",
    "12.3 8.9": "16 17",
    "12.5 9.3": "18 19 20 21",
}


def test_cudnn_and_nccl_are_those_of_the_pages() -> None:
    found: dict[str, list[str]] = {}
    for torch, cuda, cudnn in rows("torch_cudnn", "torch", "cuda", "cudnn"):
        found.setdefault(torch, []).append(f"{cuda} {cudnn}")
    assert {torch: ", ".join(each) for torch, each in found.items()} == CUDNN
    for torch, cuda, cudnn, nccl in rows("torch_default", "torch", "cuda", "cudnn", "nccl"):
        minor, short = (".".join(each.split(".")[:2]) for each in (torch, cuda))
        assert cudnn is None or f"{short} {cudnn}" in CUDNN[minor].split(", ")
        assert (cudnn is None) is (torch == "2.9.1")
        assert nccl == NCCL.get(torch)


def test_what_tensorflow_is_built_with() -> None:
    found = {
        torch: f"{cuda} {dnn}"
        for torch, cuda, dnn in rows("tensorflow", "tensorflow", "cuda", "cudnn")
    }
    read = {f"2.{minor}": both for both, those in TENSORFLOW.items() for minor in those.split()}
    assert found == read


def test_the_wheels_c_library() -> None:
    assert gpu_builds.torch_libc("2.5", "cu124") is None
    assert gpu_builds.torch_libc("2.6", "cu124") is None
    assert gpu_builds.torch_libc("2.6", "cu126") == (2, 28)
    assert gpu_builds.torch_libc("2.7", "cu118") == (2, 28)
    assert gpu_builds.torch_libc("2.15", "cu132") == (2, 28)


# What stands in no machine-readable copy: typed from the same pages


PYTHONS = {  # the first and the last with wheels
    "1.13": ["3.7", "3.10"],
    **{torch: ["3.8", "3.11"] for torch in ("2.0", "2.1", "2.2", "2.3")},
    "2.4": ["3.8", "3.12"],
    "2.5": ["3.9", "3.12"],
    **{torch: ["3.9", "3.13"] for torch in ("2.6", "2.7", "2.8")},
    **{torch: ["3.10", "3.14"] for torch in ("2.9", "2.10", "2.11")},
    **{torch: ["3.10", None] for torch in ("2.12", "2.13", "2.14")},
    "2.15": ["3.11", None],
}
LATER = {"2.14": ["cu126", "cu130", "cu132"], "2.15": ["cu132"]}
KERNELS = {  # machine and CUDA: the torch minors of which they are known
    "x86_64 11.7": "1.13",
    "x86_64 11.8": "2.0",
    "x86_64 12.4": "2.4",
    "x86_64 12.6": "2.6 2.8 2.9 2.10 2.11 2.12 2.13 2.14",
    "x86_64 12.8": "2.7 2.8 2.9 2.10 2.11",
    "x86_64 12.9": "2.8",
    "x86_64 13.0": "2.9 2.10 2.11 2.12 2.13 2.14",
    "x86_64 13.2": "2.12 2.13 2.14 2.15",
    "aarch64 12.6": "2.8 2.9 2.10 2.11 2.12 2.13 2.14",
    "aarch64 12.8": "2.8 2.9 2.10 2.11",
    "aarch64 13.0": "2.9 2.10 2.11 2.12 2.13 2.14",
    "aarch64 13.2": "2.12 2.13 2.14 2.15",
}
ARM = {
    "12.6": ("8.0 9.0", ""),
    "12.8": ("8.0 9.0 10.0 12.0", ""),
    "13.0": ("8.0 9.0 10.0 11.0 12.0", "12.0"),
    "13.2": ("8.0 9.0 10.0 11.0 12.0", "12.0"),
}
DATA_CENTRE = {
    "10.3": "B300 GB300",
    "10.0": "B200 GB200",
    "9.0": "GH200 H100 H20 H200 H800",
    "8.9": "L2 L20 L4 L40 L40S",
    "8.6": "A10 A16 A2 A40",
    "8.0": "A100 A30 A800",
    "7.5": "T4",
    "7.0": "V100",
    "6.1": "P4 P40",
    "6.0": "P100",
    "5.2": "M40 M60",
}
ONNXRUNTIME = [
    ("1.27", "13", "9"),
    ("1.19", "12", "9"),
    ("1.15", "11.8", "8"),
    ("1.13", "11.6", "8"),
    ("1.9", "11.4", "8"),
    ("1.7", "11.0", "8"),
]
WHEELS = {
    "cuDNN": "nvidia-cudnn-cu11 nvidia-cudnn-cu12 nvidia-cudnn-cu13",
    "NCCL": "nvidia-nccl-cu11 nvidia-nccl-cu12 nvidia-nccl-cu13",
    "cuBLAS": "nvidia-cublas-cu11 nvidia-cublas-cu12 nvidia-cublas",
    "the CUDA runtime": "nvidia-cuda-runtime-cu11 nvidia-cuda-runtime-cu12 nvidia-cuda-runtime",
}
ALL_FOUR = ["cuDNN", "NCCL", "cuBLAS", "the CUDA runtime"]
NO_NCCL = ["cuDNN", "cuBLAS", "the CUDA runtime"]
NO_CUDNN = ["cuBLAS", "the CUDA runtime"]
LOADS = [  # package, from which release on, what, how to lock it too
    ("torch", "2.7", ALL_FOUR, None),
    ("jax-cuda12-plugin", None, ALL_FOUR, "jax[cuda12]"),
    ("jax-cuda13-plugin", None, ALL_FOUR, "jax[cuda13]"),
    ("tensorflow", None, NO_NCCL, "tensorflow[and-cuda]"),
    ("cupy-cuda12x", None, NO_CUDNN, "cupy-cuda12x[ctk]"),
    ("cupy-cuda13x", None, NO_CUDNN, "cupy-cuda13x[ctk]"),
    ("onnxruntime-gpu", None, NO_NCCL, "onnxruntime-gpu[cuda,cudnn]"),
]
# Rows that do not come from where the rest of their table does.
OTHER_SOURCES = {
    "torch_builds": {"2.14", "2.15"},
    "torch_libc": {"2.6"},
    "torch_cudnn": {"2.11", "2.12", "2.13", "2.14", "2.15"},
    "onnxruntime": {"1.27"},
    "loads": {package for package, *_ in LOADS if package != "torch"},
    "data_centre": {"H800", "L20", "A800"},
}


def test_the_pythons_and_the_latest_builds_of_torch() -> None:
    assert dict(rows("torch_builds", "torch", "python")) == PYTHONS
    later = [row for row in TABLES["torch_builds"]["rows"] if "source" in row]
    assert {row["torch"]: row["tags"] for row in later} == LATER


def test_of_which_builds_the_kernels_are_known() -> None:
    found: dict[str, list[str]] = {}
    for row in TABLES["torch_kernels"]["rows"]:
        found.setdefault(f"{row['machine']} {row['cuda']}", []).extend(row["torch"])
        if row["machine"] == "aarch64":
            assert (" ".join(row["sm"]), " ".join(row["ptx"])) == ARM[row["cuda"]]
    assert {key: " ".join(torches) for key, torches in found.items()} == KERNELS


def test_the_data_centre_cards() -> None:
    found: dict[str, list[str]] = {}
    for row in TABLES["data_centre"]["rows"]:
        found.setdefault(row["compute_capability"], []).extend(row["words"])
    assert {key: " ".join(sorted(words)) for key, words in found.items()} == DATA_CENTRE
    assert TABLES["data_centre"]["not"] == ["GeForce", "Quadro", "RTX", "TITAN", "Active"]


def test_onnxruntime_and_what_packages_load() -> None:
    assert rows("onnxruntime", "first", "cuda", "cudnn") == ONNXRUNTIME
    own = [
        (name, " ".join(wheels)) for name, *wheels in rows("libraries", "library", "11", "12", "13")
    ]
    assert dict(own) == WHEELS
    assert rows("loads", "package", "first", "libraries", "brings") == LOADS
    assert rows("loads", "needs")[0] == (True,)


@pytest.mark.parametrize("name", SCHEMA)
def test_a_row_from_elsewhere_says_from_where(name: str) -> None:
    if "source" in SCHEMA[name][1].split():
        return  # each row has its own, which the columns ask for
    key = SCHEMA[name][0].split()[0]
    found = {flat(row[key])[0] for row in TABLES[name]["rows"] if "source" in row}
    assert found == OTHER_SOURCES.get(name, set())
