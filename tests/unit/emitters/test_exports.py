"""The formats of `envctl export`, read back by whoever reads them: pip's own parser, PyYAML, CycloneDX's validator."""

import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from packageurl import PackageURL
from packaging.markers import Marker
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
)
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import RequirementsFileParser, get_line_parser

from envctl.domain.export import Excerpt, indexes_of, packages_of
from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Target
from envctl.domain.manifest import Index, Manifest
from envctl.domain.platforms import Platform
from envctl.emitters.exports import EXPORTS
from envctl.errors import ExportError, LockError

INDEX = "https://index.example/simple"
SHA = "ab" * 32
QUOTES = "'" + '"'
READERS: list[Callable[[str], Any]] = [yaml.safe_load]
if find_spec("ruamel"):  # conda's own; envctl does not need it
    READERS.append(import_module("ruamel.yaml").YAML(typ="safe").load)
PARSER = RequirementsFileParser(PipSession(), get_line_parser(None))
HOSTILE = st.text(
    st.sampled_from("aZ09 -#${}\"'\\\n\r\t:;@%&*?|>,[]!éλ\u2028\x85\x7f\U0001f600"), max_size=12
)


def wheel(name: str = "zz_made_lib", **hashes: str) -> PackageWheel:
    return PackageWheel(
        url=f"https://files.example/{name}-1.0-py3-none-any.whl", hashes=hashes or {"sha256": SHA}
    )


def package(name: str = "zz-made-lib", **more: Any) -> Package:
    if not {"archive", "vcs", "directory", "wheels", "sdist"} & more.keys():
        more["wheels"] = [wheel(name.replace("-", "_"))]
    return Package(name=canonicalize_name(name), version=Version("1.0"), index=None, **more)


def excerpt(*packages: Package, requires_python: str | None = None, **about: Any) -> Excerpt:
    python = None if requires_python is None else SpecifierSet(requires_python)
    pylock = Pylock(
        lock_version=Version("1.0"), created_by="x", packages=packages, requires_python=python
    )
    known = {"project": "demo", "words": ("requirements",), "pip_index": INDEX, **about}
    return Excerpt(lock=Lock(pylock=pylock), lock_name="pylock.toml", packages=packages, **known)


def literal(text: str) -> str:
    """Return a marker's string of any characters: packaging reads Python's escapes."""
    return "'" + "".join(f"\\U{ord(letter):08x}" for letter in text) + "'"


class Read:
    """A requirements file as pip's own parser reads it."""

    def __init__(self, text: str, path: Path) -> None:
        path.write_text(text, encoding="utf-8")
        self.lines = list(PARSER.parse(str(path), constraint=False))

    @property
    def requirements(self) -> list[tuple[str, dict[str, list[str]]]]:
        return [(line.args.strip(), line.opts.hashes or {}) for line in self.lines if line.args]

    @property
    def options(self) -> list[dict[str, Any]]:
        found = (vars(line.opts) for line in self.lines if not line.args)
        own = ("format_control", "release_control")  # objects that are always there
        return [{k: v for k, v in each.items() if v and k not in own} for each in found]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r") / "requirements.txt"


