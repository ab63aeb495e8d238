"""`envctl record` as it is typed, on machines that the tests make up."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests import driver, machines
from tests.integration.world import World

TESLA = machines.load("hpc-a100-mig")
HOST = {
    "etc/os-release": 'PRETTY_NAME="Rocky Linux 8.10 (Green Obsidian)"\nID="rocky"\nVERSION_ID="8.10"\n',
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "proc/sys/kernel/osrelease": "4.18.0-553.22.1.el8_10.x86_64\n",
    "proc/sys/kernel/arch": "x86_64\n",
    "proc/cpuinfo": "".join(f"processor\t: {n}\n" for n in range(8)),
    "proc/meminfo": "MemTotal:       67108864 kB\n",
    "proc/self/cgroup": "0::/system.slice/slurmstepd.scope/job_7/step_0\n",
    "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    "sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/cpu.max": "200000 100000\n",
    "sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.max": "8589934592\n",
}


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """Give the root of a cluster's node with NVML, in a job."""
    root = driver.tree(tmp_path / "node", HOST)
    library = root / "usr/lib64"
    library.mkdir(parents=True)
    driver.nvml(library)
    (library / "nvml.machine").write_text(driver.nvml_machine(TESLA))
    return root


def at(root: Path, **more: str) -> dict[str, str]:
    return {"ENVCTL_SYSROOT": str(root), "LD_LIBRARY_PATH": "", "CUDA_VISIBLE_DEVICES": "3", **more}


def test_json_has_everything_in_one_versioned_envelope(world: World, node: Path) -> None:
    said = json.loads(world.envctl("record", "--json", env=at(node)).stdout)
    assert {key: said[key] for key in ("schema", "command", "ok")} == {
        "schema": 1,
        "command": "record",
        "ok": True,
    }
    record = said["result"]
    assert (record["schema"], record["name"]) == (1, None)
    assert record["gpus"] == TESLA.to_json()["gpus"]
    expected = {
        "driver": "550.90.07",
        "cuda_level": "12.4",
        "gpu_source": "nvml",
        "gpu_problem": None,
        "scheduler": "slurm",
        "cpu_limit": 2.0,
        "memory_limit_bytes": 8 * 1024**3,
    }
    assert {key: record[key] for key in expected} == expected
    assert record["variables"]["CUDA_VISIBLE_DEVICES"] == {"class": "host", "value": "3"}


def test_what_is_saved_says_the_same(world: World, node: Path) -> None:
    done = world.envctl("record", "--save", "node", "--json", env=at(node))
    assert "wrote .envctl/machines/node.toml" in done.stderr
    saved = world.read(".envctl/machines/node.toml")
    assert saved.count("[[gpus.mig_devices]]") == 9
    assert "0123456789abcdef" not in saved
    world.envctl("record", "--save", "node", env=at(node))
    assert world.read(".envctl/machines/node.toml") == saved


def test_a_job_of_another_size_changes_only_its_lines(world: World, node: Path) -> None:
    world.envctl("record", "--save", "node", env=at(node))
    before = world.read(".envctl/machines/node.toml").splitlines()
    driver.tree(node, {"proc/self/cgroup": "0::/user.slice\n"})
    world.envctl("record", "--save", "node", env=at(node))
    after = world.read(".envctl/machines/node.toml").splitlines()
    assert [line for line in before if line not in after] == [
        'scheduler = "slurm"',
        "cpu_limit = 2.0",
        "memory_limit_bytes = 8589934592",
    ]
    assert [line for line in after if line not in before] == []


def test_a_driver_that_crashes_is_an_answer(world: World, node: Path) -> None:
    done = world.envctl("record", "--save", "node", env=at(node, FAKE_NVML="crash-1"))
    problem = "the NVIDIA driver answers in part: GPU 1: crashed"
    assert f"problem       {problem}" in done.stdout
    assert f'gpu_problem = "{problem}"' in world.read(".envctl/machines/node.toml")


def test_a_name_without_its_option(world: World, node: Path) -> None:
    done = world.envctl("record", "lab-h100", env=at(node), code=2)
    assert "`envctl record --save lab-h100`" in done.stderr


def test_a_machine_with_two_names_is_told_of_the_first(world: World, node: Path) -> None:
    assert world.envctl("record", "--save", "old", env=at(node)).stderr == (
        "wrote .envctl/machines/old.toml\n"
    )
    assert world.envctl("record", "--save", "new", env=at(node)).stderr == (
        "wrote .envctl/machines/new.toml\n"
        "this machine is recorded as old already: delete .envctl/machines/old.toml\n"
    )


def test_a_record_that_is_out_of_date_is_noticed_on_its_own_machine(
    synced: World, node: Path
) -> None:
    on_it = replace(synced, environ={**synced.environ, **at(node)})
    on_it.envctl("record", "--save", "node")
    assert "record-stale" not in on_it.codes("--only", "machine")
    on_it.edit(".envctl/machines/node.toml", 'driver = "550.90.07"', 'driver = "535.54.03"')
    (found,) = [
        each for each in on_it.findings("--only", "machine") if each["code"] == "record-stale"
    ]
    assert found["message"] == "the record node: the driver was 535.54.03, and is 550.90.07"
    on_it.envctl(*found["fix"].split()[1:])
    assert "record-stale" not in on_it.codes("--only", "machine")
    on_it.envctl("record", "--save", "again")
    assert "record-twice" in on_it.codes("--only", "fleet")
