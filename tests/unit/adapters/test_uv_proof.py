"""uv's proofs, as uv 0.13 writes them, and the demands that they begin with."""

import pytest

from envctl.adapters.uv.proof import askers, explained

HEAD = (
    "error: No solution found when resolving dependencies for split "
    "(markers: platform_machine == 'x86_64' and sys_platform == 'linux')\n"
)
END = "we can conclude that your project's requirements are unsatisfiable."
PROOFS = {
    "direct": (
        (
            "  cause: Because only the following versions of lib are available:\n"
            "             lib<=1\n"
            "             lib>=1.1\n"
            "         and your project depends on lib>1, we can conclude that your project depends on lib>=1.1.\n"
            f"         And because your project depends on lib<1.1, {END}\n"
        ),
        (
            "no version of `lib` suits all who ask for it:",
            "the project asks for lib>1",
            "the project asks for lib<1.1",
        ),
    ),
    "on the way": (
        (
            "  cause: Because all versions of web depend on lib>=2 and all versions of mid depend on web, "
            "we can conclude that all versions of mid depend on lib>=2.\n"
            "         And because all versions of app depend on lib<2, we can conclude that all versions of "
            "app and all versions of mid are incompatible.\n"
            f"         And because your project depends on app and mid, {END}\n"
        ),
        (
            "no version of `lib` suits all who ask for it:",
            "the project asks for app",
            "the project asks for mid",
            "every version of web needs lib>=2",
            "every version of mid needs web",
            "every version of app needs lib<2",
        ),
    ),
    "python": (
        (
            "  cause: Because the requested Python version (==3.11.*) does not satisfy Python>=3.12 and "
            "new==0.9 depends on Python>=3.12, we can conclude that new==0.9 cannot be used.\n"
            "         And because only new>=0.9 is available and only the following versions of new are available:\n"
            "             new<=0.9\n"
            "             new>=1.0\n"
            "         we can conclude that new<1.0 cannot be used. (1)\n\n"
            "         Because the requested Python version (==3.11.*) does not satisfy Python>=3.13 and "
            "new==1.0 depends on Python>=3.13, we can conclude that new==1.0 cannot be used.\n"
            "         And because we know from (1) that new<1.0 cannot be used, we can conclude that all "
            "versions of new cannot be used.\n"
            f"         And because your project depends on new, {END}\n\n"
            "hint: The `requires-python` value includes Python versions that are not supported\n"
        ),
        (
            "no version of `new` is for the project's Python:",
            "the project asks for new",
            "new 0.9 needs Python>=3.12",
            "new 1.0 needs Python>=3.13",
            "the project's Python is ==3.11.*",
        ),
    ),
    "no such version": (
        f"  cause: Because there is no version of app==9 and your project depends on app==9, {END}\n",
        (
            "no versions satisfy all requirements:",
            "the project asks for app==9",
            "there is no version app==9",
        ),
    ),
    "yanked": (
        (
            "  cause: Because all versions of app were yanked (reason: it broke) and your project depends "
            f"on app, {END}\n"
        ),
        (
            "no versions satisfy all requirements:",
            "the project asks for app",
            "every version of app is yanked (reason: it broke)",
        ),
    ),
    "one twice": (
        f"  cause: Because your project depends on zz-made-app<1 and zz-made-app>8, {END}\n",
        (
            "no version of `zz-made-app` suits all who ask for it:",
            "the project asks for zz-made-app<1",
            "the project asks for zz-made-app>8",
        ),
    ),
    "one twice with a marker": (
        (
            "  cause: Because your project depends on zz-made-app<1 and "
            f"zz-made-app{{sys_platform == 'linux'}}>8, {END}\n"
        ),
        (
            "no version of `zz-made-app` suits all who ask for it:",
            "the project asks for zz-made-app<1",
            "the project asks for zz-made-app>8 (where sys_platform == 'linux')",
        ),
    ),
    "one that nothing meets": (
        "  cause: your project depends on zz-made-app<1 and zz-made-app>2, which are incompatible\n",
        (
            "no version of `zz-made-app` suits all who ask for it:",
            "the project asks for zz-made-app<1",
            "the project asks for zz-made-app>2",
        ),
    ),
    "a package that nothing meets": (
        (
            "  cause: Because zz-made-one==1.0 depends on zz-made-lib<1 and zz-made-lib>2, which are "
            "incompatible and only zz-made-one==1.0 is available, we can conclude that all versions of "
            "zz-made-one cannot be used.\n"
            f"         And because your project depends on zz-made-one, {END}\n"
        ),
        (
            "no version of `zz-made-lib` suits all who ask for it:",
            "the project asks for zz-made-one",
            "zz-made-one 1.0 needs zz-made-lib<1",
            "zz-made-one 1.0 needs zz-made-lib>2",
        ),
    ),
    "a package that asks twice": (
        (
            "  cause: Because all versions of zz-made-two depend on zz-made-lib<1 and zz-made-lib>8, "
            "we can conclude that all versions of zz-made-two cannot be used.\n"
            f"         And because your project depends on zz-made-two, {END}\n"
        ),
        (
            "no version of `zz-made-lib` suits all who ask for it:",
            "the project asks for zz-made-two",
            "every version of zz-made-two needs zz-made-lib<1",
            "every version of zz-made-two needs zz-made-lib>8",
        ),
    ),
    "extra and group": (
        (
            "  cause: Because all versions of web depend on lib>=2 and envctl-root:dev depends on web, we "
            "can conclude that envctl-root:dev depends on lib>=2.\n"
            "         And because envctl-root[plot] depends on lib<1.1, we can conclude that "
            "envctl-root:dev and envctl-root[plot] are incompatible.\n"
            f"         And because your project requires envctl-root[plot] and envctl-root:dev, {END}\n"
        ),
        (
            "no version of `lib` suits all who ask for it:",
            "the group `dev` asks for web",
            "the extra `plot` asks for lib<1.1",
            "every version of web needs lib>=2",
        ),
    ),
    "wheels": (
        (
            "  cause: Because win==1.0 has no `sys_platform == 'linux'`-compatible wheels and only win==1.0 "
            "is available, we can conclude that all versions of win cannot be used.\n"
            f"         And because your project depends on win, {END}\n"
        ),
        (
            "no versions satisfy all requirements:",
            "the project asks for win",
            "win==1.0 has no wheel for sys_platform == 'linux'",
            "there is only win==1.0",
        ),
    ),
}


