r"""What an activation notes in a shell of the ``sh`` family, and how it is put back, as POSIX.1-2017's text.

State lives in unexported shell variables: ``_ENVCTL_NAMES`` (``X:Y:``), ``_ENVCTL_OLD_X`` (the value from before;
unset when there was none) and ``_ENVCTL_OWN_X`` (that value was not exported); ``_ENVCTL_KEPT_…`` are the same for
what virtualenv changes. Putting back follows this state, not a baked list: so a script that was rendered anew, or
another project's, undoes what the one before had set.

Written for all shells at once: no word splitting (zsh does not split; a user may have set IFS), ``+x`` and ``-`` in
every expansion (``set -u``), nothing that may fail outside a condition (``set -e``). What is read-only is tried in a
subshell first, for it ends zsh's and dash's reading of a whole script.
"""

# A child is asked whether a variable is exported: no text of `export -p` can be trusted where values hold newlines.
_SAVE = r"""    if eval "[ -n \"\${$1+x}\" ]"; then
        eval "PREFIX_OLD_$1=\$$1"
        sh -c "[ -n \"\${$1+x}\" ]" || [ $? -ne 1 ] || eval "PREFIX_OWN_$1=x"
    fi
"""

# Called once for each name, when all that an activation before had set is put back already.
SET = (
    r"""_envctl_set () {
    if ! (unset -v "$1" && export "$1=$2" && eval "[ \"\$$1\" = \"\$2\" ]") 2>/dev/null; then
        case ":${_ENVCTL_FIXED-}" in
            *":$1:"*) ;;
            *) printf 'envctl: this shell does not let %s be set: it stays as it is\n' "$1" >&2 ;;
        esac
        _ENVCTL_FIXED="$1:${_ENVCTL_FIXED-}"
        return 0
    fi
"""
    + _SAVE.replace("PREFIX", "_ENVCTL")
    + r"""    _ENVCTL_NAMES="$1:${_ENVCTL_NAMES-}"
    export "$1=$2"
}
"""
)

# A parameter of zsh's own stays exported when it is unset.
_BACK = r"""_envctl_back () {
    if ! (unset -v "$2") 2>/dev/null; then
        printf 'envctl: %s is read-only by now: it stays as it is\n' "$2" >&2
    else
        [ -z "${ZSH_VERSION-}" ] || typeset -g +x "$2" 2>/dev/null || :
        if eval "[ -n \"\${$1_OLD_$2+x}\" ]"; then
            [ -n "${ZSH_VERSION-}" ] || unset -v "$2"
            eval "$2=\$$1_OLD_$2"
            eval "[ -n \"\${$1_OWN_$2+x}\" ]" || export "$2"
        else
            unset -v "$2"
        fi
    fi
    unset -v "$1_OLD_$2" "$1_OWN_$2"
}
"""
_UNDO = (
    _BACK
    + r"""while [ -n "${_ENVCTL_NAMES-}" ]; do
    _envctl_back _ENVCTL "${_ENVCTL_NAMES%%:*}"
    _ENVCTL_NAMES=${_ENVCTL_NAMES#*:}
done
unset -v _ENVCTL_NAMES
"""
)
_DONE = "unset -f _envctl_back\n"
RESTORE = _UNDO + _DONE

# virtualenv takes empty for unset, and exports what it puts back.
_VIRTUALENV_SAVES = ("PKG_CONFIG_PATH", "PYTHONHOME", "TCL_LIBRARY", "TK_LIBRARY")
KEEP = (
    "_envctl_keep () {\n"
    + _SAVE.replace("PREFIX", "_ENVCTL_KEPT")
    + "}\n"
    + "".join(f"_envctl_keep {name}\n" for name in _VIRTUALENV_SAVES)
    + "unset -f _envctl_keep\n_ENVCTL_KEPT=x\n"
    + 'if [ -z "${PS1-x}" ]; then _ENVCTL_PS1=x; fi\n'
)
# What is put back here is taken from virtualenv's notes, so that its own part then leaves it alone.
UNDO = (
    _UNDO
    + r"""for _ENVCTL_NAME in PKG_CONFIG_PATH VIRTUAL_PYTHONHOME VIRTUAL_TCL_LIBRARY VIRTUAL_TK_LIBRARY; do
    if [ -n "${_ENVCTL_KEPT+x}" ] && eval "[ -n \"\${_OLD_$_ENVCTL_NAME+x}\" ]"; then
        unset -v "_OLD_$_ENVCTL_NAME"
        _envctl_back _ENVCTL_KEPT "${_ENVCTL_NAME#VIRTUAL_}"
    fi
    _ENVCTL_NAME=${_ENVCTL_NAME#VIRTUAL_}
    unset -v "_ENVCTL_KEPT_OLD_$_ENVCTL_NAME" "_ENVCTL_KEPT_OWN_$_ENVCTL_NAME"
done
if [ -n "${_ENVCTL_PS1+x}" ] && [ -n "${_OLD_VIRTUAL_PS1+x}" ]; then
    PS1=
    unset -v _OLD_VIRTUAL_PS1
fi
unset -v _ENVCTL_NAME _ENVCTL_KEPT _ENVCTL_PS1 _ENVCTL_FIXED
"""
    + _DONE
)

# What `deactivate` of venv, virtualenv and uv does, after the project's variables: their function cannot be kept
# under another name in POSIX' language.
LEAVE = (
    "deactivate () {\n"
    + RESTORE
    + r"""    for _ENVCTL_NAME in PATH PS1; do
        if eval "[ -n \"\${_OLD_VIRTUAL_$_ENVCTL_NAME+x}\" ]"; then
            eval "$_ENVCTL_NAME=\$_OLD_VIRTUAL_$_ENVCTL_NAME"
        fi
        unset -v "_OLD_VIRTUAL_$_ENVCTL_NAME"
    done
    if [ -n "${_OLD_VIRTUAL_PYTHONHOME+x}" ]; then
        export "PYTHONHOME=$_OLD_VIRTUAL_PYTHONHOME"
    fi
    if [ -n "${_OLD_PKG_CONFIG_PATH-}" ]; then
        export "PKG_CONFIG_PATH=$_OLD_PKG_CONFIG_PATH"
    elif [ -n "${_OLD_PKG_CONFIG_PATH+x}" ]; then
        unset -v PKG_CONFIG_PATH
    fi
    unset -v _OLD_VIRTUAL_PYTHONHOME _OLD_PKG_CONFIG_PATH _ENVCTL_NAME _ENVCTL_FIXED
    unset -v VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    hash -r 2>/dev/null || :
    if [ "${1-}" != nondestructive ]; then
        unset -f deactivate
        unset -f pydoc 2>/dev/null || :
    fi
}
"""
)
