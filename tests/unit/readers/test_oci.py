"""What registries answer is read, or refused with ``ValueError``, whatever it is."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from envctl.readers.oci import Configuration, Manifest, read_configuration, read_manifest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
DIGEST = f"sha256:{'0' * 64}"
DESCRIPTOR = st.fixed_dictionaries(
    {}, optional={"digest": st.sampled_from([DIGEST, "sha256:x"]) | JSON, "size": JSON, "platform": JSON}
)  # fmt: skip
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "manifests": st.lists(DESCRIPTOR, max_size=3) | JSON,
        "config": DESCRIPTOR | JSON,
        "layers": st.lists(DESCRIPTOR, max_size=3) | JSON,
    },
)


@given(st.binary(max_size=50) | (DOCUMENT | JSON).map(lambda table: json.dumps(table).encode()))
def test_any_answer_is_a_manifest_an_index_or_an_error(data: bytes) -> None:
    try:
        found = read_manifest(data)
    except ValueError:
        return
    if isinstance(found, Manifest):
        assert found.configuration == DIGEST
        assert isinstance(found.size, int)
    else:
        assert all(digest == DIGEST for digest in found.values())


CONFIGURATION = st.fixed_dictionaries(
    {},
    optional={
        "os": JSON,
        "architecture": JSON,
        "created": JSON,
        "history": st.lists(st.fixed_dictionaries({}, optional={"created_by": JSON})) | JSON,
        "config": st.fixed_dictionaries({}, optional={"Env": JSON, "Labels": JSON, "User": JSON}) | JSON,
    },
)  # fmt: skip


@given(
    st.binary(max_size=50) | (CONFIGURATION | JSON).map(lambda table: json.dumps(table).encode())
)
def test_any_configuration_is_texts_or_an_error(data: bytes) -> None:
    try:
        found = read_configuration(data)
    except ValueError:
        return
    texts: list[Any] = [*found.labels, *found.labels.values(), *found.env, *found.env.values()]
    texts += [*found.history, found.platform, found.user, found.created]
    assert all(isinstance(text, str) for text in texts)


def test_an_empty_configuration_is_one() -> None:
    assert read_configuration(b'{"config": null}') == Configuration(platform="unknown")


def test_the_first_of_two_entries_for_a_platform_counts() -> None:
    other = f"sha256:{'1' * 64}"
    platform = {"os": "linux", "architecture": "amd64"}
    entries = [{"digest": DIGEST, "platform": platform}, {"digest": other, "platform": platform}]
    found = read_manifest(json.dumps({"manifests": entries}).encode())
    assert found == {"linux/amd64": DIGEST}