@pytest.mark.parametrize("case", PROOFS)
def test_a_proof_becomes_its_premises(case: str) -> None:
    proof, lines = PROOFS[case]
    error = explained(HEAD + proof)
    assert error is not None
    assert tuple(line.strip() for line in str(error).splitlines()) == lines
    assert error.where == "pyproject.toml"
    assert error.hint


LIMITED = {
    "of the project's own": (
        ["zz-made-app >= 2"],
        f"Because your project depends on zz-made-app<2 and zz-made-app>=2, {END}",
        ("the project asks for zz-made-app<2", "a constraint asks for zz-made-app>=2"),
    ),
    "of a package on the way": (
        ["zz_made_lib<1"],
        (
            "Because all versions of zz-made-web depend on zz-made-lib>=2 and zz-made-lib<1, we can conclude that "
            "all versions of zz-made-web cannot be used.\n"
            f"         And because your project depends on zz-made-web, {END}"
        ),
        (
            "a constraint asks for zz-made-lib<1",
            "the project asks for zz-made-web",
            "every version of zz-made-web needs zz-made-lib>=2",
        ),
    ),
    "in uv's own spelling": (
        ["zz-made-lib~=1.0"],
        (
            "Because all versions of zz-made-web depend on zz-made-lib>=2 and zz-made-lib>=1.0,<2.dev0, we can "
            "conclude that all versions of zz-made-web cannot be used.\n"
            f"         And because your project depends on zz-made-web, {END}"
        ),
        (
            "a constraint asks for zz-made-lib>=1.0,<2.dev0",
            "the project asks for zz-made-web",
            "every version of zz-made-web needs zz-made-lib>=2",
        ),
    ),
    "of a package wanted in any version": (
        ["zz-made-lib<1"],
        (
            "Because only zz-made-lib>=1.0 is available and all versions of zz-made-bare depend on zz-made-lib<1, "
            "we can conclude that all versions of zz-made-bare cannot be used.\n"
            f"         And because your project depends on zz-made-bare, {END}"
        ),
        (
            "a constraint asks for zz-made-lib<1",
            "the project asks for zz-made-bare",
            "there is only zz-made-lib>=1.0",
        ),
    ),
}


@pytest.mark.parametrize("case", LIMITED)
def test_a_constraint_is_one_of_those_that_uv_was_given(case: str) -> None:
    constraints, proof, lines = LIMITED[case]
    error = explained(f"{HEAD}  cause: {proof}\n", constraints)
    assert error is not None
    assert tuple(line.strip() for line in str(error).splitlines()[1:]) == lines
    without = explained(f"{HEAD}  cause: {proof}\n", ["zz-made-other<1", "zz-made-lib"])
    assert without is not None
    assert "a constraint" not in str(without)


def test_another_platform_is_named() -> None:
    text = (
        HEAD
        + PROOFS["direct"][0]
        + "\nhint: The resolution failed for an environment that is not the current one, consider\n"
    )
    error = explained(text)
    assert error is not None
    assert error.message.endswith("on platform_machine == 'x86_64' and sys_platform == 'linux'")


def test_a_marker_stays_with_its_requirement() -> None:
    proof = (
        "  cause: Because your project depends on lib>=2 and web{python_version < '3' and os_name == 'x'}"
        f" and all versions of web depend on lib<2, {END}\n"
    )
    error = explained(HEAD + proof)
    assert error is not None
    assert "the project asks for web (where python_version < '3' and os_name == 'x')" in error.why


def test_a_long_proof_is_cut() -> None:
    several = " and ".join(f"p{n}" for n in range(20))
    error = explained(f"{HEAD}  cause: Because your project depends on {several}, {END}\n")
    assert error is not None
    assert len(str(error).splitlines()) == 10
    assert error.why[-1] == "… and 12 more (--verbose)"


@pytest.mark.parametrize(
    "text", ["", "error: something else", HEAD + "  cause: the moon is full\n"]
)
def test_what_is_no_proof_is_nothing(text: str) -> None:
    assert explained(text) is None


def test_who_asks_for_what_is_not_there() -> None:
    text = (
        HEAD
        + "  cause: Because gone was not found in the package registry and all versions of app "
        "depend on gone>=1, we can conclude that all versions of app cannot be used.\n"
    )
    assert [demand.sentence for demand in askers(text, "gone")] == [
        "every version of app needs gone>=1"
    ]
