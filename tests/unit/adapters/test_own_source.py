"""Where envctl says that it comes from: only what another machine can take it from as well (PEP 610)."""

import json
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters.own_source import own_source

URL = "https://git.example/team/envctl.git"
GIT = {"vcs": "git", "commit_id": "0123abcd", "requested_revision": "v0.1.0"}


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ({"url": URL, "vcs_info": GIT}, f"git+{URL}@0123abcd"),
        (
            {"url": URL, "vcs_info": GIT, "subdirectory": "tools/envctl"},
            f"git+{URL}@0123abcd#subdirectory=tools/envctl",
        ),
        ({"url": "https://me:word@git.example/envctl", "vcs_info": GIT}, None),
        ({"url": "ssh://git@git.example/envctl", "vcs_info": GIT}, None),
        ({"url": URL, "vcs_info": GIT | {"vcs": "hg"}}, None),
        ({"url": "file:///home/me/envctl", "dir_info": {"editable": True}}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Any, source: str | None
) -> None:
    info = tmp_path / "envctl_gpu-9.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: envctl-gpu\nVersion: 9.0\n")
    if told is not None:
        (info / "direct_url.json").write_text(json.dumps(told))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert own_source() == source
