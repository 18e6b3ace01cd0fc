# shellcheck shell=bash
# What the scripts in bin/ share; sourced, never run.
#
#   ROOT                the repository, wherever the caller stands
#   use_env dev|local|audit  sets ENV_PYTHON to the interpreter of .venv (dev), .venv-demo (local) or .venv-audit,
#                       making or renewing it from deploy/requirements/NAME.txt if need be
#   env_is_ready NAME   whether use_env would have nothing to do
#
# Talk goes to stderr. Exit status 3: no fit Python. 4: the environment could not be made.

set -euo pipefail
unset PYTHONPATH PYTHONHOME # the environment is all that Python shall see

ROOT=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

say() { printf '%s\n' "$*" >&2; }

# die STATUS MESSAGE HINT
die() {
    say "error: $2"
    say "  hint: $3"
    exit "$1"
}

env_folder() {
    case $1 in
        dev) printf '%s\n' "$ROOT/.venv" ;;
        local) printf '%s\n' "$ROOT/.venv-demo" ;;
        audit) printf '%s\n' "$ROOT/.venv-audit" ;;
        *) die 2 "no such environment: $1" "use_env knows dev, local and audit" ;;
    esac
}

env_lock() { printf '%s\n' "$ROOT/deploy/requirements/$1.txt"; }

# Prints the first interpreter that can make an environment. 3.11 is what the functions run on, so it goes first.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3 python3.12 python3.13 python; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    local found
    found=$(python3 --version 2>&1) || found="no python3"
    die 3 "Python 3.11 or newer with its venv module is needed; found: $found" \
        "install it (Debian: apt-get install python3.11 python3.11-venv) or name one: PYTHON=/path/to/python3.11"
}

# The stamp is a copy of the lock, written last: an interrupted installation is not taken for a finished one.
env_is_ready() {
    local folder
    folder=$(env_folder "$1")
    cmp -s "$(env_lock "$1")" "$folder/installed.txt" && "$folder/bin/python" -c '' 2>/dev/null
}

use_env() {
    local folder
    folder=$(env_folder "$1")
    if ! env_is_ready "$1"; then
        hold_env "$folder"
        env_is_ready "$1" || make_env "$folder" "$(env_lock "$1")"
        release_env
    fi
    # shellcheck disable=SC2034  # read by the scripts that source this file
    ENV_PYTHON=$folder/bin/python
}

# One process at a time makes an environment; the others wait for it. A holder that died is found by its id.
hold_env() {
    local holder waited=0
    HELD=$ROOT/.venv-making/${1##*/}
    mkdir -p "${HELD%/*}" || die 4 "cannot write to $ROOT" "clone the repository into a folder of your own"
    until (set -o noclobber && printf '%s\n' "$$" >"$HELD") 2>/dev/null; do
        holder=$(cat "$HELD" 2>/dev/null) || holder=
        if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
            rm -f "$HELD"
            continue
        fi
        [ "$waited" -gt 0 ] || say "waiting for process ${holder:-?}, which is making ${1##*/}"
        waited=$((waited + 1))
        [ "$waited" -le 900 ] || die 4 "${1##*/} was not finished in 15 minutes" "remove $HELD and try again"
        sleep 1
    done
    trap release_env EXIT
}

release_env() {
    rm -f "$HELD"
    trap - EXIT
}

make_env() {
    local folder=$1 lock=$2 python started=$SECONDS
    [ -f "$lock" ] || die 4 "no $lock" "restore it from git, or make it with bin/lock"
    if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python) || exit
        say "making ${folder##*/} with $("$python" --version 2>&1)"
        "$python" -m venv --clear "$folder" >&2 ||
            die 4 "$python could not make $folder" "look at the lines above; is the disk full?"
    fi
    install_lock "$folder" "$lock"
    cp "$lock" "$folder/installed.txt"
    say "${folder##*/} is ready ($((SECONDS - started)) s)"
}

install_lock() {
    local folder=$1 lock=$2 log=$1/install.log total talk
    total=$(grep '^[a-zA-Z0-9].*==' "$lock" | grep -vc ']==') || die 4 "$lock pins nothing" "make it again with bin/lock"
    say "installing $total packages into ${folder##*/}"
    talk=$("$folder/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
        --require-hashes --only-binary :all: -r "$lock" 2>&1 | show_progress "$total") || {
        printf '%s\n' "$talk" 2>/dev/null >"$log" || :
        say "the end of what pip said:"
        printf '%s\n' "$talk" | grep -v '^WARNING: ' | tail -n 15 >&2
        explain_pip "$lock" "$talk"
    }
}

# explain_pip LOCK TALK: ends with what happened in pip's own words, and what a person can do about that.
explain_pip() {
    local lock=${1#"$ROOT/"}
    case $2 in
        *"No space left on device"*)
            die 4 "the disk is full: $lock could not be installed" "make room (df -h . says how much there is) and try again" ;;
        *"DO NOT MATCH THE HASHES"*)
            die 4 "hash mismatch: the index gave other files than $lock names" \
                "empty pip's cache (python3 -m pip cache purge), name another index with PIP_INDEX_URL; trust no file that differs" ;;
        *"must have their versions pinned"* | *"Hashes are required in --require-hashes mode"*)
            die 4 "not pinned: $lock lacks a package named above, or one of its extras" \
                "make the lock again with bin/lock (git checkout $lock, if it was edited by hand)" ;;
        *"NewConnectionError"* | *"NameResolutionError"* | *"ConnectTimeout"* | *"ReadTimeout"* | *"ProxyError"* | \
            *"SSLError"* | *"Connection refused"* | *"timed out"*)
            die 4 "no package index answered: $lock could not be installed" \
                "is the network up? PIP_INDEX_URL names another index; the next call tries again" ;;
        *"No matching distribution found"*)
            die 4 "the package index has no fit file for a pin of $lock" \
                "PIP_INDEX_URL names another index; PYTHON names another interpreter (the locks are for 3.11 and later)" ;;
        *) die 4 "pip could not install $lock" "its own words are above; the next call tries again" ;;
    esac
}

# Passes pip's talk on, and tells a person one line per 25 packages.
show_progress() {
    local line seen=0
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
            "Collecting "* | "Requirement already satisfied: "*)
                seen=$((seen + 1))
                [ $((seen % 25)) -ne 0 ] || say "  $seen of $1 fetched"
                ;;
            "Installing collected packages: "*) say "  all fetched, unpacking" ;;
        esac
    done
}
