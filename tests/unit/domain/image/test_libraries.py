"""Which libraries are lacking, and which Debian package has them."""

from envctl.checks import libraries as check
from envctl.domain.image import libraries
from envctl.domain.image.contents import Needs
from envctl.domain.image.libraries import Bundle, lacking

SITE = "lib/python3.11/site-packages"


def needs(
    *names: str, paths: tuple[str, ...] = (), name: str = "", machine: str = "x86_64"
) -> Needs:
    return Needs(machine=machine, needed=names, paths=paths, name=name)


def bundle(
    objects: dict[str, tuple[str, Needs]], closure: dict[str, set[str]] | None = None
) -> Bundle:
    paths = {f"{SITE}/{path}": each for path, each in objects.items()}
    return Bundle(
        objects={path: each for path, (_, each) in paths.items()},
        paths=paths.keys(),
        owners={path: package for path, (package, _) in paths.items()},
        closure=closure or {},
    )


def names(found: Bundle, *system: str) -> list[str]:
    return [each.library for each in lacking(found, "x86_64", lambda name: name in system)]


def test_what_nobody_has_is_named_with_the_file_that_asks() -> None:
    found = bundle(
        {"cv2/cv2.so": ("opencv", needs("libGL.so.1", "libc.so.6", "ld-linux-x86-64.so.2"))}
    )
    (one,) = lacking(found, "x86_64", lambda name: name == "libc.so.6")
    assert (one.library, one.asked_by) == ("libGL.so.1", ((f"{SITE}/cv2/cv2.so", "opencv"),))


def test_runpath_leads_to_what_the_wheel_bundles() -> None:
    repaired = needs("libgomp-a34b3233.so.1.0.0", paths=("$ORIGIN/../sklearn.libs",))
    files = {
        "sklearn/_x.so": ("sklearn", repaired),
        "sklearn.libs/libgomp-a34b3233.so.1.0.0": ("other", needs()),
    }
    assert names(bundle(files)) == []
    files["sklearn/_x.so"] = (
        "sklearn",
        needs("libgomp-a34b3233.so.1.0.0", paths=("$ORIGIN/../x.libs",)),
    )
    assert names(bundle(files)) == ["libgomp-a34b3233.so.1.0.0"]
    # A path that only the builder's machine had is none here, nor is one that goes out and in again.
    files["sklearn/_x.so"] = (
        "sklearn",
        needs("libz-1.so", paths=("/opt/conda/lib", "${ORIGIN}/.")),
    )
    assert names(bundle(files)) == ["libz-1.so"]


def test_what_a_dependency_brings_is_loaded_by_then() -> None:
    files = {
        "torch/lib/libtorch_cuda.so": ("torch", needs("libcudnn.so.9")),
        "nvidia/cudnn/lib/libcudnn.so.9": ("nvidia-cudnn-cu12", needs(name="libcudnn.so.9")),
        "alone/_x.so": ("alone", needs("libcudnn.so.9")),
    }
    found = lacking(bundle(files, {"torch": {"nvidia-cudnn-cu12"}}), "x86_64", lambda _: False)
    assert [(each.library, each.asked_by[0][1]) for each in found] == [("libcudnn.so.9", "alone")]


def test_the_driver_brings_its_own_and_other_machines_files_do_not_count() -> None:
    files = {
        "torch/lib/a.so": (
            "torch",
            needs("libcuda.so.1", "libnvidia-ml.so.1", "libpython3.11.so.1.0"),
        ),
        "bin/arm.so": ("wheel", needs("libstrange.so.3", machine="aarch64")),
    }
    assert names(bundle(files)) == []


def test_the_table_knows_both_releases() -> None:
    assert libraries.suites() == ("bookworm", "trixie")
    assert libraries.debian_package("libGL.so.1", "bookworm") == "libgl1"
    assert libraries.debian_package("libglib-2.0.so.0", "bookworm") == "libglib2.0-0"
    assert libraries.debian_package("libglib-2.0.so.0", "trixie") == "libglib2.0-0t64"
    assert libraries.debian_package("libgomp.so.1", "trixie") == "libgomp1"
    assert libraries.debian_package("libaio.so.1", "trixie") is None  # its name has changed there
    assert libraries.debian_package("libGL.so.1", None) is None
    for suite in libraries.suites():
        base = libraries.in_base(suite)
        assert {
            "libc.so.6",
            "libstdc++.so.6",
            "libgcc_s.so.1",
            "libz.so.1",
            "libbz2.so.1.0",
        } <= base
        assert not {"libgomp.so.1", "libGL.so.1", "libexpat.so.1"} & base


def test_a_named_package_satisfies_with_all_that_comes_with_it() -> None:
    found = bundle({"cv2/cv2.so": ("opencv", needs("libGL.so.1", "libX11.so.6"))})

    def said(*packages: str) -> list[tuple[str, str, str | None]]:
        findings = check.expected(found, "x86_64", suite="bookworm", system_packages=packages)
        return [(each.subject, each.severity, each.expected) for each in findings]

    assert said() == [
        ("libGL.so.1", "warning", "libgl1"),
        ("libX11.so.6", "warning", "libx11-6"),
    ]
    assert said("libgl1=1.6.0-1") == []  # Debian's libgl1 brings libx11-6
    assert said("libx11-6") == [("libGL.so.1", "warning", "libgl1")]
    # Of a package that the table has not it is not known what it brings.
    assert {severity for _, severity, _ in said("some-meta-package")} == {"note"}


def test_what_no_package_is_known_for() -> None:
    found = bundle({"a.so": ("a", needs("libnobody.so.7")), "b.so": ("a", needs("libnobody.so.7"))})
    (finding,) = check.proved(found, "x86_64", suite="trixie", there=lambda _: False)
    assert finding.expected is None
    assert "apt-file search" in (finding.advice or "")
    assert f"{SITE}/a.so of `a`, {SITE}/b.so of `a` need libnobody.so.7" in finding.message
