#!/bin/sh
# Makes .venv with everything that development needs, and installs Azurite. Does nothing, offline too, when all is there.
#
#   scripts/setup.sh            everything
#   scripts/setup.sh python     Python only: enough for the formatter, the linters and the type check
#
# PYTHON=/path/to/python3.12 chooses the interpreter; otherwise it is the first of python3.13, python3.12, python3.11
# and python3 that is 3.11 or later.
set -eu
cd "$(dirname "$0")/.."

oldest_node=20
venv=.venv
stamp=$venv/.requirements
log=$venv/setup.log

fail() {
    printf '\n%s\n' "$@" >&2
    exit 1
}

# Runs a command with its output in the log, and says every few seconds that it still runs.
alive() {
    what=$1
    shift
    printf '%s ' "$what"
    "$@" >"$log" 2>&1 </dev/null &
    child=$!
    trap 'kill "$child" 2>/dev/null || :; exit 130' INT TERM
    while kill -0 "$child" 2>/dev/null; do
        sleep 1
        printf '.'
    done
    trap - INT TERM
    if wait "$child"; then
        echo ' done'
        return
    fi
    echo ' failed'
    tail -n 20 "$log" >&2
    fail "$what failed; the whole output is in $log."
}

suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suits "$PYTHON" || fail "PYTHON is $PYTHON, which is no Python 3.11 or later."
        echo "$PYTHON"
        return
    fi
    for name in python3.13 python3.12 python3.11 python3; do
        # A name on the path proves nothing: pyenv, for one, puts names there that only print an error.
        if suits "$name"; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or later is missing. Install one, with its venv module:" \
        "  Debian, Ubuntu   sudo apt-get install python3 python3-venv" \
        "  macOS            brew install python@3.13" \
        "  others           https://www.python.org/downloads/" \
        "If it is installed in an unusual place, say where: PYTHON=/path/to/python3.13 make ..."
}

make_venv() {
    if suits "$venv/bin/python" && [ -x "$venv/bin/pip" ] && { [ -z "${PYTHON:-}" ] || same_version; }; then
        return
    fi
    python=$(find_python)
    rm -rf "$venv"
    mkdir -p "$venv"
    echo "Using $("$python" --version) ($python)"
    "$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python has no venv module. Install it:" \
        "  Debian, Ubuntu   sudo apt-get install python3-venv"
    alive "Making $venv" "$python" -m venv "$venv"
}

same_version() {
    version='import sys; print(sys.version_info[:2])'
    [ "$("$PYTHON" -c "$version")" = "$("$venv/bin/python" -c "$version")" ]
}

install_packages() {
    wanted=$(cat requirements*.txt | cksum)
    if [ "$(cat "$stamp" 2>/dev/null || :)" = "$wanted" ]; then
        return
    fi
    alive 'Installing Python packages (minutes, the first time)' \
        "$venv/bin/python" -m pip install --disable-pip-version-check --no-input -r requirements-dev.txt
    echo "$wanted" >"$stamp"
}

check_node() {
    for program in node npm; do
        command -v "$program" >/dev/null || fail "$program is missing. Azurite, the storage emulator, needs Node" \
            "$oldest_node or later with npm. Install it:" \
            "  Debian, Ubuntu   sudo apt-get install nodejs npm   (or a newer one from https://nodejs.org)" \
            "  macOS            brew install node" \
            "  others           https://nodejs.org/en/download"
    done
    version=$(node --version 2>/dev/null || echo unknown)
    major=${version#v}
    major=${major%%.*}
    [ "$major" -ge "$oldest_node" ] 2>/dev/null ||
        fail "Node is $version; Azurite needs $oldest_node or later. Get it from https://nodejs.org/en/download."
}

install_azurite() {
    # local/azurite.py would see it too; looking here saves the announcement.
    there=.local/azurite
    if [ -f "$there/node_modules/azurite/package.json" ] && cmp -s local/azurite/package.json "$there/package.json"; then
        return
    fi
    alive 'Installing Azurite (a minute, the first time)' "$venv/bin/python" -m local.azurite --install
}

case ${1:-all} in
python)
    make_venv
    install_packages
    ;;
all)
    check_node
    make_venv
    install_packages
    install_azurite
    ;;
*)
    fail "usage: scripts/setup.sh [python]"
    ;;
esac
