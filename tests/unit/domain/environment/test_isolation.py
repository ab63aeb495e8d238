"""What ``run --isolated`` keeps of the caller's variables."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.environment.isolation import JOB_FAMILIES, KEPT, kept
from envctl.domain.variables import SCHEDULER_JOBS, looks_secret

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "variables.md"


def test_who_and_where_you_are_stays_and_how_your_shell_is_set_up_does_not() -> None:
    stays = {
        "HOME": "/home/ana",
        "LC_TIME": "de_DE",
        "TZ": "UTC",
        "TMPDIR": "/scratch",
        "https_proxy": "http://proxy",
        "SSL_CERT_FILE": "/ca.pem",
        "CUDA_VISIBLE_DEVICES": "",
    }
    goes = {
        "PATH": "/opt/bin",
        "PYTHONPATH": "/x",
        "PYTHONHASHSEED": "1",
        "LD_LIBRARY_PATH": "/x",
        "NCCL_SOCKET_IFNAME": "eth0",
        "OMP_NUM_THREADS": "1",
        "VIRTUAL_ENV": "/v",
        "ENVCTL_PROFILE": "cpu",
        "HF_TOKEN": "x",
        "DISPLAY": ":0",
        "SLURM_NTASKS": "2",
        "PMIX_RANK": "0",
        "LCX": "1",
    }
    assert kept(stays | goes) == stays


@pytest.mark.parametrize(("mark", "job"), SCHEDULER_JOBS.items())
def test_in_a_job_what_the_scheduler_tells_it_stays(mark: str, job: str) -> None:
    told = {mark: "7", "PMIX_RANK": "1"} | {f"{each}X": "1" for each in JOB_FAMILIES[job]}
    secret = {f"{JOB_FAMILIES[job][0]}TOKEN": "x", "SLURM_JWT": "x"}
    assert kept(told | secret) == told
    outside = {name: value for name, value in told.items() if name != mark}
    assert not kept(outside)


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,24}", fullmatch=True), st.text(), max_size=8))
def test_nothing_is_made_up_and_twice_is_once(environ: dict[str, str]) -> None:
    found = kept({"SLURM_JOB_ID": "1"} | environ)
    assert found.items() <= ({"SLURM_JOB_ID": "1"} | environ).items()
    assert kept(found) == found
    assert not any(looks_secret(name) for name in found)


def test_the_docs_list_exactly_these() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("Of yours it keeps")[2]
    listed = set(re.findall(r"`([A-Z0-9_]+\*?)`", text.partition("Not kept")[0]))
    names = {name for names in KEPT.values() for name in names if name.isupper()}
    families = {f"{each}*" for families in JOB_FAMILIES.values() for each in families}
    assert listed == names | families | {"LC_*", "PMI_*", "PMIX_*", "PMI2_*"} | set(SCHEDULER_JOBS)
