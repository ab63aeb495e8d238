from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters.probes import host
from envctl.adapters.probes.host import cgroup
from tests.driver import tree
from tests.unit.adapters.test_probes_files import no_program

pytestmark = pytest.mark.usefixtures("nowhere")

MACHINE = {
    "proc/cpuinfo": "".join(f"processor\t: {n}\n" for n in range(16)),
    "proc/meminfo": f"MemTotal:       {64 * 1024**2} kB\n",
}
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
    "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 {root} /sys/fs/cgroup/memory rw master:3 - cgroup cgroup rw,memory\n"
)
G = "sys/fs/cgroup"


def limits(root: Path, files: Mapping[str, str]) -> tuple[float | None, int | None]:
    found = host.probe(run=no_program, sysroot=tree(root, {**MACHINE, **files}))
    return found["cpu_limit"], found["memory_limit_bytes"]


def test_no_groups(tmp_path: Path) -> None:
    assert limits(tmp_path, {}) == (None, None)


class TestVersion2:
    def v2(
        self, root: Path, path: str, files: Mapping[str, str]
    ) -> tuple[float | None, int | None]:
        groups = {f"{G}/{name}": text for name, text in files.items()}
        return limits(
            root, {"proc/self/cgroup": f"0::{path}\n", "proc/self/mountinfo": V2, **groups}
        )

    def test_of_a_container_with_a_view_of_its_own(self, tmp_path: Path) -> None:
        files = {"cpu.max": "150000 100000\n", "memory.max": "4294967296\n"}
        assert self.v2(tmp_path, "/", files) == (1.5, 4 * 1024**3)

    def test_the_tightest_on_the_way_counts(self, tmp_path: Path) -> None:
        files = {
            "job.slice/cpu.max": "800000 100000\n",
            "job.slice/memory.max": "1073741824\n",
            "job.slice/step/cpu.max": "200000 50000\n",
            "job.slice/step/memory.max": "8589934592\n",
            "job.slice/step/task/cpu.max": "max 100000\n",
            "job.slice/step/task/memory.max": "max\n",
            "job.slice/other/cpu.max": "1000 100000\n",
        }
        assert self.v2(tmp_path, "/job.slice/step/task", files) == (4.0, 1024**3)

    def test_no_limit(self, tmp_path: Path) -> None:
        files = {"a/cpu.max": "max 100000\n", "a/memory.max": "max\n"}
        assert self.v2(tmp_path, "/a", files) == (None, None)

    def test_a_limit_beyond_the_machine_is_none(self, tmp_path: Path) -> None:
        files = {"cpu.max": "6400000 100000\n", "memory.max": str(64 * 1024**3)}
        assert self.v2(tmp_path, "/", files) == (None, None)

    def test_a_group_outside_this_view(self, tmp_path: Path) -> None:
        assert self.v2(tmp_path, "/../../elsewhere", {"memory.max": "1024\n"}) == (None, 1024)

    def test_nonsense(self, tmp_path: Path) -> None:
        files = {
            "cpu.max": "much\n",
            "memory.max": "-5\n",
            "a/cpu.max": "1 0\n",
            "a/memory.max": "\n",
        }
        assert self.v2(tmp_path, "/a", files) == (None, None)

    def test_a_mount_whose_path_has_a_space(self, tmp_path: Path) -> None:
        files = {
            "proc/self/cgroup": "0::/a\n",
            "proc/self/mountinfo": V2.replace("/sys/fs/cgroup", r"/my\040groups"),
            "my groups/a/memory.max": "4096",
        }
        assert limits(tmp_path, files) == (None, 4096)


