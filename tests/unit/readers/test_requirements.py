"""A requirements file as pip reads it: each line is carried over, or there is a note."""

import pytest

from envctl.domain.imported import Imported
from envctl.errors import ManifestError
from envctl.readers.requirements.files import read_requirements


def read(text: str, **files: str) -> Imported:
    tree = {"requirements.txt": text, **{f"{name}.txt": each for name, each in files.items()}}
    return read_requirements("requirements.txt", tree.get)


def texts(found: Imported) -> list[str | None]:
    return [entry.text for entry in found.requirements]


def said(found: Imported) -> str:
    return "\n".join(f"{note.where} {note.message}" for note in found.notes)


def test_plain_requirements_keep_their_spelling_order_and_comments() -> None:
    found = read(
        "# top\n\n# web\nflask[async] >=2 ; python_version < '3.13'  # the web\nnumpy\n# end\n"
    )
    assert texts(found) == ["flask[async] >=2 ; python_version < '3.13'", "numpy", None]
    assert found.requirements[0].above == ("top", "", "web")
    assert found.requirements[0].comment == "the web"
    assert found.requirements[0].where == "requirements.txt:4"
    assert found.requirements[-1].above == ("end",)
    assert not found.notes


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    assert texts(read("\ufeffnumpy\r\n# x\r\npandas\r\n")) == ["numpy", "pandas"]


def test_a_hash_inside_a_url_is_not_a_comment() -> None:
    url = "foo @ https://files.example/foo-1.tar.gz#sha256=aa"
    found = read(f"{url}  # why\n")
    assert (texts(found), found.requirements[0].comment) == ([url], "why")


def test_lines_are_continued_and_hashes_left_out_with_one_note() -> None:
    found = read(
        "numpy==1.26.4 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "    # via\n    #   pandas\n    #   scipy\nsix==1.16\n"
    )
    assert texts(found) == ["numpy==1.26.4", "six==1.16"]
    assert found.requirements[0].comment == "via pandas, scipy"
    assert found.requirements[1].above == ()
    assert said(found) == ("requirements.txt 2 hashes left out: the lock holds those of every file")


def test_nested_files_are_relative_to_the_file_that_names_them() -> None:
    files = {
        "requirements.txt": "-r reqs/base.txt  # base\n-c reqs/limits.txt\npandas\n",
        "reqs/base.txt": "six\n--requirement=../more.txt\n-climits.txt\n",
        "reqs/limits.txt": "numpy[x]<2  # cap\n",
        "more.txt": "attrs\n",
    }
    found = read_requirements("requirements.txt", files.get)
    assert texts(found) == ["six", "attrs", "pandas"]
    assert [(entry.text, entry.comment) for entry in found.constraints] == [("numpy<2", "cap")]
    assert found.requirements[0].where == "reqs/base.txt:1"
    assert "reqs/limits.txt:1 extras of the constraint" in said(found)


def test_a_file_reached_twice_is_read_once() -> None:
    assert texts(read("-r a.txt\n-r b.txt\n", a="-r b.txt\nsix\n", b="attrs\n")) == ["attrs", "six"]


def test_a_circle_is_an_error_with_its_way() -> None:
    with pytest.raises(ManifestError, match=r"requirements.txt → a.txt → requirements.txt") as info:
        read("-r a.txt\n", a="six\n-r requirements.txt\n")
    assert info.value.where == "a.txt:2"


def test_a_missing_file_is_an_error_with_its_place() -> None:
    with pytest.raises(ManifestError, match=r"no file `gone.txt`") as info:
        read("six\n-r gone.txt\n")
    assert info.value.where == "requirements.txt:2"


@pytest.mark.parametrize("line", ["numpy=>1", "numpy >= >= 1", "two words", "=1", "foo; wat == 1"])
def test_what_pip_refuses_is_an_error_with_file_and_line(line: str) -> None:
    with pytest.raises(ManifestError, match="is not a requirement") as info:
        read(f"six\n\n{line}\n")
    assert info.value.where == "requirements.txt:3"
    assert info.value.hint