class TestRequirements:
    def emit(self, whole: Excerpt, **own: str | bool) -> str:
        return EXPORTS["requirements"].emit(whole, own).text

    @settings(deadline=None)
    @given(value=HOSTILE, second=HOSTILE)
    def test_no_marker_gets_another_word_into_the_file(
        self, file: Path, value: str, second: str
    ) -> None:
        marker = Marker(f"sys_platform == {literal(value)} or os_name != {literal(second)}")
        try:
            text = self.emit(excerpt(package(marker=marker)))
        except (ExportError, ValueError):  # packaging itself cannot write both kinds of quotes
            assert not ((value + second).isalnum() and (value + second).isascii())
            return
        read = Read(text, file)
        ((line, hashes),) = read.requirements
        assert read.options == []
        assert hashes == {"sha256": [SHA]}
        found = Requirement(line)
        assert (found.name, str(found.specifier)) == ("zz-made-lib", "==1.0")
        assert found.marker == marker

    @pytest.mark.parametrize(
        "value", ["", "linux", "x86_64", "3.10", "3.9, 3.10", "linux linux2 darwin", "4.19.0-rc1+"]
    )
    def test_what_markers_compare_with_in_earnest_is_written(self, file: Path, value: str) -> None:
        marker = Marker(f"platform_release == '{value}'")
        ((line, _),) = Read(self.emit(excerpt(package(marker=marker))), file).requirements
        assert Requirement(line).marker == marker

    @pytest.mark.parametrize(
        "value", ["#1 SMP", "a #b", "a -r /etc/passwd", "--pre", "a\nb", "${HOME}", "a\\", "a'b"]
    )
    def test_what_pip_would_read_otherwise_is_refused(self, value: str) -> None:
        marker = Marker(f"platform_version == {literal(value)}")
        with pytest.raises(ExportError, match="cannot say safely") as caught:
            self.emit(excerpt(package(marker=marker)))
        assert "--platform" in (caught.value.hint or "")

    @settings(deadline=None)
    @given(tail=HOSTILE, folder=HOSTILE)
    def test_no_address_gets_another_word_into_the_file(
        self, file: Path, tail: str, folder: str
    ) -> None:
        archive = PackageArchive(
            url=f"https://files.example/{tail.replace('#', '')}/x-1.0.zip",
            hashes={"sha256": SHA},
            subdirectory=folder or None,
        )
        marker = Marker("os_name == 'nt'")
        read = Read(self.emit(excerpt(package(archive=archive, marker=marker))), file)
        ((line, hashes),) = read.requirements
        assert read.options == []
        assert hashes == {"sha256": [SHA]}
        found = Requirement(line)
        assert found.name == "zz-made-lib"
        assert found.marker == marker
        assert (found.url or "").startswith("https://files.example/")
        assert not set(found.url or "") & set(" \n\"'\\{}<>;")

    @settings(deadline=None)
    @given(path=HOSTILE)
    def test_no_path_gets_another_word_into_the_file(self, file: Path, path: str) -> None:
        directory = PackageDirectory(path=f"libs/{path}")
        text = self.emit(excerpt(package(directory=directory)), no_hashes=True)
        read = Read(text, file)
        ((line, hashes),) = read.requirements
        assert (read.options, hashes) == ([], {})
        assert Requirement(line).name == "zz-made-lib"
        assert (Requirement(line).url or "").startswith("file:libs/")

    @settings(deadline=None)
    @given(tail=HOSTILE)
    def test_no_index_gets_another_word_into_the_file(self, file: Path, tail: str) -> None:
        indexes = (f"https://index.example/one{tail}", f"https://index.example/two{tail}")
        read = Read(self.emit(excerpt(package(), indexes=indexes)), file)
        first, second = read.options
        assert first.keys() == {"index_url"}
        assert second.keys() == {"extra_index_urls"}
        assert first["index_url"].startswith("https://index.example/one")
        assert [url[:25] for url in second["extra_index_urls"]] == ["https://index.example/two"]
        assert len(read.requirements) == 1

    @settings(deadline=None)
    @given(words=st.lists(HOSTILE, max_size=3))
    def test_no_word_of_the_command_leaves_its_comment(self, file: Path, words: list[str]) -> None:
        read = Read(self.emit(excerpt(package(), words=tuple(words))), file)
        assert [line for line, _ in read.requirements] == ["zz-made-lib==1.0"]
        assert read.options == []

    @settings(deadline=None)
    @given(value=HOSTILE.filter(lambda text: set(text) - set("a09")), cut=st.booleans())
    def test_only_a_hash_is_written_as_a_hash(self, value: str, cut: bool) -> None:
        odd = (SHA + value)[len(value) * cut :]
        with pytest.raises(ExportError, match="no hash that pip takes"):
            self.emit(excerpt(package(wheels=[wheel(sha256=odd)])))

    def test_each_file_counts_and_the_best_known_hash(self, file: Path) -> None:
        wheels = [wheel(sha256="cd" * 32, md5="0" * 32), wheel(sha512="EF" * 64)]
        sdist = PackageSdist(name="zz_made_lib-1.0.tar.gz", path="x", hashes={"sha384": "01" * 48})
        read = Read(self.emit(excerpt(package(wheels=wheels, sdist=sdist))), file)
        assert read.requirements == [
            (
                "zz-made-lib==1.0",
                {"sha256": ["cd" * 32], "sha384": ["01" * 48], "sha512": ["ef" * 64]},
            )
        ]

    def test_the_default_index_of_pip_is_not_named(self, file: Path) -> None:
        """A member's mirror, named in pip.conf, would be overruled."""
        assert Read(self.emit(excerpt(package(), indexes=(INDEX,))), file).options == []

    def test_a_version_that_only_the_file_says(self, file: Path) -> None:
        bare = Package(name=NormalizedName("zz-made-lib"), wheels=[wheel()])
        assert [line for line, _ in Read(self.emit(excerpt(bare)), file).requirements] == [
            "zz-made-lib==1.0"
        ]

    @pytest.mark.parametrize(
        ("source", "line"),
        [
            (
                {"vcs": PackageVcs(type="git", url="https://git.example/a b", commit_id="c0ffee")},
                "zz-made-lib @ git+https://git.example/a%20b@c0ffee",
            ),
            (
                {"vcs": PackageVcs(type="hg", path="up/x", commit_id="c0", subdirectory="d#e")},
                "zz-made-lib @ hg+file:up/x@c0#subdirectory=d%23e",
            ),
            ({"directory": PackageDirectory(path="/a b")}, "zz-made-lib @ file:///a%20b"),
            (
                {"directory": PackageDirectory(path="../x", subdirectory="y")},
                "zz-made-lib @ file:../x/y",
            ),
            (
                {"archive": PackageArchive(path="dist/x.zip", hashes={"sha256": SHA})},
                f"zz-made-lib @ file:dist/x.zip#sha256={SHA}",
            ),
        ],
    )
    def test_what_comes_from_no_index(self, file: Path, source: dict[str, Any], line: str) -> None:
        whole = excerpt(package(**source))
        assert Read(self.emit(whole, no_hashes=True), file).requirements == [(line, {})]


