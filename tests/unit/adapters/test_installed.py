"""What an environment holds, read from its folders."""

from pathlib import Path

import pytest

from envctl.adapters import installed


@pytest.mark.parametrize(
    ("folder", "version"),
    [
        ("odd_one-2023.03.01.dist-info", "2023.3.1"),
        ("odd_one-1.0.post1.dist-info", "1.0.post1"),
        ("Odd.One-2.0+CU126.dist-info", "2.0+cu126"),
        ("odd_one-not a version.dist-info", "not a version"),
    ],
)
def test_versions_are_spelled_as_a_lock_spells_them(
    tmp_path: Path, folder: str, version: str
) -> None:
    (tmp_path / "lib" / "python3.11" / "site-packages" / folder).mkdir(parents=True)
    assert installed.packages(tmp_path) == {"odd-one": version}


def test_no_environment_holds_nothing(tmp_path: Path) -> None:
    assert installed.packages(tmp_path) == {}
