"""The file and the line that a finding leads to."""

import pytest

from envctl.domain.finding import Finding, Layer
from envctl.domain.finding.codes import Code
from envctl.domain.finding.place import file_of, line_of

MANIFEST = """\
[project]
dependencies = [
    "zz-made-app-two",
    "Zz-Made.App<2",
    "zz-made-lib",
]
[tool.envctl.env]
CUDA_VISIBLE_DEVICES_OLD = "1"
CUDA_VISIBLE_DEVICES = "2"
"""


def finding(code: Code, layer: Layer, subject: str = "x", file: str | None = None) -> Finding:
    return Finding(code=code, layer=layer, severity="error", subject=subject, message="", file=file)


@pytest.mark.parametrize(
    ("found", "file"),
    [
        (finding("lock-stale", "lock"), "pyproject.toml"),
        (finding("lock-edited", "lock"), "pylock.cu126.toml"),
        (finding("driver-too-old", "machine"), "pylock.cu126.toml"),
        (finding("variable-unset", "variables"), "pyproject.toml"),
        (finding("file-modified", "environment"), None),
        (finding("dockerfile-stale", "image"), "Dockerfile.cu126"),
        (finding("dockerfile-edited", "image", file=".dockerignore"), ".dockerignore"),
        (finding("driver-too-old", "fleet", "lab"), ".envctl/machines/lab.toml"),
        (finding("record-unreadable", "fleet", "lab.toml"), ".envctl/machines/lab.toml"),
        (finding("record-unreadable", "fleet", ".envctl/machines"), ".envctl/machines"),
        (finding("devices-cut", "fleet", "lab"), "pyproject.toml"),
    ],
)
def test_the_file(found: Finding, file: str | None) -> None:
    assert file_of(found, lock="pylock.cu126.toml", dockerfile="Dockerfile.cu126") == file


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("zz-made-lib", 5),
        ("requires zz-made.app<2", 4),
        ("requires zz-made-lib>=3", 5),
        ("CUDA_VISIBLE_DEVICES", 9),
        ("env CUDA_VISIBLE_DEVICES", 9),
        ("zz-made", None),
        ("", None),
        ("(", None),
    ],
)
def test_the_line(subject: str, line: int | None) -> None:
    assert line_of(finding("lock-stale", "lock", subject), MANIFEST) == line
