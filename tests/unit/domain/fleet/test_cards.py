"""For which cards an image must have kernels."""

from dataclasses import replace

from envctl.domain.fleet import Fit, Trial
from envctl.domain.fleet.cards import cards
from tests import machines


def _fit(name: str, profile: str | None, *, runs: bool = True) -> Fit:
    trial = Trial(profile=profile, gpu=True, kind="pass", obstacles=(), contract=None)
    record = replace(machines.load(name), name=name)
    return Fit(record=record, trials=(trial,), chosen=trial if runs else None)


def test_those_of_the_machines_that_take_the_profile() -> None:
    tried = (
        _fit("h100", "cu130"),
        _fit("h200", "cu130"),
        _fit("hpc-a100", "cu126"),
        _fit("jetson-orin", "cu130"),
        _fit("no-gpu", "cpu"),
    )
    assert cards(tried, "cu130") == {
        "x86_64": {"9.0": ("h100", "h200")},
        "aarch64": {"8.7": ("jetson-orin",)},
    }
    assert cards(tried, "cu126") == {"x86_64": {"8.0": ("hpc-a100",)}}
    assert cards(tried, "cpu") == {"x86_64": {}}


def test_a_machine_that_runs_nothing_counts_for_each_profile() -> None:
    tried = (_fit("lab-v100", None, runs=False),)
    assert cards(tried, "cu130") == cards(tried, None) == {"x86_64": {"7.0": ("lab-v100",)}}
