#!/bin/sh
# Installs Debian's chromium for the tests of the report page, unless a chromium is there. Needs apt-get and root or sudo.
set -eu
for program in chromium chromium-browser google-chrome; do
    if command -v "$program" >/dev/null; then
        echo "$program is there: $("$program" --version 2>/dev/null | tail -n 1)"
        exit 0
    fi
done
if ! command -v apt-get >/dev/null; then
    echo 'There is no chromium and no apt-get. Install chromium; without it the tests of the page are skipped.' >&2
    exit 1
fi
sudo=''
[ "$(id -u)" = 0 ] || sudo='sudo -n'
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends chromium
chromium --version
