"""Which of a lock's hashes an installer is told."""

from typing import Any

import pytest

from envctl.domain.lock.hashes import hardened, strong
from envctl.errors import LockError

GOOD = "ab" * 32


def entry(hashes: dict[str, str]) -> dict[str, Any]:
    file = {
        "name": "zz_made_a-1-py3-none-any.whl",
        "url": "https://index.example/a",
        "hashes": hashes,
    }
    return {"name": "zz-made-a", "version": "1", "wheels": [file]}


def test_a_hash_that_is_broken_beside_one_that_holds_is_left_out() -> None:
    found = hardened(entry({"md5": "0" * 32, "sha1": "0" * 40, "sha256": GOOD.upper()}))
    assert found["wheels"][0]["hashes"] == {"sha256": GOOD}


@pytest.mark.parametrize("hashes", [{"md5": "0" * 32}, {"sha256": "ab"}, {"sha256": "zz" * 32}])
@pytest.mark.parametrize("kind", ["sdist", "archive", "wheels"])
def test_a_file_with_only_such_hashes_is_refused(hashes: dict[str, str], kind: str) -> None:
    (file,) = entry(hashes)["wheels"]
    table = {"name": "zz-made-a", kind: [file] if kind == "wheels" else file}
    with pytest.raises(LockError, match=r"`zz-made-a` has no hash that holds"):
        hardened(table)


def test_what_has_no_hash_is_no_file_of_an_index() -> None:
    table = {"name": "zz-made-a", "directory": {"path": "../a"}, "wheels": [{"name": "a.whl"}]}
    assert hardened(table) == table
    assert strong({}) == {}
