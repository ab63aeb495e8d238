from pathlib import Path

import pytest

from tests import driver


@pytest.fixture(scope="session")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the stand-in for NVML's library."""
    return driver.nvml(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the variables by which this machine's own driver, container and job could be found."""
    for name in ("LD_LIBRARY_PATH", "FAKE_NVML", "PBS_JOBID", "LSB_JOBID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"):
        monkeypatch.delenv(name, raising=False)
