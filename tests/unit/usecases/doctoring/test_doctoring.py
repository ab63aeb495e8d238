"""Every family, on machines in memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from envctl.domain.checkup.engines import EngineFacts, Engines
from envctl.domain.checkup.indexes import IndexAnswer
from envctl.domain.checkup.network import Bundle, Network
from envctl.domain.checkup.places import Place
from envctl.domain.checkup.settings import SettingsFile
from envctl.domain.checkup.shell import ShellFacts
from envctl.domain.checkup.tools import Tool
from envctl.domain.diagnosis import Diagnosis
from envctl.domain.environment import Current, Stamp
from envctl.emitters.diagnosis_text import emit
from tests.unit.usecases.doctoring.checkups import (
    GIB,
    MANIFEST,
    PLACES,
    TOOLS,
    InMemoryCheckup,
    docker,
    look,
)

PROJECT = {"pyproject.toml": MANIFEST}
NEEDED = "`envctl hooks show` says which git hooks envctl's need"
CLAIMING = (
    MANIFEST + 'packages = ["zz-made-*", "zz-made-own"]\n'
    '[[tool.envctl.index]]\nname = "open"\nurl = "https://open.example/simple"\n'
)


def states(found: list[Diagnosis]) -> list[str]:
    return [each.state for each in found]


def all_of(found: Mapping[str, list[Diagnosis]]) -> list[Diagnosis]:
    return [each for some in found.values() for each in some]


def tools(*changed: Tool, **more: Any) -> InMemoryCheckup:
    names = {each.name for each in changed}
    kept = tuple(each for each in TOOLS.tools if each.name not in names)
    return InMemoryCheckup(found_tools=replace(TOOLS, tools=(*kept, *changed), **more))


class TestWhole:
    @pytest.mark.parametrize("files", [None, PROJECT, {}])
    def test_a_machine_in_order(self, files: dict[str, str] | None) -> None:
        found = look(files=files)
        assert "fail" not in states(all_of(found))
        wanted = {"tools", "index", "settings", "network", "cache", "disk", "shell", "container"}
        assert all(found[name] for name in wanted)

    def test_what_is_wrong_has_a_next_step(self) -> None:
        checkup = InMemoryCheckup(
            found_tools=replace(TOOLS, tools=(), unmet=("uv>=0.11 (it is not here)",)),
            found_places=tuple(replace(each, free=0, writable=False) for each in PLACES),
            found_network=Network(
                bundles=(Bundle(variable="PIP_CERT", real="/x", problem="is bad"),)
            ),
            found_engines=docker(problem="it refuses", mend="ask", chosen=True),
        )
        environ = {"HTTPS_PROXY": "http://", "PYTHONPATH": "/x", "UV_INDEX_URL": "x"}
        bad = [each for each in all_of(look(checkup, PROJECT, environ)) if each.state != "ok"]
        assert {each.check for each in bad} >= {
            *("tools", "settings", "network", "cache", "disk", "shell", "container"),
        }
        assert all(each.mend for each in bad)

    def test_a_manifest_that_cannot_be_read_is_said_once(self) -> None:
        found = look(files={"pyproject.toml": "[project\n"})
        failed = [each for each in all_of(found) if each.state == "fail"]
        assert [each.check for each in failed] == ["project"]
        assert found["disk"], "the other checks were made"

    def test_a_check_that_breaks_stops_no_other(self) -> None:
        class Broken(InMemoryCheckup):
            def network(self) -> Network:
                raise ZeroDivisionError

        found = look(Broken())
        assert [each.message for each in found["network"] if each.state == "fail"] == [
            "this check could not be made (ZeroDivisionError)"
        ]
        assert found["container"]

    def test_a_check_that_hangs_stops_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from threading import Event

        from envctl.usecases import doctoring

        class Hung(InMemoryCheckup):
            def engines(self) -> Engines:
                Event().wait(60)
                return Engines()

        monkeypatch.setattr(doctoring, "LIMIT", 1.0)
        found = look(Hung())
        assert [(each.state, each.message) for each in found["container"]] == [
            ("fail", "did not answer within 1 seconds")
        ]
        assert found["tools"]

    def test_nothing_personal_is_left(self) -> None:
        secret = "t0ken-t0ken"
        place = Place(role="uv's cache", path=f"/home/alice/{secret}/uv", used=1)
        found = look(InMemoryCheckup(found_places=(place,)), environ={"MY_TOKEN": secret})
        (said,) = (each.message for each in found["cache"])
        assert said == "uv's cache (~/***/uv) holds 1 B"


class TestTools:
    def test_which_uv_and_why(self) -> None:
        uv = Tool(name="uv", path="/opt/uv", version="0.13.8", others=("0.5.1 at /usr/bin/uv",))
        said = look(tools(uv))["tools"][1]
        assert said.state == "ok"
        assert said.message == (
            "uv 0.13.8 at /opt/uv: the one that envctl was installed with; "
            "not 0.5.1 at /usr/bin/uv, which is first on PATH"
        )

    @pytest.mark.parametrize(("name", "state"), [("uv", "fail"), ("pip", "warn")])
    def test_a_tool_that_is_missing(self, name: str, state: str) -> None:
        lost = Tool(name=name, path=None, problem="was not found", mend="reinstall envctl")
        assert state in states(look(tools(lost))["tools"])

    def test_requirements_that_are_not_met(self) -> None:
        found = look(tools(unmet=("virtualenv>=21 (20.1 is here)",)))["tools"][0]
        assert found.state == "fail"
        assert "virtualenv>=21 (20.1 is here)" in found.message

    def test_no_git(self) -> None:
        none = Tool(name="git", path=None)
        for files, state in ((None, "ok"), (PROJECT, "warn")):
            git = next(e for e in look(tools(none), files)["tools"] if "git" in e.message)
            assert git.state == state

    def test_a_docker_without_buildkit(self) -> None:
        old = Tool(name="docker", path="/usr/bin/docker", version="28.0", problem="no", mend="do")
        assert states(look(tools(old))["tools"])[-1] == "warn"

    @pytest.mark.parametrize(
        ("there", "hook", "state", "mend"),
        [
            (None, None, "warn", "`uv tool install pre-commit`, then `pre-commit install`"),
            ("pre-commit", None, "warn", f"`pre-commit install`; {NEEDED}"),
            ("prek", None, "warn", f"`prek install`; {NEEDED}"),
            ("pre-commit", "/x/.git/hooks/pre-commit", "ok", None),
        ],
    )
    def test_the_commit_hook(
        self, there: str | None, hook: str | None, state: str, mend: str | None
    ) -> None:
        checkup = tools(
            *((Tool(name=there, path=f"/bin/{there}", version="4.2"),) if there else ())
        )
        checkup.found_hook = Tool(name="hook", path=hook)
        last = look(checkup, {**PROJECT, ".pre-commit-config.yaml": ""})["tools"][-1]
        assert (last.state, last.mend) == (state, mend)

    @pytest.mark.parametrize("config", ["prek.toml", ".pre-commit-config.yml"])
    def test_a_configuration_that_prek_alone_reads(self, config: str) -> None:
        both = [Tool(name=name, path=f"/{name}", version="1") for name in ("pre-commit", "prek")]
        for there, state, mend in (
            (both[:1], "warn", "`uv tool install prek`, then `prek install`"),
            (both, "warn", f"`prek install`; {NEEDED}"),
        ):
            checkup = tools(*there)
            checkup.found_hook = Tool(name="hook", path=None)
            last = look(checkup, {**PROJECT, config: ""})["tools"][-1]
            assert (last.state, last.mend) == (state, mend)


class TestIndex:
    def test_offline_asks_nobody(self) -> None:
        checkup = InMemoryCheckup()
        assert states(look(checkup, PROJECT, offline=True)["index"]) == ["ok"]
        assert states(look(checkup, PROJECT, {"UV_OFFLINE": "1"})["index"]) == ["warn"]
        assert checkup.heard == []

    def test_no_index_hears_of_a_name_that_is_anothers(self) -> None:
        checkup = InMemoryCheckup()
        look(checkup, {"pyproject.toml": CLAIMING})
        assert [(each.name, each.page) for each in checkup.heard] == [
            ("team", "zz-made-own"),
            ("open", "pip"),
        ]

    def test_the_default_is_asked_where_no_index_is_open(self) -> None:
        checkup = InMemoryCheckup()
        look(checkup, {"pyproject.toml": MANIFEST + 'packages = ["zz-made-*"]\n'})
        assert [(each.name, each.url, each.page) for each in checkup.heard] == [
            ("team", "https://index.example/simple", ""),
            ("default", "https://default.example/simple", "pip"),
        ]

    @pytest.mark.parametrize(
        ("answer", "state", "said"),
        [
            ({}, "ok", "`team` at h answers; no login for it is here"),
            ({"login": True}, "ok", "`team` at h answers; there is a login for it"),
            (
                {"keyring": True},
                "ok",
                "`team` at h answers; no login for it is here (the keyring was not asked)",
            ),
            ({"mirrored": True}, "ok", "`team` at h, this machine's mirror of it answers"),
            ({"bare": True}, "ok", "`team` at h answers"),
            ({"bare": True, "login": True}, "warn", "and it is sent unencrypted"),
            ({"problem": "it is down", "mend": "wait"}, "fail", "`team` at h: it is down"),
        ],
    )
    def test_what_came(self, answer: dict[str, Any], state: str, said: str) -> None:
        given = IndexAnswer(name="team", host="h", **answer)
        (found,) = look(InMemoryCheckup(answers={"team": given}), PROJECT)["index"]
        assert found.state == state
        assert said in found.message


class TestSettings:
    def test_nothing_is_set(self) -> None:
        assert states(look()["settings"]) == ["ok"]

    def test_what_is_taken(self) -> None:
        (taken, rest) = look(environ={"UV_HTTP_TIMEOUT": "9", "PIP_NO_INPUT": "1"})["settings"]
        assert taken.message.endswith("`UV_HTTP_TIMEOUT`")
        assert states([taken, rest]) == ["ok", "ok"]

    @pytest.mark.parametrize(
        ("name", "mend"),
        [
            ("UV_DEFAULT_INDEX", "[[tool.envctl.index]]"),
            ("PIP_EXTRA_INDEX_URL", "[mirror] in .envctl/local.toml"),
            ("PIP_CONSTRAINT", "`constraints`"),
            ("UV_EXCLUDE_NEWER", "`exclude-newer`"),
        ],
    )
    def test_a_variable_that_is_not_honoured(self, name: str, mend: str) -> None:
        (found,) = look(environ={name: "https://me:planted@x.example/simple"})["settings"]
        assert found.state == "warn"
        assert name in found.message
        assert mend in (found.mend or "")
        assert f"`unset {name}`" in (found.mend or "")
        assert "planted" not in str(found)

    def test_files(self) -> None:
        files = (
            SettingsFile(
                tool="pip", path="/etc/pip.conf", keys=("global.index-url", "list.format")
            ),
            SettingsFile(tool="pip", path="/home/alice/pip.conf", keys=("global.cert",)),
            SettingsFile(tool="uv", path="/etc/uv/uv.toml", problem="it is no TOML"),
        )
        found = look(InMemoryCheckup(files=files))["settings"]
        assert [each.message for each in found] == [
            "not honoured: `global.index-url` in /etc/pip.conf is not read",
            "not honoured: `global.cert` in ~/pip.conf is not read",
            "/etc/uv/uv.toml: it is no TOML; uv itself stumbles over it",
        ]
        found = look(InMemoryCheckup(files=files[1:2]), environ={"SSL_CERT_FILE": "/x"})["settings"]
        assert states(found) == ["ok"]

    def test_tool_uv(self) -> None:
        uv = '[[tool.uv.index]]\nname = "x"\nurl = "https://other.example/simple"\n'
        found = look(files={"pyproject.toml": MANIFEST + uv})["settings"]
        assert [(each.state, each.mend) for each in found] == [
            ("warn", "`envctl init` takes them over")
        ]
        same = uv.replace("other.example", "index.example")
        assert states(look(files={"pyproject.toml": MANIFEST + same})["settings"]) == ["ok"]


class TestNetwork:
    @pytest.mark.parametrize(
        ("environ", "wanted"),
        [
            ({}, ["ok", "ok"]),
            ({"HTTPS_PROXY": "http://me:pw@p.example:1"}, ["ok", "ok"]),
            ({"HTTPS_PROXY": "http://[:"}, ["fail", "ok"]),
            ({"ALL_PROXY": "socks5://p.example"}, ["warn", "ok"]),
            (
                {"HTTP_PROXY": "http://p.example", "http_proxy": "http://q.example"},
                ["ok", "ok", "warn", "ok"],
            ),
        ],
    )
    def test_proxies(self, environ: dict[str, str], wanted: list[str]) -> None:
        found = look(environ=environ)["network"]
        assert states(found) == wanted
        assert "pw" not in str(found)

    @pytest.mark.parametrize(
        ("network", "wanted"),
        [
            (Network(), "ok"),
            (Network(system=False), "warn"),
            (Network(bundles=(Bundle(variable="PIP_CERT", real="/a"),)), "ok"),
            (Network(bundles=(Bundle(variable="PIP_CERT", real="/a", problem="bad"),)), "fail"),
            (
                Network(
                    bundles=(
                        Bundle(variable="PIP_CERT", real="/a"),
                        Bundle(variable="SSL_CERT_FILE", real="/b"),
                    )
                ),
                "warn",
            ),
            (
                Network(netrc="/home/alice/.netrc can be read by others", netrc_mend="`chmod`"),
                "warn",
            ),
        ],
    )
    def test_trust(self, network: Network, wanted: str) -> None:
        found = look(InMemoryCheckup(found_network=network))["network"]
        assert states(found)[-1] == wanted


class TestPlaces:
    def test_in_order(self) -> None:
        found = look(files=PROJECT)
        assert [each.message for each in found["cache"]] == [
            "uv's cache (/cache/uv) holds 3.0 GiB; files are linked from it into the project's environments",
            "envctl's cache (/cache/envctl) is not made yet",
        ]
        assert [each.message for each in found["disk"]] == [
            "50.0 GiB are free for the project (/project)",
            "20.0 GiB are free for temporary files (/tmp)",
        ]

    def test_a_cache_on_another_file_system(self) -> None:
        moved = tuple(replace(each, device=n) for n, each in enumerate(PLACES))
        checkup = InMemoryCheckup(found_places=moved)
        assert states(look(checkup, PROJECT)["cache"]) == ["warn", "ok"]
        meant = look(checkup, PROJECT, {"UV_LINK_MODE": "copy"})
        assert states(meant["cache"]) == ["ok", "ok"]
        assert states(look(checkup)["cache"]) == ["ok", "ok"]

    @pytest.mark.parametrize(
        ("change", "wanted"),
        [
            ({"free": 3 * GIB}, ["warn", "ok"]),
            ({"free": GIB // 8}, ["fail", "ok"]),
            ({"files": 900}, ["warn", "ok"]),
            ({"files": 0}, ["fail", "ok"]),
            ({"files": None}, ["ok", "ok"]),
            ({"read_only": True}, ["fail", "ok", "ok"]),
            ({"startable": False}, ["fail", "ok", "ok"]),
            ({"problem": "no such file or directory"}, ["fail", "ok", "ok"]),
        ],
    )
    def test_the_projects_disk(self, change: dict[str, Any], wanted: list[str]) -> None:
        places = (replace(PLACES[0], **change), *PLACES[1:])
        assert states(look(InMemoryCheckup(found_places=places), PROJECT)["disk"]) == wanted

    def test_a_cache_of_another_user(self) -> None:
        cache = replace(PLACES[1], path="/it's/uv", writable=False)
        found = look(InMemoryCheckup(found_places=(PLACES[0], cache)), PROJECT)["cache"][0]
        assert found.state == "fail"
        assert (found.mend or "").startswith("`sudo chown -R $(id -u) '/it'\"'\"'s/uv'`")


class TestShell:
    STAMP = Stamp(
        slice_digest="",
        python="3.11.2",
        base="",
        packages={},
        env={"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "2"},
    )
    CURRENT = Current(kind="ours", path="/project/.envctl/envs/1", stamp=STAMP)

    @pytest.mark.parametrize(
        ("facts", "environ", "state", "said"),
        [
            ({"active": None}, {}, "ok", "no environment is active"),
            ({}, {"PYTHONHASHSEED": "0"}, "ok", "/e is the project's"),
            (
                {},
                {"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "7"},
                "ok",
                "/e is the project's",
            ),
            ({}, {"PYTHONHASHSEED": "1"}, "warn", "`PYTHONHASHSEED` differ"),
            ({"there": False, "same": False}, {}, "warn", "not there any more"),
            ({"same": False}, {}, "warn", "not the project's as it is now"),
            ({"first": False}, {"PYTHONHASHSEED": "0"}, "warn", "found elsewhere before it"),
        ],
    )
    def test_what_is_active(
        self, facts: dict[str, Any], environ: dict[str, str], state: str, said: str
    ) -> None:
        shell = ShellFacts(**{"shell": "bash", "active": "/e", **facts})
        checkup = InMemoryCheckup(found_shell=shell)
        found = look(checkup, PROJECT, environ, self.CURRENT)["shell"][0]
        assert found.state == state
        assert said in found.message

    def test_active_outside_a_project_is_nothing_wrong(self) -> None:
        shell = ShellFacts(shell="bash", active="/e", same=False)
        assert states(look(InMemoryCheckup(found_shell=shell))["shell"]) == ["ok", "ok"]

    def test_what_reaches_into_every_environment(self) -> None:
        environ = {"PYTHONPATH": "/x", "PYTHONHOME": "/y"}
        found = look(environ=environ)["shell"]
        assert [each.mend for each in found if each.state == "warn"] == [
            "`unset PYTHONPATH`",
            "`unset PYTHONHOME`",
        ]

    @pytest.mark.parametrize(
        ("shell", "completes", "said"),
        [
            ("bash", True, "bash completes"),
            ("zsh", False, '`eval "$(envctl completion zsh)"` into ~/.zshrc'),
            ("fish", False, "`envctl completion fish | source`"),
            ("csh", False, "not in `csh`"),
            (None, False, "not in this shell"),
        ],
    )
    def test_the_completion(self, shell: str | None, completes: bool, said: str) -> None:
        facts = ShellFacts(shell=shell, completes=completes)
        found = look(InMemoryCheckup(found_shell=facts))["shell"][-1]
        assert found.state == "ok"
        assert said in found.message


class TestContainer:
    def found(self, engines: Engines, files: dict[str, str] | None = None) -> list[Diagnosis]:
        return look(InMemoryCheckup(found_engines=engines), files)["container"]

    def test_none(self) -> None:
        none = Engines(engines=(EngineFacts(name="docker", there=False),))
        assert states(self.found(none)) == ["ok"]
        assert states(self.found(none, {**PROJECT, "Dockerfile": ""})) == ["warn"]

    @pytest.mark.parametrize(
        ("facts", "wanted"),
        [
            ({}, ["ok"]),
            ({"buildkit": False}, ["ok", "warn"]),
            ({"nvidia": True}, ["ok", "warn"]),
            ({"nvidia": True, "local": False}, ["ok"]),
            ({"nvidia": True, "gpu": ("CDI",)}, ["ok", "ok"]),
            ({"problem": "it refuses", "mend": "ask"}, ["warn"]),
            ({"problem": "it refuses", "mend": "ask", "chosen": True}, ["fail"]),
            ({"where": "ssh", "buildkit": False}, ["ok"]),
        ],
    )
    def test_docker(self, facts: dict[str, Any], wanted: list[str]) -> None:
        assert states(self.found(docker(**facts))) == wanted

    def test_rootless(self) -> None:
        assert "(rootless, with BuildKit)" in self.found(docker(rootless=True))[0].message

    def test_one_engine_is_enough_for_a_dockerfile(self) -> None:
        bad = docker(problem="it refuses", mend="ask")
        good = EngineFacts(name="podman", version="5.0", rootless=True)
        files = {**PROJECT, "Dockerfile": ""}
        assert states(self.found(bad, files)) == ["fail"]
        both = Engines(engines=(*bad.engines, good))
        assert states(self.found(both, files)) == ["warn", "ok"]


def test_the_report_fits_a_terminal() -> None:
    path = "/a/path/without/a/place/to/break/it" * 3
    each = Diagnosis(
        check="disk", state="warn", message="a word " * 30 + path, mend="do this " * 20
    )
    lines = emit([each], width=80).splitlines()
    assert path in " ".join(lines)
    assert all(len(line) <= 80 or path in line for line in lines)
    assert len(emit([each]).splitlines()) == 2
    assert len(emit([each], width=10).splitlines()) == 2
    assert emit([Diagnosis(check="disk", state="ok", message="")], width=80) == "ok    disk\n"