def test_indexes_lose_their_credentials_and_say_so() -> None:
    found = read(
        "# private\n--extra-index-url https://bob:s3cret@index.example/simple/  # ours\n"
        "-i https://${USER}:${TOKEN}@main.example/simple\nsix\n"
    )
    assert [(i.url, i.default, i.above) for i in found.indexes] == [
        ("https://main.example/simple", True, ()),
        ("https://index.example/simple", False, ("private", "ours")),
    ]
    assert said(found).count("left out: give it through your keyring") == 2
    assert "s3cret" not in repr(found)
    assert "TOKEN" not in repr(found.indexes)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://u:pass/word@index.example/simple", "secret"),
        ("https://index.example/simple?token=s3cret", "secret"),
        ("https://${HOST}/simple", "depends on the environment"),
        ("./wheels", "on this machine only"),
        ("file:///srv/simple", "on this machine only"),
    ],
)
def test_an_index_that_cannot_be_shared_is_left_out_with_the_reason(url: str, reason: str) -> None:
    found = read(f"--index-url {url}\n")
    assert not found.indexes
    assert reason in said(found)
    assert "s3cret" not in repr(found)
    assert "word" not in repr(found.notes)


def test_the_last_index_url_counts_and_the_first_is_not_lost_in_silence() -> None:
    found = read("-i https://a.example/s\n-i https://b.example/s\n")
    assert [index.url for index in found.indexes] == ["https://b.example/s"]
    assert "https://a.example/s" in said(found)


@pytest.mark.parametrize(
    "line",
    [
        "--find-links ./wheels",
        "-f https://files.example/",
        "--no-index",
        "--pre",
        "--no-binary :all:",
        "--only-binary=numpy",
        "--prefer-binary",
        "--trusted-host index.example",
        "--require-hashes",
        "--use-feature=fast-deps",
        "--wat",
        "--hash",
        "-e .",
        "-e ./libs/foo",
        ".",
        ".[dev]",
        "./libs/foo[x]",
        "libs/foo",
        "C:\\wheels\\foo.whl",
        "foo-1.0-py3-none-any.whl",
        "file:///srv/foo",
        "foo @ file:///srv/foo-1.0.tar.gz",
        "foo @ ./foo",
        "git+https://git.example/x/y.git",
        "-r https://files.example/r.txt",
        "foo @ https://${HOST}/foo-1.0.tar.gz",
        "foo==${VERSION}",
        "--index-url 'open quote",
    ],
)
def test_a_line_that_is_not_carried_over_is_listed_with_its_place(line: str) -> None:
    found = read(f"six\n{line}\n")
    assert texts(found)[0] == "six"
    assert [text for text in texts(found)[1:] if text] == []
    assert [note.where for note in found.notes] == ["requirements.txt:2"]


def test_a_line_left_out_stays_in_sight_where_it_stood() -> None:
    found = read("six\n# fork\n-e ./libs/foo  # local\nattrs\n")
    assert found.requirements[1].above == (
        "fork",
        "not carried over (requirements.txt:3): -e ./libs/foo  # local",
    )


@pytest.mark.parametrize(
    ("line", "carried"),
    [
        (
            "-e git+https://git.example/x/y.git@v1#egg=y[z]&subdirectory=sub",
            "y[z] @ git+https://git.example/x/y.git@v1#subdirectory=sub",
        ),
        ("git+ssh://git@git.example/y.git#egg=y", "y @ git+ssh://git@git.example/y.git"),
        (
            "https://files.example/foo-1.0-py3-none-any.whl ; sys_platform == 'linux'",
            "foo @ https://files.example/foo-1.0-py3-none-any.whl ; sys_platform == 'linux'",
        ),
        ("https://files.example/foo-1.0.tar.gz", "foo @ https://files.example/foo-1.0.tar.gz"),
        (
            "foo @ https://bob:s3cret@files.example/foo-1.0.tar.gz",
            "foo @ https://files.example/foo-1.0.tar.gz",
        ),
        ("y @ git+https://${TOKEN}@git.example/y@v1", "y @ git+https://git.example/y@v1"),
    ],
)
def test_addresses_are_carried_with_a_name_and_without_credentials(line: str, carried: str) -> None:
    found = read(f"{line}\n")
    assert texts(found) == [carried]
    assert "s3cret" not in repr(found)