class TestEnvironment:
    @settings(deadline=None)
    @given(
        project=HOSTILE,
        values=st.dictionaries(st.sampled_from(["A", "PYTHONHASHSEED", "no"]), HOSTILE),
        tail=HOSTILE,
    )
    def test_yaml_reads_back_what_was_meant(
        self, project: str, values: dict[str, str], tail: str
    ) -> None:
        whole = excerpt(
            package(), project=project, env=values, indexes=(f"https://index.example/{tail}",)
        )
        found = yaml.safe_load(EXPORTS["environment"].emit(whole, {}).text)
        assert found.get("variables", {}) == values
        assert set(found["name"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert found["name"]
        assert found["dependencies"][:2] == ["python", "pip"]
        index, line = found["dependencies"][2]["pip"]
        assert index.startswith("--index-url https://index.example/")
        assert len(index.split()) == 2
        assert line == "zz-made-lib==1.0"

    @pytest.mark.parametrize("text", ["on", "1e3", "0x10", "12:30:45", "~", "null", "- a", "a: b"])
    def test_a_value_stays_text(self, text: str) -> None:
        whole = excerpt(package(), env={"A": text})
        assert yaml.safe_load(EXPORTS["environment"].emit(whole, {}).text)["variables"] == {
            "A": text
        }

    # What YAML 1.1 (PyYAML) calls text and YAML 1.2 (conda's ruamel.yaml) a number, and the other way round.
    @pytest.mark.parametrize("text", ["1e-3", "0o17", "08", "+1e5", "1_000", "yes", "plain", ""])
    def test_a_text_is_quoted_whatever_the_yaml(self, text: str) -> None:
        whole = excerpt(
            package(), project="1e-3", python="3.11", env={"A": text}, indexes=("https://b/s",)
        )
        lines = EXPORTS["environment"].emit(whole, {}).text.splitlines()
        assert [line.strip() for line in lines if not line.startswith("#")] == [
            'name: "1e-3"',
            "channels:",
            "- conda-forge",
            "- nodefaults",
            "dependencies:",
            '- "python=3.11"',
            "- pip",
            "- pip:",
            '- "--index-url https://b/s"',
            '- "zz-made-lib==1.0"',
            "variables:",
            f'A: "{text}"',
        ]
        assert yaml.safe_load("\n".join(lines))["variables"] == {"A": text}

    @settings(deadline=None)
    @given(text=HOSTILE | st.from_regex(r"[-+]?0?[0-9xob_.:]+(e[-+]?[0-9]+)?", fullmatch=True))
    def test_a_value_is_the_same_text_to_every_reader(self, text: str) -> None:
        made = EXPORTS["environment"].emit(excerpt(package(), env={"A": text}), {}).text
        assert made.splitlines()[-1].startswith('  A: "')
        for read in READERS:
            assert read(made)["variables"] == {"A": text}

    @pytest.mark.parametrize(
        ("about", "python"),
        [
            ({"python": "3.11"}, "python=3.11"),
            ({"python": "3.11.7"}, "python=3.11.7"),
            ({"requires_python": "==3.12.*"}, "python=3.12"),
            ({"requires_python": "==3.12.4"}, "python=3.12.4"),
            ({"requires_python": ">=3.10,<3.13"}, "python<3.13,>=3.10"),
            ({}, "python"),
            (
                {
                    "target": Target(platform=Platform(os="macos", machine="arm64"), python="3.13"),
                    "requires_python": ">=3.10",
                },
                "python=3.13",
            ),
        ],
    )
    def test_the_python(self, about: dict[str, Any], python: str) -> None:
        made = EXPORTS["environment"].emit(excerpt(package(), **about), {})
        assert yaml.safe_load(made.text)["dependencies"][0] == python
        assert any("which Python" in each for each in made.warnings) == (python == "python")

    def test_variables_of_one_machine_are_left_out(self) -> None:
        whole = excerpt(package(), env={"CUDA_VISIBLE_DEVICES": "2"})
        made = EXPORTS["environment"].emit(whole, {})
        assert "variables" not in yaml.safe_load(made.text)
        assert any("CUDA_VISIBLE_DEVICES" in each for each in made.warnings)


class TestSbom:
    @pytest.mark.parametrize("version", ["1.5", "1.6"])
    @settings(max_examples=25, deadline=None)
    @given(project=HOSTILE.filter(str.strip), value=HOSTILE, tail=HOSTILE)
    def test_it_is_valid_whatever_the_names_are(
        self, version: str, project: str, value: str, tail: str
    ) -> None:
        odd = package(
            archive=PackageArchive(url=f"https://x.example/{tail}", hashes={"sha256": SHA}),
        )
        marked = Package(
            name=NormalizedName("zz-made-other"),
            version=Version("1+cu126"),
            index=f"https://index.example/{tail}",
            marker=Marker("os_name == 'nt'"),
            wheels=[
                PackageWheel(name="zz_made_other-1+cu126-py3-none-any.whl", path=tail, hashes={})
            ],
        )
        whole = excerpt(odd, marked, project=project, env={"A": value})
        text = EXPORTS["sbom"].emit(whole, {"spec_version": version}).text
        assert JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(text) is None
        bill = json.loads(text)
        assert bill["metadata"]["component"]["name"] == project
        properties = bill["metadata"]["component"]["properties"]
        assert {"name": "envctl:env:A", "value": value} in properties
        purl = PackageURL.from_string(bill["components"][1]["purl"])
        assert (purl.name, purl.version) == ("zz-made-other", "1+cu126")

    def test_the_number_changes_with_the_content_and_only_then(self) -> None:
        def number(whole: Excerpt) -> str:
            return str(json.loads(EXPORTS["sbom"].emit(whole, {}).text)["serialNumber"])

        first = number(excerpt(package()))
        assert number(excerpt(package())) == first
        assert number(excerpt(package(wheels=[wheel(sha256="cd" * 32)]))) != first

    def test_the_default_index_is_not_named(self) -> None:
        """purl-spec: ``repository_url`` is for a repository other than the type's own."""
        plain = Package(name=NormalizedName("zz-made-a"), version=Version("1"), index=f"{INDEX}/")
        other = Package(name=NormalizedName("zz-made-b"), version=Version("1"), index="https://b/s")
        bill = json.loads(EXPORTS["sbom"].emit(excerpt(plain, other), {}).text)
        assert [each["purl"] for each in bill["components"]] == [
            "pkg:pypi/zz-made-a@1",
            "pkg:pypi/zz-made-b@1?repository_url=https://b/s",
        ]

    def test_a_hash_that_cyclonedx_does_not_know_is_left_out(self) -> None:
        whole = excerpt(package(wheels=[wheel(blake2b="00", sha256=SHA)]))
        (component,) = json.loads(EXPORTS["sbom"].emit(whole, {}).text)["components"]
        assert component["hashes"] == [{"alg": "SHA-256", "content": SHA}]

    @pytest.mark.parametrize(
        ("algorithm", "value"),
        [
            ("sha256", "ab"),
            ("sha256", "ab" * 16),  # as long as an MD5: CycloneDX's own validator takes it
            ("sha256", "xy" * 32),
            ("SHA512", SHA),
            ("md5", SHA),
            ("sha1", ""),
            ("sha3_384", SHA),
        ],
    )
    def test_a_hash_that_does_not_fit_its_algorithm_is_refused(
        self, algorithm: str, value: str
    ) -> None:
        whole = excerpt(package(wheels=[wheel(**{"sha256": SHA, algorithm: value})]))
        with pytest.raises(ExportError, match=f"`zz-made-lib` .* {algorithm}") as caught:
            EXPORTS["sbom"].emit(whole, {})
        assert caught.value.where == "zz-made-lib"
        assert "envctl lock" in (caught.value.hint or "")

    def test_hashes_of_the_right_length_are_written(self) -> None:
        known = {"md5": "AB" * 16, "sha1": "ab" * 20, "sha384": "ab" * 48, "sha3_512": "ab" * 64}
        text = EXPORTS["sbom"].emit(excerpt(package(wheels=[wheel(**known)])), {}).text
        (component,) = json.loads(text)["components"]
        assert {each["alg"]: each["content"] for each in component["hashes"]} == {
            "MD5": "ab" * 16,
            "SHA-1": "ab" * 20,
            "SHA-384": "ab" * 48,
            "SHA3-512": "ab" * 64,
        }


class TestChoice:
    """Which packages an export is made from."""

    def lock(self, *packages: Package) -> Lock:
        pylock = Pylock(
            lock_version=Version("1.0"),
            created_by="x",
            packages=packages,
            extras=[NormalizedName("a"), NormalizedName("b")],
        )
        return Lock(pylock=pylock)

    def test_two_versions_at_once_are_refused(self) -> None:
        lock = self.lock(
            package(marker=Marker("'a' in extras")), package(marker=Marker("'b' in extras"))
        )
        assert len(packages_of(lock, None, groups=(), extras=("a",), where="x")) == 1
        with pytest.raises(LockError, match="more than one `zz-made-lib`"):
            packages_of(lock, None, groups=(), extras=("a", "b"), where="x")

    def test_two_versions_for_two_platforms_stay_apart(self) -> None:
        lock = self.lock(
            package(marker=Marker("'a' in extras and os_name == 'nt'")),
            package(marker=Marker("'a' in extras and os_name != 'nt'")),
        )
        found = packages_of(lock, None, groups=(), extras=("a",), where="x")
        assert [str(each.marker) for each in found] == ['os_name == "nt"', 'os_name != "nt"']

    @pytest.mark.parametrize("text", ["extras == 'a'", rf"os_name == {literal(QUOTES)}"])
    def test_a_marker_that_nobody_knows_is_an_error_with_its_package(self, text: str) -> None:
        lock = self.lock(package(marker=Marker(text)))
        with pytest.raises(LockError, match="zz-made-lib"):
            packages_of(lock, None, groups=(), extras=(), where="x")

    def test_the_default_index_comes_first_then_the_manifests_order(self) -> None:
        def of(url: str | None) -> Package:
            return Package(name=NormalizedName("zz-made-a"), index=url)

        manifest = Manifest(
            indexes=(
                Index(name="z", url="https://z/s", packages=("zz-*",)),
                Index(name="m", url="https://m/s"),
                Index(name="unused", url="https://u/s"),
            )
        )
        used = [of("https://foreign/s"), of("https://z/s"), of("https://m/s/"), of(None)]
        assert indexes_of(used, manifest, INDEX) == (
            "https://m/s",
            "https://z/s",
            "https://foreign/s",
        )
        private = Manifest(indexes=manifest.indexes[:1])
        assert indexes_of([of("https://z/s"), of(INDEX)], private, INDEX) == (INDEX, "https://z/s")
        assert indexes_of([of("https://z/s")], private, INDEX) == ("https://z/s",)
