"""Whose word counts, for every pair of sources."""

import os
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.environment.activation import (
    SOURCES,
    Activation,
    Assignment,
    declared,
    precedence,
)
from envctl.errors import ManifestError, UsageError
from envctl.usecases.activate import script, shell_command
from envctl.usecases.run import pairs, patch

DEVICES = "CUDA_VISIBLE_DEVICES"
SLURM = {"SLURM_JOB_ID": "7"}


def settle(name: str, sources: dict[str, str]) -> Assignment | None:
    """Let each source give its value for one variable, and return who won."""
    inside = SLURM if "scheduler" in sources else {}
    word = sources.get("scheduler", sources.get("caller"))
    caller = {**inside, **({} if word is None else {name: word})}

    def of(source: str) -> dict[str, str]:
        return {name: sources[source]} if source in sources else {}

    files = declared(
        of("manifest"), profile=of("profile"), env_file=of("env-file"), local=of("local")
    )
    found = precedence(files, caller=caller, cli=of("command line"), leased=of("lease"))
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(("weak", "strong"), list(combinations(SOURCES, 2)))
def test_of_each_pair_the_stronger_source_decides_on_a_host_variable(
    weak: str, strong: str
) -> None:
    found = settle(DEVICES, {weak: "weak", strong: "strong"})
    undeclared = {weak, strong} == {"caller", "scheduler"}
    if undeclared:  # nobody declares it: it stays as it is, and is not listed
        assert found is None
    else:
        assert found == Assignment(name=DEVICES, value="strong", source=strong)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["manifest", "profile", "env-file", "local"])
def test_the_callers_value_of_any_other_variable_gives_way(source: str) -> None:
    found = settle("PYTHONHASHSEED", {"caller": "1", source: "0"})
    assert found is not None
    assert (found.value, found.source) == ("0", source)


def test_a_scheduler_that_leaves_the_devices_unset_is_heard() -> None:
    (found,) = precedence(declared({DEVICES: "2"}), caller=SLURM)
    assert (found.value, found.source) == (None, "scheduler")


def test_a_scheduler_decides_on_devices_only() -> None:
    (found,) = precedence(declared({"NCCL_SOCKET_IFNAME": "eth0"}), caller=SLURM)
    assert (found.value, found.source) == ("eth0", "manifest")


def test_the_command_line_is_above_the_scheduler() -> None:
    (found,) = precedence(declared({DEVICES: "2"}), caller=SLURM, cli={DEVICES: "5"})
    assert (found.value, found.source) == ("5", "command line")


def test_an_empty_value_of_the_caller_is_a_word() -> None:
    (found,) = precedence(declared({DEVICES: "2"}), caller={DEVICES: ""})
    assert (found.value, found.source) == ("", "caller")


# A model of the rules, as docs/explanation/variables.md has them, for one variable at a time.

SCHEDULED = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
HOSTS = (*SCHEDULED, "NCCL_SOCKET_IFNAME", "LD_LIBRARY_PATH")
NAMES = st.sampled_from([*HOSTS, "PYTHONHASHSEED", "OMP_NUM_THREADS", "HF_TOKEN", "MINE"])
VALUES = st.sampled_from(["", "0", "1", "2"])
WORDS = st.dictionaries(NAMES, VALUES, max_size=4)
MARKS = ("SLURM_JOB_ID", "KUBERNETES_SERVICE_HOST", "PBS_JOBID", "LSB_JOBID")


def expected(
    name: str,
    files: Mapping[str, Mapping[str, str]],
    caller: Mapping[str, str],
    cli: Mapping[str, str],
) -> tuple[str | None, str]:
    """Return what a declared variable becomes, and through whom: the first that may speak and does."""
    if name in cli:
        return cli[name], "command line"
    if name in SCHEDULED and any(mark in caller for mark in MARKS):
        return caller.get(name), "scheduler"
    if name in HOSTS and name in caller:
        return caller[name], "caller"
    for source in ("local", "env-file", "profile", "manifest"):
        if name in files[source]:
            return files[source][name], source
    raise AssertionError(name)


@given(st.data())
def test_it_is_as_the_rules_say(data: st.DataObject) -> None:
    files = {each: data.draw(WORDS) for each in ("manifest", "profile", "env-file", "local")}
    marks = data.draw(st.sets(st.sampled_from(MARKS), max_size=2))
    caller = data.draw(WORDS) | dict.fromkeys(marks, "7")
    cli = data.draw(WORDS)
    named = declared(
        files["manifest"],
        profile=files["profile"],
        env_file=files["env-file"],
        local=files["local"],
    )
    found = precedence(named, caller=caller, cli=cli)
    names = sorted({name for words in (*files.values(), cli) for name in words})
    assert [each.name for each in found] == names
    for each in found:
        assert (each.value, each.source) == expected(each.name, files, caller, cli)
        assert each.secret == (each.source == "env-file" or each.name == "HF_TOKEN")
        losers = [other.source for other in each.over]
        declarers = [source for source in files if each.name in files[source]]
        assert set(declarers) <= {each.source, *losers}
        assert each.source not in losers
        assert len(losers) == len(set(losers))
        assert not any(other.over for other in each.over)


