import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.variables import (
    KNOWN,
    SCHEDULER_VARIABLES,
    VARIABLE_CLASSES,
    Variable,
    classify,
    observed,
    scheduler,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("PYTHONHASHSEED", "semantic"),
        ("CUBLAS_WORKSPACE_CONFIG", "semantic"),
        ("NVIDIA_TF32_OVERRIDE", "semantic"),
        ("CUDA_DEVICE_ORDER", "semantic"),
        ("CUDA_VISIBLE_DEVICES", "host"),
        ("LD_LIBRARY_PATH", "host"),
        ("NCCL_DEBUG", "performance"),
        ("HF_HOME", "location"),
        ("HF_TOKEN", "secret"),
        ("GITHUB_TOKEN", "secret"),
        ("AWS_ACCESS_KEY_ID", "secret"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("DB_PASSWORD_2", "secret"),
        ("PGPASSWORD", "secret"),
        ("OPENAI_APIKEY", "secret"),
        ("NETRC_AUTH", "secret"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "secret"),
        ("mysql_pwd", "secret"),
        ("PWD", None),
        ("KEYBOARD", None),
        ("GIT_AUTHOR_NAME", None),
        ("MONKEY", None),
        ("TOKENIZERS_PARALLELISM", None),
        ("EDITOR", None),
    ],
)
def test_classify(name: str, kind: str | None) -> None:
    assert classify(name) == kind


def test_the_table_is_whole() -> None:
    assert all(row.kind in VARIABLE_CLASSES and row.source for row in KNOWN.values())
    assert all(classify(name) == "host" for name in SCHEDULER_VARIABLES)


def test_observed_tells_only_what_the_class_allows() -> None:
    environ = {
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HOME": "/scratch/hf",
        "HF_TOKEN": "hf_secret",
        "MY_TOKEN": "t",
        "EDITOR": "vi",
    }
    assert observed(environ) == (
        Variable(name="CUDA_VISIBLE_DEVICES", kind="host", value=""),
        Variable(name="HF_HOME", kind="location"),
        Variable(name="HF_TOKEN", kind="secret"),
        Variable(name="PYTHONHASHSEED", kind="semantic", value="0"),
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/home/ada/lib:/usr/local/cuda/lib64", "~/lib:/usr/local/cuda/lib64"),
        ("/home/grace/lib:/nfs/home/ada/lib", "/home/$USER/lib:/nfs/home/$USER/lib"),
        ("-L/home/ada/lib -I'/Users/ada'", "-L/home/$USER/lib -I'/Users/$USER'"),
        ("--xla_dump_to=/home/ada", "--xla_dump_to=~"),
        ("/opt/people/ada/lib:/data/ada", "/opt/people/$USER/lib:/data/$USER"),
        ("/data/adamant/lib", "/data/adamant/lib"),
        ("/srv/home/ada.old", "/srv/home/$USER"),
        ("/srv/box17/lib", "/srv/$HOSTNAME/lib"),
        ("https://ada:pw@example.org/x", "https://example.org/x"),
    ],
)
def test_a_value_names_no_person(value: str, written: str) -> None:
    environ = {
        "LD_LIBRARY_PATH": value,
        "HOME": "/home/ada",
        "USER": "ada",
        "HOSTNAME": "box17",
    }
    assert observed(environ)[0].value == written


def test_a_value_names_no_person_where_no_variable_says_who_we_are() -> None:
    """As under `docker exec` or systemd; the probe asks the system then."""
    environ = {"LD_LIBRARY_PATH": "/data/alice/lib"}
    assert observed(environ, "alice")[0].value == "/data/$USER/lib"
    assert observed({**environ, "USER": ""}, "alice")[0].value == "/data/$USER/lib"
    assert observed({**environ, "USER": "bob"}, "alice")[0].value == "/data/alice/lib"


@given(st.dictionaries(st.sampled_from([*KNOWN, "X_TOKEN"]), st.text(min_size=8)))
def test_no_secret_is_ever_observed(environ: dict[str, str]) -> None:
    for variable in observed(environ):
        assert classify(variable.name) is not None
        if variable.kind in ("secret", "location"):
            assert variable.value is None


def test_scheduler() -> None:
    assert scheduler({"SLURM_JOB_ID": "7"}) == "slurm"
    assert scheduler({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}) == "kubernetes"
    assert scheduler({"HOME": "/"}) is None