class TestVersion1:
    def test_docker_without_a_view_of_its_own(self, tmp_path: Path) -> None:
        files = {
            "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n",
            "proc/self/mountinfo": V1.format(root="/docker/abc"),
            f"{G}/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
            f"{G}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            f"{G}/memory/memory.limit_in_bytes": "2147483648\n",
        }
        assert limits(tmp_path, files) == (2.5, 2 * 1024**3)

    def test_nested(self, tmp_path: Path) -> None:
        files = {
            "proc/self/cgroup": "5:memory:/slurm/uid_1/job_2\n4:cpuacct,cpu:/a/b\n",
            "proc/self/mountinfo": V1.format(root="/"),
            f"{G}/cpu,cpuacct/a/cpu.cfs_quota_us": "100000\n",
            f"{G}/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            f"{G}/cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1\n",
            f"{G}/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
            f"{G}/memory/memory.limit_in_bytes": "9223372036854771712\n",
            f"{G}/memory/slurm/uid_1/memory.limit_in_bytes": "9223372036854771712\n",
            f"{G}/memory/slurm/uid_1/job_2/memory.limit_in_bytes": "17179869184\n",
        }
        assert limits(tmp_path, files) == (1.0, 16 * 1024**3)

    def test_both_versions_at_once(self, tmp_path: Path) -> None:
        """Memory is in version 1's hands, processors in version 2's."""
        mounts = V1.format(root="/").splitlines(keepends=True)
        files = {
            "proc/self/cgroup": "5:memory:/a\n1:name=systemd:/a\n0::/b\n",
            "proc/self/mountinfo": mounts[2] + V2.replace("/cgroup ", "/cgroup/unified "),
            f"{G}/memory/a/memory.limit_in_bytes": "1024\n",
            f"{G}/unified/b/cpu.max": "50000 100000\n",
            f"{G}/unified/b/memory.max": "1\n",
        }
        assert limits(tmp_path, files) == (0.5, 1024)


class TestAllowedProcessors:
    @pytest.mark.parametrize(
        ("listed", "limit"),
        [
            ("0-3", 4.0),
            ("0-3,8-11,15", 9.0),
            ("5", 1.0),
            ("0-15", None),
            ("0-127", None),
            ("", None),
        ],
    )
    def test_of_a_cpuset(self, tmp_path: Path, listed: str, limit: float | None) -> None:
        status = f"Name:\tpython\nCpus_allowed:\tff\nCpus_allowed_list:\t{listed}\n"
        assert limits(tmp_path, {"proc/self/status": status}) == (limit, None)

    def test_the_tighter_of_quota_and_cpuset(self, tmp_path: Path) -> None:
        files = {
            "proc/self/status": "Cpus_allowed_list:\t0-3\n",
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            f"{G}/cpu.max": "600000 100000\n",
        }
        assert limits(tmp_path, files) == (4.0, None)


quotas = st.none() | st.integers(1000, 10**7)
sizes = st.none() | st.integers(4096, 2**50)


@given(st.lists(st.tuples(quotas, sizes), min_size=1, max_size=6))
def test_nobody_gets_more_than_any_group_gives(levels: list[tuple[int | None, int | None]]) -> None:
    files = {
        "proc/self/cgroup": "0::" + "/" + "/".join(f"g{n}" for n in range(1, len(levels))) + "\n",
        "proc/self/mountinfo": V2,
    }
    for depth, (quota, size) in enumerate(levels):
        folder = "/".join([G, *(f"g{n}" for n in range(1, depth + 1))])
        files[f"{folder}/cpu.max"] = f"{quota or 'max'} 100000\n"
        files[f"{folder}/memory.max"] = f"{size or 'max'}\n"
    tightest = min((quota for quota, _ in levels if quota), default=None)
    smallest = min((size for _, size in levels if size), default=None)
    cores = cgroup.cpu_limit(files.get, None)
    assert cores == (None if tightest is None else pytest.approx(tightest / 100000, abs=0.001))
    assert cgroup.memory_limit(files.get, None) == smallest


@given(st.text(), st.text(), st.text())
def test_whatever_the_files_say(groups: str, mounts: str, status: str) -> None:
    files = {
        "proc/self/cgroup": groups,
        "proc/self/mountinfo": V2 + mounts,
        "proc/self/status": status,
    }
    assert cgroup.cpu_limit(files.get, 4) is None or "Cpus_allowed_list" in status
    assert cgroup.memory_limit(files.get, 4096) is None