def test_secrets_in_comments_errors_and_left_out_lines_are_not_repeated() -> None:
    found = read(
        "# from https://bob:s3cret@index.example\nsix  # https://bob:s3cret@index.example\n"
        "--find-links https://bob:s3cret@files.example\n"
        "foo @ https://files.example/foo.zip?X-Amz-Signature=s3cret\n"
    )
    assert "s3cret" not in repr(found)
    with pytest.raises(ManifestError) as info:
        read("foo bar @ https://bob:s3cret@files.example\n")
    assert "s3cret" not in info.value.message


def test_the_same_requirement_twice_is_carried_once_with_a_note() -> None:
    found = read("Flask[async] >=2\nflask[async]>=2\nflask<4\n")
    assert texts(found) == ["Flask[async] >=2", "flask<4"]
    assert "already listed at requirements.txt:1" in said(found)


def test_options_of_one_requirement_are_left_out_with_a_note() -> None:
    found = read(
        "numpy --config-settings a=b --global-option=-x\nsix --index-url https://i.example\n"
    )
    assert texts(found) == ["numpy", "six"]
    assert "--config-settings a=b" in said(found)
    assert "--global-option -x" in said(found)
    assert "pip ignores an index option" in said(found)


def test_what_pip_ignores_at_the_end_of_a_line_is_said() -> None:
    found = read("-r a.txt b.txt\n-r a.txt -c a.txt\nsix -e ./x\n", a="attrs\n")
    assert texts(found) == ["attrs", "six"]
    assert "pip ignores `b.txt`" in said(found)
    assert "`-c a.txt`: pip ignores it" in said(found)
    assert "`-e ./x`: pip ignores it" in said(found)


def test_control_characters_in_comments_cannot_break_the_toml() -> None:
    found = read("six  # a\x07b\x7fc\td\n")
    assert found.requirements[0].comment == "abc\td"


def test_many_lines_that_cannot_be_carried_over_are_counted() -> None:
    found = read("".join(f"-e ./libs/{n}\n" for n in range(10)))
    assert said(found).count("-e ./libs/") == 3
    assert "requirements.txt 7 more of its lines cannot be carried over" in said(found)
    (only,) = found.requirements
    assert len(only.above) == 10


def test_of_a_file_outside_the_project_hardly_a_line_is_repeated() -> None:
    lines = "".join(f"u{n}:x:{n}:{n}::/home/u{n}:/bin/sh\n" for n in range(9))
    tree = {"requirements.txt": "-r /etc/passwd\n", "/etc/passwd": lines}
    found = read_requirements("requirements.txt", tree.get)
    assert said(found).count(":x:") == 3
    assert "/etc/passwd 6 more of its lines" in said(found)
    assert repr(found.requirements).count(":x:") == 3


@pytest.mark.parametrize(
    "line",
    [
        "-r https://files.example/r.txt",
        "--index-url https://${HOST}/simple",
        "-i /srv/wheels",
        "--find-links /srv/wheels",
        "-e .",
        "./local",
    ],
)
def test_a_line_that_is_not_carried_over_stays_in_sight(line: str) -> None:
    found = read(
        f"six\n# why\n{line}  # beside\n-i https://a.example/simple\n-c limits.txt\n",
        limits="a<1\n",
    )
    last = found.requirements[-1]
    assert last.above == ("why", f"not carried over (requirements.txt:3): {line}  # beside")
    assert "requirements.txt:3 " in said(found)
    assert found.constraints[0].above == ()
    assert [index.above for index in found.indexes] == [()]


def test_a_secret_in_a_line_that_stays_in_sight_does_not() -> None:
    found = read("six\n-i https://${HOST}/simple?token=s3cret\n-r https://bob:s3cret@a.example/r\n")
    assert "s3cret" not in repr(found)
    assert len(found.requirements[-1].above) == 2
