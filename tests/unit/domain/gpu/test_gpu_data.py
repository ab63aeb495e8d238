"""The data file itself: every row has a source, versions parse, nothing is there twice, what must rise rises."""

import json
import re
from datetime import date
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

DATA: dict[str, Any] = json.loads(
    files("envctl").joinpath("data/gpu.json").read_text(encoding="utf-8")
)
TABLES = {name: table for name, table in DATA.items() if isinstance(table, dict)}
VERSION = re.compile(r"\d+(\.\d+)*")
# What makes a row the only one of its table.
KEYS = {
    "toolkit_driver": ("toolkit",),
    "toolkit_branch": ("toolkit",),
    "minor_version_floor": ("major",),
    "forward_compat": ("toolkit",),
    "architectures": ("name",),
    "devices": ("compute_capability",),
    "data_centre": ("compute_capability",),
    "torch_builds": ("torch",),
    "torch_default": ("torch",),
    "torch_cudnn": ("torch", "cuda"),
    "torch_kernels": ("torch", "cuda", "machine"),
    "tensorflow": ("tensorflow",),
    "onnxruntime": ("first",),
    "libraries": ("library",),
    "loads": ("package",),
}
VERSIONS = (
    *("toolkit", "linux", "windows", "branch", "compute_capability", "torch", "cuda", "cudnn"),
    *("nccl", "tensorflow", "first", "first_toolkit", "last_toolkit", "last_branch"),
    *("compute_capabilities", "sm", "ptx", "python"),
)
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
    assert date(2026, 1, 1) <= date.fromisoformat(f"{DATA['date']}-01")
    assert DATA["schema"] == 1


def test_every_table_is_tested_here() -> None:
    assert set(TABLES) == set(KEYS)


@pytest.mark.parametrize("name", KEYS)
class TestTable:
    def test_every_row_has_a_source(self, name: str) -> None:
        assert TABLES[name]["rows"]
        for row in TABLES[name]["rows"]:
            source = row.get("source", TABLES[name].get("source"))
            assert isinstance(source, str)
            assert len(source.strip()) > 10, row

    def test_no_row_is_there_twice(self, name: str) -> None:
        keys = [
            key
            for row in TABLES[name]["rows"]
            for first in flat(row[KEYS[name][0]])
            for key in [(first, *(row[each] for each in KEYS[name][1:]))]
        ]
        assert len(set(keys)) == len(keys)

    def test_every_version_is_one(self, name: str) -> None:
        for row in TABLES[name]["rows"]:
            for key in VERSIONS:
                for value in flat(row.get(key)):
                    assert value is None or VERSION.fullmatch(str(value)), (name, key, row)

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
