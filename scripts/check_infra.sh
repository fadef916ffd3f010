#!/bin/sh
# Looks for insecure settings in the templates with checkov, which lives in an environment of its own, and reads the
# PowerShell hooks with a grammar. Fails on a finding that is not justified where it occurs (checkov:skip), on a template
# that checkov cannot read and on PowerShell that nothing could.
# Minutes the first time, to install it; a quarter of a minute after that; works offline once it is installed.
set -eu
cd "$(dirname "$0")/.."

venv=.local/checkov
stamp=$venv/.requirements
report=.local/checkov-report.txt
wanted=$(cksum <infra/requirements-check.txt)

if [ "$(cat "$stamp" 2>/dev/null || :)" != "$wanted" ]; then
    echo 'Installing checkov and a grammar of PowerShell (minutes, the first time)'
    python=${PYTHON:-.venv/bin/python}
    "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r infra/requirements-check.txt
    echo "$wanted" >"$stamp"
fi

# Without --skip-download checkov asks its maker's server for guidelines.
result=0
"$venv/bin/python" -m checkov.main --directory infra --framework bicep --compact --quiet --skip-download \
    >"$report" 2>&1 || result=$?
sed -n '/scan results:/,$p' "$report" | grep -v '^$' || tail -n 30 "$report"
if grep -q 'Parsing errors: [1-9]' "$report"; then
    echo 'checkov cannot read some of the files.' >&2
    result=1
fi
if ! grep -q '^Passed checks: [1-9]' "$report"; then
    echo 'checkov has checked nothing.' >&2
    result=1
fi
"$venv/bin/python" tests/infra/powershell.py infra/hooks/*.ps1 || result=1
exit "$result"
