"""The environment that uv is given."""

from envctl.adapters.uv.program import environment

USER, WORD = "UV_INDEX_TEAM_USERNAME", "UV_INDEX_TEAM_PASSWORD"


def test_a_login_that_is_not_there_is_not_sent() -> None:
    """CI sets the variables to nothing where a secret is missing: in a fork's pull request, say."""
    kept = environment({USER: "", WORD: "", "UV_INDEX_OTHER_USERNAME": "me", "HTTPS_PROXY": ""})
    assert not {USER, WORD} & kept.keys()
    assert kept["UV_INDEX_OTHER_USERNAME"] == "me"
    assert kept["HTTPS_PROXY"] == ""  # that one means: no proxy
    # A token may be a user's name without a password.
    token = environment({USER: "token", WORD: ""})
    assert (token.get(USER), token.get(WORD)) == ("token", None)
