"""The metadata of installed packages, also where it is broken: whatever is in these files, nothing is raised."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from envctl.domain.captured.packages import Origin
from envctl.readers.conda.meta import read_conda_record
from envctl.readers.installed import (
    read_direct_url,
    read_metadata,
    read_record,
    read_requires_txt,
    read_tags,
)

METADATA = """\
Metadata-Version: 2.1
Name: Zz_Made.Thing
Version: 01.2.0
Requires-Dist: Other_Lib (>=1)
Requires-Dist: fast ; extra == "Fast_One"
Requires-Dist: not a requirement!
Provides-Extra: Fast_One

Name: another
"""


def test_metadata_in_its_one_spelling() -> None:
    found = read_metadata(METADATA, "whatever-9.dist-info")
    assert found is not None
    assert (found.name, found.version) == ("zz-made-thing", "1.2.0")
    assert found.requires == ("Other_Lib>=1", 'fast; extra == "fast-one"')
    assert found.extras == ("fast-one",)
    (fault,) = found.faults
    assert "`not a requirement!` cannot be read" in fault


@pytest.mark.parametrize(
    ("text", "folder", "expected"),
    [
        ("", "zz_made-1.0.dist-info", ("zz-made", "1.0", True)),
        ("Name: a b\nVersion: x", "zz_made-1.0-py3.9.egg-info", ("zz-made", "1.0", True)),
        ("Name: x\nVersion: 2", "y-1.dist-info", ("x", "2", False)),
        ("Name: x\r\nVersion: 2\r\n\r\nName: y", "y-1.dist-info", ("x", "2", False)),
        ("", "nothing.dist-info", None),
        ("", "-.dist-info", None),
        ("Name: x", "x.dist-info", None),
    ],
)
def test_a_name_and_version_are_taken_from_the_folder_where_they_lack(
    text: str, folder: str, expected: tuple[str, str, bool] | None
) -> None:
    found = read_metadata(text, folder)
    assert (found and (found.name, found.version, bool(found.faults))) == expected


def test_the_sections_of_requires_txt() -> None:
    text = "a>=1\n\n[Fast_One]\nb\n\n[:python_version < '3']\nc\n[x:os_name == 'nt']\nd\n!!\n"
    assert read_requires_txt(text) == (
        "a>=1",
        'b; extra == "fast-one"',
        'c; python_version < "3"',
        'd; os_name == "nt" and extra == "x"',
    )


def test_a_record() -> None:
    rows = read_record('a.py,sha256=abc-_1,3\r\n"b, c.py",,\nd.py,md5=abc,1\nRECORD,,\n')
    assert rows is not None
    assert rows.paths == ("a.py", "b, c.py", "d.py", "RECORD")
    assert rows.hashes == {"a.py": "sha256=abc-_1"}
    assert read_record("") is None
    assert read_record("a\0b,,\n") is None


def url(table: Any) -> Origin:
    return read_direct_url(json.dumps(table))


def test_direct_urls() -> None:
    git = {"vcs": "git", "commit_id": "a" * 40, "requested_revision": "main"}
    commit = "@" + "a" * 40
    assert url({"url": "https://git.example/x.git", "vcs_info": git}) == Origin(
        kind="vcs", url=f"git+https://git.example/x.git{commit}"
    )
    inner = {"url": "ssh://git@git.example/x", "vcs_info": git, "subdirectory": "py/thing"}
    assert url(inner).url == f"git+ssh://git@git.example/x{commit}#subdirectory=py/thing"
    hashes = {"hashes": {"sha256": "0" * 64}}
    wheel = {"url": "https://x.example/x-1-py3-none-any.whl", "archive_info": hashes}
    assert url(wheel).url == f"https://x.example/x-1-py3-none-any.whl#sha256={'0' * 64}"
    folder = {"url": "file:///srv/my%20code", "dir_info": {"editable": True}}
    assert url(folder) == Origin(kind="editable", url="/srv/my code")
    assert url({"url": "file:///srv/x", "dir_info": {}}) == Origin(kind="folder", url="/srv/x")


@pytest.mark.parametrize(
    "table",
    [
        {"url": "https://git.example/x", "vcs_info": {"vcs": "hg", "commit_id": "a" * 40}},
        {"url": "https://git.example/x", "vcs_info": {"vcs": "git", "commit_id": "main; rm -rf"}},
        {"url": "https://git.example/x", "vcs_info": {"vcs": "git"}},
        {"url": "https://git.example/x y", "archive_info": {}},
        {"url": "https://git.example/x\n", "archive_info": {}},
        {"url": 7},
        [],
    ],
)
def test_an_address_that_no_requirement_can_hold_is_not_known(table: Any) -> None:
    assert url(table).url is None


def test_credentials_in_an_address_are_dropped() -> None:
    git = {"vcs": "git", "commit_id": "a" * 40}
    for address in ("https://hunter2@git.example/x", "https://me:hunter2@git.example/x"):
        assert "hunter2" not in repr(url({"url": address, "vcs_info": git}))
        assert "hunter2" not in repr(url({"url": f"{address}?token=hunter2", "vcs_info": git}))


def test_a_conda_package() -> None:
    digest, plain = hashlib.sha256(b"x").hexdigest(), hashlib.sha256(b"x").digest()
    table = {
        "name": "PyTorch",
        "version": "2.5.1",
        "build": "cuda126_py311",
        "requested_spec": "pytorch=2.5",
        "files": ["lib/python3.11/site-packages/torch-2.5.1.dist-info/METADATA", "bin/x", 7],
        "paths_data": {
            "paths": [
                {"_path": "bin/x", "sha256": "0" * 64, "sha256_in_prefix": digest},
                {"_path": "bin/y", "sha256": "no hash"},
                {"_path": 7},
                "nothing",
            ]
        },
    }
    found = read_conda_record(json.dumps(table))
    assert found is not None
    assert found.package.name == "pytorch"
    assert found.package.requested
    assert found.package.folders == ("torch-2.5.1.dist-info",)
    encoded = base64.urlsafe_b64encode(plain).rstrip(b"=").decode()
    assert found.hashes == {"bin/x": f"sha256={encoded}"}
    unasked = read_conda_record(json.dumps(table | {"requested_spec": "None"}))
    assert unasked is not None
    assert not unasked.package.requested


_LINES = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.builds(
            "{}: {}".format,
            st.sampled_from(["Name", "Version", "Requires-Dist", "Provides-Extra", "Tag"]),
            st.text(max_size=30) | st.sampled_from(["a", "1.0", "a; extra == 'x'", "a[b]>=1"]),
        ),
        st.sampled_from(
            ["[x]", "[x:y]", "[", "a,sha256=x,1", '"', "a\0,,", "=,=", "\x1c", "\ud800"]
        ),
    ),
    max_size=12,
).map("\n".join)


@given(_LINES, st.text(max_size=30))
def test_no_text_makes_the_readers_fail(text: str, folder: str) -> None:
    metadata = read_metadata(text, folder)
    if metadata is not None:
        assert f"{metadata.name} {metadata.version}".isprintable()
        assert all(Requirement(each) for each in metadata.requires)
        assert all(fault.isprintable() for fault in metadata.faults)
    assert all(Requirement(each) for each in read_requires_txt(text))
    rows = read_record(text)
    assert rows is None or set(rows.hashes) <= set(rows.paths)
    assert all(tag == tag.strip() for tag in read_tags(text))


_KEYS = (
    *("url", "dir_info", "editable", "vcs_info", "vcs", "commit_id", "archive_info", "hashes"),
    *("sha256", "subdirectory", "name", "version", "files", "paths_data", "paths", "_path"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(_JSON.map(json.dumps) | st.text(max_size=30))
def test_no_json_makes_the_readers_fail(text: str) -> None:
    origin = read_direct_url(text)
    if origin.url and origin.direct:
        assert Requirement(f"x @ {origin.url}").url == origin.url
    assert origin.url is None or origin.url.isprintable()
    record = read_conda_record(text)
    assert record is None or record.package.name == record.package.name.lower()
