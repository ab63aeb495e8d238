"""`envctl run --gpus`: devices for one command, taken from nobody and given back however it ends."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import machines
from tests.integration.sharing import GIB, GPUS, Box, explained, four, other_users, shared_box
from tests.integration.strace import tampered
from tests.integration.trouble import mounted, read_only

SHOWN = 'echo "<$CUDA_VISIBLE_DEVICES> <$CUDA_DEVICE_ORDER>"'


@pytest.fixture(scope="module")
def made() -> Iterator[Box]:
    with shared_box() as box:
        yield box


@pytest.fixture
def box(made: Box) -> Iterator[Box]:
    made.in_use()
    (made.world.root / ".envctl/local.toml").unlink(missing_ok=True)
    try:
        yield made
    finally:
        made.end()


def shown(box: Box, *words: str, **env: Any) -> str:
    return box.run("run", *words, "--", "sh", "-c", SHOWN, **env).stdout.strip()


def by(names: str) -> str:
    """Return the UUIDs of the GPUs by PCI order."""
    return ",".join(GPUS[int(name)] for name in names)


class TestWhatTheCommandIsGiven:
    def test_uuids_in_pci_order_and_that_order(self, box: Box) -> None:
        assert shown(box, "--gpus", "2") == f"<{by('01')}> <PCI_BUS_ID>"

    def test_the_lease_and_the_environments_are_all_that_it_inherits(self, box: Box) -> None:
        links = box.run(
            "run", "--gpus", "2", "--", "sh", "-c", "readlink /proc/$$/fd/*; true"
        ).stdout
        inherited = [line for line in links.splitlines() if str(box.folder) in line]
        files = [f"{box.folder}/{uuid}.lock" for uuid in GPUS[:2]]
        assert inherited == [str(box.folder), *files]
        assert links.count("envctl.json") == 1

    def test_none_hides_all_and_asks_no_driver(self, box: Box) -> None:
        box.run("run", "--", "true")  # the fast path has its note
        before = sorted(each.name for each in box.base.iterdir())
        assert shown(box, "--gpus", "0", ENVCTL_SYSROOT="/nowhere") == "<> <>"
        assert sorted(each.name for each in box.base.iterdir()) == before

    def test_an_option_of_the_commands_own_is_its_own(self, box: Box) -> None:
        assert box.run("run", "--", "echo", "--gpus", "2", "--wait").stdout == "--gpus 2 --wait\n"
        assert box.run("run", "echo", "--gpus", "9").stdout == "--gpus 9\n"

    def test_one_part_of_a_divided_gpu(self, box: Box) -> None:
        box.is_a(machines.load("hpc-a100-mig"))
        try:
            parts = [p.uuid for gpu in machines.load("hpc-a100-mig").gpus for p in gpu.mig_devices]
            limit = ",".join(parts[:2])
            first = box.holds("--gpus", "1", CUDA_VISIBLE_DEVICES=limit)
            second = box.holds("--gpus", "1", CUDA_VISIBLE_DEVICES=limit)
            assert sorted(box.held()) == sorted(parts[:2])
            assert shown(box, "--gpus", "1", CUDA_VISIBLE_DEVICES=parts[2]) == (
                f"<{parts[2]}> <PCI_BUS_ID>"
            )
            assert first.poll() is second.poll() is None
        finally:
            box.end()
            box.is_a(four())

    def test_exit_code_and_signals_are_the_commands_own(self, box: Box) -> None:
        box.run("run", "--gpus", "1", "--", "sh", "-c", "exit 7", code=7)
        held = box.holds("--gpus", "1")
        assert box.held()[GPUS[0]].pid == held.pid
        held.terminate()
        assert held.wait(60) == -signal.SIGTERM


class TestWhoHolds:
    def test_is_named_and_no_argument_of_theirs(self, box: Box) -> None:
        words = ("sh", "-c", "echo up; read line", "--token=hunter2")
        held = box.start("run", "--gpus", "3", "--", *words)
        assert held.stdout
        assert held.stdout.readline() == "up\n"
        done = box.run("run", "--gpus", "2", "--", "true", code=3)
        assert done.stdout == ""
        assert f": sh, pid {held.pid}, since 20" in done.stderr
        assert done.stderr.startswith("error: 2 GPUs asked for: 1 free\n")
        assert "\n  where: --gpus\n  why:   " in done.stderr
        assert "\n  next:  wait for them with `--wait`" in done.stderr
        report = box.run("gpus", "--json").stdout
        assert f'"pid": {held.pid}' in report
        said = [done.stderr, report, *(each.read_text() for each in box.folder.iterdir())]
        assert not any("hunter2" in text for text in said)

    @pytest.mark.parametrize("how", ["ends", "killed"])
    def test_gives_it_back_however_it_ends(self, box: Box, how: str) -> None:
        held = box.holds("--gpus", "4")
        assert sorted(box.held()) == list(GPUS)
        if how == "killed":
            held.kill()
        else:
            held.communicate()
        held.wait(60)
        assert box.held() == {}
        assert shown(box, "--gpus", "4") == f"<{by('0123')}> <PCI_BUS_ID>"

    def test_a_process_that_it_left_running_keeps_it(self, box: Box) -> None:
        left = int(
            box.run(
                *("run", "--gpus", "1", "--", "sh", "-c"),
                "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!",
            ).stdout
        )
        try:
            assert box.held()[GPUS[0]].left
            done = box.run(
                *("run", "--gpus", "1", "--", "true"), code=3, CUDA_VISIBLE_DEVICES=GPUS[0]
            )
            assert "it has ended, and a process that it left running holds it" in done.stderr
            assert "it has ended" in box.run("gpus").stdout
        finally:
            os.kill(left, signal.SIGKILL)
        box.until(lambda: box.held() == {})

    def test_killed_before_the_command_began_holds_nothing(self, box: Box) -> None:
        done = box.start(
            *("run", "--gpus", "2", "--", "true"), before=tampered("execve:signal=KILL:when=1")
        )
        out, err = done.communicate(timeout=120)
        assert done.returncode == -signal.SIGKILL, f"{done.returncode} {out} {err}"
        assert '"pid": ' in (box.folder / f"{GPUS[1]}.lock").read_text()  # it had them
        assert box.held() == {}

    def test_a_command_that_cannot_start_holds_nothing(self, box: Box) -> None:
        box.run("run", "--gpus", "2", "--", "no-such-program", code=4)
        assert box.held() == {}

    def test_within_a_lease_its_devices_are_nobody_elses_to_lease(self, box: Box) -> None:
        again = (sys.executable, "-m", "envctl", "run", "--gpus", "1")
        done = box.run("run", "--gpus", "1", "--", *again, "--", "true", code=3)
        assert "this command runs within its lease already" in done.stderr
        done = box.run("run", "--gpus", "1", "--", *again, "--wait", "--", "true", code=3)
        assert "must not wait for more" in done.stderr
        nested = (
            f"import subprocess; raise SystemExit(subprocess.call({[*again, '--wait', 'true']}))"
        )
        done = box.run("run", "--gpus", "1", "--", sys.executable, "-c", nested, code=3)
        assert "must not wait for more" in done.stderr  # though Python gives it no file of ours
        other = ("--env", f"CUDA_VISIBLE_DEVICES={by('01')}", "--", "sh", "-c", SHOWN)
        assert box.run("run", "--gpus", "1", "--", *again, *other).stdout.startswith(
            f"<{GPUS[1]}> "
        )


class TestWhatLimitsTheChoice:
    def test_each_word_by_its_rank(self, box: Box) -> None:
        local = box.world.write(".envctl/local.toml", '[env]\nCUDA_VISIBLE_DEVICES = "3"\n')
        assert shown(box, "--gpus", "1") == f"<{GPUS[3]}> <PCI_BUS_ID>"
        assert shown(box, "--gpus", "1", CUDA_VISIBLE_DEVICES="2") == f"<{GPUS[2]}> <PCI_BUS_ID>"
        env = ("--env", "CUDA_VISIBLE_DEVICES=2,1")
        assert shown(box, *env, "--gpus", "1", CUDA_VISIBLE_DEVICES="0") == (
            f"<{GPUS[2]}> <PCI_BUS_ID>"
        )
        assert shown(box, "--gpus", "2", *env) == f"<{GPUS[2]},{GPUS[1]}> <PCI_BUS_ID>"
        local.unlink()

    @pytest.mark.parametrize("value", ["", "-1", "7", "GPU-no", "0,0"])
    def test_one_that_names_nothing_is_an_error(self, box: Box, value: str) -> None:
        done = box.run(
            *("run", "--gpus", "1", "--wait", "--", "true"), code=3, CUDA_VISIBLE_DEVICES=value
        )
        assert "limits the choice, and names no device here" in done.stderr
        assert "where: CUDA_VISIBLE_DEVICES" in done.stderr
        assert "`envctl gpus explain` says why" in done.stderr

    def test_in_a_job_only_its_devices(self, box: Box) -> None:
        job = {"SLURM_JOB_ID": "1", "CUDA_VISIBLE_DEVICES": "1,3"}
        assert shown(box, "--gpus", "2", **job) == f"<{by('13')}> <PCI_BUS_ID>"
        done = box.run("run", "--gpus", "3", "--wait", "--", "true", code=3, **job)
        assert "3 GPUs asked for (of those in CUDA_VISIBLE_DEVICES): 2 at most" in done.stderr

    @pytest.mark.parametrize("mark", ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"])
    def test_a_job_that_was_given_none_gets_none(self, box: Box, mark: str) -> None:
        box.world.write(".envctl/local.toml", '[env]\nCUDA_VISIBLE_DEVICES = "3"\n')
        done = box.run("run", "--gpus", "1", "--", "true", code=3, **{mark: "1"})
        assert "was given no GPU: CUDA_VISIBLE_DEVICES is not set" in done.stderr

    def test_in_a_pod_all_that_it_sees(self, box: Box) -> None:
        assert shown(box, "--gpus", "4", KUBERNETES_SERVICE_HOST="10.0.0.1").startswith(
            f"<{by('0123')}>"
        )


class TestForeignLoad:
    def test_is_left_alone_and_named(self, box: Box) -> None:
        box.in_use(
            f"use {GPUS[0]} {20 * GIB} 97",
            f"process {GPUS[0]} compute 4711 {20 * GIB}",
            f"use {GPUS[1]} {3 * GIB} 0",
            f"use {GPUS[2]} {GIB // 2} 0",
            f"use {GPUS[3]} {GIB // 2} 0",
            f"process {GPUS[3]} graphics 12 {GIB // 4}",
        )
        assert shown(box, "--gpus", "2") == f"<{by('23')}> <PCI_BUS_ID>"
        done = box.run("run", "--gpus", "3", "--", "true", code=3)
        assert "(pid 4711)" in done.stderr
        assert "3.0 GiB in use by processes that cannot be seen from here" in done.stderr
        assert shown(box, "--gpus", "4", "--min-free", "50GiB") == f"<{by('0123')}> <PCI_BUS_ID>"
        done = box.run("run", "--gpus", "4", "--min-free", "60.5GiB", "--", "true", code=3)
        assert "60.0 GiB free, 60.5 GiB are wanted" in done.stderr

    def test_that_the_driver_does_not_tell_is_not_taken_for_idle(self, box: Box) -> None:
        """It names its devices, and fails when it is asked who uses them: often because they are in use."""
        box.in_use(*(f"broken {uuid}" for uuid in GPUS))
        done = box.run("run", "--gpus", "1", "--", "true", code=3)
        assert done.stderr.count(": the driver did not say who uses it") == 4
        assert "the NVIDIA driver does not say who uses GPU 0, 1, 2, 3" in done.stderr
        waiting = box.waits("--gpus", "1", "--", "sh", "-c", SHOWN)
        box.in_use(*(f"broken {uuid}" for uuid in GPUS[:3]))
        out, err = waiting.communicate(timeout=120)
        assert out.strip() == f"<{GPUS[3]}> <PCI_BUS_ID>"
        assert "the NVIDIA driver does not say who uses GPU 0, 1, 2, 3" in err
        assert "the NVIDIA driver does not say who uses GPU 0, 1, 2\n" in err
        table = box.run("gpus")
        assert "problem: the NVIDIA driver does not say who uses GPU 0, 1, 2" in table.stdout
        report = json.loads(box.run("gpus", "--json").stdout)["result"]
        assert "does not say who uses GPU 0, 1, 2" in report["problem"]
        assert [gpu["use_known"] for gpu in report["gpus"]] == [False, False, False, True]

    def test_is_waited_for(self, box: Box) -> None:
        box.in_use(*(f"process {uuid} compute 4711 {GIB}" for uuid in GPUS))
        waiting = box.waits("--gpus", "1", "--", "sh", "-c", SHOWN)
        box.in_use(*(f"process {uuid} compute 4711 {GIB}" for uuid in GPUS[:3]))
        out, err = waiting.communicate(timeout=120)
        assert out.strip() == f"<{GPUS[3]}> <PCI_BUS_ID>"
        assert err.startswith("waiting for 1 GPU (Ctrl-C gives up)\n  GPU 1: ")


class TestWaiting:
    def test_ends_when_a_lease_does(self, box: Box) -> None:
        held = box.holds("--gpus", "4")
        waiting = box.waits("--gpus", "4", "--", "sh", "-c", SHOWN)
        held.kill()
        assert waiting.communicate(timeout=120)[0].strip() == f"<{by('0123')}> <PCI_BUS_ID>"

    def test_interrupted_leaves_nothing(self, box: Box) -> None:
        held = box.holds("--gpus", "4")
        waiting = [box.waits("--gpus", "1", "--", "true") for _ in range(2)]
        before = sorted(each.name for each in box.folder.iterdir())
        for each in waiting:  # the first looks now and then, the second sleeps in the kernel
            os.killpg(each.pid, signal.SIGTSTP)  # no Ctrl-Z: the line would stand still
            os.killpg(each.pid, signal.SIGINT)
            _, err = each.communicate(timeout=120)
            assert each.returncode == 130, err
            assert err.endswith("interrupted\n")
        assert box.waiting() == ()
        assert sorted(each.name for each in box.folder.iterdir()) == before
        held.communicate()

    def test_who_wants_many_is_not_overtaken_by_who_wants_few(self, box: Box) -> None:
        held = box.holds("--gpus", "1", CUDA_VISIBLE_DEVICES="0")
        many = box.waits("--gpus", "4", "--", "sh", "-c", "echo many; read line")
        few = [box.waits("--gpus", "1", "--", "sh", "-c", SHOWN) for _ in range(3)]
        done = box.run("run", "--gpus", "1", "--", "true", code=3)
        assert done.stderr.count("free, but others wait for it already") == 3
        assert [each.poll() for each in (many, *few)] == [None] * 4
        assert [each.pid for each in box.waiting()] == [each.pid for each in (many, *few)]
        held.communicate()
        assert many.stdout
        assert many.stdout.readline() == "many\n"
        assert [each.poll() for each in few] == [None] * 3
        assert {lease.pid for lease in box.held().values()} == {many.pid}
        many.communicate()
        for each in few:
            out, err = each.communicate(timeout=120)
            assert out.startswith("<GPU-")
            assert "  before you: " in err

    def test_who_could_have_another_is_not_held_up(self, box: Box) -> None:
        """One waits for both of two; who would take one of them or a third gets the third."""
        box.holds("--gpus", "1", CUDA_VISIBLE_DEVICES="0")
        third = box.holds("--gpus", "1", CUDA_VISIBLE_DEVICES="2")
        box.waits("--gpus", "2", "--", "true", CUDA_VISIBLE_DEVICES="0,1")
        waiting = box.waits("--gpus", "1", "--", "sh", "-c", SHOWN, CUDA_VISIBLE_DEVICES="1,2")
        said = box.run("gpus").stdout
        assert " ".join(said.split()).count("waiting: ") == 2
        assert ", for 1 GPU of GPU 0, 2" in " ".join(said.split())  # NVML's numbers
        (first, second) = json.loads(box.run("gpus", "--json").stdout)["result"]["waiting"]
        assert (first["wanted"], first["devices"]) == (2, list(GPUS[:2]))
        assert (second["wanted"], second["pid"]) == (1, waiting.pid)
        third.communicate()
        out, _ = waiting.communicate(timeout=120)
        assert out.strip() == f"<{GPUS[2]}> <PCI_BUS_ID>"
        assert len(box.waiting()) == 1

    def test_who_wants_other_devices_is_not_held_up(self, box: Box) -> None:
        box.holds("--gpus", "1", CUDA_VISIBLE_DEVICES="0")
        box.waits("--gpus", "1", "--", "true", CUDA_VISIBLE_DEVICES="0")
        assert shown(box, "--gpus", "3", "--wait", CUDA_VISIBLE_DEVICES="1,2,3") == (
            f"<{by('123')}> <PCI_BUS_ID>"
        )

    def test_for_what_can_never_be_is_an_error_at_once(self, box: Box) -> None:
        box.holds("--gpus", "4")
        done = box.run("run", "--gpus", "5", "--wait", "--", "true", code=3)
        assert "5 GPUs asked for: 4 at most can be given" in done.stderr
        done = box.run(
            *("run", "--gpus", "1", "--min-free", "99GiB", "--wait", "--", "true"), code=3
        )
        assert "none can be given" in done.stderr
        box.run("run", "--gpus", "1", "--wait", "--", "no-such-program", code=4)

    def test_the_environment_stays_meanwhile(self, box: Box) -> None:
        box.holds("--gpus", "4")
        waiting = box.waits("--gpus", "1", "--", "true")
        links = [str(each.readlink()) for each in Path(f"/proc/{waiting.pid}/fd").iterdir()]
        assert any(link.endswith("envctl.json") for link in links)


class TestNoDevices:
    def test_no_driver(self, box: Box) -> None:
        done = box.run(
            *("run", "--gpus", "1", "--wait", "--", "true"), code=3, ENVCTL_SYSROOT="/nowhere"
        )
        assert "there is no NVIDIA GPU here" in done.stderr

    def test_a_driver_that_does_not_answer(self, box: Box) -> None:
        done = box.run("run", "--gpus", "1", "--", "true", code=3, FAKE_NVML="mismatch")
        assert "the NVIDIA driver" in done.stderr
        assert "see `envctl doctor`" in done.stderr


class TestExplain:
    def test_says_what_would_be_taken_and_takes_nothing(self, box: Box) -> None:
        held = box.holds("--gpus", "1", CUDA_VISIBLE_DEVICES="0")
        found = explained(box, "--gpus", "2", "--", "true", CUDA_VISIBLE_DEVICES="0,2,3")
        devices = found["CUDA_VISIBLE_DEVICES"]
        assert (devices["source"], devices["value"]) == ("lease", by("23"))
        assert [(each["source"], each["value"]) for each in devices["over"]] == [
            ("caller", "0,2,3")
        ]
        assert (found["CUDA_DEVICE_ORDER"]["source"], found["CUDA_DEVICE_ORDER"]["value"]) == (
            "lease",
            "PCI_BUS_ID",
        )
        assert {lease.pid for lease in box.held().values()} == {held.pid}
        done = box.run("run", "--explain", "--gpus", "4", "--", "true", code=3)
        assert f"pid {held.pid}" in done.stderr

    def test_none(self, box: Box) -> None:
        assert explained(box, "--gpus", "0")["CUDA_VISIBLE_DEVICES"]["value"] == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--wait",), "that goes with `--gpus` only"),
        (("--min-free", "20GiB"), "that goes with `--gpus` only"),
        (("--gpus", "1", "--min-free", "20G"), "is not an amount of memory"),
        (("--gpus", "1", "--min-free", ""), "is not an amount of memory"),
        (("--min-free", ""), "that goes with `--gpus` only"),
        (("--gpus", "-1"), "`-1` is no number of GPUs"),
        (("--gpus", "all"), "`all` is no number of GPUs"),
        (("--gpus", "0,1"), "--env CUDA_VISIBLE_DEVICES=0,1"),
        (("--gpus",), "`--` is no number of GPUs"),
        (
            ("--gpu", "1"),
            "`run` has no option `--gpu`\n  where: envctl run\n  next:  did you mean `--gpus`?",
        ),
        (("--profile", "cu126"), "`envctl sync --profile NAME`"),
        (("-C", "/tmp"), "write it before `run`: `envctl -C … run -- COMMAND`"),
        (("--", "--gpus", "2"), "`--gpus` stands where the program belongs"),
    ],
)
def test_wrong_words(box: Box, words: tuple[str, ...], said: str) -> None:
    assert said in box.run("run", *words, "--", "true", code=2).stderr


def test_few_open_files_are_enough(box: Box) -> None:
    limited = ("sh", "-c", 'ulimit -n 60; exec "$@"', "sh")
    done = box.run("run", "--gpus", "1", "--", "sh", "-c", SHOWN, before=limited)
    assert done.stdout.strip() == f"<{GPUS[0]}> <PCI_BUS_ID>"


def test_a_full_disk_does_not_cost_the_lease(box: Box) -> None:
    with mounted(box.base / "mounted", size="8k") as target:
        (target / "filler").write_bytes(b"x" * 8192)
        done = box.run(
            *("run", "--gpus", "1", "--", "sh", "-c", SHOWN), ENVCTL_LEASES=f"{target}/leases"
        )
    assert done.stdout.strip() == f"<{GPUS[0]}> <PCI_BUS_ID>"


def test_a_strangers_folder_is_named_with_its_owner(box: Box) -> None:
    first, second = other_users()
    folder = box.base / "theirs"
    folder.mkdir(mode=0o755)
    os.chown(folder, first, first)
    done = box.run(
        *("run", "--gpus", "1", "--", "true"), code=3, user=second, ENVCTL_LEASES=str(folder)
    )
    assert "the leases cannot be used: permission denied" in done.stderr
    assert f"`{folder}` is {first}'s: only {first} can let others in" in done.stderr


def test_a_folder_that_cannot_be_written(box: Box) -> None:
    with mounted(box.base / "mounted") as target:
        read_only(target)
        folder = str(target / "leases")
        done = box.run("run", "--gpus", "1", "--", "true", code=3, ENVCTL_LEASES=folder)
    assert "read-only file system" in done.stderr
    assert f"where: {folder}" in done.stderr
    assert "ENVCTL_LEASES" in done.stderr


def test_a_planted_link_costs_its_device_only(box: Box) -> None:
    box.run("run", "--gpus", "1", "--", "true")
    victim = box.base / "victim"
    victim.write_text("dear")
    file = box.folder / f"{GPUS[0]}.lock"
    file.unlink()
    file.symlink_to(victim)
    try:
        assert shown(box, "--gpus", "3") == f"<{by('123')}> <PCI_BUS_ID>"
        done = box.run("run", "--gpus", "4", "--wait", "--", "true", code=3)
        assert "GPU 1: its lock's file, which " in done.stderr
        assert victim.read_text() == "dear"
    finally:
        file.unlink()
