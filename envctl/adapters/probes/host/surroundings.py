"""What runs this process: a container, and a scheduler's job. Told by files and by variables, not by names of hosts."""

import re
from collections.abc import Callable, Mapping

from envctl.domain.record import SCHEDULERS, Container, Scheduler
from envctl.domain.variables import scheduler as by_variables

Read = Callable[[str], str | None]
Exists = Callable[[str], bool]
_JOB_GROUPS: tuple[tuple[Scheduler, re.Pattern[str]], ...] = (
    (
        "slurm",
        re.compile(r"/slurm(?:_[^/\s]*)?/uid_\d+/job_\d+|/(?:[^/\s]+_)?slurmstepd\.scope/job_\d+"),
    ),
    ("pbs", re.compile(r"/pbs\w*(?:\.service)?/jobid/|/pbs\w*\.slice/")),
    ("lsf", re.compile(r"/lsf/[^/\s]+/job\.\d+")),
    ("kubernetes", re.compile(r"/kubepods")),
)
_POD = "# Kubernetes-managed hosts file"
# The engine's own copies of these files, as proc_pid_mountinfo(5) writes what is mounted where. With version 2 of
# the groups a container sees only its own, and a build by BuildKit has no /.dockerenv.
_ENGINE_FILES = re.compile(
    r"^(?:\S+ ){3}\S*/(?:docker|buildkit)/\S+ /etc/(?:hosts|hostname|resolv\.conf) ", re.MULTILINE
)


def container(
    read: Read, exists: Exists, kernel: str, environ: Mapping[str, str]
) -> Container | None:
    """Return what runs us, the most telling sign first: a pod's container also looks like its engine's."""
    cgroup, mounts = read("proc/1/cgroup") or "", read("proc/self/mountinfo") or ""
    if {"APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"} & environ.keys() or exists(
        ".singularity.d"
    ):
        return "apptainer"
    if (
        "KUBERNETES_SERVICE_HOST" in environ
        or exists("var/run/secrets/kubernetes.io")
        or "kubepods" in cgroup
        or (read("etc/hosts") or "").startswith(_POD)
    ):
        return "kubernetes"
    if exists("run/.containerenv"):
        return "podman"
    if exists(".dockerenv") or "/docker" in cgroup or _ENGINE_FILES.search(mounts):
        return "docker"
    return "wsl" if "microsoft" in kernel.lower() else None


def scheduler(read: Read, environ: Mapping[str, str], within: Container | None) -> Scheduler | None:
    """Return whose job this is: by its variables, or by its groups, where a login to a node has no variables."""
    named = by_variables(environ)
    cgroup = read("proc/self/cgroup") or ""
    found = [each for each in SCHEDULERS if each == named]
    found += [name for name, group in _JOB_GROUPS if group.search(cgroup)]
    return found[0] if found else "kubernetes" if within == "kubernetes" else None
