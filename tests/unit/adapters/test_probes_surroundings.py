from pathlib import Path

import pytest

from envctl.adapters.probes import host
from tests.driver import tree
from tests.unit.adapters.test_probes_files import no_program

pytestmark = pytest.mark.usefixtures("nowhere")

DOCKER_HOST = (
    "90 28 0:44 / /var/lib/docker/containers/0123/mounts/shm rw - tmpfs shm rw,size=65536k\n"
    "91 28 0:45 / /var/lib/docker/overlay2/4567/merged rw - overlay overlay rw\n"
)
IN_DOCKER = "90 28 8:1 /var/lib/docker/containers/0123/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw\n"
IN_BUILDKIT = "90 28 8:1 /var/lib/buildkit/runc-overlayfs/executor/resolv.conf /etc/resolv.conf ro - ext4 /d rw\n"


@pytest.mark.parametrize(
    ("file", "text", "container"),
    [
        (".dockerenv", "", "docker"),
        ("run/.containerenv", "", "podman"),
        (".singularity.d/env", "", "apptainer"),
        ("var/run/secrets/kubernetes.io/token", "", "kubernetes"),
        ("etc/hosts", "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n", "kubernetes"),
        ("proc/1/cgroup", "5:cpu:/kubepods/burstable/pod1\n", "kubernetes"),
        ("proc/1/cgroup", "0::/kubepods.slice/kubepods-pod1.slice\n", "kubernetes"),
        ("proc/1/cgroup", "5:cpu:/docker/0123\n", "docker"),
        ("proc/1/cgroup", "0::/\n", None),
        ("proc/self/mountinfo", IN_DOCKER, "docker"),
        ("proc/self/mountinfo", IN_BUILDKIT, "docker"),
        ("proc/self/mountinfo", DOCKER_HOST, None),
        ("proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n", "wsl"),
        ("etc/hostname", "box\n", None),
    ],
)
def test_container(tmp_path: Path, file: str, text: str, container: str | None) -> None:
    tree(tmp_path, {"etc/os-release": "ID=debian\n", file: text})
    assert host.probe(run=no_program, sysroot=tmp_path)["container"] == container


@pytest.mark.parametrize(
    ("variable", "container"),
    [("APPTAINER_CONTAINER", "apptainer"), ("KUBERNETES_SERVICE_HOST", "kubernetes")],
)
def test_container_by_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, container: str
) -> None:
    monkeypatch.setenv(variable, "x")
    tree(tmp_path, {".dockerenv": ""})
    assert host.probe(run=no_program, sysroot=tmp_path)["container"] == container


def test_docker_in_wsl_is_docker(tmp_path: Path) -> None:
    tree(tmp_path, {".dockerenv": "", "proc/sys/kernel/osrelease": "5.15.1-microsoft-standard"})
    assert host.probe(run=no_program, sysroot=tmp_path)["container"] == "docker"


@pytest.mark.parametrize(
    ("group", "scheduler"),
    [
        ("4:memory:/slurm/uid_1000/job_42/step_0/task_0", "slurm"),
        ("4:memory:/slurm_node7/uid_1000/job_42/step_extern", "slurm"),
        ("0::/system.slice/slurmstepd.scope/job_42/step_0/user/task_0", "slurm"),
        ("0::/system.slice/node7_slurmstepd.scope/job_42/step_0", "slurm"),
        ("0::/pbs_jobs.service/jobid/42.server", "pbs"),
        ("4:memory:/pbspro/jobid/42.server", "pbs"),
        ("4:memory:/pbspro.slice/pbspro-42.server.slice", "pbs"),
        ("4:memory:/lsf/cluster1/job.42.1234.5678", "lsf"),
        ("0::/kubepods.slice/kubepods-burstable.slice", "kubernetes"),
        ("0::/system.slice/slurmd.service", None),
        ("0::/user.slice/user-1000.slice", None),
        ("0::/home/slurm/notes", None),
    ],
)
def test_scheduler_by_group(tmp_path: Path, group: str, scheduler: str | None) -> None:
    tree(tmp_path, {"proc/self/cgroup": f"{group}\n"})
    assert host.probe(run=no_program, sysroot=tmp_path)["scheduler"] == scheduler


@pytest.mark.parametrize(
    ("variable", "scheduler"),
    [
        ("SLURM_JOB_ID", "slurm"),
        ("PBS_JOBID", "pbs"),
        ("LSB_JOBID", "lsf"),
        ("KUBERNETES_SERVICE_HOST", "kubernetes"),
    ],
)
def test_scheduler_by_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, scheduler: str
) -> None:
    monkeypatch.setenv(variable, "42")
    assert host.probe(run=no_program, sysroot=tmp_path)["scheduler"] == scheduler


def test_slurm_in_a_pod_is_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    found = host.probe(run=no_program, sysroot=tmp_path)
    assert (found["scheduler"], found["container"]) == ("slurm", "kubernetes")


def test_a_pod_known_by_its_files(tmp_path: Path) -> None:
    tree(tmp_path, {"etc/hosts": "# Kubernetes-managed hosts file (host network).\n"})
    assert host.probe(run=no_program, sysroot=tmp_path)["scheduler"] == "kubernetes"
