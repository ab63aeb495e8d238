"""Hooks put into a configuration that is somebody else's: what it said it still says, and taken out it is as before."""

import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.hooks import BEGIN, END, HOOKS, NAMES, Origin, in_order
from envctl.errors import ManifestError
from envctl.usecases.hooks import configuration

NAME = ".pre-commit-config.yaml"
USUAL = in_order(["verify", "environment"])
ALL = in_order(NAMES)
HERE = Origin()
THERE = Origin(repo="https://git.example/a b/'\"\\: #é😀.git", rev="- v1: #")

ITEM = """\
{0}-{1}repo: meta  # odd
{0} {1}hooks:
{0} {1}-   id: "x"\t
{0} {1}    args: ['--a',   "b: c"]
"""
TEXTS = {
    "nothing": "",
    "a comment": "# ours",
    "a document without anything": "---\n",
    "no repos": "fail_fast: true",
    "repos without a value": "repos:   # none yet\nfail_fast: true\n",
    "an empty list": "repos: []\nci: {a: 1}\n",
    "an empty list of two lines": "repos: [  # none\n  ]\n",
    "brackets": "repos: [{repo: a, hooks: [{id: x}]} ] # ]\n",
    "a last comma": "repos: [{repo: a, hooks: [{id: x}]}, # ] x\n]",
    "JSON": '{"repos": [{"repo": "meta", "hooks": [{"id": "x"}]}], "fail_fast": true}\n',
    "stages and a tail": "default_stages: [pre-push]\nrepos:\n"
    + ITEM.format("", "   ")
    + "\n# tail\n",
    "indented": "repos:\n" + ITEM.format("    ", " ") + "\nexclude: ^a\n",
    "no line end at the end": "repos:\n  - repo: meta\n    hooks: [{id: x}]",
    "a text in lines at the end": "repos:\n- repo: meta\n  hooks:\n  - id: x\n    entry: |+\n      a\n\n\n",
    "a text without its last line end": "repos:\n- repo: meta\n  hooks:\n  - id: x\n    entry: >-\n      a",
    "an end": "repos:\n- repo: meta\n  hooks: [{id: x}]\n...\n",
    "an anchor": "x: &a {repo: meta, hooks: [{id: x}]}\nrepos: &r\n# c\n  - *a\n\n# d\n",
    "tabs in comments": "repos:\t# \t\n  - repo: meta\t# tab\n    hooks:\n    - id: x\t#\ty\n",
    "quoted keys": '"repos":\n- "repo": "meta"\n  "hooks": []\n',
    "merged keys": "x: &m {id: a}\nrepos:\n- repo: meta\n  hooks:\n  - <<: *m\n    name: b\n",
    "a byte order mark": "\ufeffrepos:\n- repo: meta\n  hooks: []\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_nothing_else_is_changed(text: str, end: str) -> None:
    text = text.replace("\n", end)
    before = loaded(text)
    new = configuration.put(text, NAME, USUAL, HERE)
    item = added(before, loaded(new))
    assert item["repo"] == "local"
    assert [hook["id"] for hook in item["hooks"]] == ["envctl-verify", "envctl-environment"]
    assert end not in text or "\n" not in new.replace(end, "")
    assert configuration.put(new, NAME, USUAL, HERE) == new
    changed = configuration.put(new, NAME, ALL, THERE)
    item = added(before, loaded(changed))
    assert (item["repo"], item["rev"]) == (THERE.repo, THERE.rev)
    assert item["hooks"] == [{"id": each.id} for each in HOOKS]
    assert configuration.put(changed, NAME, USUAL, HERE) == new
    for each in (new, changed):
        assert configuration.take_out(each, NAME) == text


def loaded(text: str) -> dict[str, Any]:
    return dict(yaml.load(text, Loader=yaml.CSafeLoader) or {})


def added(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the one item of ``repos`` that is new; all else must be as it was."""
    old, new = before.pop("repos", None) or [], after.pop("repos")
    assert before == after
    assert new[: len(old)] == old
    before["repos"] = old
    (item,) = new[len(old) :]
    return dict(item)


LINES = st.sampled_from(
    [
        *("repos:", "repos: []", "- repo: meta", "  - repo: local", "-   repo: 'x'", "  hooks:"),
        *(
            "    hooks:",
            "    - id: a",
            "      - id: a",
            "  - id: b # c",
            "# repos:",
            "",
            "  # c",
            "\t# c",
        ),
        *(
            "    entry: |",
            "      text",
            "      - id: d",
            "exclude: |",
            "  a",
            "fail_fast: true",
            "---",
            "...",
        ),
        *(
            "ci: &a {x: 1}",
            "other: *a",
            "repos: [",
            "  {repo: a, hooks: []},",
            "]",
            "? repos",
            ": []",
        ),
        *(
            '"repos": &r',
            "z: *r",
            "  hooks: [{id: 'a'}]",
            "repos: ~",
            "repos: !!seq",
            "é: ü",
            "\ufeff",
        ),
    ]
)
CONFIGS = st.builds(
    lambda lines, end, last: end.join(lines) + last * end,
    st.lists(LINES, max_size=14),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)


@given(CONFIGS, st.sampled_from([USUAL, ALL]), st.sampled_from([HERE, THERE]))
def test_whatever_it_looks_like_it_is_given_back(text: str, hooks: Any, origin: Origin) -> None:
    try:
        new = configuration.put(text, NAME, hooks, origin)
    except ManifestError:
        return
    added(loaded(text), loaded(new))
    found = configuration.read(new, NAME)
    assert (found.written, found.origin) == (hooks, origin)
    assert configuration.take_out(new, NAME) == text


def test_what_was_added_after_ours_stays() -> None:
    new = configuration.put("", NAME, USUAL, HERE) + "  - repo: meta\n    hooks: []\n"
    assert configuration.take_out(new, NAME) == "repos:\n  - repo: meta\n    hooks: []\n"
    again = configuration.put(new, NAME, ALL, HERE)
    assert len(loaded(again)["repos"]) == 2
    assert len(loaded(again)["repos"][0]["hooks"]) == 4


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("tail", "behind"),
    [
        ("#  - id: later", ""),
        ("#  - id: later\n", ""),
        ("    #  - id: later\n  # - id: b\n", "\n# more\n"),
        ("  # - id: b\n", "# of what follows\nexclude: ^a\n"),
        ("# a\n", "\n  # b\n"),
    ],
)
def test_a_comment_stays_with_what_it_is_about(tail: str, behind: str, end: str) -> None:
    tail, behind = tail.replace("\n", end), behind.replace("\n", end)
    text = f"repos:{end}- repo: meta{end}  hooks:{end}  - id: x{end}{tail}"
    new = configuration.put(text + behind, NAME, USUAL, HERE)
    assert new.startswith(f"{text}{'' if text.endswith(end) else end}{BEGIN}{end}")
    assert new.endswith(behind)
    assert configuration.take_out(new, NAME) == text + behind


def test_ours_stay_where_they_were_moved_to() -> None:
    text = "repos:\n- repo: meta\n  hooks: []\n"
    lines = configuration.put(text, NAME, USUAL, HERE).splitlines(keepends=True)
    moved = "".join([lines[0], *lines[3:], *lines[1:3]])
    new = configuration.put(moved, NAME, ALL, HERE)
    assert [each["repo"] for each in loaded(new)["repos"]] == ["local", "meta"]
    assert configuration.take_out(new, NAME) == text


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("repos:\n- repo: [\n", f"{NAME}:3", "not YAML"),
        ("repos:\n\t- repo: a\n", f"{NAME}:2", "not YAML"),
        ("a: !!python/name:os.system x\nrepos: []\n", f"{NAME}:1", "not YAML"),
        ("repos: {a: 1}\n", NAME, "nothing can be added"),
        ("- repo: a\n", NAME, "nothing can be added"),
        ("repos: &r []\nother: *r\n", NAME, "nothing can be added"),
        ("repos: []\n---\nrepos: []\n", f"{NAME}:2", "not YAML"),
        (f"repos: []\n{BEGIN}\n", f"{NAME}:2", "one is missing"),
        (f"repos: []\n{END}\n{BEGIN}\n", f"{NAME}:2", "one is missing"),
    ],
)
def test_what_cannot_be_added_to_is_refused_with_the_line(text: str, where: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        configuration.put(text, NAME, USUAL, HERE)
    assert caught.value.where == where
    assert said in caught.value.message
    assert caught.value.hint


def test_what_a_person_wrote_is_seen() -> None:
    text = configuration.put("", NAME, in_order(["verify"]), HERE)
    text += (
        "  - repo: local\n    hooks: [{id: envctl-lock, entry: envctl lock, language: system}]\n"
    )
    found = configuration.read(text, NAME)
    assert [each.name for each in found.by_hand] == ["lock"]
    assert [each.name for each in found.written] == ["verify"]


@pytest.mark.parametrize(
    "text", ["", "# x", 'fail_fast = true\n[[repos]]\nrepo = "meta"\nhooks = []']
)
def test_prek_has_a_configuration_in_toml(text: str) -> None:
    new = configuration.put(text, "prek.toml", ALL, THERE)
    item = tomllib.loads(new)["repos"][-1]
    assert (item["repo"], item["rev"], len(item["hooks"])) == (THERE.repo, THERE.rev, 4)
    assert configuration.put(new, "prek.toml", ALL, THERE) == new
    assert configuration.take_out(new, "prek.toml") == text
    with pytest.raises(ManifestError):
        configuration.put("repos = []\n", "prek.toml", ALL, HERE)