def test_declared_variables_are_sorted() -> None:
    assert [each.name for each in declared({"B": "", "A": ""}, local={"C": ""})] == ["A", "B", "C"]


@pytest.mark.parametrize(
    "name", ["PATH", "VIRTUAL_ENV", "IFS", "path", "UID", "_ENVCTL_NAMES", "_OLD_VIRTUAL_PATH"]
)
def test_names_that_would_break_a_shell_are_refused(name: str) -> None:
    with pytest.raises(ManifestError) as refused:
        declared({name: "x"})
    assert refused.value.where == f"tool.envctl.env.{name}"
    with pytest.raises(ManifestError) as refused:
        declared({}, local={name: "x"})
    assert refused.value.where == f".envctl/local.toml: env.{name}"


def test_a_value_is_in_no_repr() -> None:
    variables = declared({"HF_TOKEN": "hf_123", "A": "hf_123"})
    activation = Activation(environment="/e", variables=variables)
    assert "hf_123" not in repr(activation)
    assert [each.name for each in activation.public()] == ["A"]
    assert [each.name for each in activation.secrets()] == ["HF_TOKEN"]


def test_a_session_writes_no_secret_into_its_files() -> None:
    variables = declared({"HF_TOKEN": "hf_123"})
    active = Activation(environment="/e", variables=variables)
    for shell in ("/bin/bash", "/bin/zsh", "/bin/sh"):
        session = shell_command(shell, active, {}, folder="/f")
        assert "hf_123" not in "".join(session.files.values())
        assert "hf_123" not in repr(session)
        assert "hf_123" in "".join(session.env.values())


def activation(**values: Any) -> Activation:
    return Activation(environment="/p/.envctl/envs/1", variables=declared(values))


def test_run_gives_what_activation_gives() -> None:
    env = patch(activation(A="1"), {"PATH": "/bin", "PYTHONHOME": "/x", "HOME": "/h"})
    assert env == {
        "A": "1",
        "HOME": "/h",
        "PATH": "/p/.envctl/envs/1/bin:/bin",
        "PKG_CONFIG_PATH": "/p/.envctl/envs/1/lib/pkgconfig",
        "VIRTUAL_ENV": "/p/.envctl/envs/1",
        "VIRTUAL_ENV_PROMPT": "1",
    }


def test_run_inside_run_changes_nothing() -> None:
    once = patch(activation(A="1", **{DEVICES: "2"}), {"PATH": "/a:/bin"}, {"B": "2"})
    assert patch(activation(A="1", **{DEVICES: "2"}), once, {"B": "2"}) == once


def test_run_keeps_the_callers_devices_and_the_schedulers() -> None:
    two = activation(**{DEVICES: "2"})
    assert patch(two, {})[DEVICES] == "2"
    assert patch(two, {DEVICES: "0"})[DEVICES] == "0"
    assert DEVICES not in patch(two, SLURM)
    assert patch(two, {**SLURM, DEVICES: "5"})[DEVICES] == "5"
    assert patch(two, SLURM, {DEVICES: "1"})[DEVICES] == "1"


@pytest.mark.parametrize("before", [{}, {"PATH": ""}])
def test_run_without_a_path_still_finds_the_systems_programs(before: dict[str, str]) -> None:
    assert patch(activation(), before)["PATH"] == f"/p/.envctl/envs/1/bin:{os.defpath}"


def test_pairs() -> None:
    assert pairs(["A=1", "B=", "C=x=y", "A=2"]) == {"A": "2", "B": "", "C": "x=y"}


@pytest.mark.parametrize("text", ["A", "=1", "1A=2", "A-B=1", "", "É=1"])
def test_bad_pairs_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        pairs([text])


@pytest.mark.parametrize("shell", ["bash", "-bash", "/usr/local/bin/bash-5.2", "zsh", "/bin/sh"])
def test_shells_are_known_by_name_and_path(shell: str) -> None:
    assert script(activation(), shell).startswith(". '/p/.envctl/envs/1/bin/activate'\n")


def test_an_unknown_shell_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="`elvish`") as refused:
        script(activation(), "/usr/bin/elvish")
    assert "bash, zsh" in str(refused.value.hint)
