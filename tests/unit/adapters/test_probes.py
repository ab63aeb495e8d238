from dataclasses import fields
from pathlib import Path

import pytest

from envctl.adapters.probes import PROBES, host
from envctl.adapters.process import run
from envctl.domain.record import Record
from tests.driver import tree
from tests.unit.adapters.test_probes_files import no_program


class TestHost:
    def test_from_files(self, tmp_path: Path) -> None:
        tree(
            tmp_path,
            {
                "etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.4 LTS"\nID=ubuntu\nVERSION_ID="22.04"\n# x=y\n',
                "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
                "proc/sys/kernel/osrelease": "5.15.0-101-generic\n",
                "proc/sys/kernel/arch": "aarch64\n",
                "proc/cpuinfo": "processor\t: 0\nmodel name\t: Neoverse-N1\nprocessor\t: 1\n",
                "proc/meminfo": "MemTotal:       16384 kB\nMemFree: 1 kB\n",
            },
        )
        found = host.probe(run=no_program, sysroot=tmp_path)
        assert (found["os"].name, found["os"].id, found["os"].version) == (
            "Ubuntu 22.04.4 LTS",
            "ubuntu",
            "22.04",
        )
        assert found["kernel"] == "5.15.0-101-generic"
        assert found["architecture"] == "aarch64"
        assert (found["cpu"].model, found["cpu"].cores) == ("Neoverse-N1", 2)
        assert found["memory_bytes"] == 16 * 1024**2
        assert found["container"] is None
        assert len(found["machine_id"]) == 16
        assert "0123" not in found["machine_id"]

    def test_from_nothing(self, tmp_path: Path) -> None:
        found = host.probe(run=no_program, sysroot=tmp_path)
        assert found["machine_id"] is None
        assert found["kernel"]
        assert found["architecture"]

    @pytest.mark.parametrize("text", ["", "uninitialized\n"])
    def test_a_machine_id_that_is_none(self, tmp_path: Path, text: str) -> None:
        tree(tmp_path, {"etc/machine-id": text})
        assert host.probe(run=no_program, sysroot=tmp_path)["machine_id"] is None


def test_the_probes_give_every_field_of_a_record_once() -> None:
    names: list[str] = []
    for name, probe in PROBES.items():
        assert name == probe.NAME
        names += probe.probe(run=run, sysroot=Path("/"))
    assert sorted(names) == sorted({field.name for field in fields(Record)} - {"schema", "name"})
