#!/bin/sh
# Look for what make needs before it begins: `tools.sh node`, `tools.sh node python`.
# With `python` the first Python that fits is printed, or the one that the variable PYTHON names.
# Each is run, as some version managers put programs on PATH that end with "command not found".

missing=

need() {
    echo "$1" >&2
    missing=yes
}

look_for_node() {
    version=$(node --version 2>/dev/null)
    major=${version#v} major=${major%%.*}
    minor=${version#*.} minor=${minor%%.*}
    case $version in
    v*.*.*)
        if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; }; then
            need "Node.js 20.19 or newer is needed, and the one on PATH is $version; install a newer one and run make again."
        elif ! npm --version >/dev/null 2>&1; then
            need "npm is missing, which comes with Node.js; install it and run make again."
        fi ;;
    *) need "Node.js 20 with npm is missing; install it and run make again." ;;
    esac
}

look_for_python() {
    found=
    if [ -n "$PYTHON" ]; then set -- "$PYTHON"; else set -- python3.11 python3.12 python3.13 python3; fi
    for each; do
        version=$("$each" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
        case $version in
        3.11 | 3.12 | 3.13)
            if "$each" -c 'import ensurepip, venv' 2>/dev/null; then
                command -v "$each"
                return
            fi
            found="$found; $each has no venv (Debian, Ubuntu: apt-get install python$version-venv)" ;;
        ?*) found="$found; $each is $version" ;;
        esac
    done
    [ -z "$PYTHON" ] || [ -n "$found" ] || found="; $PYTHON does not run"
    need "Python 3.11, 3.12 or 3.13 with venv is needed$found; install one and run make again, or name one: make PYTHON=/path/to/python3.11."
}

for tool; do
    "look_for_$tool"
done
[ -z "$missing" ]
