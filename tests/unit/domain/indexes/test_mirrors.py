"""Files from a mirror, as the index itself has them."""

from datetime import UTC, datetime

import pytest
from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain.indexes.mirrors import (
    Place,
    Transport,
    completed,
    derive,
    placed,
    places,
    redirected,
    unplaced,
)

INDEX = "https://index.example/simple"
MIRROR = "https://user:word@mirror.example/api/pypi/simple"
BARE = "https://mirror.example/api/pypi/simple"
THROUGH = Transport(mirrors={INDEX: MIRROR})
DAY = datetime(2026, 11, 1, tzinfo=UTC)


def public(url: str) -> str:
    return url.replace("user:word@", "")


def wheel(host: str, digest: str = "a", name: str = "lib-1.0-py3-none-any.whl") -> PackageWheel:
    return PackageWheel(url=f"{host}/{name}", hashes={"sha256": digest * 64})


def package(*wheels: PackageWheel, index: str = INDEX, version: str = "1.0") -> Package:
    return Package(
        name=canonicalize_name("lib"),
        version=Version(version),
        index=index,
        wheels=list(wheels),
    )


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (f"{BARE}/lib/lib-1.whl", f"{INDEX}/lib/lib-1.whl"),
        (
            "https://mirror.example/api/pypi/packages/aa/lib-1.whl",
            "https://index.example/packages/aa/lib-1.whl",
        ),
        ("https://files.example/packages/lib-1.whl", "https://files.example/packages/lib-1.whl"),
        (
            "http://mirror.example/api/pypi/simple/x.whl",
            "http://mirror.example/api/pypi/simple/x.whl",
        ),
    ],
)
def test_a_relative_link_is_derived(there: str, here: str) -> None:
    assert derive(there, f"{BARE}/lib/", f"{INDEX}/lib/") == here


def test_what_the_lock_knows_is_taken_from_it() -> None:
    known = PackageWheel(
        url="https://index.example/far/lib-1.0-py3-none-any.whl",
        size=7,
        upload_time=DAY,
        hashes={"sha256": "a" * 64},
    )
    earlier = package(known, wheel("https://index.example/far", "b", "lib-1.0-py2-none-any.whl"))
    found = completed([package(wheel(BARE))], [earlier], THROUGH)
    assert found == (earlier,)
    assert unplaced(found, places([earlier]), THROUGH) == ()
    assert placed(found, places([earlier]), THROUGH, public) == ((earlier,), ())


def test_a_file_that_is_new_is_looked_up_and_else_derived() -> None:
    earlier = package(wheel("https://index.example/far"))
    new = package(wheel(BARE), wheel(BARE, "c", "lib-1.0-cp311-none-any.whl"))
    [found] = completed([new], [earlier], THROUGH)
    assert found == new
    known = places([earlier])
    assert unplaced([found], known, THROUGH) == ((INDEX, "lib"),)
    [whole], derived = placed([found], known, THROUGH, public)
    assert derived == ("lib",)
    assert [each.url for each in whole.wheels or ()] == [
        "https://index.example/far/lib-1.0-py3-none-any.whl",
        f"{INDEX}/lib-1.0-cp311-none-any.whl",
    ]
    known["lib-1.0-cp311-none-any.whl", "c" * 64] = Place(url="https://x.example/1", size=3)
    [whole], derived = placed([found], known, THROUGH, public)
    assert derived == ()
    assert [(each.url, each.size) for each in whole.wheels or ()][1] == ("https://x.example/1", 3)


def test_another_hash_is_another_file() -> None:
    earlier = package(wheel("https://index.example/far", "b"))
    [found], derived = placed([package(wheel(BARE))], places([earlier]), THROUGH, public)
    assert derived == ("lib",)
    assert found.wheels is not None
    assert found.wheels[0].url == f"{INDEX}/lib-1.0-py3-none-any.whl"


def test_what_has_no_mirror_stays() -> None:
    other = package(wheel("https://other.example"), index="https://other.example/simple")
    assert completed([other], [package(wheel(BARE))], THROUGH) == (other,)
    assert unplaced([other], {}, THROUGH) == ()
    assert placed([other], {}, THROUGH, public) == ((other,), ())


def test_a_slice_is_redirected_file_by_file() -> None:
    table = {
        "packages": [
            {
                "name": "lib",
                "index": f"{INDEX}/",
                "wheels": [{"url": "https://x.example/a%2Bb.whl", "hashes": {"sha256": "aa"}}],
                "sdist": {"name": "lib-1.tar.gz", "url": "https://x.example/1", "hashes": {}},
            },
            {"name": "built", "index": INDEX, "wheels": [{"url": "file:///b.whl", "hashes": {}}]},
            {"name": "there", "index": INDEX, "wheels": [{"path": "b.whl", "hashes": {}}]},
            {"name": "other", "index": "https://o.example", "wheels": [{"url": "https://o/1"}]},
            {"name": "direct", "archive": {"url": "https://d.example/d.whl"}},
        ]
    }
    moved = redirected(table, THROUGH, lambda *asked: repr(asked))["packages"]
    assert moved[0]["wheels"][0]["url"] == repr((INDEX, "lib", ("a%2Bb.whl", "aa")))
    assert moved[0]["sdist"]["url"] == repr((INDEX, "lib", ("lib-1.tar.gz", "")))
    assert moved[1:] == table["packages"][1:]


def test_an_sdist_is_placed_as_well() -> None:
    sdist = PackageSdist(url=f"{BARE}/lib-1.0.tar.gz", hashes={"sha256": "d" * 64})
    there = Package(name=canonicalize_name("lib"), version=Version("1.0"), index=INDEX, sdist=sdist)
    [found], _ = placed([there], {}, THROUGH, public)
    assert found.sdist is not None
    assert found.sdist.url == f"{INDEX}/lib-1.0.tar.gz"
